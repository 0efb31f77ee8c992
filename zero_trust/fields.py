"""Messages as msgpack arrays of fixed layout, read strictly: a stranger may have written them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack

from zero_trust.errors import TrustError


def pack(*values: bytes | str | int | list[bytes]) -> bytes:
    """One message."""
    packed: bytes = msgpack.packb(values)
    return packed


def unpack(packed: bytes, layout: Sequence[type], *, code: str = "request-malformed") -> list[Any]:
    """Read a message that must hold exactly ``layout``.

    Raises:
        TrustError: with ``code``, if it holds anything else.
    """
    try:
        values = msgpack.unpackb(packed)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TrustError(code) from error
    if not isinstance(values, list) or [type(value) for value in values] != list(layout):
        raise TrustError(code)
    return values
