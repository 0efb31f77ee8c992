"""What tests of faults share: a hub process in a wrapping, presses that are heard, a site behind a line."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from hil_tests.rig.network import ADVERTISED_HOST, FaultyLink, listen_inside
from hil_tests.rig.process import Process, command
from hil_tests.rig.site import Site
from hil_tests.rig.wrapping import Wrapping
from tests.helpers.site import LivingHome, LivingHub, eventually, eventually_told


async def presses(living: LivingHome, hub: str) -> list[int]:
    """When each press happened that the site holds of a hub, wall clock in ms; one that is stored twice is there twice."""
    readings = await living.site.readings()
    return sorted(one["happened_ms"] for one in readings if (one["hub"], one["kind"]) == (hub, "button"))


BACK_OFF_WAIT_S = 90.0  # a hub whose first attempt failed may wait a minute before the next


async def arrived(living: LivingHome, hub: str, count: int) -> None:
    """Wait until so many presses of a hub are stored: its status may be older than what it has just heard."""

    async def enough() -> bool:
        return len(await presses(living, hub)) >= count

    await eventually_told(enough, f"{count} presses are stored", BACK_OFF_WAIT_S)


async def press(hub: LivingHub) -> None:
    """One press that the hub has heard; the hub must be running."""
    heard = int(hub.status()["heard"])
    hub.press()
    await eventually(lambda: hub.status().get("heard", 0) > heard, "the press is heard")


def wrap(hub: LivingHub, wrapping: Wrapping) -> Process:
    """The hub's next life is in that wrapping. Returns the process as it was, to put back."""
    right = hub.hub.process
    words = wrapping.command([command("lum-hub"), "run", "--config", str(hub.hub.config)])
    hub.hub.process = Process(right.name, words, right.log)
    return right


@contextlib.asynccontextmanager
async def home_behind(
    directory: Path, host: str = ADVERTISED_HOST
) -> AsyncIterator[tuple[LivingHome, FaultyLink]]:
    """A running site that hubs reach through a line alone, by that address or name."""
    site = Site(directory / "site", directory / "receiver.log")
    await site.create(host)
    listen_inside(site.config)
    line = FaultyLink([site.ports["mqtt"], site.ports["authority"]])
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(line)
        stack.push_async_callback(site.stop)
        await site.start()
        yield LivingHome(directory, site, stack), line
