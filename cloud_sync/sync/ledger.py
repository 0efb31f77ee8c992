"""The cloud's half of the sync protocol: one account per hub, epoch and stream.

Any batch is admitted in any order; the head is the end of the contiguous prefix, and its chain
hash covers everything up to it, so that equal heads mean equal histories. A *gone* record of the
hub closes a gap by name: the head moves over it and goes on from the chain hash it states.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cloud_sync.wire.batch import Stream, chain_next, chain_start
from cloud_sync.wire.limits import RANGES_MAX
from cloud_sync.wire.message import Head


@dataclass(frozen=True, slots=True)
class Stored:
    """New: insert it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """We have exactly this content under this number already."""


@dataclass(frozen=True, slots=True)
class Forked:
    """We have other content under this number: keep both, count neither, raise it."""


Verdict = Stored | Duplicate | Forked


@dataclass(frozen=True, slots=True)
class Gap:
    """What a hub says it no longer holds: ``first`` up to the number of ``head``, and the chain hash there."""

    first: int
    head: Head


def start(hub: str, epoch: bytes, stream: Stream) -> Head:
    """The head of a stream of which nothing has arrived."""
    return Head(0, chain_start(hub, epoch, stream))


def admit(digest: bytes, known: bytes | None) -> Verdict:
    """Judge a batch by its content digest against the one stored under the same key, if any."""
    if known is None:
        return Stored()
    return Duplicate() if known == digest else Forked()


def advance(head: Head, above: Mapping[int, bytes], gaps: Sequence[Gap] = ()) -> Head:
    """Move the head over what is stored above it, up to the first gap that has no name.

    Args:
        head: where it stands.
        above: content digests stored above it, by sequence number.
        gaps: the hub's gone records.
    """
    *_, last = passed(head, above, gaps)
    return last


def passed(head: Head, above: Mapping[int, bytes], gaps: Sequence[Gap] = ()) -> Iterator[Head]:
    """Every head on the way of :func:`advance`, the first and the last included."""
    while True:
        yield head
        if digest := above.get(head.seq + 1):
            head = Head(head.seq + 1, chain_next(head.chain, digest))
            continue
        named = next((gap for gap in gaps if gap.first <= head.seq + 1 <= gap.head.seq), None)
        if named is None:
            return
        head = named.head


def broken_links(way: Iterable[Head], checkpoints: Mapping[int, bytes]) -> list[int]:
    """Checkpoint batches whose hub had another chain hash before them than we come to.

    Args:
        way: heads, as :func:`passed` gives them.
        checkpoints: the chain hash that a batch states of what came before it, by its number.
    """
    return [at.seq + 1 for at in way if checkpoints.get(at.seq + 1, at.chain) != at.chain]


def ranges(held: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Sorted sequence numbers as first..last ranges, at most as many as a message may name."""
    found: list[tuple[int, int]] = []
    for seq in held:
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found[:RANGES_MAX])


def holes(head: int, stored: Sequence[int], gaps: Sequence[Gap]) -> tuple[tuple[int, int], ...]:
    """Numbers up to the head that are neither stored nor named as gone: they must be asked for again."""
    present = set(stored)
    for gap in gaps:
        present.update(range(gap.first, gap.head.seq + 1))
    return ranges([seq for seq in range(1, head + 1) if seq not in present])
