"""The cloud's account of a stream: heads, gaps with a name, checkpoints, holes."""

from __future__ import annotations

import pytest

from cloud_sync.sync.ledger import (
    Duplicate,
    Forked,
    Gap,
    Stored,
    admit,
    advance,
    broken_links,
    holes,
    passed,
    ranges,
    start,
)
from cloud_sync.wire.batch import Stream, chain_next
from cloud_sync.wire.message import Head

ZERO = start("h" * 13, bytes(8), Stream.URGENT)
DIGESTS = {seq: bytes([seq]) * 32 for seq in range(1, 10)}


def head_at(seq: int) -> Head:
    """Where the head stands after so many of the digests."""
    chain = ZERO.chain
    for number in range(1, seq + 1):
        chain = chain_next(chain, DIGESTS[number])
    return Head(seq, chain)


def test_content_is_judged_by_what_stands_under_its_number() -> None:
    """New, the same, or something else."""
    assert admit(b"a", None) == Stored()
    assert admit(b"a", b"a") == Duplicate()
    assert admit(b"a", b"b") == Forked()


@pytest.mark.parametrize(
    ("stored", "expected"), [((), 0), ((1,), 1), ((2, 3), 0), ((1, 2, 4), 2), (range(1, 10), 9)]
)
def test_the_head_ends_before_the_first_gap(stored: tuple[int, ...], expected: int) -> None:
    """And its chain covers everything up to it, in order."""
    assert advance(ZERO, {seq: DIGESTS[seq] for seq in stored}) == head_at(expected)


def test_a_named_gap_is_passed_with_the_chain_it_states() -> None:
    """The hub's word closes it; what is stored inside is passed first."""
    above = {seq: DIGESTS[seq] for seq in (1, 2, 5, 6)}

    assert advance(ZERO, above, [Gap(2, head_at(4))]) == head_at(6)


def test_a_checkpoint_that_does_not_agree_is_found() -> None:
    """The link before it is broken, there and only there."""
    way = list(passed(ZERO, DIGESTS))

    assert broken_links(way, {4: head_at(3).chain, 6: bytes(32)}) == [6]


def test_ranges_join_neighbours() -> None:
    """First and last of each run."""
    assert ranges([1, 2, 3, 7, 9, 10]) == ((1, 3), (7, 7), (9, 10))


def test_holes_are_what_is_neither_stored_nor_named() -> None:
    """They must be asked for again."""
    assert holes(9, [1, 2, 6, 9], [Gap(3, head_at(4))]) == ((5, 5), (7, 8))
