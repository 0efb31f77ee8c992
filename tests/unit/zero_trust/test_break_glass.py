"""Broken glass: when a review is due, and who may do it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from zero_trust.break_glass import OPEN_MS, Cause, Finding, Opening

AMY = "staff:council/amy"


def at(text: str) -> int:
    """A wall clock time."""
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


def opened(text: str) -> Opening:
    """The glass broken then."""
    return Opening(7, AMY, "h-17", Cause.HEALTH, at(text), at(text) + OPEN_MS)


@pytest.mark.parametrize(
    ("broken", "due"),
    [
        ("2027-01-11T10:00", "2027-01-14T10:00"),  # Monday: Thursday
        ("2027-01-13T10:00", "2027-01-18T10:00"),  # Wednesday: Monday
        ("2027-01-15T23:59", "2027-01-20T23:59"),  # Friday: Wednesday
        ("2027-01-16T10:00", "2027-01-20T10:00"),  # Saturday: Wednesday
        ("2027-01-17T10:00", "2027-01-20T10:00"),  # Sunday: Wednesday
    ],
)
def test_a_review_is_due_after_three_working_days(broken: str, due: str) -> None:
    """Monday to Friday count."""
    opening = opened(broken)

    assert opening.review_due_ms == at(due)
    assert (opening.overdue(at(due) - 1), opening.overdue(at(due))) == (False, True)
    assert not replace(opening, reviewed_ms=at(broken)).overdue(at(due))


def test_a_review_is_done_once_and_by_somebody_else() -> None:
    """Never by who broke it; never changed."""
    opening = opened("2027-01-11T10:00")

    assert opening.review_refusal(AMY) == "review-of-own"
    assert opening.review_refusal("staff:council/bob") == ""
    done = replace(opening, reviewed_ms=1, reviewer="staff:council/bob", finding=Finding.JUSTIFIED)
    assert done.review_refusal("staff:council/eve") == "review-done"
