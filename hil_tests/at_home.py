"""What a scenario asks of the site's word on a home: its ledger and its incidents, at given moments. Pure.

Both clocks count: ``at`` is when the site is asked, ``of`` the moment that it is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.hindsight import Explanation, known
from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.titles import BLIND
from cloud_sync.assurance.watching import Stretch
from hil_tests.home_clock import spoken

Second = Annotated[float, msgspec.Meta(ge=0)]
SUBJECTS = (BLIND, *(question.value for question in Question))


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What must be so at one moment of the story.

    Attributes:
        at_s: When the site is asked, in seconds of the story.
        of_s: About which moment; None: the same.
        states: How well each of these questions was watched at ``of_s``, as the site knew at ``at_s``.
        incidents: What must stand open at ``at_s``, by subject, with words that its evidence must hold.
        quiet_since_s: Since when nothing about the person may have been raised; None: it is not asked.
        learned: Words that must be in what was learned until ``at_s`` of the blindness at ``of_s``; None: it is not asked,
            empty: nothing may have been learned.
    """

    at_s: Second
    of_s: Second | None = None
    states: dict[Question, State] = {}
    incidents: dict[str, str] = {}
    quiet_since_s: Second | None = None
    learned: str | None = None

    @property
    def asked_of_s(self) -> float:
        """The moment that it is about."""
        return self.at_s if self.of_s is None else self.of_s


@dataclass(frozen=True, slots=True)
class SiteWord:
    """Everything that the site said of a home.

    Attributes:
        stretches: The ledger of all questions.
        incidents: As they ended.
        explanations: What was learned afterwards of times in which we were blind, all of them.
    """

    stretches: Sequence[Stretch] = ()
    incidents: Sequence[Incident] = ()
    explanations: Sequence[Explanation] = ()


def differences(moments: Iterable[Moment], word: SiteWord, story_at_s: float) -> Iterable[str]:
    """A sentence for each thing that is not as it must be; the story began at ``story_at_s``, wall clock."""
    for moment in moments:
        yield from _ledger(moment, word, story_at_s)
        yield from _incidents(moment, word, story_at_s)
        yield from _noise(moment, word, story_at_s)
        yield from _learned(moment, word, story_at_s)


def complaints(moments: Sequence[Moment], duration_s: float) -> Iterable[str]:
    """What no single key shows, each with the place where it stands."""
    for number, moment in enumerate(moments):
        place = f"expect.moments[{number}]"
        if moment.at_s > duration_s:
            yield f"{moment.at_s:g} s is after the end, {duration_s:g} s - at `{place}.at_s`"
        for name in ("of_s", "quiet_since_s"):
            if (getattr(moment, name) or 0.0) > moment.at_s:
                yield f"nobody knows at {moment.at_s:g} s what comes later - at `{place}.{name}`"
        for subject in moment.incidents:
            if subject not in SUBJECTS:
                yield f"{subject!r} is no incident; there are: {', '.join(SUBJECTS)} - at `{place}.incidents`"
        if (
            not moment.states
            and not moment.incidents
            and moment.quiet_since_s is None
            and moment.learned is None
        ):
            yield f"nothing is asked at this moment - at `{place}`"


def _ledger(moment: Moment, word: SiteWord, story_at_s: float) -> Iterable[str]:
    of_s = moment.asked_of_s
    for question, state in moment.states.items():
        ours = [one for one in word.stretches if one.question is question]
        found = known(ours, _ms(story_at_s + of_s), _ms(story_at_s + moment.at_s))
        if found is None or found.state is not state:
            said = f"{found.state.value} ({found.cause.value})" if found else "not asked"
            yield (
                f"At {spoken(moment.at_s)} the ledger says that {question.value!r} was {said}"
                f" at {spoken(of_s)}, not {state.value}."
            )


def _incidents(moment: Moment, word: SiteWord, story_at_s: float) -> Iterable[str]:
    at_ms = _ms(story_at_s + moment.at_s)
    for subject, words in moment.incidents.items():
        open_ = [one for one in word.incidents if one.subject == subject and _stands(one, at_ms)]
        if not open_:
            yield f"At {spoken(moment.at_s)} no incident {subject!r} stands open."
        elif not any(words in one.evidence for one in open_):
            yield f"The evidence of the incident {subject!r} is {open_[0].evidence!r}, without {words!r}."


def _noise(moment: Moment, word: SiteWord, story_at_s: float) -> Iterable[str]:
    if moment.quiet_since_s is None:
        return
    since_ms, at_ms = _ms(story_at_s + moment.quiet_since_s), _ms(story_at_s + moment.at_s)
    for one in word.incidents:
        if one.about is About.PERSON and since_ms <= one.raised_ms <= at_ms:
            when = spoken(one.raised_ms / 1000 - story_at_s)
            yield f"At {when} an incident about the person was raised, {one.subject!r}: {one.evidence}"


def _learned(moment: Moment, word: SiteWord, story_at_s: float) -> Iterable[str]:
    if moment.learned is None:
        return
    of_ms, at_ms = _ms(story_at_s + moment.asked_of_s), _ms(story_at_s + moment.at_s)
    told = [
        one
        for one in word.explanations
        if one.known_ms <= at_ms and one.of.from_ms <= of_ms < one.of.until_ms
    ]
    said = max(told, key=lambda one: one.known_ms).sentence if told else ""
    if (moment.learned not in said) if moment.learned else said:
        yield (
            f"At {spoken(moment.at_s)} the site had learned {said!r} of {spoken(moment.asked_of_s)},"
            f" not {moment.learned!r}."
        )


def _stands(one: Incident, at_ms: int) -> bool:
    return one.raised_ms <= at_ms and (one.closed_ms is None or at_ms < one.closed_ms)


def _ms(at_s: float) -> int:
    return round(at_s * 1000)
