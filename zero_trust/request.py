"""Who asks to do what with whose data, and the words a site's rules are written in. Pure.

Every field of a :class:`Request` is evidence: None is "not known", and what is not known is a no.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from zero_trust.errors import BadNameError

EVERY_HOME = "*"  # in place of a home: the whole store

_SUBJECT = re.compile(r"([a-z]+):([a-z0-9-]{1,32})/([a-z0-9._@-]{1,64})")


class Role(enum.Enum):
    """In which capacity somebody asks; what a subject's group means depends on it."""

    FAMILY = "family"  # group: the home they are family of
    STAFF = "staff"  # group: their employer
    PARTNER = "partner"  # group: the organisation
    OPERATOR = "operator"  # group: the site


class Action(enum.Enum):
    """What may be done with data of a home."""

    READ = "read"
    COPY = "copy"
    ERASE = "erase"
    BREAK_GLASS = "break-glass"
    REVIEW = "review"
    ANSWER = "answer"  # an incident: take it in hand, or close it
    AGREE = "agree"  # write down what was agreed, or that it was withdrawn
    PAUSE = "pause"  # pause what is asked, begin or end a life event


class DataClass(enum.Enum):
    """Kinds of data that people agree to one by one; ``all`` is whatever there is, and never agreed to."""

    STATE = "state"  # is the home watched, since when not, and why
    ALERT = "alert"  # calls for help, smoke, gas, water
    ACTIVITY = "activity"  # doors, motion, presence: what somebody does
    CLIMATE = "climate"  # warmth, air, light
    HEALTH = "health"  # a body's measures
    UPKEEP = "upkeep"  # batteries and signals
    OTHER = "other"  # what no class was found for
    ALL = "all"


class Proof(enum.Enum):
    """By what it is known who asks."""

    LINK = "link"  # a signed link of the portal
    CONSOLE = "console"  # an account of the machine that the site runs on
    ADMIN = "admin"  # the authority's admin API
    CHANNEL = "channel"  # a way to people that the site's configuration names


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, as rules and the audit name them: ``staff:council/amy``."""

    role: Role
    group: str
    person: str

    def __str__(self) -> str:
        return f"{self.role.value}:{self.group}/{self.person}"


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to do what; None is "not known".

    Attributes:
        role: in which capacity.
        group: home, employer, organisation or site, by role.
        person: who it is within the group.
        proof: by what that is known.
        proof_ends_ms: wall clock at which the proof ends.
        home: whose data; ``*``: everybody's.
        data: which class of it.
        action: what is to be done.
        purpose: what for, a word that rules and grants name.
        now_ms: wall clock.
    """

    role: Role | None = None
    group: str | None = None
    person: str | None = None
    proof: Proof | None = None
    proof_ends_ms: int | None = None
    home: str | None = None
    data: DataClass | None = None
    action: Action | None = None
    purpose: str | None = None
    now_ms: int | None = None

    @property
    def subject(self) -> str:
        """Who asks, as far as it is known."""
        role = self.role.value if self.role else "?"
        return f"{role}:{self.group or '?'}/{self.person or '?'}"

    @property
    def values(self) -> tuple[Any, ...]:
        """All fields, in order."""
        return _values(self)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The fields that nobody gave."""
        named = zip(_NAMES, self.values, strict=True)
        return tuple(name for name, value in named if value is None or value == "")


_NAMES = tuple(field.name for field in fields(Request))
_values = attrgetter(*_NAMES)


def parse_subject(text: str) -> Subject:
    """Read ``role:group/person``.

    Raises:
        BadNameError: it is not of that form.
    """
    match = _SUBJECT.fullmatch(text)
    if match is None or match[1] not in {role.value for role in Role}:
        roles = ", ".join(role.value for role in Role)
        raise BadNameError(
            "subject-malformed", f"{text[:60]!r} is not ROLE:GROUP/PERSON with a role of {roles}"
        )
    return Subject(Role(match[1]), match[2], match[3])
