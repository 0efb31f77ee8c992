"""A process under test, as a black box: start it, watch it, stop it, kill it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from hil_tests.rig.errors import RigError

STOP_WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used so far."""

    rss_mb: float
    cpu_s: float


class Process:
    """One long-running command; its output goes to a file, ``environment`` is added to the rig's own."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] = {}
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.started_at = 0.0

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RigError: it has not been started.
        """
        if self._process is None:
            raise RigError(f"{self.name} has not been started.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            # A group of its own: a terminal's Ctrl-C is for the rig alone, which then ends all in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdout=log,
                stderr=log,
                process_group=0,
                env={**os.environ, **self._environment},
            )
        self.started_at = time.time()

    async def stop(self) -> int:
        """Ask it to end and wait; after a while, end it. Returns its exit status."""
        if self._process is None:
            return 0
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """SIGKILL: no goodbye, as a power cut would."""
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()

    def usage(self) -> Usage:
        """What it uses now; zeros once it has ended."""
        try:
            process = psutil.Process(self.pid)
            times = process.cpu_times()
            return Usage(process.memory_info().rss / 2**20, times.user + times.system)
        except psutil.Error:
            return Usage(0.0, 0.0)

    def tail(self, lines: int = 5) -> str:
        """The end of what it wrote."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def command(name: str) -> str:
    """The path of one of Lum's commands, as installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


async def call(*arguments: str, wait_s: float = 60.0) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        RigError: it ended with another status than 0; carries its own words.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(wait_s):
        out, complaint = await process.communicate()
    if process.returncode != 0:
        raise RigError(f"{Path(arguments[0]).name} {arguments[1]} failed: {complaint.decode().strip()}")
    return out.decode()


async def until(condition: Callable[[], bool], what: str, wait_s: float, *, every_s: float = 0.1) -> None:
    """Poll until ``condition()`` is true.

    Raises:
        RigError: it did not become true in time; names ``what``.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise RigError(f"{what} did not happen within {wait_s:.0f} s.")
        await asyncio.sleep(every_s)
