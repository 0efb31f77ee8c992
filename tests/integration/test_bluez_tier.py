"""The unmodified hub on the production path: stock bleak over BlueZ, and what it does when that fails."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.hub import Hub
from hil_tests.rig.site import Site
from hil_tests.scenario import Home, Scenario
from tests.helpers.site import BUTTON, CLIMATE, entry, eventually, eventually_told

pytestmark = pytest.mark.needs("dbus-daemon")

HEARS_AGAIN_MAX_S = 60.0


@dataclass
class _Tier:
    """A site, a hub over BlueZ that is online, and a home that talks."""

    site: Site
    hub: Hub
    bluez: FakeBluez

    def alarm(self) -> Mapping[str, Any]:
        """What the hub says is wrong with its radio; empty if nothing is."""
        alarms = self.hub.status().get("alarms", [])
        return next((alarm for alarm in alarms if alarm["name"] == "radio"), {})

    async def says(self, code: str) -> str:
        """Wait until its status names that trouble of the radio; returns the sentence."""
        await eventually(lambda: self.alarm().get("code") == code, code)
        return str(self.alarm()["sentence"])

    async def hears_again(self) -> None:
        """Wait until it hears new readings, and has nothing to complain of."""
        heard = int(self.hub.status()["heard"])
        await eventually(lambda: self.hub.status().get("heard", 0) > heard, "new readings", HEARS_AGAIN_MAX_S)
        await eventually(lambda: not self.alarm(), "the end of the alarm")


@pytest.fixture
async def tier(tmp_path: Path) -> AsyncIterator[_Tier]:
    """Start everything; the hub has heard its sensors."""
    air = Air(7)
    site = Site(tmp_path / "site", tmp_path / "receiver.log")
    scenario = Scenario("Test", 7, 3600, Home("home"), (BUTTON, CLIMATE), neighbours=3)
    home = SimulatedHome(air, scenario, lambda _: None)
    await site.create()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(site.stop)
        await site.start()
        bluez = await stack.enter_async_context(FakeBluez(air, tmp_path))
        hub = Hub(tmp_path / "hub", tmp_path / "hub.log", None, bluez.environment)
        await hub.configure([entry(BUTTON), entry(CLIMATE)], batch_age_max_s=5, commit_window_max_s=1)
        await hub.enrol(await site.voucher("home"))
        stack.push_async_callback(hub.process.stop)
        await hub.start()
        home.start()
        stack.callback(home.stop)
        tier = _Tier(site, hub, bluez)
        await eventually(lambda: hub.status().get("heard"), "the first readings")
        yield tier


async def test_readings_arrive_over_bluez(tier: _Tier) -> None:
    """What sensors say reaches the store, by the production path."""

    async def stored() -> list[dict[str, Any]]:
        return await tier.site.readings()

    readings = await eventually_told(stored, "readings in the store")
    assert {reading["sensor"] for reading in readings} <= {BUTTON.address, CLIMATE.address}
    assert not tier.alarm()


async def test_a_crash_and_a_switch_are_survived(tier: _Tier) -> None:
    """Each is named while it lasts, and then the hub hears again by itself."""
    assert (await tier.bluez.crash()).fired()
    assert "service" in await tier.says("radio-absent")
    assert (await tier.bluez.restart()).fired()
    await tier.hears_again()

    assert (await tier.bluez.power_off()).fired()
    assert "switched off" in await tier.says("radio-off")
    await tier.bluez.power_on()
    await tier.hears_again()
    assert "Traceback" not in tier.hub.process.log.read_text()


@pytest.mark.long
async def test_a_pulled_adapter_and_a_killed_bus_are_survived(tier: _Tier) -> None:
    """Each is named while it lasts, and then the hub hears again by itself."""
    assert (await tier.bluez.unplug()).fired()
    await tier.says("radio-absent")
    await tier.bluez.plug()
    await tier.hears_again()

    assert (await tier.bluez.kill_bus()).fired()
    await tier.says("radio-absent")
    assert (await tier.bluez.restart()).fired()
    await tier.hears_again()


@pytest.mark.long
async def test_a_deaf_radio_is_told_and_started_anew(tier: _Tier) -> None:
    """The age of the last frame grows, after 90 s the hub says so, and it hears once the adapter does."""
    await tier.bluez.deafen()
    await eventually(lambda: tier.hub.status()["frame_age_s"] >= 10, "silence shows")
    await eventually(lambda: tier.alarm().get("code") == "radio-deaf", "radio-deaf", 120)
    assert (await tier.bluez.undeafen()).fired()
    await tier.hears_again()
