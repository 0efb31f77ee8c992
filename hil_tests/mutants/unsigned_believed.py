"""A receipt needs no signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "cloud_sync.uplink:Uplink._verified"
CAUGHT_BY = "p3_forged_receipt"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original

    def verified(_self: Any, _session: Any, _tag: bytes, content: bytes, _code: str) -> bytes:
        from cloud_sync.wire.message import SIGNATURE_BYTES  # noqa: PLC0415 - in the hub's process

        return content[:-SIGNATURE_BYTES]

    return verified
