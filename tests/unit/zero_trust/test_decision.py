"""Decisions on a home's data: every rule that comes with a site has a yes, and a no for each of its reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.desk import GRANTS, POLICY
from tests.helpers.trust import DAY_MS, HOUR_MS, NOW_MS
from zero_trust.break_glass import OPEN_MS, Cause, Opening
from zero_trust.decision import Book, Ruling, decide
from zero_trust.grants import parse_grants
from zero_trust.request import EVERY_HOME, Action, DataClass, Proof, Request, Role
from zero_trust.rules import Condition, Policy, parse_policy

RULES = parse_policy(POLICY, "policy.toml")
OPENING = Opening(7, "staff:council/bob", "h-17", Cause.HEALTH, NOW_MS - 1, NOW_MS - 1 + OPEN_MS)
BOOK = Book(RULES, parse_grants(GRANTS, "grants.toml"), (OPENING,))
ENDS_MS = NOW_MS + 1
MARCH_MS = NOW_MS + 60 * DAY_MS

FAMILY = Request(
    Role.FAMILY,
    "h-17",
    "link-1",
    Proof.LINK,
    ENDS_MS,
    "h-17",
    DataClass.STATE,
    Action.READ,
    "family",
    NOW_MS,
)
CARE = Request(
    Role.STAFF,
    "council",
    "amy",
    Proof.CONSOLE,
    ENDS_MS,
    "h-17",
    DataClass.ACTIVITY,
    Action.READ,
    "care",
    NOW_MS,
)
BREAK = replace(
    CARE,
    person="bob",
    proof=Proof.ADMIN,
    data=DataClass.ALL,
    action=Action.BREAK_GLASS,
    purpose="emergency",
)
EMERGENCY = replace(CARE, person="bob", purpose="emergency")
ANSWER = replace(CARE, data=DataClass.ALERT, action=Action.ANSWER)
REVIEW = replace(BREAK, person="amy", action=Action.REVIEW, purpose="review")
PARTNER = replace(
    CARE, role=Role.PARTNER, group="nhs-falls", person="eve", data=DataClass.ALERT, purpose="falls-response"
)
OPERATOR = replace(CARE, role=Role.OPERATOR, group="demo", person="uid-0", purpose="audit")
BACKUP = replace(OPERATOR, home=EVERY_HOME, data=DataClass.ALL, action=Action.COPY, purpose="backup")
ACCESS = replace(OPERATOR, data=DataClass.ALL, action=Action.COPY, purpose="access")
ERASURE = replace(OPERATOR, data=DataClass.ALL, action=Action.ERASE, purpose="erasure")
AGREEMENT = replace(OPERATOR, data=DataClass.ALL, action=Action.AGREE, purpose="consent")
PAUSE = replace(AGREEMENT, action=Action.PAUSE)
CARER = replace(CARE, data=DataClass.ALL, purpose="consent")

ALLOWED = {
    "family-own-home": FAMILY,
    "family-told": replace(FAMILY, person="channel-sms", proof=Proof.CHANNEL, purpose="notice"),
    "staff-caseload": CARE,
    "staff-answer": ANSWER,
    "staff-break-glass": BREAK,
    "staff-emergency": EMERGENCY,
    "staff-answer-emergency": replace(ANSWER, person="bob", purpose="emergency"),
    "staff-review": REVIEW,
    "partner-grant": PARTNER,
    "operator-evidence": OPERATOR,
    "operator-told": replace(OPERATOR, person="channel-duty", proof=Proof.CHANNEL, purpose="notice"),
    "operator-answer": replace(OPERATOR, data=DataClass.ALERT, action=Action.ANSWER, purpose="operations"),
    "operator-backup": BACKUP,
    "operator-access": ACCESS,
    "operator-erasure": ERASURE,
    "operator-agreement": AGREEMENT,
    "operator-pause": PAUSE,
    "staff-agreement": replace(CARER, action=Action.AGREE),
    "staff-pause": replace(CARER, action=Action.PAUSE),
}


def later(request: Request, by_ms: int) -> Request:
    """The same request, as well proven, another time."""
    return replace(request, now_ms=NOW_MS + by_ms, proof_ends_ms=ENDS_MS + by_ms)


def test_every_rule_has_its_yes() -> None:
    """The table of yeses below is the table of rules."""
    assert list(ALLOWED) == [rule.id for rule in RULES.rules]


@pytest.mark.parametrize("rule", ALLOWED)
def test_the_rule_allows(rule: str) -> None:
    """With all that it asks for."""
    assert decide(ALLOWED[rule], BOOK) == Ruling(rule)


@pytest.mark.parametrize("rule", ALLOWED)
def test_without_the_rule_it_is_refused(rule: str) -> None:
    """Nothing else lets it through: each rule is needed."""
    others = Policy(version=2, rules=tuple(one for one in RULES.rules if one.id != rule))
    ruling = decide(ALLOWED[rule], replace(BOOK, policy=others))

    assert (ruling.rule, ruling.refused and ruling.refused.code) == ("", "no-rule")


@pytest.mark.parametrize("rule", ALLOWED)
def test_the_rule_wants_its_proof_and_wants_it_now(rule: str) -> None:
    """Another proof, or one that has run out this moment, is not enough."""
    request = ALLOWED[rule]
    other = Proof.CONSOLE if request.proof is not Proof.CONSOLE else Proof.LINK

    assert code(replace(request, proof=other)) == "proof-not-enough"
    assert code(replace(request, now_ms=ENDS_MS)) == "proof-ended"


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (replace(FAMILY, group="h-18"), "not-your-home"),
        (replace(FAMILY, group="h-18", home="h-18"), "home-not-agreed"),
        (replace(FAMILY, data=DataClass.ACTIVITY), "class-not-agreed"),
        (replace(FAMILY, data=DataClass.ALL), "class-not-allowed"),
        (replace(FAMILY, action=Action.COPY), "no-rule"),
        (replace(CARE, home="h-18"), "not-your-home"),
        (replace(CARE, person="bob"), "not-your-home"),
        (replace(CARE, group="nhs"), "not-your-home"),
        (replace(CARE, data=DataClass.OTHER), "class-not-allowed"),
        (replace(CARE, purpose="curiosity"), "no-rule"),
        (replace(ALLOWED["family-told"], data=DataClass.ALERT), "class-not-agreed"),
        (replace(ALLOWED["family-told"], data=DataClass.HEALTH), "class-not-allowed"),
        (replace(ANSWER, home="h-18"), "not-your-home"),
        (replace(ANSWER, data=DataClass.HEALTH), "class-not-allowed"),
        (replace(ANSWER, role=Role.PARTNER), "no-rule"),
        (replace(FAMILY, action=Action.ANSWER), "no-rule"),
        (replace(BREAK, person="amy"), "not-on-duty"),
        (later(BREAK, 12 * HOUR_MS), "not-on-duty"),
        (replace(BREAK, role=Role.PARTNER), "no-rule"),
        (replace(EMERGENCY, home="h-18"), "glass-not-broken"),
        (replace(EMERGENCY, person="amy"), "glass-not-broken"),
        (later(EMERGENCY, OPEN_MS - 1), "glass-hour-over"),
        (replace(REVIEW, data=DataClass.STATE), "class-not-allowed"),
        (replace(PARTNER, data=DataClass.CLIMATE), "grant-not-for-this"),
        (replace(PARTNER, purpose="research"), "no-grant"),
        (replace(PARTNER, group="nhs-hips"), "no-grant"),
        (replace(PARTNER, home="h-18"), "grant-other-homes"),
        (replace(PARTNER, purpose="marketing"), "no-rule"),
        (replace(BACKUP, role=Role.STAFF), "no-rule"),
        (replace(OPERATOR, purpose="curiosity"), "no-rule"),
    ],
)
def test_refusals(request_: Request, refused: str) -> None:
    """One thing other than it ought to be is a no, with a code of its own."""
    assert code(request_) == refused


def test_the_glass_is_open_for_an_hour_to_the_millisecond() -> None:
    """Minute 60 is the first that is not."""
    assert decide(later(EMERGENCY, OPEN_MS - 2), BOOK).allow
    assert not decide(later(EMERGENCY, OPEN_MS - 1), BOOK).allow


def test_a_grant_runs_from_its_first_moment_to_its_last() -> None:
    """Days are whole days in UTC."""
    [grant] = BOOK.grants.grants
    first, after = 1_798_761_600_000, 1_814_400_000_000  # 2027-01-01 and 2027-07-01, 00:00 UTC

    assert (grant.covers(first), grant.covers(first - 1)) == (True, False)
    assert (grant.covers(after - 1), grant.covers(after)) == (True, False)
    assert code(later(PARTNER, after - NOW_MS)) == "grant-expired"


def test_the_nearest_of_several_grants_says_why_not() -> None:
    """One that has ended does not hide one that runs."""
    [grant] = BOOK.grants.grants
    both = GRANTS + GRANTS[GRANTS.index("[[grant]]") :].replace("h-17", "h-19").replace("06-30", "02-28")
    book = replace(BOOK, grants=parse_grants(both, "grants.toml"))

    assert decide(later(PARTNER, MARCH_MS - NOW_MS), book).allow
    assert not decide(later(replace(PARTNER, home="h-19"), MARCH_MS - NOW_MS), book).allow
    assert grant in book.grants.grants


def test_the_refusal_names_what_was_agreed() -> None:
    """Enough to act on, without a look into the files."""
    ruling = decide(replace(PARTNER, data=DataClass.CLIMATE), BOOK)

    assert ruling.rule == "partner-grant"
    assert ruling.refused
    assert ruling.refused.detail == "nhs-falls may see alert; this is climate"


def test_every_condition_is_asked_for_by_some_rule() -> None:
    """A condition that no rule uses would be kept true in vain."""
    assert {condition for rule in RULES.rules for condition in rule.conditions} == set(Condition)


def code(request: Request) -> str:
    """The code under which it is refused; empty if it is not."""
    refused = decide(request, BOOK).refused
    return refused.code if refused else ""
