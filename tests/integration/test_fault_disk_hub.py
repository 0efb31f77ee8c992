"""The hub on disks that lose, refuse, fill and rot: what it has committed survives, and it says what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.rig.beacons import EVENT_BURST_S
from hil_tests.rig.disk import LossyDisk, SmallDisk, corrupt
from hil_tests.rig.injection import Injection
from tests.helpers.faults import arrived, press, presses, wrap
from tests.helpers.site import BUTTON, LivingHome, LivingHub, entry, eventually, living_home

# The scenarios of lines and disks stand for these on every run.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

DEATH_WAIT_S = 30.0
PRESS_PERIOD_S = 0.3  # time to send one before the next, so that some are stored when death comes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivingHome]:
    """One running site; each test brings a hub of its own."""
    async with living_home(tmp_path_factory.mktemp("disks")) as running:
        yield running


@contextlib.asynccontextmanager
async def _hub_on(path: Path, living: LivingHome) -> AsyncIterator[LivingHub]:
    """A hub that keeps its state at ``path``, fitted and enrolled there; not started."""
    hub = await living.add_hub(BUTTON, enrolled=False, assigned=False)
    await asyncio.to_thread(path.mkdir, exist_ok=True)
    (hub.hub.directory / "state").symlink_to(path, target_is_directory=True)
    await hub.hub.add(entry(BUTTON))
    await hub.hub.enrol(await living.site.voucher("home"))
    async with hub.radio:
        yield hub
        await hub.hub.kill()


@pytest.mark.needs("fusermount3")
async def test_a_power_cut_loses_no_committed_reading(living: LivingHome, tmp_path: Path) -> None:
    """Fitted, enrolled, cut; three presses without a site, cut again: all that was committed is handed over."""
    async with LossyDisk(tmp_path / "disk") as disk, _hub_on(disk.path, living) as hub:
        await disk.cut()
        await hub.start()
        await living.site.stop()
        try:
            await hub.alarm("uplink")
            for number in range(1, 4):
                await press(hub)
                await eventually(lambda: hub.status()["waiting"] == number, "committed")  # noqa: B023
            await hub.hub.kill()
            lost = await disk.cut()
            await hub.hub.start()
            await eventually(lambda: hub.status().get("waiting") == 3, "all are there after the cut")
        finally:
            await living.site.start()
        await arrived(living, hub.identity.hub, 3)
        await hub.emptied()
        assert len(await presses(living, hub.identity.hub)) == 3
    assert lost.fired()


@pytest.mark.needs("fusermount3")
async def test_a_card_that_lied_begins_a_new_epoch(living: LivingHome, tmp_path: Path) -> None:
    """The site has presses that the hub's disk has forgotten: a new epoch, which is told, and nothing counts twice."""
    clock = asyncio.get_running_loop().time
    async with LossyDisk(tmp_path / "disk") as disk, _hub_on(disk.path, living) as hub:
        name = hub.identity.hub
        await hub.start()
        await press(hub)
        await arrived(living, name, 1)
        await hub.emptied()
        await disk.lie()
        await press(hub)
        pressed_at = clock()
        await arrived(living, name, 2)
        await hub.hub.kill()
        assert (await disk.cut()).lies > 0
        # To a guard that has forgotten it, a late copy of the second press would be a new one.
        await eventually(lambda: clock() > pressed_at + EVENT_BURST_S, "its burst is over")

        await hub.start()
        await press(hub)
        await arrived(living, name, 3)
        await hub.emptied()
        assert await _incidents(living, name) == ["epoch-begun"]
        assert len(await presses(living, name)) == 3


async def _incidents(living: LivingHome, hub: str) -> list[str]:
    return [one["code"] for one in await living.site.incidents() if one.get("hub") == hub]


@pytest.mark.needs("strace", "fusermount3")
async def test_death_at_a_sync_of_the_outbox_loses_no_committed_reading(
    living: LivingHome, tmp_path: Path
) -> None:
    """The power goes at the moment of a sync: what was committed before is there, and nothing counts twice."""
    async with LossyDisk(tmp_path / "disk") as disk, _hub_on(disk.path, living) as hub:
        fault = Injection(("fdatasync",), tmp_path / "log", when="24")
        right = wrap(hub, fault.wrapping())
        await hub.start()
        async with asyncio.timeout(DEATH_WAIT_S):
            while hub.hub.process.running:
                hub.press()
                await asyncio.sleep(PRESS_PERIOD_S)
        assert fault.evidence().calls == ("fdatasync",)
        await disk.cut()
        name = hub.identity.hub
        stored = await presses(living, name)
        assert stored

        hub.hub.process = right
        await hub.start()
        await press(hub)
        await arrived(living, name, len(stored) + 1)
        await hub.emptied()
        assert (hub.status()["last_refusal"], hub.alarms(), await _incidents(living, name)) == ("", {}, [])
        after = await presses(living, name)
    assert set(stored) < set(after)
    assert len(set(after)) == len(after)


@pytest.mark.needs("fusermount3")
@pytest.mark.parametrize("verb", ["turn_read_only", "wear_out"])
async def test_a_hub_whose_disk_takes_nothing(living: LivingHome, tmp_path: Path, verb: str) -> None:
    """An alarm that says so; the reading waits in memory, and is committed and handed over when the disk is well."""
    async with LossyDisk(tmp_path / "disk") as disk, _hub_on(disk.path, living) as hub:
        await hub.start()
        await getattr(disk, verb)()
        await press(hub)
        alarm = await hub.alarm("outbox")
        assert "card" in alarm["sentence"]
        assert hub.hub.process.running
        assert (await disk.heal()).fired()
        await eventually(lambda: "outbox" not in hub.alarms(), "the alarm is cleared")
        await arrived(living, hub.identity.hub, 1)
        await hub.emptied()
        assert len(await presses(living, hub.identity.hub)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")
async def test_a_hub_whose_disk_is_full(living: LivingHome, tmp_path: Path) -> None:
    """It hands over on what it had in reserve, and says all the while that the disk is full."""
    async with SmallDisk(tmp_path / "small", 8 * 2**20) as disk, _hub_on(disk.path, living) as hub:
        await hub.start()
        assert (await asyncio.to_thread(disk.fill)).fired()
        for _ in range(5):
            await press(hub)
        await arrived(living, hub.identity.hub, 5)
        assert "full" in (await hub.alarm("outbox"))["sentence"]
        disk.empty()
        await press(hub)
        await eventually(lambda: "outbox" not in hub.alarms(), "the alarm is cleared")
        await hub.emptied()
        assert len(await presses(living, hub.identity.hub)) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")
async def test_a_hub_whose_disk_has_no_room_to_spare(living: LivingHome, tmp_path: Path) -> None:
    """It hands over as ever, and says from the start that it has nothing in reserve."""
    async with SmallDisk(tmp_path / "small", 3 * 2**20) as disk, _hub_on(disk.path, living) as hub:
        await hub.start()
        assert "nearly full" in (await hub.alarm("outbox"))["sentence"]
        await press(hub)
        await arrived(living, hub.identity.hub, 1)
        assert "outbox" in hub.alarms()


async def test_a_hub_whose_outbox_is_damaged(living: LivingHome, tmp_path: Path) -> None:
    """One sentence that names the outbox and the card, no traceback, and an exit status of its own."""
    async with _hub_on(tmp_path / "state", living) as hub:
        await hub.start()
        await hub.hub.stop()
        said = len(hub.hub.process.log.read_text())
        damage = corrupt(tmp_path / "state" / "outbox.db", 1, pages=1000)
        assert damage.fired()
        await hub.hub.start()
        await eventually(lambda: not hub.hub.process.running, "it ends")
        complaint = hub.hub.process.log.read_text()[said:]
    assert len(complaint.splitlines()) == 1
    assert "outbox" in complaint
    assert "card" in complaint
