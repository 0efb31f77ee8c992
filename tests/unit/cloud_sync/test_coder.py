"""The coder: what it costs, and that it gives back what it took."""

from __future__ import annotations

import random

import pytest

from cloud_sync.wire.coder import BLOCK, Reader, Writer, contexts
from cloud_sync.wire.errors import WireError

FRESH = contexts(["", ""])


@pytest.mark.parametrize("number", [0, 1, 6, 7, 14, 15, 16, 32766, 32767, 32768, 1 << 40, (1 << 65) + 12345])
def test_a_number_comes_back(number: int) -> None:
    """Numbers around each change of form survive: exact, with raw low bits, with a raw length."""
    writer = Writer(FRESH)
    writer.unsigned(1, number)
    assert Reader(FRESH, writer.finish()).unsigned(1) == number


def test_everything_in_one_stream_comes_back_in_order() -> None:
    """Columns, flags, raw bits and single numbers share one stream without disturbing each other."""
    column = [0, 0, 5, -1, 0, 1 << 63, -(1 << 63), 3, 0, 0]
    writer = Writer(FRESH)
    writer.signed(0, column)
    writer.raw(0b1011, 4)
    writer.flags(2 * BLOCK - 1, [1, 0, 1])
    writer.unsigned(1, 9999)
    writer.raw(0, 0)
    writer.signed(0, [])
    writer.unsigned(1, 3)
    reader = Reader(FRESH, writer.finish())
    assert reader.signed(0, len(column)) == column
    assert reader.raw(4) == 0b1011
    assert reader.flags(2 * BLOCK - 1, 3) == [1, 0, 1]
    assert reader.unsigned(1) == 9999
    assert reader.raw(0) == 0
    assert reader.signed(0, 0) == []
    assert reader.unsigned_each((1,)) == [3]


def test_what_never_changes_costs_next_to_nothing() -> None:
    """A thousand equal answers take less than a tenth of a bit each."""
    writer = Writer(FRESH)
    writer.signed(0, [0] * 1000)
    assert len(writer.finish()) < 1000 / 8 / 10


def test_what_cannot_be_foreseen_costs_little_more_than_itself() -> None:
    """Fair coin tosses take at most a twelfth more than a bit each."""
    rng = random.Random(1)
    tosses = [rng.randrange(2) for _ in range(4000)]
    writer = Writer(FRESH)
    writer.flags(0, tosses)
    data = writer.finish()
    assert 500 <= len(data) < 500 * 13 / 12
    assert Reader(FRESH, data).flags(0, 4000) == tosses


def test_what_was_learnt_beforehand_makes_the_start_cheap() -> None:
    """Ten answers as foreseen by the priors fit into fewer bytes than without."""

    def cost(fresh: list[int]) -> int:
        writer = Writer(fresh)
        for context in range(10):
            writer.flags(context, [0])
        return len(writer.finish())

    assert cost(contexts(["BBBBBBBBBB"])) < cost(contexts([""]))


def test_nothing_written_takes_no_bytes() -> None:
    """An empty stream is empty."""
    assert Writer(FRESH).finish() == b""


def test_raw_bits_that_are_not_there_are_refused() -> None:
    """A stream cut short is an error, not zeros."""
    reader = Reader(FRESH, b"\xff")
    reader.raw(8)
    with pytest.raises(WireError, match="cut short"):
        reader.raw(1)


def test_the_writer_leaves_the_contexts_it_was_given_alone() -> None:
    """Each batch starts afresh, so that it can be read without any other."""
    before = list(FRESH)
    writer = Writer(FRESH)
    writer.signed(0, range(100))
    Reader(FRESH, writer.finish()).signed(0, 100)
    assert before == FRESH
