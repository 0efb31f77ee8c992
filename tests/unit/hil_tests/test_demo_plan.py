"""What goes wrong in a demo, and when; and that a fault without effect is no pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.chaos import (
    BEGIN_S,
    FOLLOW_S,
    MISSED_S,
    REFILL_S,
    ROOM_S,
    SHORTEST_S,
    Deed,
    HubRestored,
    StoreRestored,
    plan,
    unproven,
)

Row = dict[str, Any]
seeds = st.integers(0, 2**32)
spans_s = st.floats(SHORTEST_S, 3600)


@given(seeds, spans_s)
def test_everything_happens_within_the_run_and_with_room(seed: int, for_s: float) -> None:
    """Each kill twice, each copy and its return once, in order of time; nothing crowds, nothing comes too late."""
    moments = plan(seed, for_s)

    assert Counter(moment.deed for moment in moments) == {
        deed: 2 if deed in {Deed.KILL_HUB, Deed.KILL_INTAKE, Deed.KILL_BROKER} else 1 for deed in Deed
    }
    assert moments[0].at_s >= BEGIN_S
    assert moments[-1].at_s + ROOM_S[moments[-1].deed] <= for_s - FOLLOW_S + 1e-6
    for former, later in pairwise(moments):
        assert later.at_s - former.at_s >= ROOM_S[former.deed] - 1e-6


@given(seeds, spans_s)
def test_what_is_put_back_is_older_and_can_be_refilled(seed: int, for_s: float) -> None:
    """A copy misses something before it returns; the store is refilled before the hub forgets, too."""
    at_s = {moment.deed: moment.at_s for moment in plan(seed, for_s)}

    assert at_s[Deed.RESTORE_STORE] - at_s[Deed.COPY_STORE] >= MISSED_S
    assert at_s[Deed.RESTORE_HUB] - at_s[Deed.COPY_HUB] >= MISSED_S
    assert at_s[Deed.RESTORE_HUB] - at_s[Deed.RESTORE_STORE] >= REFILL_S


def test_the_seed_alone_decides() -> None:
    """The same plan for one seed, others for others."""
    assert plan(7, 90) == plan(7, 90)
    assert len({plan(seed, 90) for seed in range(20)}) == 20


def _row(seq: int, happened_ms: int = 1_000) -> Row:
    return {
        "stream": "routine",
        "seq": seq,
        "sensor": "C0:00:00:00:00:01",
        "kind": "temperature",
        "value": 20.5,
        "happened_ms": happened_ms,
    }


STORED = [_row(1), _row(2), _row(3, happened_ms=60_000)]
KEY_OF_2 = ("routine", 2, "C0:00:00:00:00:01", "temperature", 20.5)
STORE = StoreRestored(10.0, 30.0, Counter([KEY_OF_2]))
HUB = HubRestored(20.0, 50.0, 0)
BEGUN = {"code": "epoch-begun"}


def test_restores_with_all_their_effects_are_proven() -> None:
    """The store lacked a reading and has it again; the hub began one epoch, and readings flow on."""
    assert unproven([STORE, HUB], STORED, [BEGUN, {"code": "readings-shed"}]) == []


@pytest.mark.parametrize(
    ("restore", "stored", "incidents", "words"),
    [
        (replace(STORE, forgotten=Counter()), STORED, [], "lacked nothing"),
        (STORE, [STORED[0], STORED[2]], [], "still lacks 1 readings"),
        (replace(STORE, forgotten=Counter({KEY_OF_2: 2})), STORED, [], "still lacks 1 readings"),
        (HUB, STORED, [], "0 incidents"),
        (HUB, STORED, [BEGUN, BEGUN], "2 incidents"),
        (replace(HUB, epochs_before=1), STORED, [BEGUN, BEGUN], "before its disk was put back"),
        (HUB, STORED[:2], [BEGUN], "no reading was stored"),
    ],
)
def test_a_restore_without_its_effect_is_named(
    restore: StoreRestored | HubRestored, stored: list[Row], incidents: list[Row], words: str
) -> None:
    """Each lack of evidence alone makes one sentence."""
    [sentence] = unproven([restore], stored, incidents)

    assert words in sentence
