"""What the outbox holds, as the sender wants to know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud_sync.sync.sender import Item
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Head, Reason


@dataclass(frozen=True, slots=True)
class Shelf:
    """By stream: the end of what is no longer held, the head last receipted, and all that is held."""

    floors: Mapping[Stream, Head]
    receipted: Mapping[Stream, Head]
    items: Mapping[Stream, Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of a span that is no longer held (times: boot clock, ms; 0: not known)."""

    reason: Reason
    readings: int
    from_ms: int
    to_ms: int
