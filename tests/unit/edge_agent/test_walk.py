"""The walk test, sensor by sensor: what it asks for, and what it then believes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.role import Role
from edge_agent.roster import Entry
from edge_agent.sightings import Known
from edge_agent.walk import TASKS, Step, WalkTest

SENSOR = "C0:1A:00:00:00:05"
KEY, OTHER_KEY = bytes(range(16)), bytes(16)
NOT_HEARD = "not heard at all: is it in reach, has it a battery?"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The profiles that come with Lum."""
    return Catalogue.load()


def known(role: Role, *, model: str = "bthome_v2", key: bytes | None = None) -> Known:
    """A sensor in that role."""
    entry = Entry(
        address=SENSOR, name="Kitchen door", room="", role=role, model=model, encrypted=key is not None
    )
    return Known(entry, key)


def advert(
    kind: str, value: object, *, signal_dbm: int = -60, key: bytes | None = None, address: str = SENSOR
) -> Advert:
    """What a BTHome sensor sends."""
    sent = encode("bthome_v2", address, [reading("bthome_v2", kind, value)], repeat=1, key=key, counter=1)
    return replace(sent, signal_dbm=signal_dbm)


def after(catalogue: Catalogue, sensor: Known, *adverts: Advert) -> Step:
    """How far the test of one sensor is after these adverts."""
    walk = WalkTest(catalogue, [sensor])
    for heard in adverts:
        walk.hear(heard)
    (step,) = walk.steps()
    assert walk.passed is step.passed
    return step


@pytest.mark.parametrize(
    ("role", "instruction"),
    [
        (Role.ENTRANCE, "Open and close the Kitchen door."),
        (Role.INNER_DOOR, "Open and close the Kitchen door."),
        (Role.PRESENCE, "Walk past Kitchen door."),
        (Role.HELP, "Press Kitchen door."),
        (Role.CLIMATE, "Nothing to do for Kitchen door: wait."),
    ],
)
def test_the_role_says_what_to_do(catalogue: Catalogue, role: Role, instruction: str) -> None:
    """One instruction in words; and nothing has passed before anything was heard."""
    step = after(catalogue, known(role))

    assert (step.instruction, step.passed, step.words) == (instruction, False, NOT_HEARD)


def test_every_role_has_a_task() -> None:
    """None is forgotten when one is added."""
    assert set(TASKS) == set(Role)


def test_a_model_that_cannot_say_what_its_role_asks_for_need_only_speak(catalogue: Catalogue) -> None:
    """A thermometer on the front door: to open it would prove nothing."""
    step = after(catalogue, known(Role.ENTRANCE, model="pvvx"))

    assert step.instruction == "Nothing to do for Kitchen door: wait."


@pytest.mark.parametrize(
    ("role", "said", "passed", "words"),
    [
        (Role.ENTRANCE, [("door", 1), ("door", 0)], True, "heard at -60 dBm (strong)"),
        (Role.ENTRANCE, [("window", 0), ("opening", 1)], True, "heard at -60 dBm (strong)"),
        (Role.ENTRANCE, [("door", 0), ("door", 0)], False, "heard, but it never said open"),
        (Role.ENTRANCE, [("door", 1)], False, "heard, but it never said closed"),
        (Role.ENTRANCE, [("battery", 90)], False, "heard, but it never said open or closed"),
        (Role.PRESENCE, [("motion", 0), ("motion", 1)], True, "heard at -60 dBm (strong)"),
        (Role.PRESENCE, [("motion", 0)], False, "heard, but it never said motion"),
        (Role.BED, [("occupancy", 1)], True, "heard at -60 dBm (strong)"),
        (Role.HELP, [("button", "long_press")], True, "heard at -60 dBm (strong)"),
        (Role.HELP, [("battery", 90)], False, "heard, but it never said that it was pressed"),
        (Role.HAZARD, [("smoke", 0)], False, "heard, but it never warned"),
        (Role.HAZARD, [("leak", 1)], True, "heard at -60 dBm (strong)"),
        (Role.CLIMATE, [("temperature", 20)], True, "heard at -60 dBm (strong)"),
        (Role.OTHER, [("count", 1)], True, "heard at -60 dBm (strong)"),
    ],
)
def test_it_passes_when_the_thing_has_happened(
    catalogue: Catalogue, role: Role, said: list[tuple[str, object]], passed: bool, words: str
) -> None:
    """And what is lacking is said in words."""
    step = after(catalogue, known(role), *(advert(kind, value) for kind, value in said))

    assert (step.passed, step.words) == (passed, words)


@pytest.mark.parametrize(
    ("key", "sent_with", "words"),
    [
        (KEY, KEY, "heard at -60 dBm (strong)"),
        (KEY, OTHER_KEY, "heard, but encrypted with another key"),
        (KEY, None, "heard, but it does not encrypt, although it has a key"),
        (None, KEY, "heard, but it encrypts and no key was given"),
    ],
)
def test_a_wrong_key_is_found_on_the_spot(
    catalogue: Catalogue, key: bytes | None, sent_with: bytes | None, words: str
) -> None:
    """Not weeks later, when somebody wonders why a door never opens."""
    step = after(catalogue, known(Role.OTHER, key=key), advert("door", 1, key=sent_with))

    assert step.words == words


def test_a_wrong_model_is_found_on_the_spot(catalogue: Catalogue) -> None:
    """It speaks, but not as the model it was added as."""
    step = after(catalogue, known(Role.CLIMATE, model="pvvx"), advert("temperature", 20))

    assert (
        step.words
        == "heard, but not as a Thermometer with pvvx firmware (custom format): is the model right?"
    )


def test_a_sensor_that_is_hardly_heard_does_not_pass(catalogue: Catalogue) -> None:
    """It did what it should, this time; its best signal counts."""
    pressed = [advert("button", "press", signal_dbm=signal_dbm) for signal_dbm in (-97, -93, -95)]

    step = after(catalogue, known(Role.HELP), *pressed)
    better = after(catalogue, known(Role.HELP), *pressed, advert("battery", 90, signal_dbm=-90))

    assert (step.passed, step.words) == (False, "heard only at -93 dBm: too weak to rely on")
    assert (better.passed, better.words) == (True, "heard at -90 dBm (weak)")


def test_a_sensor_that_is_connected_to_need_only_be_there(catalogue: Catalogue) -> None:
    """Its adverts say nothing more; the hub reads it later."""
    pulse = Advert(SENSOR, None, (full_uuid("180d"),), {}, {}, -60, 0)

    step = after(catalogue, known(Role.VITALS, model="heart_rate"), pulse)

    assert step.passed
    assert step.words == "heard at -60 dBm (strong); what it measures is read over a connection"


def test_others_are_not_looked_at(catalogue: Catalogue) -> None:
    """A neighbour's button proves nothing."""
    step = after(catalogue, known(Role.HELP), advert("button", "press", address="C0:1A:00:00:00:09"))

    assert step.facts() == {"name": "Kitchen door", "address": SENSOR, "passed": False, "words": NOT_HEARD}
