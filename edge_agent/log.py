"""Logs as facts: constant ``noun.verb`` names, facts as keys, one place that redacts.

Reading values never go above debug; keys and secrets never go anywhere.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_WORDS = ("key", "secret", "code", "password", "voucher", "token")
_PUBLIC = {"code_name", "reason_code"}


def set_up() -> None:
    """Write one line of key=value facts a record to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            redact,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every fact whose name sounds like a secret, and all raw bytes."""
    for name, value in event.items():
        secret = any(word in name.lower() for word in SECRET_WORDS) and name not in _PUBLIC
        if secret or isinstance(value, bytes | bytearray):
            event[name] = "(redacted)"
    return event
