"""What the hub does when something is missing: a person is told what to do, or it goes on and recovers.

A wrong configuration or a missing credential ends the process with its own exit code. No Bluetooth,
no broker, a wrong clock are states: an alarm, readings kept, and no visit needed.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from device_profiles.role import Role
from edge_agent.adapters.sensor_store import SensorStore
from edge_agent.roster import Entry, Roster
from hil_tests.rig.process import Process, command
from tests.helpers.site import (
    BUTTON,
    CLIMATE,
    LivingHome,
    LivingHub,
    ended,
    eventually,
    living_home,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

EX_NOPERM, EX_CONFIG = 77, 78
PRELOADED = "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1"
SENSOR = Entry(address="C0:00:00:00:00:01", name="button", room="Hall", role=Role.HELP, model="bthome_v2")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivingHome]:
    """One running site; each test brings a hub of its own."""
    async with living_home(tmp_path_factory.mktemp("states")) as running:
        yield running


@contextlib.asynccontextmanager
async def hub_on_air(living: LivingHome) -> AsyncIterator[LivingHub]:
    """An enrolled hub that hears a button; running and online."""
    hub = await living.add_hub(BUTTON)
    async with hub.radio:
        await hub.start()
        yield hub
        await hub.hub.kill()


async def _held(living: LivingHome) -> int:
    return int((await living.site.status())["readings"])


# What only a person can mend


async def _ends(config: Path, status: int, *words: str) -> None:
    """The hub ends at once, with that exit code and one clear line."""
    ran = await ended("lum-hub", "run", "--config", str(config))

    assert (ran.status, ran.out) == (status, "")
    assert len(ran.complaint.splitlines()) == 1
    for word in words:
        assert word in ran.complaint


async def test_no_configuration(tmp_path: Path) -> None:
    """Names the file that is missing, and how to name another."""
    await _ends(tmp_path / "hub.toml", EX_CONFIG, str(tmp_path / "hub.toml"), "--config")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", ["colour", "unknown"]),
        ("[radio]\nchannel = 1", ["channel", "radio"]),
        ("status_period_s = 'often'", ["status_period_s", "str"]),
        ("[outbox]\nbatch_age_max_s = 0", ["batch_age_max_s"]),
        ("[[sensors]]\nname = 'x'", ["sensors", "lum-hub sensors add"]),
        ("state_dir =", ["not valid TOML"]),
    ],
)
async def test_a_wrong_configuration(tmp_path: Path, text: str, words: list[str]) -> None:
    """Names file and key: an unknown one, one of the wrong type or out of range, one that is missing."""
    config = tmp_path / "hub.toml"
    config.write_text(text)

    await _ends(config, EX_CONFIG, str(config), *words)


async def test_no_credential(tmp_path: Path) -> None:
    """Not enrolled: says so, and which command mends it."""
    config = tmp_path / "hub.toml"
    config.write_text(f"state_dir = '{tmp_path}/state'\nruntime_dir = '{tmp_path}/run'\n")

    await _ends(config, EX_NOPERM, "not enrolled", "lum-hub enrol")


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, ["cannot be read"]),
        ("00" * 16, 0o644, ["can be read by others", "chmod 600"]),
        ("secret", 0o600, ["not hex"]),
        ("00" * 15, 0o600, ["15 bytes"]),
    ],
    ids=["missing", "open to all", "not hex", "too short"],
)
async def test_a_sensor_key_that_cannot_be_used(
    living: LivingHome, content: str | None, mode: int, words: list[str]
) -> None:
    """Names the file, and never what is in it."""
    hub = await living.add_hub()
    _keep(hub, msgspec.structs.replace(SENSOR, encrypted=True))
    key = hub.hub.directory / "state" / "keys" / "C00000000001.key"
    if content is not None:
        key.parent.mkdir(mode=0o700)
        key.touch(mode=mode)
        key.write_text(content)

    await _ends(hub.hub.config, EX_CONFIG, str(key), *words)


async def test_an_unknown_model_and_a_wrong_contract(living: LivingHome) -> None:
    """The commands add neither; a list of sensors that names them all the same ends the hub with a sentence."""
    hub = await living.add_hub()

    _keep(hub, msgspec.structs.replace(SENSOR, model="bthome_v9"))
    await _ends(hub.hub.config, EX_CONFIG, "button", "bthome_v9")
    _keep(hub, msgspec.structs.replace(SENSOR, contract="sometimes"))
    await _ends(hub.hub.config, EX_CONFIG, "button", "sometimes")


async def test_a_damaged_list_of_sensors(living: LivingHome) -> None:
    """Names the file; the hub does not run as if the home had no sensors."""
    hub = await living.add_hub()
    _keep(hub, SENSOR)
    file = hub.hub.directory / "state" / "sensors.json"
    file.write_bytes(file.read_bytes()[:-10])

    await _ends(hub.hub.config, EX_CONFIG, str(file))


def _keep(hub: LivingHub, entry: Entry) -> None:
    """Make this the hub's one sensor, whatever the commands would say."""
    store = SensorStore(hub.hub.directory / "state")
    with store.changing():
        store.keep(Roster(version=1, sensors=(entry,)))


# What it lives with


async def test_no_bluetooth(living: LivingHome) -> None:
    """An alarm that says what to do; everything else goes on; it hears as soon as there is a radio."""
    hub = await living.add_hub(BUTTON)
    await hub.hub.start()
    alarm = await hub.alarm("radio")
    assert alarm["code"] == "radio-absent"
    assert "plugged in" in alarm["sentence"]
    await hub.online()
    assert alarm["sentence"] in await hub.said()
    held = await _held(living)

    async with hub.radio:
        await eventually(lambda: hub.radio.attached > 0, "it tries again")
        await eventually(lambda: _pressed(hub), "it hears the button")
        await hub.emptied()
        assert "radio" not in hub.alarms()
        await hub.hub.kill()
    assert await _held(living) > held


def _pressed(hub: LivingHub) -> bool:
    """Press until it is heard: the scan begins a moment after the radio was found."""
    hub.press()
    return bool(hub.status().get("heard"))


async def test_a_radio_that_is_pulled_out_and_plugged_in_again(living: LivingHome) -> None:
    """The hub finds it again by itself."""
    async with hub_on_air(living) as hub:
        attached = hub.radio.attached
        hub.radio.unplug()

        assert (await hub.alarm("radio"))["code"] == "radio-lost"
        await eventually(lambda: hub.radio.attached > attached, "it tries again")
        await eventually(lambda: _pressed(hub), "it hears the button")
        await eventually(lambda: "radio" not in hub.alarms(), "the alarm is cleared")


async def test_no_site_then_a_power_cut_then_the_site_again(living: LivingHome) -> None:
    """Readings are committed all the while; a kill in the middle loses none; all are handed over in the end."""
    held = await _held(living)
    async with hub_on_air(living) as hub:
        await living.site.stop()
        try:
            assert (await hub.alarm("uplink"))["code"] in {"broker-unreachable", "authority-unreachable"}
            hub.press()
            await eventually(lambda: hub.status()["waiting"] == 1, "the press is committed and waits")
            hub.press()
            await eventually(lambda: hub.status()["waiting"] == 2, "so does the second")
            await hub.hub.kill()
            await hub.hub.start()
            await eventually(lambda: hub.status().get("waiting") == 2, "both are there after the kill")
            await hub.alarm("uplink")
        finally:
            await living.site.start()
        await hub.emptied()
        await eventually(lambda: "uplink" not in hub.alarms(), "the alarm is cleared")
    assert await _held(living) == held + 2


async def test_asked_to_stop_it_hands_over_everything(living: LivingHome) -> None:
    """SIGTERM: what was not yet committed is, what was not yet cut is sent; exit code 0."""
    held = await _held(living)
    hub = await living.add_hub(CLIMATE)
    async with hub.radio:
        await hub.hub.start()
        await hub.online()
        assert hub.sensors is not None
        hub.sensors.start()
        status = await eventually(
            lambda: hub.status() if hub.status()["heard"] else {}, "it hears the climate"
        )
        heard = status["heard"]
        assert status["uncommitted"] + status["uncut"] == heard  # nothing of it is on its way

        assert await hub.hub.stop() == 0

    assert await _held(living) >= held + heard


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("date", ["1970-01-02 00:00:00", "2031-01-01 00:00:00"])
async def test_a_wrong_clock(living: LivingHome, date: str) -> None:
    """An alarm that says so, and that it does not matter: the hub goes by the time that the site signs."""
    hub = await living.add_hub(BUTTON)
    right = hub.hub.process
    hub.hub.process = Process(right.name, _at(date, hub.hub.config), right.log)
    held = await _held(living)
    async with hub.radio:
        await hub.hub.start()
        try:
            alarm = await hub.alarm("clock")
            assert alarm["code"] == "clock-wrong"
            assert "readings are safe" in alarm["sentence"]
            await hub.online()
            await eventually(lambda: hub.radio.attached > 0, "the hub listens")
            hub.press()
            await eventually(lambda: hub.status().get("receipts", 0) >= 1, "the press has its receipt")
            await hub.emptied()
            assert hub.hub.process.running
        finally:
            await hub.hub.process.kill()
        hub.hub.process = right
        await hub.hub.start()
        await hub.emptied()
        assert hub.alarms() == {}
        assert hub.status()["last_refusal"] == ""
        await hub.hub.kill()
    assert await _held(living) == held + 1


def _at(date: str, config: Path) -> list[str]:
    """The hub's command line on a machine whose clock stood at that date when it started."""
    env = shutil.which("env")
    assert env is not None
    faked = [PRELOADED, f"FAKETIME=@{date}", "FAKETIME_DONT_FAKE_MONOTONIC=1"]
    return [env, *faked, command("lum-hub"), "run", "--config", str(config)]
