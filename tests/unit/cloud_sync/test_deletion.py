"""The chain of deletion records: whatever is altered or taken away shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from cloud_sync.sync.deletion import CHAIN_START, BatchKey, Deletion, chain_next, content_hash, first_broken

keys = st.tuples(
    st.sampled_from(["hub-a", "hub-b"]),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 1),
    st.integers(1, 2**32),
    st.binary(min_size=32, max_size=32),
)
History = list[list[BatchKey]]
histories = st.lists(st.lists(keys, max_size=3, unique=True), min_size=1, max_size=6)


def recorded(history: Sequence[Sequence[BatchKey]]) -> list[tuple[Deletion, bytes]]:
    """The records of such a history, with their chain."""
    chain, found = CHAIN_START, []
    for number, batches in enumerate(history, start=1):
        deletion = Deletion(
            number, 1_000, "uid-0", "age", "readings", "", len(batches), 0, content_hash(batches)
        )
        chain = chain_next(chain, deletion)
        found.append((deletion, chain))
    return found


@given(histories, st.randoms(use_true_random=False))
def test_what_was_recorded_holds_in_whatever_order_the_batches_are_found(
    history: History, chance: Random
) -> None:
    """The hash is over a set."""
    emptied = {number: chance.sample(batches, len(batches)) for number, batches in enumerate(history, 1)}

    assert first_broken(recorded(history), emptied) is None


@given(histories, st.data())
def test_an_altered_or_missing_record_or_batch_is_found(history: History, data: st.DataObject) -> None:
    """At the record concerned, or at the first after it."""
    records, emptied = recorded(history), dict(enumerate(history, 1))
    at = data.draw(st.integers(0, len(records) - 1))
    deletion, chain = records[at]
    match data.draw(st.sampled_from(["altered", "missing", "batch lost", "batch added", "forged"])):
        case "altered":
            records[at] = (replace(deletion, by="somebody else"), chain)
        case "missing":
            assume(at < len(records) - 1 or emptied[at + 1])  # only what follows can tell
            del records[at]
        case "batch lost":
            emptied[at + 1] = emptied[at + 1][1:] or [("hub-c", bytes(8), 0, 1, bytes(32))]
        case "batch added":
            emptied[at + 1] = [*emptied[at + 1], ("hub-c", bytes(8), 0, 1, bytes(32))]
        case "forged":
            records[at] = (deletion, bytes(32))

    pointed_to = {number: batches for number, batches in emptied.items() if batches}
    assert first_broken(records, pointed_to) == at + 1
