"""A site's rules: who may do what with a home's data. Read from ``policy.toml``, strictly. Pure.

One rule at most fits a role, an action and a purpose: so each yes and each no has one rule to point to.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, TypeVar

import msgspec

from zero_trust.errors import PolicyError
from zero_trust.request import Action, DataClass, Proof, Role

VERSION_MAX = 1_000_000_000

Version = Annotated[int, msgspec.Meta(ge=1, le=VERSION_MAX)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]
T = TypeVar("T")


class Condition(enum.Enum):
    """What must hold beside, looked up by the site itself."""

    OWN_HOME = "own-home"  # the subject's group is the home
    CONSENT = "consent"  # the home agreed that its family sees this class
    CASELOAD = "caseload"  # the home is on the subject's caseload
    ON_DUTY = "on-duty"  # the subject's duty covers now
    GLASS = "glass-broken"  # the subject broke the glass for this home, within the hour
    GRANT = "grant"  # an agreement with the subject's organisation covers home, class, purpose and now


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row: allowed is what it names, if its conditions hold."""

    id: Word
    role: Role
    action: Action
    purposes: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)]
    proofs: Annotated[tuple[Proof, ...], msgspec.Meta(min_length=1)]
    classes: Annotated[tuple[DataClass, ...], msgspec.Meta(min_length=1)]
    conditions: tuple[Condition, ...] = ()


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rules; what none of them allows is refused."""

    version: Version
    rules: tuple[Rule, ...] = msgspec.field(name="rule", default=())

    def rule(self, role: Role, action: Action, purpose: str) -> Rule | None:
        """The one rule for this, if there is one."""
        fitting = (
            rule
            for rule in self.rules
            if rule.role is role and rule.action is action and purpose in rule.purposes
        )
        return next(fitting, None)


def parse_policy(text: str, file: str) -> Policy:
    """Read the text of ``file``.

    Raises:
        PolicyError: ``policy-file-wrong``; the detail names file and key.
    """
    policy = parse_strictly(text, Policy, file)
    for trouble in _troubles(policy):
        raise PolicyError("policy-file-wrong", f"{file}: {trouble}")
    return policy


def parse_strictly(text: str, kind: type[T], file: str) -> T:
    """Read TOML into ``kind``; an unknown, missing or wrong key is an error that names it.

    Raises:
        PolicyError: ``policy-file-wrong``.
    """
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise PolicyError("policy-file-wrong", f"{file}: {error}") from error


def _troubles(policy: Policy) -> Iterator[str]:
    """What a single key does not show."""
    taken: dict[Any, str] = {}
    ids: set[str] = set()
    for number, rule in enumerate(policy.rules):
        where = f"rule[{number}]"
        if rule.id in ids:
            yield f"{where}.id: there is another rule {rule.id!r}"
        ids.add(rule.id)
        for purpose in rule.purposes:
            other = taken.setdefault((rule.role, rule.action, purpose), rule.id)
            if other != rule.id:
                yield f"{where}.purposes: {rule.role.value} {rule.action.value} for {purpose!r} is rule {other!r}'s"
        yield from _unfit(rule, where)


# Conditions without which a role's reading would be a door left open, and roles that never break the glass.
_NEEDED = {
    (Role.FAMILY, Action.READ): {Condition.OWN_HOME, Condition.CONSENT},
    (Role.PARTNER, Action.READ): {Condition.GRANT},
    (Role.STAFF, Action.BREAK_GLASS): {Condition.ON_DUTY},
    (Role.STAFF, Action.AGREE): {Condition.CASELOAD},
    (Role.STAFF, Action.PAUSE): {Condition.CASELOAD},
}
_MAY = {
    Role.FAMILY: {Action.READ},
    Role.PARTNER: {Action.READ},
    Role.STAFF: {
        Action.READ,
        Action.ANSWER,
        Action.BREAK_GLASS,
        Action.REVIEW,
        Action.AGREE,
        Action.PAUSE,
    },
    Role.OPERATOR: {
        Action.READ,
        Action.ANSWER,
        Action.COPY,
        Action.ERASE,
        Action.REVIEW,
        Action.AGREE,
        Action.PAUSE,
    },
}


def _unfit(rule: Rule, where: str) -> Iterator[str]:
    if rule.action not in _MAY[rule.role]:
        yield f"{where}.action: {rule.role.value} never may {rule.action.value}"
    missing = _NEEDED.get((rule.role, rule.action), set()) - set(rule.conditions)
    if rule.role is Role.STAFF and rule.action in {Action.READ, Action.ANSWER}:
        either = {Condition.CASELOAD, Condition.GLASS}
        missing = set() if either & set(rule.conditions) else {Condition.CASELOAD}
    for condition in sorted(missing, key=lambda one: one.value):
        yield f"{where}.conditions: {rule.role.value} {rule.action.value} needs {condition.value!r}"
    agreed = {Condition.CONSENT, Condition.GRANT}
    for condition, data in product(agreed & set(rule.conditions), rule.classes):
        if data is DataClass.ALL:
            yield f"{where}.classes: nobody agrees to 'all' ({condition.value})"
