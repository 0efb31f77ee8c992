"""Scenario files: what they may say, and what is said of those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.rig.behaviour import ACTIONS
from hil_tests.scenario import Scenario, ScenarioError, load_scenario

DEMO = Path(__file__).parents[3] / "hil_tests" / "scenarios" / "demo.toml"

GOOD = """
title = "A door"
seed = 1
duration_s = 10
[home]
name = "home-a"
[[sensors]]
name = "front"
room = "Hall"
address = "C0:00:00:00:00:01"
behaviour = "door"
[[events]]
at_s = 2
sensor = "front"
do = "open"
"""


def _load(folder: Path, text: str) -> Scenario:
    path = folder / "story.toml"
    path.write_text(text)
    return load_scenario(path)


def test_the_demo_is_an_ordinary_home() -> None:
    """The demo has the rooms, models, keys and neighbours that it is to show."""
    demo = load_scenario(DEMO)
    assert {"Kitchen", "Hall", "Bedroom", "Bathroom", "Front door", "Living room"} <= {
        sensor.room for sensor in demo.sensors
    }
    assert {sensor.behaviour for sensor in demo.sensors} == set(ACTIONS)
    assert len({sensor.model for sensor in demo.sensors}) >= 6
    assert any(sensor.behaviour == "environment" for sensor in demo.sensors), "one must be connected to"
    assert any(demo.key_of(sensor) for sensor in demo.sensors), "one encrypts"
    assert 3 <= demo.neighbours <= 5


def test_defaults_fill_a_short_scenario(tmp_path: Path) -> None:
    """What a short file leaves out has the documented defaults."""
    scenario = _load(tmp_path, GOOD)
    (sensor,) = scenario.sensors
    assert (sensor.model, sensor.period_s, sensor.liveness) == ("bthome_v2", 60.0, "heartbeat 60 s")
    assert scenario.neighbours == 0
    assert scenario.key_of(sensor) is None


@pytest.mark.parametrize(
    ("line", "liveness"),
    [
        ('behaviour = "climate"\nperiod_s = 10', "periodic 10 s"),
        ('behaviour = "button"\nperiod_s = 30', "heartbeat 30 s"),
        ('behaviour = "button"\ncontract = "event-only"', "event-only"),
    ],
)
def test_liveness_follows_behaviour_unless_given(tmp_path: Path, line: str, liveness: str) -> None:
    """A sensor promises what its behaviour keeps, or what the file says."""
    text = GOOD.split("[[events]]", maxsplit=1)[0].replace('behaviour = "door"', line)
    assert _load(tmp_path, text).sensors[0].liveness == liveness


def test_keys_are_derived_from_seed_and_name(tmp_path: Path) -> None:
    """A derived key is stable, differs by seed, and an explicit one is taken as it is."""
    derived = GOOD.replace('behaviour = "door"', 'behaviour = "door"\nkey = "derived"')
    first, second = _load(tmp_path, derived), _load(tmp_path, derived.replace("seed = 1", "seed = 2"))
    explicit = _load(tmp_path, derived.replace("derived", "00" * 15 + "ff"))
    key = first.key_of(first.sensors[0])
    assert key == _load(tmp_path, derived).key_of(first.sensors[0])
    assert key is not None
    assert len(key) == 16
    assert key != second.key_of(second.sensors[0])
    assert explicit.key_of(explicit.sensors[0]) == bytes(15) + b"\xff"


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    """Neither a sensor nor its scenario shows the key when printed."""
    text = GOOD.replace('behaviour = "door"', f'behaviour = "door"\nkey = "{"ab" * 16}"')
    assert "abab" not in repr(_load(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seed = 1", "sead = 1", "unknown field `sead`"),
        ("seed = 1", "", "missing required field `seed`"),
        ("seed = 1", 'seed = "x"', "`seed`"),
        ("duration_s = 10", "duration_s = 0", "`duration_s`"),
        ('room = "Hall"', 'rom = "Hall"', "`sensors[0]`"),
        ("C0:00:00:00:00:01", "c0:00:00:00:00:01", "`sensors[0].address`"),
        ('"door"', '"dragon"', "`sensors[0].behaviour`"),
        ('"door"', '"door"\nmodel = "none"', "no model none - at `sensors[0].model`"),
        ('"door"', '"door"\nmodel = "pvvx"', "`sensors[0].model`"),
        ('"door"', '"door"\ncontract = "sometimes"', "`sensors[0].contract`"),
        ('"door"', '"door"\nkey = "short"', "`sensors[0].key`"),
        ('"door"', '"door"\nloss = 2', "`sensors[0].loss`"),
        ('sensor = "front"', 'sensor = "back"', "no sensor is called 'back' - at `events[0].sensor`"),
        ('do = "open"', 'do = "press"', "a door sensor cannot 'press' - at `events[0].do`"),
        ('do = "open"', 'do = "sing"', "`events[0].do`"),
        ("at_s = 2", "at_s = 11", "`events[0].at_s`"),
        ("seed = 1", "seed = ", "not TOML"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """An unknown key, a wrong value or a contradiction names the file and the key in one sentence."""
    with pytest.raises(ScenarioError) as refusal:
        _load(tmp_path, GOOD.replace(old, new, 1))
    assert "story.toml" in str(refusal.value)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.hint


def test_two_sensors_are_two(tmp_path: Path) -> None:
    """A name or an address used twice is refused."""
    block = GOOD[GOOD.index("[[sensors]]") : GOOD.index("[[events]]")]
    with pytest.raises(ScenarioError, match="two sensors are called 'front'"):
        _load(tmp_path, GOOD + block)
    with pytest.raises(ScenarioError, match="two sensors have the address"):
        _load(tmp_path, GOOD + block.replace('"front"', '"back"'))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """A file that is not there is said so, without a traceback of ours."""
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load_scenario(tmp_path / "absent.toml")
