"""What simulated sensors sense, and when they would transmit it. Pure: no clock, no radio.

A sensor keeps an agenda. Ask it when it is next due, then let it act; it answers with frames.
``beacons.py`` puts the frames on the air.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from hil_tests.rig.behaviour import ACTIONS
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    import random

    from device_profiles.reading import Reading
    from hil_tests.rig.behaviour import Action, Behaviour
    from hil_tests.scenario import SensorPlan

Sense: TypeAlias = Callable[[str, float | str], "Reading"]  # (kind, plain value) -> Reading of the model
Act: TypeAlias = Callable[[float], "Frame | None"]  # (seconds now) -> what to transmit

VOLTAGE_MODELS = ("atc1441", "pvvx")  # their one frame format holds the battery's voltage, too
PACKET_IDS = 256  # packet ids and frame counters are one byte
JITTER = 0.02  # periodic timers run off by up to 2 %, so that sensors drift apart


class Cause(enum.Enum):
    """Why a frame is sent, which decides how often it is repeated."""

    EVENT = "event"
    PERIODIC = "periodic"


class Frame(msgspec.Struct, frozen=True):
    """Readings that go out together."""

    readings: tuple[Reading, ...]
    cause: Cause


class Sensor:
    """A sensor with its agenda; times are seconds since the scenario began."""

    def __init__(self, plan: SensorPlan, stream: random.Random, sense: Sense) -> None:
        """Set up a sensor.

        Args:
            plan: What the scenario says of it.
            stream: Its own random source.
            sense: Makes a reading of its model from a kind and a plain value.
        """
        self.plan = plan
        self._stream = stream
        self._sense = sense
        self._agenda: list[tuple[float, int, Act]] = []
        self._order = itertools.count()  # breaks ties, so that acts are never compared
        self._battery = stream.randint(60, 100)
        self._plan_at(stream.random() * plan.period_s, self._report)
        if plan.rate_per_min > 0:
            self._plan_at(self._chance_s(), self._happen)

    @property
    def due_s(self) -> float:
        """When the sensor next has something to do."""
        return self._agenda[0][0]

    def act(self, now_s: float) -> list[Frame]:
        """Do all that is due by now; return what to transmit, oldest first."""
        frames: list[Frame] = []
        while self.due_s <= now_s:
            due_s, _, act = heapq.heappop(self._agenda)
            frame = act(due_s)
            if frame is not None:
                frames.append(frame)
        return frames

    def do(self, action: Action, now_s: float) -> list[Frame]:
        """Let a scripted thing happen; return what to transmit.

        Raises:
            RigError: Such a sensor cannot do that.
        """
        if action not in ACTIONS[self.plan.behaviour]:
            raise RigError(
                f"The {self.plan.behaviour} sensor {self.plan.name!r} cannot {action!r}.",
                hint="Choose an action that fits the sensor's behaviour.",
            )
        frame = self._do(action, now_s)
        return [] if frame is None else [frame]

    # What the kinds of sensor differ in.

    def _state(self) -> tuple[Reading, ...]:
        """Tell what a periodic frame says beside the battery."""
        return ()

    def _chance(self) -> Action:
        """Choose what happens by chance."""
        raise NotImplementedError

    def _do(self, action: Action, now_s: float) -> Frame | None:
        """Let ``action``, one that the behaviour allows, happen."""
        raise NotImplementedError

    is_stuck = False

    def stick(self) -> None:
        """Be stuck; a sensor that only tells events cannot be."""

    # What they share.

    def _event(self, kind: str, value: float | str) -> Frame:
        return Frame((self._sense(kind, value),), Cause.EVENT)

    def _report(self, now_s: float) -> Frame:
        self._plan_at(now_s + self.plan.period_s * self._stream.uniform(1 - JITTER, 1), self._report)
        if self._stream.random() < 0.01:
            self._battery = max(1, self._battery - 1)
        return Frame((*self._state(), self._sense("battery", self._battery)), Cause.PERIODIC)

    def _happen(self, now_s: float) -> Frame | None:
        self._plan_at(now_s + self._chance_s(), self._happen)
        return self._do(self._chance(), now_s)

    def _chance_s(self) -> float:
        return self._stream.expovariate(self.plan.rate_per_min / 60)

    def _plan_at(self, at_s: float, act: Act) -> None:
        heapq.heappush(self._agenda, (at_s, next(self._order), act))


class ClimateSensor(Sensor):
    """Temperature and humidity that wander, with the battery in every frame."""

    def __init__(self, plan: SensorPlan, stream: random.Random, sense: Sense) -> None:
        super().__init__(plan, stream, sense)
        self._temperature_c = stream.uniform(18, 23)
        self._humidity_percent = stream.uniform(40, 55)

    def stick(self) -> None:
        """Measure nothing any more, and say what it measured last."""
        self.is_stuck = True

    def _state(self) -> tuple[Reading, ...]:
        if not self.is_stuck:
            self._temperature_c = _wander(self._stream, self._temperature_c, 0.05, 14, 28)
            self._humidity_percent = _wander(self._stream, self._humidity_percent, 0.3, 25, 75)
        climate = (
            self._sense("temperature", self._temperature_c),
            self._sense("humidity", self._humidity_percent),
        )
        if self.plan.model not in VOLTAGE_MODELS:
            return climate
        return (*climate, self._sense("voltage", 2.1 + self._battery / 100))


class MotionSensor(Sensor):
    """Says 1 at the first movement, and 0 when none came for the hold time."""

    _moving = False
    _still_at_s = 0.0

    def _state(self) -> tuple[Reading, ...]:
        return (self._sense("motion", int(self._moving)),)

    def _chance(self) -> Action:
        return "move"

    def _do(self, action: Action, now_s: float) -> Frame | None:  # noqa: ARG002  # it can only move
        self._still_at_s = now_s + self.plan.hold_s
        if self._moving:
            return None
        self._moving = True
        self._plan_at(self._still_at_s, self._settle)
        return self._event("motion", 1)

    def _settle(self, now_s: float) -> Frame | None:
        if now_s < self._still_at_s:  # somebody moved meanwhile
            self._plan_at(self._still_at_s, self._settle)
            return None
        self._moving = False
        return self._event("motion", 0)


class DoorSensor(Sensor):
    """Says 1 on opening and 0 on closing."""

    _is_open = False

    def _state(self) -> tuple[Reading, ...]:
        return (self._sense("door", int(self._is_open)),)

    def _chance(self) -> Action:
        return "close" if self._is_open else "open"

    def _do(self, action: Action, now_s: float) -> Frame | None:  # noqa: ARG002  # it happens now
        was_open, self._is_open = self._is_open, action == "open"
        return None if was_open == self._is_open else self._event("door", int(self._is_open))


class ButtonSensor(Sensor):
    """Says that it was pressed."""

    def _chance(self) -> Action:
        return "press"

    def _do(self, action: Action, now_s: float) -> Frame | None:  # noqa: ARG002  # it has no state
        return self._event("button", action)


SENSORS: dict[Behaviour, type[Sensor]] = {
    "climate": ClimateSensor,
    "motion": MotionSensor,
    "door": DoorSensor,
    "button": ButtonSensor,
}


def _wander(stream: random.Random, value: float, step: float, low: float, high: float) -> float:
    return min(high, max(low, value + stream.gauss(0, step)))
