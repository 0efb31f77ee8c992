"""What a home's page says, from what the store holds. Pure: the template only sets it.

Sensors come in groups, those that we cannot see first; nothing is shown as watched that the watch
has not looked at within the last half minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from cloud_sync.assurance.causes import Cause, words
from cloud_sync.assurance.coverage import State, Verdict, as_of, judge_home, stale
from cloud_sync.portal import agreeing, asking, hindsight
from cloud_sync.portal.asking import EndedView, IncidentView, QuestionView
from cloud_sync.portal.hindsight import LearnedView
from cloud_sync.portal.words import NOT_ENCRYPTED, Clock, Time, home_title, label, marks, value_text
from cloud_sync.receiver.store.homes import Home, Sensor, Value
from cloud_sync.wire.batch import Quality
from device_profiles.reading import Flag, Reading
from device_profiles.reading import words as flag_words

STATE_WORDS = {
    State.WATCHING: "Watched",
    State.PARTLY: "Partly watched",
    State.BLIND: "Not seen",
    State.PAUSED: "Paused",
}
_GROUPS = {
    State.BLIND: "What we cannot see",
    State.PARTLY: "What we see only in part",
    State.PAUSED: "What is paused",
    State.WATCHING: "What we are watching",
}

_NOT_YET = {Cause.NEVER_HEARD, Cause.NOT_JUDGED}
_UPKEEP = {"battery", "battery_low", "voltage"}
_OF_THE_SENSOR = int(Flag.BATTERY_LOW | Flag.WEAK_SIGNAL)  # said once for it, not with each of its values
_ONE_FRAME_MS = 1000  # times are rounded down by as much, so values of one frame may seem so far apart
DOUBTED_SHOWN_MS = 86_400_000

TIME_UNCERTAIN = "time uncertain"
NOT_BELIEVED = "not believed"
_LEGEND = {
    TIME_UNCERTAIN: "The hub did not know the time. It happened then or earlier.",
    NOT_ENCRYPTED: "Sent in the clear. Somebody near the home could have sent it instead.",
    NOT_BELIEVED: (
        "It is kept, but we do not go by it. If nobody changed a battery or moved the sensor, tell whoever looks after it."
    ),
}


@dataclass(frozen=True, slots=True)
class ValueView:
    """One value in words."""

    label: str
    text: str
    at: Time
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SensorView:
    """One sensor: where, how it stands, what it said last, and what it is said to have said."""

    name: str
    room: str
    state: State
    state_word: str
    since: Time | None  # None: never seen yet
    why: str
    remedy: str
    marks: tuple[str, ...]
    values: tuple[ValueView, ...]
    doubted: tuple[ValueView, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Sensors of one state."""

    title: str
    state: State
    sensors: tuple[SensorView, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page of a home."""

    title: str
    state: State
    state_word: str
    headline: str
    explanation: tuple[str, ...]
    looked: Time | None
    incidents: tuple[IncidentView, ...]
    questions: tuple[QuestionView, ...]
    learned: tuple[LearnedView, ...]
    ended: tuple[EndedView, ...]
    pauses: tuple[str, ...]  # what is paused, by whom and until when; sentences
    agreements: tuple[str, ...]  # who agreed to what; sentences
    groups: tuple[Group, ...]
    legend: tuple[tuple[str, str], ...]  # marks on this page that need explaining, and what they mean


def page(home: Home, *, now_ms: int, zone: tzinfo | None = None) -> Page:
    """The page of ``home`` at ``now_ms``, with times in ``zone`` (None: the machine's own)."""
    clock = Clock(now_ms, zone)
    shown = _shown(home, now_ms)
    overall = judge_home([verdict for _, verdict in shown], now_ms=now_ms)
    views = [_sensor_view(sensor, verdict, overall, clock) for sensor, verdict in shown]
    return Page(
        title=home_title(home.home),
        state=overall.state,
        state_word=STATE_WORDS[overall.state],
        headline=_headline(overall, clock),
        explanation=(
            *_explanation(overall, [verdict for _, verdict in shown]),
            *_on_the_watch(home, overall, now_ms),
        ),
        looked=None if home.evaluated_ms is None else clock.time(home.evaluated_ms, seconds=True),
        incidents=asking.incidents(home, clock),
        questions=asking.questions(home, clock),
        learned=hindsight.learned(home, clock),
        ended=asking.ended(home, clock),
        pauses=agreeing.pauses(home, clock),
        agreements=agreeing.agreements(home, clock),
        groups=tuple(
            Group(title, state, found)
            for state, title in _GROUPS.items()
            if (found := tuple(view for view in views if view.state is state))
        ),
        legend=_legend(views),
    )


def facts(home: Home, *, now_ms: int) -> dict[str, Any]:
    """The same page as plain facts for JSON; times are wall clock in ms."""
    shown = _shown(home, now_ms)
    overall = judge_home([verdict for _, verdict in shown], now_ms=now_ms)
    return {
        "home": home.home,
        "now_ms": now_ms,
        "evaluated_ms": home.evaluated_ms,
        "watch_silent": stale(home.evaluated_ms, now_ms),
        **_verdict_facts(overall),
        "questions": asking.question_facts(home, now_ms),
        "incidents": asking.incident_facts(home.incidents),
        "ended": asking.incident_facts(home.ended),
        "learned": hindsight.learned_facts(home),
        "pauses": agreeing.pause_facts(home, now_ms),
        "sensors": [
            {
                "address": sensor.address,
                "name": sensor.name,
                "room": sensor.room,
                "role": sensor.role,
                "model": sensor.model,
                "heard_ms": sensor.heard_ms,
                **_verdict_facts(verdict),
                "values": [_value_facts(value) for value in sensor.values],
                "doubted": [_value_facts(value) for value in _doubted(sensor, now_ms)],
            }
            for sensor, verdict in shown
        ],
    }


def _shown(home: Home, now_ms: int) -> list[tuple[Sensor, Verdict]]:
    return [
        (sensor, as_of(sensor.verdict, now_ms=now_ms, evaluated_ms=home.evaluated_ms))
        for sensor in home.sensors
    ]


def _headline(overall: Verdict, clock: Clock) -> str:
    since = clock.time(overall.since_ms).text
    match overall.state:
        case State.WATCHING:
            return "We are watching this home."
        case State.PARTLY:
            return "We see only part of this home."
        case State.PAUSED:
            return f"Watching is paused since {since}."
        case State.BLIND if overall.cause is Cause.NO_SENSORS:
            return "We do not watch this home yet."
        case State.BLIND:
            return f"We have not seen this home since {since}."


def _explanation(overall: Verdict, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """What the headline means, why it is so, and what can be done."""
    told = words(overall.cause)
    match overall.state:
        case State.WATCHING:
            only_events = any(verdict.cause is Cause.EVENT_ONLY for verdict in verdicts)
            return (
                "We listen, and every sensor that can shows regularly that it is there.",
                *(
                    ("Sensors that speak only when something happens stand apart below.",)
                    if only_events
                    else ()
                ),
            )
        case State.PARTLY:
            watched = sum(verdict.state is State.WATCHING for verdict in verdicts)
            count = f"{watched} of {len(verdicts)} sensors are watched." if watched else told.of_home
            return (count, "What is not seen does not mean that something is wrong.")
        case State.PAUSED:
            return ("What is paused is not recorded meanwhile. This is no fault.",)
        case State.BLIND:
            return ("This does not mean that something is wrong.", told.of_home, told.remedy)


def _on_the_watch(home: Home, overall: Verdict, now_ms: int) -> tuple[str, ...]:
    """Say that the watch itself is silent, where the headline's own cause does not say it already."""
    silent = stale(home.evaluated_ms, now_ms) and overall.cause is not Cause.WATCH_SILENT
    return (words(Cause.WATCH_SILENT).why, words(Cause.WATCH_SILENT).remedy) if silent else ()


def _sensor_view(sensor: Sensor, verdict: Verdict, overall: Verdict, clock: Clock) -> SensorView:
    """One sensor; why it is not watched is said once, at the top, if it goes for the whole home."""
    told = words(verdict.cause)
    of_itself = verdict.state is not State.WATCHING and verdict.cause is not overall.cause
    return SensorView(
        name=sensor.name or sensor.address,
        room=sensor.room,
        state=verdict.state,
        state_word=STATE_WORDS[verdict.state],
        since=None if verdict.cause in _NOT_YET else clock.time(verdict.since_ms),
        why=told.why if of_itself else "",
        remedy=told.remedy if of_itself else "",
        marks=marks(_flags_of(sensor)),
        values=tuple(_value_view(value, clock) for value in sorted(sensor.values, key=_upkeep)),
        doubted=tuple(_value_view(value, clock) for value in _doubted(sensor, clock.now_ms)),
    )


def _flags_of(sensor: Sensor) -> int:
    """What its last frame says of the sensor itself; of the battery, its last word on that counts too."""
    newest_ms = max((value.happened_ms for value in sensor.values), default=0)
    flags = 0
    for value in sensor.values:
        if newest_ms - value.happened_ms < _ONE_FRAME_MS:
            flags |= value.flags & _OF_THE_SENSOR
        elif _upkeep(value):
            flags |= value.flags & Flag.BATTERY_LOW
    return flags


def _doubted(sensor: Sensor, now_ms: int) -> list[Value]:
    """What was reported and is not believed: for a day, and longer while nothing newer is believed."""
    believed_ms = {value.kind: value.happened_ms for value in sensor.values}
    day_ago_ms = now_ms - DOUBTED_SHOWN_MS
    return [
        value
        for value in sensor.doubted
        if value.happened_ms > min(believed_ms.get(value.kind, 0), day_ago_ms)
    ]


def _legend(views: Sequence[SensorView]) -> tuple[tuple[str, str], ...]:
    values = [value for view in views for value in (*view.values, *view.doubted)]
    used = {mark for value in values for mark in value.marks}
    if any(view.doubted for view in views):
        used.add(NOT_BELIEVED)
    return tuple((mark, meaning) for mark, meaning in _LEGEND.items() if mark in used)


def _upkeep(value: Value) -> bool:
    """Sorts what is of use only to whoever looks after the sensor behind all else."""
    return value.kind in _UPKEEP


def _value_view(value: Value, clock: Clock) -> ValueView:
    return ValueView(
        label=label(value.kind),
        text=value_text(value),
        at=clock.time(value.happened_ms),
        marks=(
            *((TIME_UNCERTAIN,) if value.quality is Quality.UNSET else ()),
            *marks(value.flags & ~_OF_THE_SENSOR),
        ),
    )


def _verdict_facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "cause": verdict.cause.value,
        "since_ms": verdict.since_ms,
        "who": verdict.who.value,
        "why": words(verdict.cause).why,
    }


def _value_facts(value: Value) -> dict[str, Any]:
    reading = Reading(value.kind, value.value, value.exponent, value.unit, value.form, urgent=False)
    return {
        "kind": value.kind,
        "value": reading.plain,
        "unit": value.unit,
        "happened_ms": value.happened_ms,
        "received_ms": value.received_ms,
        "time_quality": value.quality.name.lower(),
        "flags": list(flag_words(value.flags)),
    }
