"""What remains of what was erased: a chain of deletion records that names everything and tells nothing.

A batch that is erased leaves its key and its content digest in the ledger, so that heads, chain and receipts
still hold and a hub that sends it again is told that we know it. Each record commits to the batches it emptied,
and to all records before it: one that is altered or taken away shows, unless all after it are written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

import msgpack

CHAIN_START = hashlib.sha256(b"lum-deletion-1\0").digest()

BatchKey = tuple[str, bytes, int, int, bytes]  # hub, epoch, stream, sequence number, content digest


@dataclass(frozen=True, slots=True)
class Deletion:
    """One step of an erasure.

    Attributes:
        number: 1, 2, 3 ... without a gap.
        at_ms: when it was ordered, wall clock.
        by: who ordered it.
        why: their reason.
        what: ``readings``, ``derived``, ``evidence`` (for their age) or ``home`` (all of one home).
        home: the home forgotten; empty where age was the reason.
        batches: how many batches it emptied.
        rows: how many other rows it deleted or emptied.
        content: of those batches, see :func:`content_hash`.
    """

    number: int
    at_ms: int
    by: str
    why: str
    what: str
    home: str
    batches: int
    rows: int
    content: bytes


def content_hash(batches: Iterable[BatchKey]) -> bytes:
    """SHA-256 over keys and digests, in their order."""
    return hashlib.sha256(msgpack.packb(sorted(batches))).digest()


def chain_next(chain: bytes, deletion: Deletion) -> bytes:
    """The chain hash after one more record."""
    return hashlib.sha256(chain + msgpack.packb(astuple(deletion))).digest()


def first_broken(
    recorded: Iterable[tuple[Deletion, bytes]], emptied: Mapping[int, Iterable[BatchKey]]
) -> int | None:
    """The number of the first record that is missing, altered, or not what the ledger bears out; None: all hold.

    Args:
        recorded: the records with the chain hash stored beside each, by number.
        emptied: the batches that point to each record.
    """
    chain, number = CHAIN_START, 0
    for number, (deletion, stored) in enumerate(recorded, start=1):
        chain = chain_next(chain, deletion)
        batches = tuple(emptied.get(number, ()))
        borne_out = len(batches) == deletion.batches and content_hash(batches) == deletion.content
        if deletion.number != number or chain != stored or not borne_out:
            return number
    return min((found for found in emptied if found > number), default=None)
