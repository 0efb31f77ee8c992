"""What residents agreed to, who cares for whom, and agreements with partners. From ``grants.toml``, strictly. Pure.

Dates are whole days in UTC: from the first moment of ``from`` to the last of ``until``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

import msgspec

from zero_trust.errors import PolicyError
from zero_trust.request import DataClass
from zero_trust.rules import Version, Word, parse_strictly

GRANT_MONTHS_MAX = 12
DAY_MS = 86_400_000
NOTICE_DAYS = (7, 30)  # before a grant ends, or an agreement is to be talked over again

Person = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}/[a-z0-9._@-]{1,64}$")]
Home = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Classes = Annotated[tuple[DataClass, ...], msgspec.Meta(min_length=1)]
Homes = Annotated[tuple[Home, ...], msgspec.Meta(min_length=1)]


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a home agreed that its family may see.

    Attributes:
        home: id of the home.
        family: classes of data; none is a no to everything.
        agreed_by: who decided and on what basis: the resident, or who may decide for them.
        agreed: when.
        review: when to ask again. It ends nothing by itself, but is asked for.
    """

    home: Home
    family: tuple[DataClass, ...]
    agreed_by: Text
    agreed: dt.date
    review: dt.date


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"starts": "from"}):
    """An agreement with a partner; it ends by itself, after 12 months at the latest.

    Attributes:
        organisation: the subject's group.
        purpose: for which alone.
        classes: of data.
        homes: ids; a cohort is written out, so that leaving it is a line less.
        starts: first day, ``from`` in the file.
        until: last day.
        agreed_by: who agreed.
        dpia: where the data-protection assessment is.
    """

    organisation: Word
    purpose: Word
    classes: Classes
    homes: Homes
    starts: dt.date
    until: dt.date
    agreed_by: Text
    dpia: Text

    def covers(self, now_ms: int) -> bool:
        """Whether the agreement runs at ``now_ms``."""
        return day_ms(self.starts) <= now_ms < self.ends_ms

    @property
    def ends_ms(self) -> int:
        """The moment after its last."""
        return day_ms(self.until) + DAY_MS


class Caseload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The homes that a member of staff cares for; ``who`` is ``employer/person``."""

    who: Person
    homes: Homes


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"starts": "from"}):
    """A turn of duty, with time zone; ``starts`` is ``from`` in the file."""

    who: Person
    starts: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    until: Annotated[dt.datetime, msgspec.Meta(tz=True)]

    def covers(self, now_ms: int) -> bool:
        """Whether the turn runs at ``now_ms``."""
        return self.starts.timestamp() * 1000 <= now_ms < self.until.timestamp() * 1000


class Grants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was agreed."""

    version: Version
    homes: tuple[Consent, ...] = msgspec.field(name="home", default=())
    grants: tuple[Grant, ...] = msgspec.field(name="grant", default=())
    caseloads: tuple[Caseload, ...] = msgspec.field(name="staff", default=())
    duties: tuple[Duty, ...] = msgspec.field(name="duty", default=())

    def consent(self, home: str) -> Consent | None:
        """What ``home`` agreed to, if anything is written down."""
        return next((one for one in self.homes if one.home == home), None)

    def cares_for(self, who: str, home: str) -> bool:
        """Whether ``home`` is on the caseload of ``who``."""
        return any(one.who == who and home in one.homes for one in self.caseloads)

    def on_duty(self, who: str, now_ms: int) -> bool:
        """Whether a turn of duty of ``who`` runs."""
        return any(one.who == who and one.covers(now_ms) for one in self.duties)


def parse_grants(text: str, file: str) -> Grants:
    """Read the text of ``file``.

    Raises:
        PolicyError: ``policy-file-wrong``; the detail names file and key.
    """
    grants = parse_strictly(text, Grants, file)
    for trouble in _troubles(grants):
        raise PolicyError("policy-file-wrong", f"{file}: {trouble}")
    return grants


def notices(grants: Grants, now_ms: int) -> list[str]:
    """What ends soon, has ended, or is to be talked over again: sentences for whoever keeps the file."""
    ends = ((grant, _told(day_ms(grant.until), now_ms, "ends", "ended")) for grant in grants.grants)
    reviews = (
        (home, _told(day_ms(home.review), now_ms, "is to be reviewed", "was to be reviewed"))
        for home in grants.homes
    )
    return [
        *(
            f"The grant to {one.organisation} for {one.purpose} {told} {one.until}."
            for one, told in ends
            if told
        ),
        *(f"What home {one.home} agreed to {told} {one.review}." for one, told in reviews if told),
    ]


def day_ms(day: dt.date) -> int:
    """The first moment of a day, wall clock."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()) * 1000


def _told(last_ms: int, now_ms: int, soon: str, over: str) -> str:
    left_days = (last_ms + DAY_MS - now_ms) / DAY_MS
    if left_days <= 0:
        return f"{over} on"
    near = next((days for days in NOTICE_DAYS if left_days <= days), None)
    return f"{soon} within {near} days, on" if near else ""


def _troubles(grants: Grants) -> Iterator[str]:
    """What a single key does not show."""
    known: set[str] = set()
    for number, home in enumerate(grants.homes):
        if home.home in known:
            yield f"home[{number}].home: {home.home!r} stands there twice"
        known.add(home.home)
        if home.review <= home.agreed:
            yield f"home[{number}].review: {home.review} is not after {home.agreed}"
    for number, grant in enumerate(grants.grants):
        yield from _grant_troubles(grant, f"grant[{number}]")
    for number, duty in enumerate(grants.duties):
        if duty.until <= duty.starts:
            yield f"duty[{number}].until: it is not after its beginning"
    agreed = [*(home.family for home in grants.homes), *(grant.classes for grant in grants.grants)]
    if any(DataClass.ALL in classes for classes in agreed):
        yield "family, classes: nobody agrees to 'all'; name the classes one by one"


def _grant_troubles(grant: Grant, where: str) -> Iterator[str]:
    if grant.until < grant.starts:
        yield f"{where}.until: {grant.until} is before {grant.starts}"
    if grant.until > _a_year_after(grant.starts):
        yield f"{where}.until: {grant.until} is more than {GRANT_MONTHS_MAX} months after {grant.starts}"


def _a_year_after(day: dt.date) -> dt.date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, month=3, day=1)
