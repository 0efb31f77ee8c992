"""READ FIRST (assurance): is each sensor really watched? Decided by the absence of proof.

    hub believed? -> left out? -> heard from lately? -> its radio hears? -> sensor heard? -> keeps its contract? -> confirmed lately?

Only a sensor that passes all of it is WATCHING. A fact that is missing answers "no", so a dead
hub needs no goodbye. All times are wall clock, milliseconds since 1970.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cloud_sync.assurance.causes import Cause, Who, words
from cloud_sync.wire.batch import Contract
from cloud_sync.wire.setting import Pause

BEAT_AGE_MAX_MS = 180_000  # a hub beats every 60 s; three missed beats are a silence
FRAME_AGE_MAX_S = 90  # no frame of anybody for longer: listening is not proven
STATEMENT_AGE_MAX_MS = 1_800_000  # a hub confirms what it hears in every batch, each 15 minutes; two may miss
EVALUATION_AGE_MAX_MS = 30_000  # the watch looks every 2 s; older verdicts are not news
CLOCK_NOISE_MAX_MS = 5_000  # processes of one site read the same clock, a little apart


class State(enum.Enum):
    """What we can say about a sensor or a home now."""

    WATCHING = "watching"
    PARTLY = "partly"
    BLIND = "blind"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, and since when."""

    state: State
    cause: Cause
    since_ms: int

    @property
    def who(self) -> Who:
        """Who can mend it."""
        return words(self.cause).who


@dataclass(frozen=True, slots=True)
class HubFacts:
    """What is known of a hub.

    Attributes:
        enrolled_ms: when it was enrolled.
        revoked_ms: since when it is revoked; None if it is not.
        held_ms: since when it waits for somebody to confirm that it is the right one; None if it does not.
        beat_ms: when its last believed heartbeat came; None if none ever did.
        frame_age_s: how old its last decoded frame was at that heartbeat.
    """

    enrolled_ms: int
    revoked_ms: int | None
    beat_ms: int | None
    frame_age_s: int | None
    held_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What is known of a sensor.

    Attributes:
        address: its radio address.
        contract: how it proves that it is alive.
        heard_ms: when it was last heard, by its hub's last statement; None if never.
        kept: whether it kept its contract, by that statement.
        told_ms: when the hub made that statement.
        hub: the hub that last described it; None if the home has no such hub.
        before: the verdict so far; None if there is none.
        left_out: pauses under which its hub leaves it out, by the hub's own word.
        left_out_ms: since when the hub goes by them, wall clock.
    """

    address: str
    contract: Contract
    heard_ms: int | None
    kept: bool
    told_ms: int
    hub: HubFacts | None
    before: Verdict | None
    left_out: tuple[Pause, ...] = ()
    left_out_ms: int = 0


def judge(sensor: SensorFacts, *, now_ms: int, evaluated_ms: int | None) -> Verdict:
    """The verdict on ``sensor`` at ``now_ms``; the watch last looked at ``evaluated_ms``.

    While state and cause stay, so does "since", unless there was proof to the contrary in between. What does not
    change is the very verdict before, so that thousands of homes are soon compared.
    """
    if begun := _left_out_ms(sensor, now_ms):
        return Verdict(
            State.PAUSED, Cause.LEFT_OUT, _since(sensor.before, State.PAUSED, Cause.LEFT_OUT, begun, now_ms)
        )
    fault = _hub_fault(sensor.hub, now_ms) or _sensor_fault(sensor, now_ms)
    if fault and sensor.before and sensor.before.state is State.PAUSED:
        fault = fault[0], max(fault[1] or 0, now_ms)  # what was so before the pause says nothing of now
    if fault:
        cause, proven_ms = fault
        state = State.BLIND
    else:
        event_only = sensor.contract is Contract.EVENT_ONLY
        state, cause = (State.PARTLY, Cause.EVENT_ONLY) if event_only else (State.WATCHING, Cause.PROVEN)
        # While nobody looked, nobody watched: a spell does not reach over a gap of our own.
        proven_ms = now_ms if stale(evaluated_ms, now_ms) else None
    before, since_ms = sensor.before, _since(sensor.before, state, cause, proven_ms, now_ms)
    if before and (before.state, before.cause, before.since_ms) == (state, cause, since_ms):
        return before
    return Verdict(state, cause, since_ms)


def stale(evaluated_ms: int | None, now_ms: int) -> bool:
    """Whether the watch has not looked for so long that its verdicts cannot be believed."""
    return not _recent(evaluated_ms, now_ms, EVALUATION_AGE_MAX_MS)


def as_of(verdict: Verdict | None, *, now_ms: int, evaluated_ms: int | None) -> Verdict:
    """A stored verdict as it may be shown: none reads as watched while the watch itself is silent."""
    if verdict is None:
        return Verdict(State.BLIND, Cause.NOT_JUDGED, now_ms)
    if verdict.state in {State.WATCHING, State.PARTLY} and stale(evaluated_ms, now_ms):
        return Verdict(State.BLIND, Cause.WATCH_SILENT, evaluated_ms or now_ms)
    return verdict


def judge_home(verdicts: Sequence[Verdict], *, now_ms: int) -> Verdict:
    """One verdict over the sensors of a home.

    WATCHING only if every sensor is, save those that are merely event-only; those alone are PARTLY.
    """
    if not verdicts:
        return Verdict(State.BLIND, Cause.NO_SENSORS, now_ms)
    if ours := [verdict for verdict in verdicts if verdict.cause is Cause.WATCH_SILENT]:
        return replace(ours[0], state=State.BLIND)
    since_ms = max(verdict.since_ms for verdict in verdicts)
    for state in (State.BLIND, State.PAUSED):
        if all(verdict.state is state for verdict in verdicts):
            return Verdict(state, _shared_cause(verdicts), since_ms)
    provable = [verdict for verdict in verdicts if verdict.cause is not Cause.EVENT_ONLY]
    if provable and all(verdict.state is State.WATCHING for verdict in provable):
        return Verdict(State.WATCHING, Cause.PROVEN, since_ms)
    unseen = [verdict for verdict in verdicts if verdict.state is not State.WATCHING]
    return Verdict(State.PARTLY, _shared_cause(unseen), since_ms)


def _left_out_ms(sensor: SensorFacts, now_ms: int) -> int | None:
    """Since when its hub leaves it out, if we believe that hub."""
    begun = [pause.from_ms for pause in sensor.left_out if pause.covers(now_ms)]
    hub = sensor.hub
    if not begun or hub is None or hub.revoked_ms is not None or hub.held_ms is not None:
        return None
    if sensor.before and sensor.before.state is State.PAUSED:
        return sensor.before.since_ms
    return max(min(begun), sensor.left_out_ms)


def _hub_fault(hub: HubFacts | None, now_ms: int) -> tuple[Cause, int | None] | None:
    """Why nothing behind this hub can be watched, and since when; None if it can."""
    if hub is None:
        return Cause.HUB_UNKNOWN, None
    if hub.revoked_ms is not None or hub.held_ms is not None:
        return _doubt(hub)
    if hub.beat_ms is None:
        return Cause.HUB_SILENT, hub.enrolled_ms
    if not _recent(hub.beat_ms, now_ms, BEAT_AGE_MAX_MS):
        return Cause.HUB_SILENT, min(hub.beat_ms, now_ms)
    if hub.frame_age_s is None or hub.frame_age_s > FRAME_AGE_MAX_S:
        # The age is told in whole seconds that have passed; the frame may be nearly one older.
        older_s = 0 if hub.frame_age_s is None else hub.frame_age_s + 1
        return Cause.RADIO_DEAF, hub.beat_ms - older_s * 1000
    return None


def _doubt(hub: HubFacts) -> tuple[Cause, int | None]:
    """Why a hub is not believed, and since when."""
    if hub.revoked_ms is not None:
        return Cause.HUB_REVOKED, hub.revoked_ms
    return Cause.HUB_HELD, hub.held_ms


def _sensor_fault(sensor: SensorFacts, now_ms: int) -> tuple[Cause, int | None] | None:
    """Why this sensor cannot be watched though its hub can; None if it can.

    A hub tells at once when a sensor breaks its contract, so a live hub's last word holds between
    statements. It says nothing, though, of a sensor it has not heard since it restarted: an old word
    from before an outage must not read as watched.
    """
    if sensor.heard_ms is None:
        return Cause.NEVER_HEARD, None
    if sensor.contract is Contract.EVENT_ONLY:
        return None
    if not sensor.kept:
        return Cause.SENSOR_SILENT, sensor.heard_ms
    if not _recent(sensor.told_ms, now_ms, STATEMENT_AGE_MAX_MS):
        return Cause.UNCONFIRMED, min(sensor.told_ms, now_ms)
    return None


def _since(before: Verdict | None, state: State, cause: Cause, proven_ms: int | None, now_ms: int) -> int:
    """When this spell began: as stored while it lasts; a later ``proven_ms`` begins a new one."""
    if before is None or (before.state, before.cause) != (state, cause):
        return now_ms if proven_ms is None else proven_ms
    if proven_ms is not None and proven_ms > before.since_ms + CLOCK_NOISE_MAX_MS:
        return proven_ms
    return before.since_ms


def _recent(at_ms: int | None, now_ms: int, age_max_ms: int) -> bool:
    """Not too old, and not from a future that only a clock fault explains."""
    return at_ms is not None and -CLOCK_NOISE_MAX_MS <= now_ms - at_ms <= age_max_ms


def _shared_cause(verdicts: Sequence[Verdict]) -> Cause:
    causes = {verdict.cause for verdict in verdicts}
    return causes.pop() if len(causes) == 1 else Cause.MIXED
