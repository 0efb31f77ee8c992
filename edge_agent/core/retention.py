"""What the outbox may let go of, and in which order. Pure.

Delivered batches are kept for a while, so that a cloud restored from a backup can be refilled.
When the disk is full something must go: first what is delivered anyway, oldest first, routine
before urgent; only then what is not, in the same order, and each of those by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """One batch in the outbox.

    ``receipted_ms`` (wall clock) is None while it has no receipt. One that ``carries`` a manifest is needed to
    read the ones after it.
    """

    stream: Stream
    seq: int
    size: int
    receipted_ms: int | None
    carries: bool = False


def prunable(held: Sequence[Held], now_ms: int, limits: Limits) -> dict[Stream, int]:
    """Up to which number each stream's receipted batches may be forgotten (0: none).

    Args:
        held: receipted batches, oldest first within each stream.
        now_ms: wall clock; while it is wrong nothing has aged, and only the size limit works.
        limits: the limits.
    """
    spare = sum(batch.size for batch in held) - limits.retain_bytes_max
    wanted = dict.fromkeys(Stream, 0)
    for batch in sorted(held, key=_expendable):
        too_old = (
            batch.receipted_ms is not None and now_ms - batch.receipted_ms > limits.retain_age_max_s * 1000
        )
        if spare > 0 or too_old:
            wanted[batch.stream] = max(wanted[batch.stream], batch.seq)
            spare -= batch.size
    return readable(held, wanted)


def readable(held: Iterable[Held], wanted: Mapping[Stream, int]) -> dict[Stream, int]:
    """Lower each floor so that what stays can be read: it must begin with a batch that carries a manifest."""
    floors = dict.fromkeys(Stream, 0)
    for batch in held:
        if batch.carries and batch.seq <= wanted[batch.stream] + 1:
            floors[batch.stream] = max(floors[batch.stream], batch.seq - 1)
    return floors


def sheddable(held: Sequence[Held], bytes_needed: int) -> tuple[dict[Stream, int], list[Held]]:
    """What to give up, in order, to win ``bytes_needed`` bytes; never what others need to be read.

    Returns:
        Up to which number each stream's delivered batches go (0: none), and which undelivered ones do.
    """
    newest = dict.fromkeys(Stream, 0) | {
        batch.stream: batch.seq for batch in held if batch.receipted_ms is not None
    }
    delivered = readable(held, newest)
    floors, given = dict.fromkeys(Stream, 0), []
    for batch in sorted(held, key=_expendable):
        if bytes_needed <= 0:
            break
        if batch.receipted_ms is None and not batch.carries:
            given.append(batch)
        elif batch.receipted_ms is not None and batch.seq <= delivered[batch.stream]:
            floors[batch.stream] = delivered[batch.stream]
        else:
            continue
        bytes_needed -= batch.size
    return floors, given


def _expendable(batch: Held) -> tuple[bool, bool, int]:
    """Sorts what is missed least first: delivered before not, routine before urgent, old before new."""
    return batch.receipted_ms is None, batch.stream is Stream.URGENT, batch.seq
