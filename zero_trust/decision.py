"""The decision on a home's data: a request in, a yes or a no with its rule and its code out. Pure.

Deny by default. What is not known is a no; what no rule allows is a no; each condition is looked up
in what residents, partners and staff have agreed to, and one that cannot be found is a no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from zero_trust.break_glass import Opening
from zero_trust.grants import Grants
from zero_trust.reasons import Refused
from zero_trust.request import Action, DataClass, Proof, Request, Role, Subject
from zero_trust.rules import Condition, Policy, Rule


@dataclass(frozen=True, slots=True)
class Book:
    """What a site decides by: rules, agreements, and where the glass is broken."""

    policy: Policy
    grants: Grants
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A yes or a no.

    Attributes:
        rule: id of the rule that fits the request; empty if none does.
        refused: None if allowed, else code and detail.
    """

    rule: str
    refused: Refused | None = None

    @property
    def allow(self) -> bool:
        """Whether it may be done."""
        return self.refused is None


@dataclass(frozen=True, slots=True)
class _Known:
    """A request of which every field is known; the same fields in the same order."""

    role: Role
    group: str
    person: str
    proof: Proof
    proof_ends_ms: int
    home: str
    data: DataClass
    action: Action
    purpose: str
    now_ms: int

    @property
    def who(self) -> str:
        """As caseloads and turns of duty name people."""
        return f"{self.group}/{self.person}"

    @property
    def subject(self) -> str:
        """As the glass is broken by them."""
        return str(Subject(self.role, self.group, self.person))


_Check = Callable[[_Known, Book], Refused | None]


def decide(request: Request, book: Book) -> Ruling:
    """Decide whether a request is allowed, and by which rule."""
    if unknown := request.unknown:
        return Ruling("", Refused("evidence-missing", f"not known: {', '.join(unknown)}"))
    known = _Known(*request.values)
    rule = book.policy.rule(known.role, known.action, known.purpose)
    if rule is None:
        what = f"{known.role.value}, {known.action.value}, for {known.purpose!r}"
        return Ruling("", Refused("no-rule", what))
    return Ruling(rule.id, _refusal(known, rule, book))


def decide_classes(request: Request, classes: Iterable[DataClass], book: Book) -> dict[DataClass, Ruling]:
    """Decide for each of ``classes``, of a request that leaves the class open."""
    return {data: decide(replace(request, data=data), book) for data in classes}


def _refusal(known: _Known, rule: Rule, book: Book) -> Refused | None:
    if known.proof not in rule.proofs:
        return Refused("proof-not-enough", f"{known.proof.value}, for rule {rule.id}")
    if known.now_ms >= known.proof_ends_ms:
        return Refused("proof-ended")
    if known.data not in rule.classes:
        return Refused("class-not-allowed", f"{known.data.value}, by rule {rule.id}")
    refusals = (_CHECKS[condition](known, book) for condition in rule.conditions)
    return next((refused for refused in refusals if refused), None)


def _own_home(known: _Known, _: Book) -> Refused | None:
    return None if known.group == known.home else Refused("not-your-home", known.home)


def _consent(known: _Known, book: Book) -> Refused | None:
    consent = book.grants.consent(known.home)
    if consent is None:
        return Refused("home-not-agreed", known.home)
    if known.data in consent.family:
        return None
    return Refused("class-not-agreed", f"{known.home}: {_listed(consent.family)}; this is {known.data.value}")


def _caseload(known: _Known, book: Book) -> Refused | None:
    return None if book.grants.cares_for(known.who, known.home) else Refused("not-your-home", known.home)


def _on_duty(known: _Known, book: Book) -> Refused | None:
    return None if book.grants.on_duty(known.who, known.now_ms) else Refused("not-on-duty", known.who)


def _glass(known: _Known, book: Book) -> Refused | None:
    if any(opening.opens(known.subject, known.home, known.now_ms) for opening in book.openings):
        return None
    mine = [one for one in book.openings if (one.who, one.home) == (known.subject, known.home)]
    return Refused("glass-hour-over" if mine else "glass-not-broken", known.home)


def _grant(known: _Known, book: Book) -> Refused | None:
    """Some agreement must cover all of it; else the one that comes nearest says why not."""
    agreed = [
        grant
        for grant in book.grants.grants
        if (grant.organisation, grant.purpose) == (known.group, known.purpose)
    ]
    if not agreed:
        return Refused("no-grant", f"{known.group}, for {known.purpose}")
    running = [grant for grant in agreed if grant.covers(known.now_ms)]
    if not running:
        return Refused("grant-expired", _listed(f"{grant.starts} to {grant.until}" for grant in agreed))
    of_home = [grant for grant in running if known.home in grant.homes]
    if not of_home:
        return Refused("grant-other-homes", known.home)
    if any(known.data in grant.classes for grant in of_home):
        return None
    classes = {data for grant in of_home for data in grant.classes}
    return Refused(
        "grant-not-for-this", f"{known.group} may see {_listed(classes)}; this is {known.data.value}"
    )


_CHECKS: Mapping[Condition, _Check] = {
    Condition.OWN_HOME: _own_home,
    Condition.CONSENT: _consent,
    Condition.CASELOAD: _caseload,
    Condition.ON_DUTY: _on_duty,
    Condition.GLASS: _glass,
    Condition.GRANT: _grant,
}


def _listed(words: Iterable[DataClass | str]) -> str:
    told: Sequence[str] = sorted(word.value if isinstance(word, DataClass) else word for word in words)
    return ", ".join(told) or "nothing"
