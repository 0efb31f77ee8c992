"""Processes that stand still, are slow, or are wrapped in tools: each with proof, and the hub lives with it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from hil_tests.rig.errors import RigError
from hil_tests.rig.pace import Paced, hang, slow
from hil_tests.rig.wrapping import Wrapping, together
from tests.helpers.faults import arrived, press, presses
from tests.helpers.site import BUTTON, LivingHome, eventually, living_home

WAIT_S = 10.0
BUSY = "import sys\nprint(flush=True)\nwhile True: pass"


@contextlib.asynccontextmanager
async def _busy() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that uses all of a processor."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BUSY, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


async def test_a_hung_process_does_nothing_until_it_is_resumed() -> None:
    """No processor time meanwhile; it goes on where it stood."""
    async with _busy() as process:
        hung = await hang(process.pid)
        assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
        seen = hung.resume()
        assert (seen.fired(), seen.share, seen.stops) == (True, 0.0, 1)
        assert seen.cpu_s <= 0.02
        used = _cpu_s(process.pid)
        await eventually(lambda: _cpu_s(process.pid) > used, "it goes on", WAIT_S)


async def test_a_process_that_somebody_resumed_was_not_hung() -> None:
    """The evidence looks whether it still stood."""
    async with _busy() as process:
        hung = await hang(process.pid)
        process.send_signal(signal.SIGCONT)
        await eventually(
            lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED, "it runs", WAIT_S
        )
        assert not hung.resume().fired()


@pytest.mark.parametrize("share", [0.1, 0.3])
async def test_a_slow_process_gets_its_share_and_no_more(share: float) -> None:
    """A busy process uses about its share of the time, and runs freely afterwards."""
    async with _busy() as process:
        async with slow(process.pid, share) as slowness:
            await eventually(lambda: slowness.evidence().stops >= 10, "ten cycles", WAIT_S)
        seen = slowness.evidence()
        assert seen.fired()
        assert seen.cpu_s > 0
        assert seen.stopped_s > 0.5 * (1 - share) * seen.wall_s
        assert psutil.Process(process.pid).status() != psutil.STATUS_STOPPED


async def test_slowness_ends_with_its_process() -> None:
    """A process that dies while it is slow does not fail the rig."""
    async with _busy() as process:
        async with slow(process.pid, 0.5) as slowness:
            await eventually(lambda: slowness.evidence().stops >= 1, "one cycle", WAIT_S)
            process.kill()
            await process.wait()
        assert slowness.evidence().fired()


async def test_who_has_ended_cannot_be_paced() -> None:
    """One sentence that names the process; a share out of range is one too."""
    async with _busy() as process:
        with pytest.raises(RigError, match="between 0 and 1"):
            async with slow(process.pid, 1.0):
                pass
        process.kill()
        await process.wait()
    with pytest.raises(RigError, match=str(process.pid)):
        await hang(process.pid)
    with pytest.raises(RigError, match=str(process.pid)):
        async with slow(process.pid, 0.5):
            pass


def test_what_used_more_than_its_share_was_not_slow() -> None:
    """Nor what was never stopped."""
    assert Paced(1, 0.2, 10, wall_s=1.0, stopped_s=0.8, cpu_s=0.2).fired()
    assert not Paced(1, 0.2, 10, wall_s=1.0, stopped_s=0.8, cpu_s=0.5).fired()
    assert not Paced(1, 0.2, 0, wall_s=1.0, stopped_s=0.0, cpu_s=0.0).fired()


# Wrappings


def test_wrappings_combine_outermost_first() -> None:
    """Tools in order, variables of all, lists of libraries joined; the variables reach the command alone."""
    combined = together(
        Wrapping(("nice",), {"LD_PRELOAD": "a.so"}),
        Wrapping(("strace", "-f")),
        Wrapping((), {"LD_PRELOAD": "b.so", "X": "1"}),
    )
    assert combined == Wrapping(("nice", "strace", "-f"), {"LD_PRELOAD": "a.so:b.so", "X": "1"})
    assert combined.command(["lum-hub", "run"]) == [
        *("nice", "strace", "-f"),
        *("env", "LD_PRELOAD=a.so:b.so", "X=1"),
        *("lum-hub", "run"),
    ]
    assert Wrapping().command(["lum-hub"]) == ["lum-hub"]


def test_wrappings_that_contradict_each_other_are_refused() -> None:
    """Names the variable."""
    with pytest.raises(RigError, match="FAKETIME"):
        together(Wrapping((), {"FAKETIME": "1"}), Wrapping((), {"FAKETIME": "2"}))


async def test_a_wrapped_process_keeps_its_pid() -> None:
    """Whoever is started is the command itself, so that signals and status files fit."""
    words = Wrapping(("nice",), {"LUM_TEST": "yes"}).command(
        [sys.executable, "-c", "import os; print(os.getpid(), os.environ['LUM_TEST'])"]
    )
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.split() == [str(process.pid).encode(), b"yes"]


# The hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivingHome]:
    """One running site; each test brings a hub of its own."""
    async with living_home(tmp_path_factory.mktemp("paces")) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_a_hub_that_hung_goes_on(living: LivingHome) -> None:
    """What was heard before it stood still is stored; it hears and hands over again as soon as it is resumed."""
    hub = await living.add_hub(BUTTON)
    async with hub.radio:
        await hub.start()
        await press(hub)
        hung, status = await hang(hub.hub.process.pid), hub.hub.directory / "run" / "status.json"
        written = status.stat().st_mtime
        await eventually(lambda: _clock(status.parent) - written > 2, "it has said nothing for four periods")
        assert status.stat().st_mtime == written
        assert hung.resume().fired()
        await eventually(lambda: status.stat().st_mtime > written, "it says how it is again")
        await press(hub)
        await arrived(living, hub.identity.hub, 2)
        await hub.hub.kill()
    assert len(await presses(living, hub.identity.hub)) == 2


def _clock(directory: Path) -> float:
    """The file system's own time."""
    file = directory / "now"
    file.touch()
    return file.stat().st_mtime


@pytest.mark.asyncio(loop_scope="module")
async def test_a_hub_on_a_slow_processor_loses_nothing(living: LivingHome) -> None:
    """A tenth of a processor: everything takes longer, and arrives."""
    hub = await living.add_hub(BUTTON)
    async with hub.radio:
        await hub.start()
        async with slow(hub.hub.process.pid, 0.1) as slowness:
            for _ in range(3):
                await press(hub)
            await arrived(living, hub.identity.hub, 3)
        assert slowness.evidence().fired()
        await hub.hub.kill()
    assert len(await presses(living, hub.identity.hub)) == 3
