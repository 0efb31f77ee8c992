"""The audit: rows chained by hash, so that none can be changed or taken out unseen. Pure.

``hash = SHA-256(tag, hash before, number, time, kind, facts)``. The end can be cut off unseen, but not
below a checkpoint: the signed word how many rows there were and what the last one's hash was.
"""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_ROW_TAG: Final = b"lum-audit-1\0"
_HEAD: Final = struct.Struct(">QQB")  # number, time, length of kind; facts are the rest

START: Final = hashlib.sha256(_ROW_TAG).digest()

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        number: 1, 2, 3 ...
        at_ms: wall clock when it was written.
        kind: what it is about, such as ``issued`` or ``decision``.
        text: its facts as JSON, in the one spelling that is hashed.
        hash: SHA-256.
    """

    number: int
    at_ms: int
    kind: str
    text: str
    hash: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The facts, read."""
        facts: dict[str, Any] = msgspec.json.decode(self.text)
        return facts


def make_row(before: bytes, number: int, at_ms: int, kind: str, facts: Facts) -> Row:
    """The row that follows the one whose hash is ``before``."""
    text = spell(facts)
    return Row(number, at_ms, kind, text, row_hash(before, number, at_ms, kind, text))


def row_hash(before: bytes, number: int, at_ms: int, kind: str, text: str) -> bytes:
    """The hash of a row (32 bytes)."""
    named = kind.encode()
    # Unambiguous: all but the last part have a fixed length or say theirs.
    head = _HEAD.pack(number, at_ms, len(named))
    return hashlib.sha256(_ROW_TAG + before + head + named + text.encode()).digest()


def spell(facts: Facts) -> str:
    """Facts as JSON in one spelling: no spaces, keys in order."""
    return msgspec.json.encode(facts, order="sorted").decode()


class Lately:
    """What was written down a short while ago and need not be again: a page renews itself every few seconds.

    Beyond ``count_max`` the oldest is forgotten, and would be written once more.
    """

    def __init__(self, span_ms: int, count_max: int) -> None:
        self._span_ms = span_ms
        self._count_max = count_max
        self._written: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def number(self, key: Hashable, now_ms: int) -> int | None:
        """The row that says ``key``, if one of the last ``span_ms`` does."""
        number, at_ms = self._written.get(key, (0, 0))
        return number if number and 0 <= now_ms - at_ms < self._span_ms else None

    def note(self, key: Hashable, number: int, at_ms: int) -> None:
        """Row ``number`` says ``key``."""
        self._written[key] = (number, at_ms)
        self._written.move_to_end(key)
        if len(self._written) > self._count_max:
            self._written.popitem(last=False)
