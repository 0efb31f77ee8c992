"""A false wall clock: the process believes it, its other clocks stay true, and the hub keeps its readings."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.rig.clock import ClockSeen, FakeClock
from hil_tests.rig.errors import RigError
from tests.helpers.faults import arrived, press, presses, wrap
from tests.helpers.site import BUTTON, LivingHome, LivingHub, eventually, living_home

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.needs("faketime")]

WAIT_S = 10.0
PLACED_WITHIN_S = 5.0  # of when the test pressed: the radio's way, and a machine that is busy
# On every line of its input: a status such as the hub's, and all its clocks.
SUBJECT = """
import json, os, pathlib, sys, time
status = pathlib.Path(sys.argv[1])
for _ in sys.stdin:
    draft = status.with_suffix(".new")
    draft.write_text(json.dumps({"written_ms": time.time_ns() // 1_000_000}))
    draft.replace(status)
    print(json.dumps([time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)]), flush=True)
"""


class Subject:
    """A process under a false clock that tells its time when asked."""

    def __init__(self, clock: FakeClock, status: Path, process: asyncio.subprocess.Process) -> None:
        self.clock = clock
        self.status = status
        self._process = process

    async def told(self) -> tuple[float, float, float]:
        """Its wall clock, and its clocks since boot, in seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(WAIT_S):
            wall, monotonic, boot = json.loads(await self._process.stdout.readline())
        return wall, monotonic, boot

    async def seen(self) -> ClockSeen:
        """The evidence, fresh."""
        await self.told()
        return self.clock.seen(self.status)


@pytest_asyncio.fixture(loop_scope="module")
async def subject(tmp_path: Path) -> AsyncIterator[Subject]:
    """Started with a clock that is still right."""
    clock, status = FakeClock(tmp_path), tmp_path / "status.json"
    words = clock.wrapping().command([sys.executable, "-c", SUBJECT, str(status)])
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    yield Subject(clock, status, process)
    process.kill()
    await process.communicate()


@pytest.mark.parametrize("year", [1970, 2021, 2031])
async def test_a_clock_that_stands_at_another_year(subject: Subject, year: int) -> None:
    """The process says that year; proof is its own status against the kernel's time stamp."""
    moment = datetime(year, 3, 1, tzinfo=UTC)
    subject.clock.stand_at(moment)

    wall, *_ = await subject.told()
    assert wall == pytest.approx(moment.timestamp(), abs=WAIT_S)
    seen = await subject.seen()
    assert (seen.fired(), seen.asked_s) == (True, subject.clock.ahead_s)


async def test_jumps_in_mid_run_leave_the_other_clocks_alone(subject: Subject) -> None:
    """Forward and back while it runs: neither the monotonic clock nor the boot clock takes part."""
    first = await subject.told()
    subject.clock.jump(86_400)
    second = await subject.told()
    subject.clock.jump(-2 * 86_400)
    third = await subject.told()

    assert second[0] - first[0] == pytest.approx(86_400, abs=WAIT_S)
    assert third[0] - second[0] == pytest.approx(-2 * 86_400, abs=WAIT_S)
    for clock in (1, 2):
        assert 0 <= third[clock] - first[clock] < WAIT_S
    assert (await subject.seen()).fired()


async def test_a_clock_that_comes_right_or_never_was_wrong_proves_nothing(subject: Subject) -> None:
    """Evidence only speaks for a clock that is asked to be wrong."""
    assert not (await subject.seen()).fired()
    subject.clock.jump(86_400)
    assert (await subject.seen()).fired()
    subject.clock.come_right()
    assert not (await subject.seen()).fired()


async def test_drift_grows_with_time_and_stays_when_it_ends(subject: Subject) -> None:
    """Ten seconds a second: after half a second it is seconds ahead, and no further once the block has ended."""
    async with subject.clock.drifting(10e6):
        await eventually(lambda: subject.clock.ahead_s > 4, "it is ahead", WAIT_S)
    ahead_s = subject.clock.ahead_s
    seen = await subject.seen()
    assert (seen.fired(), subject.clock.ahead_s) == (True, ahead_s)


async def test_a_process_that_does_not_believe_it_is_no_evidence(tmp_path: Path) -> None:
    """A true status under a false clock has not fired; without any status there is a sentence."""
    clock, status = FakeClock(tmp_path), tmp_path / "status.json"
    clock.jump(-86_400)
    with pytest.raises(RigError, match=r"status\.json"):
        clock.seen(status)
    status.write_text(json.dumps({"written_ms": datetime.now(UTC).timestamp() * 1000}))
    assert not clock.seen(status).fired()


# The hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivingHome]:
    """One running site; each test brings a hub of its own."""
    async with living_home(tmp_path_factory.mktemp("clocks")) as running:
        yield running


async def _under(clock: FakeClock, living: LivingHome) -> LivingHub:
    """An enrolled hub whose process will believe that clock."""
    hub = await living.add_hub(BUTTON)
    wrap(hub, clock.wrapping())
    return hub


@pytest.mark.parametrize("year", [1970, 2021, 2031])
async def test_a_hub_that_starts_with_a_wrong_clock_connects_and_says_so(
    living: LivingHome, tmp_path: Path, year: int
) -> None:
    """The site's signed time is all it needs: the press is handed over, placed rightly; the alarm goes by itself."""
    clock = FakeClock(tmp_path)
    clock.stand_at(datetime(year, 3, 2, tzinfo=UTC))
    hub = await _under(clock, living)
    async with hub.radio:
        await hub.start()
        assert (await hub.alarm("clock"))["code"] == "clock-wrong"
        pressed_s = time.time()
        hub.press()
        await arrived(living, hub.identity.hub, 1)
        await hub.emptied()
        assert clock.seen(hub.hub.directory / "run" / "status.json").fired()
        assert "clock" in hub.alarms()

        clock.come_right()
        await eventually(lambda: "clock" not in hub.alarms(), "the clock is right")
        await hub.hub.kill()
    [happened_ms] = await presses(living, hub.identity.hub)
    assert abs(happened_ms / 1000 - pressed_s) < PLACED_WITHIN_S


@pytest.mark.parametrize("seconds", [-3600.0, 86_400.0])
async def test_a_jump_in_mid_run_loses_nothing(living: LivingHome, tmp_path: Path, seconds: float) -> None:
    """The clock of an online hub jumps: what is heard before and after is stored, each once."""
    clock = FakeClock(tmp_path)
    hub = await _under(clock, living)
    async with hub.radio:
        await hub.start()
        hub.press()
        await eventually(lambda: hub.status()["receipts"] >= 1, "the first press has its receipt")
        clock.jump(seconds)
        status = hub.hub.directory / "run" / "status.json"
        await eventually(lambda: clock.seen(status).fired(), "the hub believes it")
        await press(hub)
        await arrived(living, hub.identity.hub, 2)
        await hub.hub.kill()
    assert len(await presses(living, hub.identity.hub)) == 2
