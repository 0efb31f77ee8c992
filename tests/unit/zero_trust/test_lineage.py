"""The line of certificates: who follows whom, and when a person must say which holder is the true one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.trust import NOW_MS
from zero_trust.lineage import (
    DAY_MS,
    OFF_FREE_MS,
    OFF_MAX_MS,
    Again,
    Lineage,
    Next,
    TooLong,
    issued,
    judge,
    released,
    used,
)

BEGUN = Lineage(NOW_MS)
UNSEEN = issued(last=b"s0", key=b"k1", serial=b"s1", certificate=b"c1", now_ms=NOW_MS)
SEEN = replace(UNSEEN, seen=True)


@pytest.mark.parametrize(
    ("line", "last", "held"),
    [
        pytest.param(BEGUN, b"", False, id="the very first"),
        pytest.param(BEGUN, b"s9", False, id="after a release whoever comes first is believed"),
        pytest.param(UNSEEN, b"s1", False, id="the newest, not yet used"),
        pytest.param(SEEN, b"s1", False, id="the newest"),
        pytest.param(UNSEEN, b"s0", False, id="one step back, the newer never used"),
        pytest.param(SEEN, b"s0", True, id="one step back, the newer was used by somebody"),
        pytest.param(SEEN, b"", True, id="knows of none though one was used"),
        pytest.param(UNSEEN, b"s7", True, id="one that nobody gave"),
    ],
)
def test_who_follows(line: Lineage, last: bytes, held: bool) -> None:
    """Each case of the rule; a certificate is given in any case."""
    judged = judge(line, last=last, key=b"k2", now_ms=NOW_MS)

    assert isinstance(judged, Next)
    assert bool(judged.held) == held


@pytest.mark.parametrize(
    ("off_ms", "expected"),
    [
        (OFF_FREE_MS, Next()),
        (OFF_FREE_MS + 1, Next("it was off for 30 days")),
        (45 * DAY_MS, Next("it was off for 45 days")),
        (OFF_MAX_MS, Next("it was off for 180 days")),
        (OFF_MAX_MS + 1, TooLong(180)),
        (200 * DAY_MS, TooLong(200)),
    ],
)
def test_how_long_a_hub_may_have_been_off(off_ms: int, expected: object) -> None:
    """Up to 30 days nobody is asked; up to 180 it is held; beyond it is refused."""
    assert judge(SEEN, last=b"s1", key=b"k2", now_ms=NOW_MS + off_ms) == expected


def test_the_same_key_is_answered_again_whatever_it_names() -> None:
    """Possession of the key is proven: it is the same holder."""
    assert judge(UNSEEN, last=b"s0", key=b"k1", now_ms=NOW_MS) == Again(b"c1")


def test_which_certificates_may_be_used() -> None:
    """The newest, and until it is seen the one before; none after a release."""
    assert used(UNSEEN, b"s1") == SEEN
    assert used(UNSEEN, b"s0") == UNSEEN
    assert used(SEEN, b"s0") is None
    assert used(SEEN, b"s1") == SEEN
    assert used(SEEN, b"s7") is None
    assert used(released(NOW_MS), b"s1") is None
    assert used(BEGUN, b"") is None
