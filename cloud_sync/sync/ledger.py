"""The cloud's half of the sync protocol: one account per hub, epoch and stream.

Any batch is admitted in any order; the head is the end of the contiguous prefix, and
its chain hash covers everything up to it, so that equal heads mean equal histories.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def start(hub: str, epoch: bytes, stream: Stream) -> Head:
    """The head of a stream of which nothing has arrived."""
    return Head(0, chain_start(hub, epoch, stream))


def admit(digest: bytes, known: bytes | None) -> Verdict:
    """Judge a batch by its content digest against the one stored under the same key, if any."""
    if known is None:
        return Stored()
    return Duplicate() if known == digest else Forked()


def advance(head: Head, above: Mapping[int, bytes]) -> Head:
    """Move the head over the batches stored above it (sequence number -> digest), up to the first gap."""
    seq, chain = head.seq, head.chain
    while (digest := above.get(seq + 1)) is not None:
        seq, chain = seq + 1, chain_next(chain, digest)
    return Head(seq, chain)


def ranges(held: list[int]) -> tuple[tuple[int, int], ...]:
    """Sorted sequence numbers as first..last ranges, at most as many as a receipt may name."""
    found: list[tuple[int, int]] = []
    for seq in held:
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found[:RANGES_MAX])
