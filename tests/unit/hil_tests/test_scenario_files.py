"""The scenarios themselves, and what is said to the author of one that is wrong."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.cli import scenario_files
from hil_tests.faults import FAULTS, Fault
from hil_tests.scenario import (
    HOMES,
    Expect,
    Home,
    HubPlan,
    Scenario,
    ScenarioError,
    SensorPlan,
    load_scenario,
)

FILES = scenario_files()
SPECIFICATION = HOMES.parent.with_name("SCENARIOS.md")
PROMISES = {"P1", "P2", "P3", "P4", "P5", "P6"}

STORY = """\
title = "A door opens"
promise = "P1"
seed = 1
duration_s = 10

[home]
name = "home-a"
furnished = "cottage"

[[events]]
at_s = 2
sensor = "front-door"
do = "open"

[[faults]]
do = "radio.cut"
on = "front-door"
at_s = 3
for_s = 4
"""
OWN_SENSOR = """
[[sensors]]
name = "back-door"
room = "Yard"
address = "C0:1A:00:00:00:77"
behaviour = "door"
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A small scenario of which nothing is wrong."""
    path = tmp_path / "story.toml"
    path.write_text(STORY)
    return path


def _complaint(path: Path, old: str, new: str) -> str:
    """What is said of the scenario with one thing changed; the file is called FILE in it."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(ScenarioError) as refusal:
        load_scenario(path)
    assert refusal.value.hint
    return str(refusal.value).replace(str(path), "FILE")


# The scenarios.


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_scenario_loads_and_is_named_after_its_promise(file: Path) -> None:
    """``p1_door.toml`` tries to break P1; it does something, and has somebody to do it to."""
    scenario = load_scenario(file)
    assert scenario.promise == file.stem.split("_")[0].upper()
    assert scenario.sensors
    assert scenario.title[0].isupper()
    assert not scenario.title.endswith(".")


def test_no_two_scenarios_have_the_same_title_or_seed() -> None:
    """A title is how a report names them; one seed for two would make two stories alike."""
    scenarios = [load_scenario(file) for file in FILES]
    assert [title for title, n in Counter(one.title for one in scenarios).items() if n > 1] == []
    assert [seed for seed, n in Counter(one.seed for one in scenarios).items() if n > 1] == []


def test_the_promises_are_tried() -> None:
    """Each has a scenario that tries to break it."""
    assert {load_scenario(file).promise for file in FILES} == PROMISES


def test_every_fault_is_used() -> None:
    """A fault that no scenario names has never been seen to fire."""
    used = {fault.verb for file in FILES for fault in load_scenario(file).faults}
    assert set(FAULTS) - used == set()


def test_no_two_faults_of_a_story_are_equal() -> None:
    """What a fault remembers of itself is kept under what it is: two equal ones would share it."""
    for file in FILES:
        faults = load_scenario(file).faults
        assert len(set(faults)) == len(faults), file.stem


@pytest.mark.parametrize("file", sorted(HOMES.glob("*.toml")), ids=lambda file: file.stem)
def test_every_furnishing_is_used(file: Path) -> None:
    """A home that nobody lives in is not tested."""
    assert any(load_scenario(one).home.furnished == file.stem for one in FILES)


# What is said of a wrong one.


def test_the_story_is_right(story: Path) -> None:
    """Else what follows would show nothing."""
    assert load_scenario(story).title == "A door opens"


GOLDEN = {
    "an unknown key": (
        "seed = 1",
        "sead = 1",
        "Scenario FILE, line 3: Object contains unknown field `sead`.",
    ),
    "a wrong type": (
        "seed = 1",
        'seed = "one"',
        "Scenario FILE, line 3: Expected `int`, got `str` - at `seed`.",
    ),
    "an unknown key of a fault": (
        "for_s = 4",
        "fro_s = 4",
        "Scenario FILE, line 19: Object contains unknown field `fro_s` - at `faults[0]`.",
    ),
    "a wrong type in a fault": (
        "at_s = 3",
        'at_s = "soon"',
        "Scenario FILE, line 18: Expected `float`, got `str` - at `faults[0].at_s`.",
    ),
    "a moment before the story": (
        "at_s = 3",
        "at_s = -3",
        "Scenario FILE, line 18: Expected `float` >= 0.0 - at `faults[0].at_s`.",
    ),
    "a moment that is none": (
        "at_s = 3",
        "at_s = nan",
        "Scenario FILE, line 18: Expected `float` >= 0.0 - at `faults[0].at_s`.",
    ),
    "a story without end": (
        "duration_s = 10",
        "duration_s = inf",
        "Scenario FILE, line 4: Expected `float` <= 2678400.0 - at `duration_s`.",
    ),
    "a fault on an unknown sensor": (
        'on = "front-door"',
        'on = "attic"',
        "Scenario FILE, line 17: no sensor is called 'attic' - at `faults[0].on`.",
    ),
    "a fault of one sensor on all": (
        'do = "radio.cut"\non = "front-door"',
        'do = "sensor.dead"\non = "all"',
        "Scenario FILE, line 17: no sensor is called 'all' - at `faults[0].on`.",
    ),
    "a fault of firmware on a scripted sensor": (
        'do = "radio.cut"',
        'do = "sensor.power-cut"',
        "Scenario FILE, line 17: sensor.power-cut needs a sensor that runs firmware - at `faults[0].on`.",
    ),
    "an unknown fault": (
        'do = "radio.cut"',
        'do = "radio.jam"',
        "Scenario FILE, line 16: Invalid value 'radio.jam' - at `faults[0].do`.",
    ),
    "a fault of BlueZ where there is none": (
        'do = "radio.cut"\non = "front-door"',
        'do = "bluez.crash"',
        "Scenario FILE, line 16: bluez.crash needs a hub whose `hub.radio` is bluez - at `faults[0].do`.",
    ),
    "a dongle pulled from under BlueZ": (
        'do = "radio.cut"\non = "front-door"\nat_s = 3\nfor_s = 4\n',
        'do = "radio.unplug"\nat_s = 3\n\n[hub]\nradio = "bluez"\n',
        "Scenario FILE, line 16: radio.unplug needs a hub whose `hub.radio` is hci - at `faults[0].do`.",
    ),
    **{
        f"a full disk with {verb} beside it": (
            'do = "radio.cut"\non = "front-door"',
            f'do = "disk.full"\nat_s = 1\n\n[[faults]]\ndo = "{verb}"',
            "Scenario FILE, line 15: a disk that is full cannot fail in other ways too; make two scenarios of it - at `faults`.",
        )
        for verb in ("disk.read-only", "disk.worn-out", "disk.power-cut")
    },
    "a fault that outlasts the story": (
        "for_s = 4",
        "for_s = 8",
        "Scenario FILE, line 18: radio.cut ends after the story, 10 s - at `faults[0].at_s`.",
    ),
    "an unknown furnishing": (
        'furnished = "cottage"',
        'furnished = "castle"',
        "Scenario FILE, line 8: no home is furnished 'castle' (there are: bungalow, cottage) - at `home.furnished`.",
    ),
    "a promise that was never made": (
        'promise = "P1"',
        'promise = "P9"',
        "Scenario FILE, line 2: Invalid enum value 'P9' - at `promise`.",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), GOLDEN.values(), ids=GOLDEN)
def test_a_mistake_is_told_with_file_line_and_key(story: Path, old: str, new: str, said: str) -> None:
    """The author need not search."""
    assert _complaint(story, old, new) == said


def test_all_can_be_out_of_reach(story: Path) -> None:
    """A fault of the air may be on ``all``."""
    story.write_text(STORY.replace('on = "front-door"', 'on = "all"'))
    assert load_scenario(story).faults


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "back-door",
            "front-door",
            "Scenario FILE, line 22: two sensors are called 'front-door' - at `sensors[0].name`.",
        ),
        (
            "C0:1A:00:00:00:77",
            "C0:1A:00:00:00:05",
            "Scenario FILE, line 24: two sensors have the address C0:1A:00:00:00:05 - at `sensors[0].address`.",
        ),
    ],
)
def test_a_sensor_beside_the_furniture_is_found_in_its_own_file(
    story: Path, old: str, new: str, said: str
) -> None:
    """Its number is the one that it has in this file."""
    story.write_text(STORY + OWN_SENSOR)
    assert {sensor.name for sensor in load_scenario(story).sensors} > {"back-door", "front-door"}
    assert _complaint(story, old, new) == said


@pytest.mark.parametrize("text", [f"seed = {'1' * 5000}", f"seed = {'[' * 100_000}", "seed = [\x00]"])
def test_what_no_parser_can_take_is_no_toml(story: Path, text: str) -> None:
    """Numbers and nesting without end included."""
    story.write_text(text)
    with pytest.raises(ScenarioError, match="not TOML"):
        load_scenario(story)


# What is written of them.


def _rows(heading: str) -> list[list[str]]:
    """The cells of all table rows under one heading of the specification, without the titles of columns."""
    _, _, rest = SPECIFICATION.read_text().partition(f"\n{heading}\n")
    lines = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    body = itertools.dropwhile(lambda line: not line.startswith("|---"), lines)
    return [line.strip("|").split("|") for line in body if line.startswith("| `")]


def _named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _keys(heading: str) -> set[str]:
    """What stands in the first column."""
    return {name for row in _rows(heading) for name in _named(row[0])}


def _fields(kind: type[msgspec.Struct], before: str = "") -> set[str]:
    return {before + name for name in kind.__struct_fields__}


def test_every_fault_is_specified() -> None:
    """One row for each, with its keys; and no row for what there is not."""
    written = {verb: set(_named(row[2])) for row in _rows("### `[[faults]]`") for verb in _named(row[0])}
    own = {verb: _fields(kind) - _fields(Fault) for verb, kind in FAULTS.items()}
    assert set(written) == set(own)
    assert {verb: keys - written[verb] for verb, keys in own.items() if keys - written[verb]} == {}


def test_every_key_is_specified() -> None:
    """And no key that there is not; tables have a heading of their own."""
    tables = set(re.findall(r"^### `\[+(\w+)\]+`$", SPECIFICATION.read_text(), re.MULTILINE))
    top = _fields(Scenario) - {"home", "hub"} - tables
    assert tables == {"sensors", "events", "faults", "expect"}
    assert _keys("## Keys") == top | _fields(Home, "home.") | _fields(HubPlan, "hub.")
    assert _keys("### `[[sensors]]`") == _fields(SensorPlan)
    assert _keys("### `[expect]`") == _fields(Expect)


# Whatever an author does to a real scenario.

_LINES = [line for file in FILES for line in file.read_text().splitlines()]
_VALUES = [
    "-1",
    "1e400",
    "nan",
    "[]",
    "{}",
    '""',
    '"all"',
    "true",
    "2026-11-26",
    '"""\n"""',
    "[[1], {a = 2}]",
]
_CHANGED = st.one_of(
    st.just(""),
    st.sampled_from(_LINES),
    st.text(max_size=20),
    st.sampled_from(_VALUES).map(lambda value: f"=KEY= = {value}"),
)


@st.composite
def _mutations(draw: st.DrawFn) -> str:
    """A real scenario with up to three lines changed, left out, or put in."""
    lines = draw(st.sampled_from(FILES)).read_text().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key = lines[at].split("=")[0].strip() or "key"
        changed = draw(_CHANGED).replace("=KEY=", key)
        lines[at : at + draw(st.integers(0, 1))] = [changed]
    return "\n".join(lines)


@settings(max_examples=200, deadline=None)
@given(text=_mutations())
def test_a_scenario_loads_or_is_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """Never anything but a ScenarioError that names the file."""
    path = tmp_path_factory.getbasetemp() / "mutated.toml"
    path.write_text(text, "utf-8", errors="replace")
    said = ""
    try:
        load_scenario(path)
    except ScenarioError as error:
        said = str(error)
    assert re.match(rf"(Scenario {re.escape(str(path))}(, line [1-9][0-9]*)?: .|$)", said)
