"""What is not asked of a home now, and what its hubs shall leave out for it. Pure.

A question is *closed* while a pause names it or nobody has agreed to it. Closed is what we want; PAUSED is what the hubs say: a
pause that leaves sensors out counts only once every hub of the home goes by it. What no open question needs is left out.
Calls for help and warners of smoke, gas and water stay unless a pause names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.consent import DAY_MS, TOLD_DAYS, Consent, agreed, ended_ms, holds_until_ms
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.assurance.local_time import MINUTE_MS, day, spoken
from cloud_sync.assurance.plan import NEEDS, QUESTION_WORDS, Question
from cloud_sync.wire.setting import NO_END_MS, PAUSES_MAX, Pause
from device_profiles.role import Role

CALLS: Final = frozenset({Question.HELP, Question.HAZARD})
EVERYTHING: Final = frozenset(Question) - CALLS  # a pause that names no question is one of all these
LONG_MS: Final = 24 * 60 * MINUTE_MS
END_TOLD_MS: Final = 12 * 60 * MINUTE_MS
_ROLES: Final = frozenset(Role)
_ASKED_FOR: Final = frozenset(role for needs in NEEDS.values() for role in needs)


@dataclass(frozen=True, slots=True)
class Asked:
    """A pause as it was asked for at the site.

    Attributes:
        questions: what is not to be asked.
        asked_by: in which capacity.
        from_ms: wall clock.
        until_ms: wall clock; it ends by itself.
        event: the life event it belongs to; empty: none.
        stays: of one that only a hub knew of, the roles that stay; None: it was written down here.
        written_by: who wrote it down.
        number: under which it stands; 0: not yet.
        ended_ms: ended then, before its time; None: it was not.
    """

    questions: frozenset[Question]
    asked_by: str
    from_ms: int
    until_ms: int
    event: str = ""
    stays: tuple[str, ...] | None = None
    written_by: str = ""
    number: int = 0
    ended_ms: int | None = None

    @property
    def ends_ms(self) -> int:
        """When it ends or ended, wall clock."""
        return self.until_ms if self.ended_ms is None else min(self.ended_ms, self.until_ms)

    def covers(self, at_ms: int) -> bool:
        """Whether it runs at a moment."""
        return self.from_ms <= at_ms < self.ends_ms


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a home agreed to and asked for.

    Attributes:
        consents: all, the ended ones too.
        pauses: all, the ended ones too.
        needed: whether a question that nobody agreed to is paused.
    """

    consents: tuple[Consent, ...] = ()
    pauses: tuple[Asked, ...] = ()
    needed: bool = True

    def paused(self, at_ms: int) -> frozenset[Question]:
        """The questions that pauses name at a moment."""
        return frozenset(q for pause in self.pauses if pause.covers(at_ms) for q in pause.questions)

    def not_agreed(self, at_ms: int) -> frozenset[Question]:
        """The questions that nobody has agreed to at a moment."""
        if not self.needed:
            return frozenset()
        return frozenset(q for q in Question if not agreed(self.consents, q, at_ms))


@dataclass(frozen=True, slots=True)
class Closed:
    """What is not asked at a moment.

    Attributes:
        verdicts: on each question that is closed, as it will read once it is PAUSED.
        certain: those of them that are PAUSED, since the hubs say so or need not say anything.
    """

    verdicts: Mapping[Question, Verdict] = field(default_factory=dict)
    certain: frozenset[Question] = frozenset()


NOTHING: Final = Closed()


def wanted(agreed: Agreed, now_ms: int) -> tuple[Pause, ...]:
    """What a hub of the home shall leave out from now on, span by span."""
    spans: list[Pause] = []
    moments = _moments(agreed, now_ms)
    for start_ms, end_ms in zip(moments, [*moments[1:], NO_END_MS], strict=True):
        stays = _stays(agreed, start_ms)
        if stays == _words(_ROLES) or end_ms <= now_ms:
            continue
        if spans and (spans[-1].until_ms, spans[-1].stays) == (start_ms, stays):
            spans[-1] = Pause(spans[-1].from_ms, end_ms, stays)
        else:
            spans.append(Pause(start_ms, end_ms, stays))
    # Those furthest away come with a later setting.
    return tuple(spans[:PAUSES_MAX])


def closed(agreed: Agreed, hubs: Iterable[Sequence[Pause]], now_ms: int) -> Closed:
    """What is not asked now.

    Args:
        agreed: by the home.
        hubs: for each of its hubs, the pauses that it says it goes by.
        now_ms: wall clock.
    """
    verdicts = {q: _unagreed(agreed, q, now_ms) for q in agreed.not_agreed(now_ms)}
    certain = frozenset(verdicts)
    for pause in agreed.pauses:
        if pause.covers(now_ms):
            verdicts |= {q: Verdict(State.PAUSED, Cause.PAUSED, pause.from_ms) for q in pause.questions}
    left_out = _ROLES - _roles(_stays(agreed, now_ms))
    really = [_left_out(pauses, now_ms) for pauses in hubs]
    confirmed = {q for q in verdicts if all(left_out.intersection(NEEDS[q]) <= roles for roles in really)}
    return Closed(verdicts, certain | confirmed)


def notes(agreed: Agreed, questions: Iterable[Question], now_ms: int, zone: ZoneInfo) -> dict[str, str]:
    """What is to be told to whom it concerns, by subject; an empty text: nothing (any more).

    Args:
        agreed: by the home.
        questions: those that its sensors can answer.
        now_ms: wall clock.
        zone: of the home.
    """
    ending = [pause for pause in agreed.pauses if pause.covers(now_ms) and _ends_soon(pause, now_ms)]
    told = sorted(
        {f"{_pause_words(one)} ends at {spoken(one.ends_ms, zone)}; then we ask again." for one in ending}
    )
    return {"consent": " ".join(_on_consent(agreed, tuple(questions), now_ms, zone)), "pause": " ".join(told)}


def _on_consent(agreed: Agreed, questions: Sequence[Question], now_ms: int, zone: ZoneInfo) -> Iterator[str]:
    not_agreed = agreed.not_agreed(now_ms)
    never = [q for q in questions if q in not_agreed and ended_ms(agreed.consents, q, now_ms) is None]
    ended = [q for q in questions if q in not_agreed and q not in never]
    if never:
        yield f"Nobody has agreed yet that we ask: {_listed(never)}."
    if ended:
        yield f"What was agreed has ended, so we no longer ask: {_listed(ended)}."
    soon: dict[tuple[int, str], list[Question]] = {}
    for question in [q for q in questions if agreed.needed and q not in not_agreed]:
        ends_ms = holds_until_ms(agreed.consents, question, now_ms)
        if days := next((days for days in TOLD_DAYS if ends_ms - now_ms <= days * DAY_MS), None):
            soon.setdefault((days, day(ends_ms, zone)), []).append(question)
    for (days, date), asked in sorted(soon.items()):
        within = "a day" if days == 1 else f"{days} days"
        yield f"What was agreed ends within {within}, on {date}: {_listed(asked)}."


def _ends_soon(pause: Asked, now_ms: int) -> bool:
    """Whether its end is worth telling: of a long one, in its last hours."""
    return pause.ends_ms - pause.from_ms > LONG_MS and pause.ends_ms - now_ms <= END_TOLD_MS


def _pause_words(pause: Asked) -> str:
    return f"“{pause.event.replace('-', ' ').capitalize()}”" if pause.event else "The pause"


def _listed(questions: Iterable[Question]) -> str:
    return ", ".join(QUESTION_WORDS[question].lower() for question in questions)


def leaving_out(role: str, pauses: Iterable[Pause]) -> tuple[Pause, ...]:
    """The pauses under which sensors of a role are left out."""
    return tuple(pause for pause in pauses if role not in pause.stays)


def _unagreed(agreed: Agreed, question: Question, now_ms: int) -> Verdict:
    ended = ended_ms(agreed.consents, question, now_ms)
    if ended is None:
        return Verdict(State.PAUSED, Cause.NOT_AGREED, 0)
    return Verdict(State.PAUSED, Cause.AGREEMENT_ENDED, ended)


def _moments(agreed: Agreed, now_ms: int) -> list[int]:
    """When something begins or ends; the first is the last before now, so that what runs keeps its beginning."""
    ends: list[Consent | Asked] = [*agreed.consents, *agreed.pauses]
    known = {0}.union(*({one.from_ms, one.ends_ms} for one in ends))
    past = max(moment for moment in known if moment <= now_ms)
    return [past, *sorted(moment for moment in known if moment > now_ms)]


def _stays(agreed: Agreed, at_ms: int) -> tuple[str, ...]:
    """The roles that some open question needs at a moment."""
    paused, not_agreed = agreed.paused(at_ms), agreed.not_agreed(at_ms) - CALLS
    not_asked = paused | not_agreed
    needed = {role for question, roles in NEEDS.items() if question not in not_asked for role in roles}
    if not (paused >= EVERYTHING or not_agreed):
        needed |= _ROLES - _ASKED_FOR  # no question needs them: they stay where everything was agreed to
    stays = set(_words(needed))
    for pause in agreed.pauses:
        if pause.stays is not None and pause.covers(at_ms):
            stays &= set(pause.stays)
    return tuple(sorted(stays))


def _left_out(pauses: Iterable[Pause], now_ms: int) -> frozenset[Role]:
    """The roles that a hub leaves out now."""
    stay = [frozenset(pause.stays) for pause in pauses if pause.covers(now_ms)]
    return frozenset(role for role in Role if any(role.value not in roles for roles in stay))


def _words(roles: Iterable[Role]) -> tuple[str, ...]:
    return tuple(sorted(role.value for role in roles))


def _roles(words: Iterable[str]) -> frozenset[Role]:
    return frozenset(Role(word) for word in words if word in {role.value for role in Role})
