"""Watch and guard as they run, and somebody outside who counts: freeze one, kill the other, take the store away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.notices import Notices
from tests.helpers.incident_site import HOME, PENDANT, SMOKE, Site
from tests.helpers.outside import Outside, outside
from tests.helpers.seeded_home import Told
from tests.helpers.site import eventually

TOKEN = "a-secret-that-no-log-holds"
AGE_MAX_S = 5
GUARD = f"""
[guard]
age_max_s = {AGE_MAX_S}
ping_period_s = 1
ping = "http://127.0.0.1:{{port}}/{TOKEN}"
"""


@dataclass
class Guarded:
    """A site of which watch and guard run, each a process of its own."""

    site: Site
    there: Outside
    log: Path
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, role: str) -> None:
        """Start one of them."""
        words = [
            sys.executable,
            "-m",
            "cloud_sync.receiver.cli",
            role,
            "--config",
            "receiver.toml",
            "--child",
        ]
        with self.log.open("ab") as log:
            self.processes[role] = await asyncio.create_subprocess_exec(
                *words, cwd=self.site.directory, stdout=log, stderr=log
            )

    async def kill(self, role: str) -> None:
        """As a crash would."""
        self.processes[role].kill()
        await self.processes[role].wait()

    async def pinged(self, more: int = 2) -> None:
        """Wait for as many pings more."""
        wanted = len(self.there.asked) + more
        await eventually(lambda: len(self.there.asked) >= wanted, "the outside is told that all is well")

    def said(self) -> list[tuple[str, str]]:
        """What the guard told operations: of what, and on which occasion."""
        return [(one["subject"], one["occasion"]) for one in reversed(Notices(self.site.home.db).newest(20))]

    async def silence(self, seconds: float) -> int:
        """How many pings come in so long a time."""
        before, ends = len(self.there.asked), time.monotonic() + seconds
        await eventually(lambda: time.monotonic() >= ends, "the time is over")
        return len(self.there.asked) - before


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    """All is well, and the outside knows it."""
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", "version = 1\n")
    site.now_ms = time.time_ns() // 1_000_000
    site.tell(Told(PENDANT), Told(SMOKE))
    async with outside() as there:
        with (site.directory / "receiver.toml").open("a") as file:
            file.write(GUARD.format(port=there.port))
        one = Guarded(site, there, tmp_path / "log")
        try:
            for role in ("watch", "guard"):
                await one.start(role)
            await one.pinged()
            yield one
        finally:
            for process in one.processes.values():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            site.home.db.close()


async def test_a_watch_that_hangs_is_told_and_the_outside_hears_nothing_until_it_looks_again(
    guarded: Guarded,
) -> None:
    """An incident of ours, a notice to operations, and no ping; then it is over, and they come again."""
    guarded.processes["watch"].send_signal(signal.SIGSTOP)
    await eventually(lambda: guarded.said() == [("watch-stale", "raised")], "the guard has told it")
    assert [one["code"] for one in Batches(guarded.site.home.db).incidents()] == ["watch-stale"]
    assert await guarded.silence(3) == 0

    guarded.processes["watch"].send_signal(signal.SIGCONT)
    await guarded.pinged()
    await eventually(lambda: guarded.said()[-1:] == [("watch-stale", "closed")], "the guard has told its end")
    assert len(guarded.said()) == 2


async def test_when_the_guard_dies_the_outside_hears_nothing(guarded: Guarded) -> None:
    """Until there is another one."""
    await guarded.kill("guard")
    assert await guarded.silence(3) == 0
    await guarded.start("guard")
    await guarded.pinged()


async def test_a_home_that_is_not_asked_about_is_told_though_the_watch_looks(guarded: Guarded) -> None:
    """Its parameters cannot be used by a watch that begins, so it is left out, and nobody would notice."""
    homes = guarded.site.directory / "homes"
    homes.mkdir()
    (homes / f"{HOME}.toml").write_text("colour = 1\n")
    await guarded.kill("watch")
    await guarded.start("watch")
    await eventually(lambda: "watch.parameters" in guarded.log.read_text(), "the watch leaves it out")
    guarded.site.home.db.execute("UPDATE asked SET at_ms = at_ms - 120000")  # as if it were two minutes later
    await eventually(lambda: ("homes-missed", "raised") in guarded.said(), "the guard has told it")
    assert await guarded.silence(3) == 0


async def test_a_store_that_is_gone_silences_the_outside(guarded: Guarded) -> None:
    """And the guard neither ends nor makes an empty one in its place."""
    store = guarded.site.directory / "store"
    store.rename(store.with_name("elsewhere"))
    await eventually(lambda: "guard.store" in guarded.log.read_text(), "the guard has seen it")
    assert await guarded.silence(3) == 0
    assert guarded.processes["guard"].returncode is None
    assert not (store / "lum.db").exists()


async def test_the_address_stands_in_no_log(guarded: Guarded) -> None:
    """Also when the outside refuses, and when the processes are done."""
    guarded.there.status = 500
    await eventually(lambda: "guard.ping" in guarded.log.read_text(), "the refusal is logged")
    assert TOKEN not in guarded.log.read_text()
    assert {one.target for one in guarded.there.asked} == {f"/{TOKEN}"}
