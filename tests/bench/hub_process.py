"""What a real hub process needs: memory, and time until it is online."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.rig.hub import Hub, SensorEntry
from hil_tests.rig.process import until
from hil_tests.rig.site import Site
from tests.bench.harness import Figure, Samples, at_most
from tests.bench.home_day import HUB, sensors
from tests.bench.imports import HCI_MODULES, HUB_MODULES, STANDARD_MODULES, import_s, rss_mb

ROUNDS = 3
STATUS_PERIOD_S = 0.05  # how finely the start is timed
ONLINE_WAIT_S = 30.0
SETTLE_S = 2.0  # from online until memory is read
START_TARGET_S = 3.0
WAYS = {"HCI": (HCI_MODULES, 60.0), "BlueZ": (HUB_MODULES, 45.0)}  # imports; memory target in MB


@dataclass(slots=True)
class _Measured:
    """What the starts of one way to the radio gave."""

    start_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    import_s: list[float] = field(default_factory=list)
    standard_mb: list[float] = field(default_factory=list)


def hub_process() -> list[Figure]:
    """A real `lum-hub run`, enrolled at a real site, with 17 sensors and a radio that is not there (it keeps trying).

    Start: from starting the process until its status says online, to 0.05 s; beside it, the bare
    import of its modules by a fresh Python. Memory: resident, 2 s later, idle; beside it, Python with asyncio, ssl and sqlite3
    imported. Starts over HCI and over BlueZ and the limits are measured in turns.
    """
    measured = asyncio.run(_measure())
    figures = []
    for way, of in measured.items():
        memory, imports = tuple(of.rss_mb), tuple(of.import_s)
        target = at_most(WAYS[way][1])
        standard = Samples("limit: asyncio, ssl, sqlite3", tuple(of.standard_mb))
        figures.append(Figure(Samples(f"hub memory, {way}", memory), "MB", target, (standard,)))
        limit = Samples("limit: the bare import", imports)
        start = Samples(f"hub start until online, {way}", tuple(of.start_s))
        figures.append(Figure(start, "s", at_most(START_TARGET_S), (limit,)))
    return figures


async def _measure() -> dict[str, _Measured]:
    measured = {way: _Measured() for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="lum-bench-") as name:
        async with _site(Path(name)) as site:
            hubs = {way: await _hub(Path(name), way, site) for way in WAYS}
            for _ in range(ROUNDS):
                for way, hub in hubs.items():
                    await _start_once(hub, way, measured[way])
    return measured


@contextlib.asynccontextmanager
async def _site(directory: Path) -> AsyncIterator[Site]:
    site = Site(directory / "site", directory / "site.log")
    await site.create()
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


async def _hub(directory: Path, way: str, site: Site) -> Hub:
    """An enrolled hub whose radio is a socket that nobody serves, or the system's BlueZ."""
    transport = f"unix-client:{directory / 'nobody.sock'}"
    hub = Hub(directory / way, directory / f"{way}.log", transport)
    entries = [
        SensorEntry(s.address, s.name, s.room, s.model, f"periodic {s.period_s} s")
        for s in sensors().values()
    ]
    await hub.configure(entries, batch_age_max_s=900, commit_window_max_s=15)
    text = hub.config.read_text().replace("status_period_s = 0.5", f"status_period_s = {STATUS_PERIOD_S}")
    if way == "BlueZ":
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("transport"))
    hub.config.write_text(text)
    await hub.enrol(await site.voucher(f"{HUB.home}-{way.lower()}"))
    return hub


async def _start_once(hub: Hub, way: str, measured: _Measured) -> None:
    """One start of the hub, and its limits."""
    began_s = time.perf_counter()
    await hub.start()
    try:
        await until(
            lambda: hub.status().get("uplink") == "online",
            f"Going online ({way})",
            ONLINE_WAIT_S,
            every_s=0.01,
        )
        measured.start_s.append(time.perf_counter() - began_s)
        await asyncio.sleep(SETTLE_S)
        measured.rss_mb.append(hub.usage().rss_mb)
    finally:
        await hub.stop()
    measured.import_s.append(await asyncio.to_thread(import_s, *WAYS[way][0]))
    measured.standard_mb.append(await asyncio.to_thread(rss_mb, *STANDARD_MODULES))
