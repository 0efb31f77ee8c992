"""What the outbox may let go of, and in which order. Pure.

Delivered batches are kept for a while, so that a cloud restored from a backup can be refilled.
When the disk is full something must go: first what is delivered anyway, oldest first, routine
before urgent; only then what is not, in the same order, and each of those by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloud_sync.wire.batch import Stream


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much is retained past the receipt, and how much the outbox may hold in all."""

    retain_age_max_s: float = 14 * 86_400
    retain_bytes_max: int = 64 * 2**20
    outbox_bytes_max: int = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Held:
    """One batch in the outbox; ``receipted_ms`` (wall clock) is None while it has no receipt."""

    stream: Stream
    seq: int
    size: int
    receipted_ms: int | None


def prunable(held: Sequence[Held], now_ms: int, limits: Limits) -> dict[Stream, int]:
    """Up to which number each stream's receipted batches may be forgotten (0: none).

    Args:
        held: receipted batches, oldest first within each stream.
        now_ms: wall clock; while it is wrong nothing has aged, and only the size limit works.
        limits: the limits.
    """
    spare = sum(batch.size for batch in held) - limits.retain_bytes_max
    floor = dict.fromkeys(Stream, 0)
    for batch in sorted(held, key=_expendable):
        too_old = (
            batch.receipted_ms is not None and now_ms - batch.receipted_ms > limits.retain_age_max_s * 1000
        )
        if spare > 0 or too_old:
            floor[batch.stream] = max(floor[batch.stream], batch.seq)
            spare -= batch.size
    return floor


def sheddable(held: Iterable[Held], bytes_needed: int) -> list[Held]:
    """What to give up, in order, to win ``bytes_needed`` bytes."""
    given: list[Held] = []
    for batch in sorted(held, key=_expendable):
        if bytes_needed <= 0:
            break
        given.append(batch)
        bytes_needed -= batch.size
    return given


def _expendable(batch: Held) -> tuple[bool, bool, int]:
    """Sorts what is missed least first: delivered before not, routine before urgent, old before new."""
    return batch.receipted_ms is None, batch.stream is Stream.URGENT, batch.seq
