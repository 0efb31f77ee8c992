"""A process that stands still, or gets only a share of the processor.

By signals alone (SIGSTOP, SIGCONT): no root and no control groups are needed, and the process
cannot notice them. Its threads stop together; its children go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

from hil_tests.rig.errors import RigError
from hil_tests.rig.process import until

STOP_WAIT_S = 2.0
CYCLE_S = 0.1  # short against every wait of the hub, long against the scheduler's slices
CPU_TICK_S = 0.02  # two of the kernel's ticks: less cannot be told from nothing


@dataclass(frozen=True, slots=True)
class Paced:
    """How a process went while it was held back.

    Attributes:
        pid: which.
        share: of one processor it was meant to get at most; 0 if it was hung.
        stops: how often it was stopped.
        wall_s: how long it was held back in all.
        stopped_s: how much of that it stood still.
        cpu_s: processor time it used meanwhile.
    """

    pid: int
    share: float
    stops: int
    wall_s: float
    stopped_s: float
    cpu_s: float

    def fired(self) -> bool:
        """Whether it was stopped, and used no more than its share."""
        return self.stops > 0 and self.cpu_s <= self.share * self.wall_s + CPU_TICK_S


class Hang:
    """A process that stands still from now until ``resume``."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._since = time.monotonic()
        self._cpu_s = _cpu_s(process)

    def resume(self) -> Paced:
        """Let it go on; says what it did meanwhile.

        Raises:
            RigError: it has ended.
        """
        wall_s = time.monotonic() - self._since
        try:
            stood = self._process.status() == psutil.STATUS_STOPPED
            cpu_s = _cpu_s(self._process) - self._cpu_s
            self._process.resume()
        except psutil.Error as error:
            raise _ended(self._process.pid) from error
        return Paced(self._process.pid, 0.0, int(stood), wall_s, wall_s if stood else 0.0, cpu_s)


async def hang(pid: int) -> Hang:
    """Stop a process as a hung one would stand; returns once all of it stands.

    Raises:
        RigError: there is no such process, or it did not stop.
    """
    try:
        process = psutil.Process(pid)
        process.suspend()
        await until(
            lambda: process.status() == psutil.STATUS_STOPPED,
            f"The stop of process {pid}",
            STOP_WAIT_S,
            every_s=0.001,
        )
        return Hang(process)
    except psutil.Error as error:
        raise _ended(pid) from error


class Slowness:
    """A process that is being held back; ``evidence`` is complete once the block has ended."""

    def __init__(self, process: psutil.Process, share: float) -> None:
        self._process = process
        self._share = share
        self._since = time.monotonic()
        self._cpu_before_s = self._cpu_s = _cpu_s(process)
        self._until = self._since
        self._stops = 0
        self._stopped_s = 0.0

    def evidence(self) -> Paced:
        """How it went so far."""
        wall_s, cpu_s = self._until - self._since, self._cpu_s - self._cpu_before_s
        return Paced(self._process.pid, self._share, self._stops, wall_s, self._stopped_s, cpu_s)

    async def hold_back(self) -> None:
        """Stop it for the rest of each cycle once it has used its share; until cancelled, or it ends."""
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            resumed = self._since
            while True:
                await asyncio.sleep(CYCLE_S * self._share)
                began = time.monotonic()
                os.kill(self._process.pid, signal.SIGSTOP)
                ran_s = began - resumed  # longer than asked for on a busy machine: then it stands longer too
                try:
                    await asyncio.sleep(ran_s * (1 - self._share) / self._share)
                finally:
                    os.kill(self._process.pid, signal.SIGCONT)
                resumed = time.monotonic()
                self._stops += 1
                self._until = resumed
                self._stopped_s += resumed - began
                self._cpu_s = _cpu_s(self._process)


@contextlib.asynccontextmanager
async def slow(pid: int, share: float) -> AsyncIterator[Slowness]:
    """Within the block the process gets at most ``share`` (0 to 1) of one processor.

    Raises:
        RigError: there is no such process, or ``share`` is out of range.
    """
    if not 0 < share < 1:
        raise RigError(f"A share of the processor lies between 0 and 1, not {share}.")
    try:
        slowness = Slowness(psutil.Process(pid), share)
    except psutil.Error as error:
        raise _ended(pid) from error
    task = asyncio.create_task(slowness.hold_back())
    try:
        yield slowness
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _ended(pid: int) -> RigError:
    return RigError(f"There is no process {pid}; it may have ended.")
