"""What simulated sensors sense and when."""

from __future__ import annotations

import itertools
import random

import pytest

from device_profiles.encode import reading
from device_profiles.reading import Reading
from hil_tests.rig.behaviour import Behaviour
from hil_tests.rig.errors import RigError
from hil_tests.rig.sensors import SENSORS, Cause, Frame, Sensor
from hil_tests.scenario import SensorPlan

HOUR_S = 3600.0


def _sensor(
    behaviour: Behaviour,
    *,
    seed: int = 1,
    rate: float = 0.0,
    period_s: float = 60.0,
    model: str = "bthome_v2",
) -> Sensor:
    plan = SensorPlan(
        name="one",
        room="Hall",
        address="C0:00:00:00:00:01",
        behaviour=behaviour,
        model=model,
        rate_per_min=rate,
        period_s=period_s,
    )

    def sense(kind: str, value: float | str) -> Reading:
        return reading(model, kind, value)

    return SENSORS[behaviour](plan, random.Random(seed), sense)


def _run(sensor: Sensor, until_s: float) -> list[tuple[float, Frame]]:
    """Let a sensor act on its own until a time; return what it sent and when."""
    sent: list[tuple[float, Frame]] = []
    while sensor.due_s <= until_s:
        now_s = sensor.due_s
        sent += [(now_s, frame) for frame in sensor.act(now_s)]
    return sent


def _said(frames: list[Frame]) -> list[tuple[str, object]]:
    return [(one.kind, one.plain) for frame in frames for one in frame.readings]


def test_motion_says_one_then_zero_after_the_hold_time() -> None:
    """A movement is told at once, and stillness 5 s after the last movement."""
    sensor = _sensor("motion", period_s=HOUR_S)
    assert _said(sensor.do("move", 10)) == [("motion", True)]
    assert sensor.do("move", 13) == []
    events = [(at_s, f) for at_s, f in _run(sensor, 60) if f.cause is Cause.EVENT]
    assert [(at_s, _said([frame])) for at_s, frame in events] == [(18, [("motion", False)])]


def test_a_door_tells_changes_only() -> None:
    """Opening an open door says nothing; closing it does."""
    sensor = _sensor("door")
    said = [sensor.do("open", 1), sensor.do("open", 2), sensor.do("close", 3)]
    assert [_said(frames) for frames in said] == [[("door", True)], [], [("door", False)]]


def test_a_press_is_urgent() -> None:
    """A button press is one urgent reading."""
    (frame,) = _sensor("button").do("press", 1)
    assert _said([frame]) == [("button", "press")]
    assert frame.readings[0].urgent
    assert frame.cause is Cause.EVENT


@pytest.mark.parametrize("behaviour", ["motion", "door", "button", "climate"])
def test_every_sensor_keeps_its_period(behaviour: Behaviour) -> None:
    """Heartbeats and climate frames are never further apart than the period they promise."""
    times_s = [at_s for at_s, frame in _run(_sensor(behaviour), HOUR_S) if frame.cause is Cause.PERIODIC]
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(times_s)]
    assert times_s[0] <= 60
    assert min(gaps_s) >= 58.8
    assert max(gaps_s) <= 60


def test_a_heartbeat_tells_state_and_battery() -> None:
    """While the door is open, heartbeats say so, with the battery."""
    sensor = _sensor("door")
    sensor.do("open", 0)
    _, frame = _run(sensor, 61)[0]
    assert [kind for kind, _ in _said([frame])] == ["door", "battery"]
    assert frame.readings[0].value == 1


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ("bthome_v2", ["temperature", "humidity", "battery"]),
        ("pvvx", ["temperature", "humidity", "voltage", "battery"]),
        ("atc1441", ["temperature", "humidity", "voltage", "battery"]),
    ],
)
def test_climate_fills_its_models_frame(model: str, kinds: list[str]) -> None:
    """A climate frame holds all that its model's format has, in believable values."""
    frames = [frame for _, frame in _run(_sensor("climate", model=model), 24 * HOUR_S)]
    assert {tuple(one.kind for one in frame.readings) for frame in frames} == {tuple(kinds)}
    for frame in frames:
        said = {one.kind: one.plain for one in frame.readings}
        assert 14 <= float(said["temperature"]) <= 28
        assert 25 <= float(said["humidity"]) <= 75
        assert 1 <= float(said["battery"]) <= 100
    assert len({frame.readings[0].value for frame in frames}) > 20


def test_chance_follows_its_rate() -> None:
    """Two doors moves a minute are some 120 an hour."""
    events = [frame for _, frame in _run(_sensor("door", rate=2), HOUR_S) if frame.cause is Cause.EVENT]
    assert 90 <= len(events) <= 150


def test_the_seed_fixes_everything() -> None:
    """The same seed tells the same story, another one another."""
    stories = [_run(_sensor("motion", seed=seed, rate=2), HOUR_S) for seed in (1, 1, 2)]
    assert stories[0] == stories[1] != stories[2]


def test_what_a_sensor_cannot_do_is_refused() -> None:
    """A door that is to be pressed is an error in one sentence."""
    with pytest.raises(RigError, match="The door sensor 'one' cannot 'press'"):
        _sensor("door").do("press", 1)
