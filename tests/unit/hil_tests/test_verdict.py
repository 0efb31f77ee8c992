"""What a run proves: each thing that can be wrong, alone, and what outweighs what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.evidence import Evidence, unfired
from hil_tests.ledger import Balance, Missing
from hil_tests.scenario import Expect
from hil_tests.verdict import Observed, Verdict, judge

DOOR = "C0:00:00:00:00:01"
LOST = Missing(sensor=DOOR, kind="door", value=1, delivered_at=1012.34, urgent=True)
EXTRA = {"sensor": DOOR, "kind": "door", "value": 0}
BALANCE = Balance(
    delivered=3, stored=3, lost=(), in_window=(), coincided=(), duplicated=(), urgent_ms=(40.0,)
)
KILLED = Evidence("hub.kill", 1, 2, fired=True, sentence="process 7 ended with -9")
MISSED = Evidence("hub.kill", 1, 2, fired=False, sentence="process 7 ended with 0")
INTERCEPTED = Evidence("line.intercepted", 1, 2, fired=True, sentence="the line saw connections 1")
GOOD = Observed(
    balance=BALANCE,
    evidence=[KILLED],
    unproven=[],
    alarms={"radio-lost", "counter"},
    standing=[],
    counts={"strangers": 4, "repeats": 0},
    flags={"weak-signal"},
    refusals=set(),
    forks=0,
    incidents={"epoch-begun"},
    online=True,
    names={DOOR: "front-door"},
    began=1000.0,
)

BROKEN_INVARIANTS = [
    ({"balance": replace(BALANCE, delivered=0)}, "Nothing was delivered to the hub, so nothing is shown."),
    ({"balance": replace(BALANCE, lost=(LOST,))}, "Lost: door = 1 of front-door, delivered at 12.3 s."),
    (
        {"balance": replace(BALANCE, duplicated=(EXTRA,))},
        "Stored and never sent, or twice: door = 0 of front-door.",
    ),
    (
        {"evidence": [KILLED, replace(INTERCEPTED, facts={"believed": 2})]},
        "line.intercepted: the hub took a stranger for the site.",
    ),
    ({"forks": 2}, "The site holds 2 forks."),
    (
        {"leaks": ["hub.log holds the hub's data.key (hex)."]},
        "hub.log holds the hub's data.key (hex).",
    ),
    (
        {"claimed": [(1010.0, 1050.0)], "blind": [(1040.0, 1060.0)]},
        "The hub claims to have listened from 10.0 to 50.0 s, and was blind from 40.0 to 60.0 s.",
    ),
    (
        {"claimed": [(1010.0, 1200.0)], "blind": [(1040.0, 1140.0)]},
        "The hub claims to have listened from 10.0 to 200.0 s, and was blind from 40.0 to 140.0 s.",
    ),
    ({"refusals": {"hub-revoked"}}, "The site refused something: hub-revoked."),
]
BROKEN_EXPECTATIONS = [
    (Expect(alarms=("uplink",)), {}, "The hub never raised the alarm 'uplink'."),
    (Expect(cleared=("radio",)), {"standing": ["radio-lost"]}, "The alarm 'radio' still stands at the end."),
    (Expect(counts=("forged",)), {}, "The hub never counted 'forged'."),
    (Expect(counts=("repeats",)), {}, "The hub never counted 'repeats'."),  # there, and zero
    (Expect(flags=("counter-reset",)), {}, "No stored reading carries the flag 'counter-reset'."),
    (Expect(refusals=("hub-revoked",)), {}, "The site never refused with 'hub-revoked'."),
    (Expect(incidents=("fork",)), {}, "The site raised no incident 'fork'."),
    (Expect(), {"online": False}, "The hub is offline at the end."),
    (Expect(online=False), {}, "The hub is online at the end."),
]


def _seen(**changes: Any) -> Observed:
    return replace(GOOD, **changes)


def test_a_clean_run_passes() -> None:
    """Nothing to say of it."""
    assert judge(Expect(), GOOD) == (Verdict.PASSED, [])


def test_what_is_expected_and_seen_passes() -> None:
    """An alarm is known by the beginning of its name; an expected refusal is no difference."""
    expect = Expect(
        alarms=("radio",),
        cleared=("radio",),
        counts=("strangers",),
        flags=("weak-signal",),
        refusals=("hub-revoked",),
        incidents=("epoch-begun",),
    )
    assert judge(expect, _seen(refusals={"hub-revoked"})) == (Verdict.PASSED, [])


@pytest.mark.parametrize(("changes", "sentence"), BROKEN_INVARIANTS)
def test_each_broken_invariant_fails_with_its_sentence(changes: dict[str, Any], sentence: str) -> None:
    """Alone, with everything else as it should be."""
    assert judge(Expect(), _seen(**changes)) == (Verdict.FAILED, [sentence])


@pytest.mark.parametrize(("expect", "changes", "sentence"), BROKEN_EXPECTATIONS)
def test_each_broken_expectation_fails_with_its_sentence(
    expect: Expect, changes: dict[str, Any], sentence: str
) -> None:
    """Alone, with everything else as it should be."""
    assert judge(expect, _seen(**changes)) == (Verdict.FAILED, [sentence])


def test_each_lost_reading_has_its_own_sentence() -> None:
    """None hides behind another."""
    lost = (LOST, replace(LOST, value=0, delivered_at=1015))
    verdict, sentences = judge(Expect(), _seen(balance=replace(BALANCE, lost=lost)))
    assert verdict is Verdict.FAILED
    assert sentences == [
        "Lost: door = 1 of front-door, delivered at 12.3 s.",
        "Lost: door = 0 of front-door, delivered at 15.0 s.",
    ]


def test_what_the_commit_window_or_chance_excuses_is_no_difference() -> None:
    """The ledger excuses them one by one; the verdict does not count them again."""
    excused = replace(BALANCE, stored=1, in_window=(LOST,), coincided=(LOST,))
    assert judge(Expect(), _seen(balance=excused))[0] is Verdict.PASSED


def test_a_stranger_that_was_refused_is_no_difference() -> None:
    """Only one that was believed is."""
    refused = [replace(INTERCEPTED, facts=facts) for facts in ({"alerts": ("HUNG_UP",)}, {"believed": 0})]
    assert judge(Expect(), _seen(evidence=refused)) == (Verdict.PASSED, [])


def test_a_sensor_without_a_name_is_named_by_its_address() -> None:
    """As one that was never in the scenario would be."""
    _, (sentence,) = judge(Expect(), _seen(balance=replace(BALANCE, lost=(LOST,)), names={}))
    assert sentence == f"Lost: door = 1 of {DOOR}, delivered at 12.3 s."


def test_a_silent_hub_loses_nothing_by_waiting() -> None:
    """What a revoked hub still holds is no loss; what is stored and was never sent is wrong all the same."""
    silent = Expect(silent=True)
    waiting = replace(BALANCE, lost=(LOST,))
    assert judge(silent, _seen(balance=waiting)) == (Verdict.PASSED, [])
    assert judge(silent, _seen(balance=replace(waiting, duplicated=(EXTRA,))))[0] is Verdict.FAILED
    assert judge(silent, _seen(balance=replace(waiting, delivered=0)))[0] is Verdict.FAILED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"evidence": [KILLED, MISSED]}, "hub.kill did not fire: process 7 ended with 0."),
        ({"unproven": ["The restored store lacked nothing."]}, "The restored store lacked nothing."),
    ],
)
@pytest.mark.parametrize("worse", [{}, {"forks": 1, "online": False}])
@pytest.mark.parametrize("mark", ["", "the hub cannot do it yet"])
def test_without_proof_of_its_faults_a_run_is_invalid(
    changes: dict[str, Any], sentence: str, worse: dict[str, Any], mark: str
) -> None:
    """Whatever else is broken, and even if it is known to fail: only the missing proof is told."""
    assert judge(Expect(), _seen(**changes, **worse), mark) == (Verdict.INVALID, [sentence])


def test_a_known_failure_is_told_with_its_reason_first() -> None:
    """And then what was broken this time."""
    assert judge(Expect(), _seen(forks=1), "known: issue 7") == (
        Verdict.EXPECTED,
        ["known: issue 7", "The site holds 1 forks."],
    )


def test_a_known_failure_that_passes_fails() -> None:
    """Else the mark would outlive its reason."""
    verdict, sentences = judge(Expect(), GOOD, "known: issue 7")
    assert verdict is Verdict.FAILED
    assert sentences == ["It is marked as known to fail, and passed: take the mark away."]


def test_a_sentence_ends_once() -> None:
    """Also where the evidence is a sentence of another program's."""
    told = replace(MISSED, sentence="No such hub.")
    assert unfired([told, KILLED]) == ["hub.kill did not fire: No such hub."]


_EVIDENCE = st.builds(
    Evidence,
    fault=st.sampled_from(["hub.kill", "radio.cut"]),
    at=st.just(0.0),
    until=st.just(1.0),
    fired=st.booleans(),
    sentence=st.text(),
)
_EXPECT = st.builds(
    Expect,
    alarms=st.lists(st.sampled_from(["radio", "uplink"])).map(tuple),
    refusals=st.lists(st.sampled_from(["hub-revoked"])).map(tuple),
    online=st.booleans(),
    silent=st.booleans(),
)
_SEEN = st.builds(
    _seen,
    evidence=st.lists(_EVIDENCE, max_size=4),
    unproven=st.lists(st.text(min_size=1), max_size=1),
    balance=st.builds(
        replace,
        st.just(BALANCE),
        delivered=st.integers(0, 2),
        lost=st.lists(st.just(LOST), max_size=1).map(tuple),
    ),
    forks=st.integers(0, 1),
    online=st.booleans(),
    refusals=st.sets(st.sampled_from(["hub-revoked", "stale"])),
)


@settings(deadline=None)  # the machine may be busy
@given(expect=_EXPECT, seen=_SEEN, mark=st.sampled_from(["", "known"]))
def test_only_what_is_proven_and_whole_passes(expect: Expect, seen: Observed, mark: str) -> None:
    """Passed means: every fault fired, every restore showed, something was delivered, nothing is left to say."""
    verdict, sentences = judge(expect, seen, mark)
    assert (verdict is Verdict.INVALID) == bool(unfired(seen.evidence) or seen.unproven)
    assert (verdict is Verdict.PASSED) == (not sentences)
    if verdict is Verdict.PASSED:
        assert seen.balance.delivered > 0
        assert not seen.forks
        assert not mark


@pytest.mark.parametrize(
    "blind",
    [
        pytest.param((1100.0, 1150.0), id="later"),
        pytest.param((1040.0, 1070.0), id="short enough to be bridged"),
        pytest.param((1099.0, 1150.0), id="begins with the last frame, give or take"),
    ],
)
def test_a_true_claim_is_no_difference(blind: tuple[float, float]) -> None:
    """What may be claimed: up to the last frame, and over short silences."""
    seen = replace(GOOD, claimed=[(1010.0, 1100.0)], blind=[blind])
    assert judge(Expect(), seen) == (Verdict.PASSED, [])
