"""``lum-hub sensors`` beside a running hub and without one: real processes on the rig's air, as an installer uses them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.behaviour import Action
from hil_tests.scenario import SensorPlan
from tests.helpers.site import Ended, LivingHome, LivingHub, ended, entry, eventually, living_home

pytestmark = pytest.mark.asyncio(loop_scope="module")

EX_DATAERR, EX_SOFTWARE = 65, 70
DOOR = SensorPlan(
    name="kitchen-door",
    room="Kitchen",
    address="C0:1A:00:00:00:05",
    behaviour="door",
    period_s=1,
    signal_dbm=-55,
    sigma_db=0,
)
MOTION = SensorPlan(
    name="hall-motion",
    room="Hall",
    address="C0:1A:00:00:00:06",
    behaviour="motion",
    period_s=1,
    signal_dbm=-75,
    sigma_db=0,
    key="0f" * 16,
)
CLIMATE = SensorPlan(
    name="bath-climate",
    room="Bath",
    address="C0:1A:00:00:00:07",
    behaviour="climate",
    period_s=1,
    model="pvvx",
    signal_dbm=-95,
    sigma_db=0,
)
NOBODY = SensorPlan(
    name="help-button", room="Bedroom", address="C0:1A:00:00:00:08", behaviour="button", period_s=3600
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivingHome]:
    """One running site; each test brings a hub of its own."""
    async with living_home(tmp_path_factory.mktemp("sensors")) as running:
        yield running


@contextlib.asynccontextmanager
async def fitting(
    living: LivingHome, *plans: SensorPlan, assigned: bool = False, running: bool = True
) -> AsyncIterator[LivingHub]:
    """A hub in reach of these sensors and four neighbours; as a rule it knows of none."""
    hub = await living.add_hub(*plans, assigned=assigned, neighbours=4)
    assert hub.sensors is not None
    async with hub.radio:
        if running:
            await hub.start()
        hub.sensors.start()
        yield hub
        hub.sensors.stop()
        await hub.hub.kill()


async def sensors(hub: LivingHub, command: str, *arguments: str) -> Ended:
    """Run ``lum-hub sensors COMMAND`` to its end."""
    return await ended("lum-hub", "sensors", command, "--config", str(hub.hub.config), *arguments)


async def scanned(hub: LivingHub, *options: str) -> dict[str, dict[str, Any]]:
    """What a short scan shows, by address, in the order shown."""
    scan = await sensors(hub, "scan", "--for", "3", "--json", *options)
    assert scan.status == 0, scan.complaint
    return {row["address"]: row for row in json.loads(scan.out)}


async def meanwhile(act: Callable[[], None], hub: LivingHub, command: str, *arguments: str) -> Ended:
    """Run a command, and act once a second until it has ended."""
    running = asyncio.create_task(sensors(hub, command, *arguments))
    while not running.done():
        act()
        await asyncio.wait({running}, timeout=1)
    return running.result()


def door_in_use(hub: LivingHub) -> Callable[[], None]:
    """The door is opened and closed in turns."""
    actions: itertools.cycle[Action] = itertools.cycle(("open", "close"))

    def act() -> None:
        assert hub.sensors is not None
        hub.sensors.do(DOOR.name, next(actions))

    return act


async def test_a_sensor_is_added_while_the_hub_runs(living: LivingHome) -> None:
    """Its model is recognised on the air, and its readings arrive at the site without a restart."""
    async with fitting(living, DOOR) as hub:
        pid = hub.hub.process.pid
        added = await sensors(
            hub, "add", DOOR.address, "--name", "Kitchen door", "--room", "Kitchen", "--role", "entrance"
        )
        assert (added.status, added.out.splitlines()) == (
            0,
            [
                "Added: Kitchen door (entrance) in Kitchen: C0:1A:00:00:00:05, BTHome v2 sensor, event-only.",
                "The running hub takes it up in a moment.",
            ],
        ), added.complaint

        use = door_in_use(hub)

        def heard() -> bool:
            use()
            return bool(hub.status().get("heard"))

        await eventually(heard, "the hub hears it")
        await hub.emptied()
        assert hub.hub.process.pid == pid
        listed = json.loads((await sensors(hub, "list", "--json")).out)
        assert (listed[0]["name"], listed[0]["heard_age_s"] < 10) == ("Kitchen door", True)
        stored = [one for one in await living.site.readings() if one["sensor"] == DOOR.address]
        assert {one["kind"] for one in stored} >= {"door"}


async def test_a_scan_shows_ours_and_the_neighbours(living: LivingHome) -> None:
    """Strongest first, with what stands in the way; what no profile knows only when asked for."""
    async with fitting(living, DOOR, MOTION, CLIMATE) as hub:
        await hub.hub.add(dataclasses.replace(entry(DOOR), name="Kitchen door"))
        shown = await scanned(hub)

        ours, locked, weak = (shown[plan.address] for plan in (DOOR, MOTION, CLIMATE))
        assert (ours["name"], ours["trouble"], ours["signal"]) == ("Kitchen door", "", "strong")
        assert "door closed" in ours["says"]
        assert (locked["name"], locked["trouble"], locked["says"]) == (None, "needs a key", [])
        assert (weak["model"], weak["signal"], weak["contract"]) == ("pvvx", "very weak", "periodic 900 s")
        signals = [row["signal_dbm"] for row in shown.values()]
        assert signals == sorted(signals, reverse=True)
        neighbours = [row for row in shown.values() if row["address"] not in _addresses()]
        assert neighbours
        assert all(row["model"] == "bthome_v2" and row["name"] is None for row in neighbours)

        everybody = await scanned(hub, "--all")
        assert any(row["model"] is None for row in everybody.values())
        assert hub.status()["counts"]["strangers"] > 0
        assert hub.alarms() == {}


def _addresses() -> set[str]:
    return {plan.address for plan in (DOOR, MOTION, CLIMATE, NOBODY)}


async def test_a_scan_needs_no_running_hub(living: LivingHome) -> None:
    """It opens the radio itself; and says so in one line if there is none."""
    async with fitting(living, DOOR, running=False) as hub:
        assert DOOR.address in await scanned(hub)
    without = await sensors(hub, "scan", "--for", "1")

    assert (without.status, without.out) == (EX_SOFTWARE, "")
    assert "radio-absent" in without.complaint
    assert len(without.complaint.splitlines()) == 1


async def test_a_walk_test_ends_as_soon_as_all_have_passed(living: LivingHome) -> None:
    """The installer is told what to do, and then that it worked."""
    async with fitting(living, DOOR, assigned=True) as hub:
        walk = await meanwhile(door_in_use(hub), hub, "test", "--for", "25")

    assert walk.status == 0
    assert walk.complaint == "Open and close the kitchen-door.\n"
    assert [line.split() for line in walk.out.splitlines()] == [
        ["SENSOR", "PASSED"],
        ["kitchen-door", "yes", "heard", "at", "-55", "dBm", "(strong)"],
    ]


async def test_a_walk_test_fails_in_words(living: LivingHome) -> None:
    """Each sensor with its own reason, and exit code 1."""
    async with fitting(living, DOOR, MOTION, CLIMATE) as hub:
        for plan in (DOOR, CLIMATE, NOBODY):
            await hub.hub.add(entry(plan))
        await hub.hub.add(dataclasses.replace(entry(MOTION), key=bytes(16)))
        walk = await sensors(hub, "test", "--for", "4", "--json")
        one = await sensors(hub, "test", "BATH-climate", "--for", "2")

    assert walk.status == 1
    told = json.loads(walk.out)
    assert told["passed"] is False
    assert {sensor["name"]: sensor["words"] for sensor in told["sensors"]} == {
        "kitchen-door": "heard, but it never said open",
        "hall-motion": "heard, but encrypted with another key",
        "bath-climate": "heard only at -95 dBm: too weak to rely on",
        "help-button": "not heard at all: is it in reach, has it a battery?",
    }
    assert (one.status, one.out.count("NO"), "too weak" in one.out) == (1, 1, True)


async def test_a_removed_sensor_is_a_stranger_at_once(living: LivingHome) -> None:
    """The running hub keeps nothing more of it, and its key is deleted."""
    async with fitting(living, MOTION) as hub:
        await hub.hub.add(dataclasses.replace(entry(MOTION), key=bytes.fromhex("0f" * 16)))
        keys = hub.hub.directory / "state" / "keys"
        assert len(list(keys.iterdir())) == 1
        await eventually(lambda: hub.status()["heard"], "the hub hears it")

        removed = await sensors(hub, "remove", "HALL-motion")

        assert (removed.status, removed.out) == (0, "Removed: hall-motion, C0:1A:00:00:00:06.\n")
        assert list(keys.iterdir()) == []
        await eventually(lambda: not hub.status()["sensors"], "it is nobody's")
        await eventually(lambda: hub.status()["counts"].get("strangers"), "it is heard as a stranger")
        assert hub.status()["heard"] == 0


async def test_a_sensor_removed_while_the_hub_is_down_loses_nothing(living: LivingHome) -> None:
    """What was committed before the power cut is still handed over, though nobody knows the sensor any more."""
    async with fitting(living, CLIMATE, assigned=True, running=False) as hub:
        text = hub.hub.config.read_text()
        hub.hub.config.write_text(text.replace("commit_window_max_s = 15", "commit_window_max_s = 0.1"))
        await hub.start()
        await eventually(lambda: hub.status().get("uncut"), "something is committed and not yet cut")
        held = (await living.site.status())["readings"]
        await hub.hub.kill()
        assert (await sensors(hub, "remove", CLIMATE.name)).status == 0
        await hub.hub.start()
        await hub.online()
        assert await hub.hub.stop() == 0

    assert (await living.site.status())["readings"] > held


async def test_a_changed_battery_is_asked_about_until_it_is_confirmed(living: LivingHome) -> None:
    """A counter that begins again is told as trouble, with the command that mends it; and that mends it."""
    async with fitting(living, MOTION) as hub:
        await hub.hub.add(dataclasses.replace(entry(MOTION), key=bytes.fromhex("0f" * 16)))
        await eventually(lambda: hub.status().get("heard", 0) > 6, "its counter has come some way")
        assert hub.sensors is not None
        hub.sensors.stop()
        hub.sensors = SimulatedHome(hub.radio._air, hub.sensors._scenario, lambda _: None)
        hub.sensors.start()
        alarm = await hub.alarm("counter")
        assert "hall-motion" in alarm["sentence"]
        assert "lum-hub sensors confirm" in alarm["sentence"]

        confirmed = await sensors(hub, "confirm", "HALL-motion")

        assert (confirmed.status, "hall-motion" in confirmed.out) == (0, True)
        await eventually(lambda: "counter" not in hub.alarms(), "the hub believes it again")


async def test_only_a_sensor_of_this_home_is_confirmed_and_only_to_a_running_hub(living: LivingHome) -> None:
    """Either way one sentence says why not."""
    async with fitting(living, DOOR, assigned=True, running=False) as hub:
        unknown = await sensors(hub, "confirm", "Bath")
        nobody = await sensors(hub, "confirm", DOOR.name)

    assert (unknown.status, nobody.status) == (EX_DATAERR, EX_SOFTWARE)
    assert "There are: kitchen-door" in unknown.complaint
    assert "No hub is running" in nobody.complaint


@pytest.mark.long
async def test_a_sensor_that_is_not_heard_is_not_guessed(living: LivingHome) -> None:
    """After 20 s the command says what to do, and nothing was added."""
    async with fitting(living, DOOR) as hub:
        added = await sensors(
            hub, "add", NOBODY.address, "--name", "Button", "--room", "Bedroom", "--role", "help"
        )
        listed = await sensors(hub, "list", "--json")

    assert added.status == EX_DATAERR
    assert "was not heard within 20 s" in added.complaint
    assert "--model" in added.complaint
    assert listed.out == "[]\n"
