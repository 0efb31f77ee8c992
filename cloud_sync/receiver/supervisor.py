"""Starts a site's processes together and keeps them running; they die with their parent.

Each has its own duty and no more keys than it needs. A process that ends is started again,
ever more patiently; one that says its configuration is unusable ends the site. Once a day
one more is started, which erases what is too old and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

import structlog

from cloud_sync.receiver import broker
from cloud_sync.receiver.config import ReceiverConfig

ROLES = ("broker", "authority", "intake", "watch", "guard", "notify", "portal")
RESTART_FIRST_S, RESTART_MAX_S = 0.2, 30.0
STEADY_S = 10.0  # a process that ran so long starts small again
STOP_WAIT_S = 5.0
HOPELESS = {77, 78}  # sysexits: only a person can mend it

RETENTION_FIRST_S, RETENTION_PERIOD_S = 600.0, 86_400.0

_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


class ProcessEndedError(Exception):
    """A process of the site cannot go on, and starting it again would not help."""

    exit_code = 78

    def __init__(self, role: str, status: int) -> None:
        super().__init__(f"The site's {role} ended with status {status}; starting it again would not help.")
        self.hint = "Its own message stands above."


async def run(config: ReceiverConfig, config_file: Path, stop: asyncio.Event) -> None:
    """Run all processes of a site until ``stop`` is set.

    Raises:
        ReceiverConfigError: the broker is not installed.
        ProcessEndedError: a process cannot go on.
    """
    broker.prepare(config)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_keep_running(role, _command(role, config, config_file))) for role in ROLES
            ]
            running.append(tasks.create_task(_keep_clearing(_command("retention", config, config_file))))
            await stop.wait()
            for task in running:
                task.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:  # the parent was faster
        sys.exit(0)


def _command(role: str, config: ReceiverConfig, config_file: Path) -> list[str]:
    if role == "broker":
        return broker.command(config)
    return [sys.executable, "-m", "cloud_sync.receiver.cli", role, "--config", str(config_file), "--child"]


async def _keep_clearing(
    command: list[str], first_s: float = RETENTION_FIRST_S, period_s: float = RETENTION_PERIOD_S
) -> None:
    """Erase once a day what is too old, in a process that lives no longer than that takes and holds no key."""
    await asyncio.sleep(first_s)
    while True:
        process = await asyncio.create_subprocess_exec(*command, "--apply", "--json")
        try:
            status = await process.wait()
        finally:
            await _end(process)
        log.log(logging.WARNING if status else logging.INFO, "retention.done", status=status)
        await asyncio.sleep(period_s)


async def _keep_running(role: str, command: list[str]) -> None:
    clock = asyncio.get_running_loop().time
    wait_s = RESTART_FIRST_S
    while True:
        started = clock()
        process = await asyncio.create_subprocess_exec(*command)
        log.info("process.started", role=role, pid=process.pid)
        try:
            status = await process.wait()
        finally:
            await _end(process)
        if status in HOPELESS:
            raise ProcessEndedError(role, status)
        wait_s = RESTART_FIRST_S if clock() - started > STEADY_S else min(2 * wait_s, RESTART_MAX_S)
        log.warning("process.ended", role=role, status=status, again_in_s=wait_s)
        await asyncio.sleep(wait_s)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop; after a while, make it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
