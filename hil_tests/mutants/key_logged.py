"""Somebody looked for a bug in the keys, and forgot to take the line out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TARGET = "edge_agent.adapters.identity:load_identity"
CAUGHT_BY = "p3_neighbours"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def talkative(*arguments: Any, **named: Any) -> Any:
        identity = original(*arguments, **named)
        key = identity.data_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        sys.stderr.write(f"loaded {key!r}\n")
        return identity

    return talkative
