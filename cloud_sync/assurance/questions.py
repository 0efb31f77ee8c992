"""The questions a family asks, each a function from what is known of the home to a finding. Pure.

They detect that expected evidence is absent, never "a fall". A "no" counts only while the question is watched;
that is for ``home.py`` to see to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from cloud_sync.assurance.activity import Spell
from cloud_sync.assurance.finding import (
    NOTHING_YET,
    Answer,
    Finding,
    Severity,
    count_words,
    length_words,
    spell_words,
)
from cloud_sync.assurance.household import Household
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY, Local, local, minutes, spoken, within
from cloud_sync.assurance.plan import Parameters, Plan, Question

HOUR_MS: Final = 3_600_000
WANDER_ROOMS_MIN: Final = 3
RISING_EARLY_MIN: Final = 30  # so long before the usual time, being about is no wandering
WANDER_OVER_MS: Final = 30 * MINUTE_MS  # a batch may be a quarter of an hour behind
RESTED_MS: Final = 45 * MINUTE_MS
DOOR_SETTLES_MS: Final = 10 * MINUTE_MS
DOOR_RECENT_MS: Final = 9 * HOUR_MS  # a night


class Moment(NamedTuple):
    """When a question is asked, and how far it can be trusted.

    Attributes:
        now_ms: wall clock.
        at: the same, in the home.
        watched_ms: since when this question has been watched without a gap.
        lost: addresses of sensors it leans on that we cannot hear.
    """

    now_ms: int
    at: Local
    watched_ms: int
    lost: frozenset[str] = frozenset()


def up(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Is she up by her usual time?"""
    day, minute = moment.at
    if rose := home.rose(day, moment.now_ms):
        return Finding(Answer.YES, evidence=f"Up: {spell_words(rose, home.zone)}.")
    latest = _latest_rising(home, plan.parameters, day)
    began_ms = moment.now_ms - int((minute - minutes(plan.parameters.up_from)) * MINUTE_MS)
    if minute < latest or moment.watched_ms > began_ms or home.out_since(moment.now_ms) is not None:
        return NOTHING_YET
    usual = home.habits.usual_rising(day)
    by = f"Usually up by {_clock(usual)}" if usual is not None else f"Expected by {plan.parameters.up_by}"
    since_ms = moment.now_ms - int((minute - latest) * MINUTE_MS)
    return Finding(Answer.NO, since_ms, f"{by}; no sure sign of it today.")


def moving(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Does somebody at home move as usual?"""
    if home.seen_ms is None or home.quiet_ms is None:
        return NOTHING_YET
    fixed_h, now_ms = plan.parameters.inactivity_fixed_h, moment.now_ms
    fixed_ms = max(home.seen_ms, moment.watched_ms)
    if fixed_h is not None and now_ms - fixed_ms >= fixed_h * HOUR_MS:
        return _still(
            home, moment, fixed_ms, f"more than the {fixed_h:g} hours that were chosen for this home"
        )
    if (out_ms := home.out_since(now_ms)) is not None:
        return Finding(Answer.YES, evidence=f"Out since {spoken(out_ms, home.zone)}.")
    since_ms = max(home.quiet_ms, moment.watched_ms)
    patience_min = home.patience_min(since_ms, moment.lost)
    if patience_min is not None and now_ms - since_ms >= patience_min * MINUTE_MS:
        usual = length_words(patience_min * MINUTE_MS)
        return _still(home, moment, since_ms, f"in {home.habits.days} days never {usual} at this time of day")
    spell = home.spell
    return (
        Finding(Answer.YES, evidence=f"Last sure sign: {spell_words(spell, home.zone)}.")
        if spell
        else NOTHING_YET
    )


def out(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Is she back from where she went, as usual?"""
    out_ms = home.out_since(moment.now_ms)
    if out_ms is None:
        return Finding(Answer.YES, evidence="At home.") if home.seen_ms else NOTHING_YET
    longest_min = max(home.habits.outing_max_min(), plan.parameters.out_max_h * 60)
    if moment.now_ms - out_ms < longest_min * MINUTE_MS:
        return Finding(Answer.YES, evidence=f"Out since {spoken(out_ms, home.zone)}.")
    gone = length_words(moment.now_ms - out_ms)
    return Finding(
        Answer.NO, out_ms, f"The door at {spoken(out_ms, home.zone)}, and nobody inside for {gone} since."
    )


def warm(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Is it warm enough, where it is warmest?"""
    value, step = home.cold.warmest(moment.now_ms), home.cold.step(moment.now_ms)
    if value is None:
        return NOTHING_YET
    at_rest = step == Severity.NOTE and _at_night(moment.at, plan.parameters)  # advice is for who is up
    if step is None or at_rest:
        return Finding(Answer.YES, evidence=f"{value:.1f} °C.")
    limit = plan.parameters.warm.steps[step]
    words = f"{value:.1f} °C in the warmest room, below {limit:g} °C."
    return Finding(Answer.NO, home.cold.since_ms[step], words, Severity(step))


def door(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Is the door shut at night?"""
    p, now_ms = plan.parameters, moment.now_ms
    if not _at_night(moment.at, p):
        return NOTHING_YET
    open_ms, used_ms = min(home.doors.values(), default=None), home.used_door_ms
    if open_ms is not None and now_ms - open_ms >= p.door_open_max_min * MINUTE_MS:
        return Finding(Answer.NO, open_ms, f"A way out has stood open since {spoken(open_ms, home.zone)}.")
    recent = used_ms is not None and now_ms - used_ms < DOOR_RECENT_MS
    if used_ms is None or not recent or not _at_night(local(used_ms, home.zone), p):
        return Finding(Answer.YES, evidence="Shut." if open_ms is None else "Open.")
    at = spoken(used_ms, home.zone)
    if home.came_in and now_ms - used_ms < DOOR_SETTLES_MS:  # whoever comes home is seen inside soon
        return NOTHING_YET
    if open_ms is None and now_ms - used_ms >= DOOR_SETTLES_MS and home.out_since(now_ms) is None:
        return Finding(Answer.YES, evidence=f"Used at {at}, shut again, and somebody is inside.")
    return Finding(Answer.NO, used_ms, f"A way out was used at {at}.")


def wandering(home: Household, plan: Plan, moment: Moment) -> Finding:
    """Does she walk about at night, beyond bed and bathroom?"""
    p, spell = plan.parameters, home.night
    if spell is None or not _at_night(moment.at, p, home.habits.usual_rising(moment.at.day)):
        return NOTHING_YET
    if _rested_ms(spell, home, p) < RESTED_MS:  # she has not been to bed yet
        return Finding(Answer.YES)
    lasting = spell.to_ms - spell.from_ms >= p.wander_min * MINUTE_MS
    if lasting and len(spell.rooms) >= WANDER_ROOMS_MIN and moment.now_ms - spell.to_ms < WANDER_OVER_MS:
        rooms = count_words(len(spell.rooms))
        return Finding(
            Answer.NO, spell.from_ms, f"About in {rooms} rooms since {spoken(spell.from_ms, home.zone)}."
        )
    return Finding(Answer.YES)


def help_pressed(home: Household, _plan: Plan, _moment: Moment) -> Finding:
    """Has nobody called for help? A press stands until a person has closed it."""
    if not home.pressed:
        return Finding(Answer.YES)
    at_ms = min(home.pressed.values())
    return Finding(
        Answer.NO, at_ms, f"The help button was pressed at {spoken(at_ms, home.zone)}.", Severity.EMERGENCY
    )


def hazard(home: Household, plan: Plan, _moment: Moment) -> Finding:
    """Is there no smoke, gas or water?"""
    if not home.hazards:
        return Finding(Answer.YES)
    sensor, at_ms = min(home.hazards.items(), key=lambda item: item[1])
    where = plan.sensors[sensor].room
    return Finding(
        Answer.NO, at_ms, f"The warner in {where} went off at {spoken(at_ms, home.zone)}.", Severity.EMERGENCY
    )


ASK: Final[Mapping[Question, Callable[[Household, Plan, Moment], Finding]]] = {
    Question.UP: up,
    Question.MOVING: moving,
    Question.OUT: out,
    Question.WARM: warm,
    Question.DOOR: door,
    Question.WANDERING: wandering,
    Question.HELP: help_pressed,
    Question.HAZARD: hazard,
}


def _still(home: Household, moment: Moment, since_ms: int, than: str) -> Finding:
    lasted = length_words(moment.now_ms - since_ms)
    return Finding(
        Answer.NO,
        since_ms,
        f"No sure sign of anybody since {spoken(since_ms, home.zone)}, for {lasted}: {than}.",
    )


def _latest_rising(home: Household, p: Parameters, day: int) -> float:
    if home.habits.risings(day) >= p.learn_days and (latest := home.habits.latest_rising(day)) is not None:
        return latest
    return minutes(p.up_by)


def _at_night(at: Local, p: Parameters, usual_rising: float | None = None) -> bool:
    end = minutes(p.night_until)
    if usual_rising is not None:
        end = min(end, int(usual_rising) - RISING_EARLY_MIN)
    return within(at.minute, minutes(p.night_from), end)


def _rested_ms(spell: Spell, home: Household, p: Parameters) -> float:
    """How much of this night nobody moved before a spell; sitting still in the evening is no rest."""
    into_night_min = (local(spell.from_ms, home.zone).minute - minutes(p.night_from)) % MINUTES_A_DAY
    return min(spell.rested_ms, into_night_min * MINUTE_MS)


def _clock(minute: float) -> str:
    return f"{int(minute) // 60:02}:{int(minute) % 60:02}"
