"""A wrong wall clock for one process (libfaketime): set at its start, moved while it runs, drifting.

Only the wall clock is false. CLOCK_MONOTONIC, CLOCK_BOOTTIME and every timer go on as they are, as
on a hub without a battery-backed clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hil_tests.rig.errors import RigError
from hil_tests.rig.wrapping import Wrapping

LIBRARY = "faketime/libfaketimeMT.so.1"
TOLERANCE_S = 1.0  # between the process's reading of its clock and the time stamp of the file that tells it
DRIFT_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """Two clocks at one moment.

    Attributes:
        asked_s: how far the process's wall clock was to be ahead of the true one (negative: behind).
        seen_s: how far it was, by the process's own word.
    """

    asked_s: float
    seen_s: float

    def fired(self) -> bool:
        """Whether the process believed the false clock; one that is asked to be right proves nothing."""
        return abs(self.asked_s) > 2 * TOLERANCE_S and abs(self.seen_s - self.asked_s) <= TOLERANCE_S


class FakeClock:
    """The wall clock of a process started with ``wrapping()``; true until told otherwise.

    ``directory`` must exist and holds the file through which a running process is told. Commands that
    judge by the time, such as ``lum-hub status``, must be run with the same wrapping.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "wall-clock"
        self._ahead_s = 0.0
        self._tell()

    @property
    def ahead_s(self) -> float:
        """How far the false clock is ahead of the true one now, in seconds; negative: behind."""
        return self._ahead_s

    def wrapping(self) -> Wrapping:
        """What makes a process believe it.

        Raises:
            RigError: libfaketime is not installed.
        """
        # The file is read at each look at the clock, so that a jump is seen at once.
        told = {"FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1"}
        untouched = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return Wrapping((), {"LD_PRELOAD": str(_library())} | told | untouched)

    def stand_at(self, moment: datetime) -> None:
        """It shows ``moment`` (with a time zone) now, and goes on from there."""
        self._ahead_s = moment.timestamp() - time.time()
        self._tell()

    def jump(self, seconds: float) -> None:
        """It moves by so much at once, forward or back."""
        self._ahead_s += seconds
        self._tell()

    def come_right(self) -> None:
        """A time service sets it."""
        self._ahead_s = 0.0
        self._tell()

    @contextlib.asynccontextmanager
    async def drifting(self, parts_per_million: float) -> AsyncIterator[None]:
        """Within the block it goes too fast (negative: too slow), in steps five times a second."""
        task = asyncio.create_task(self._drift(parts_per_million))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def seen(self, status_file: Path) -> ClockSeen:
        """What the process says in its status (``written_ms``), against the kernel's time stamp of that file.

        Raises:
            RigError: there is no readable status.
        """
        try:
            with status_file.open("rb") as file:  # one file: the next status replaces it as a whole
                reported_s = json.loads(file.read())["written_ms"] / 1000
                true_s = os.fstat(file.fileno()).st_mtime
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RigError(f"{status_file} tells no time: {error}.") from error
        return ClockSeen(self._ahead_s, reported_s - true_s)

    async def _drift(self, parts_per_million: float) -> None:
        started, began_s = time.monotonic(), self._ahead_s
        while True:
            await asyncio.sleep(DRIFT_STEP_S)
            self._ahead_s = began_s + (time.monotonic() - started) * parts_per_million / 1e6
            self._tell()

    def _tell(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{self._ahead_s:+.6f}\n")
        draft.replace(self._file)


def _library() -> Path:
    for place in (Path("/usr/lib"), Path("/usr/local/lib"), Path("/usr/lib64")):
        for found in (*place.glob(LIBRARY), *place.glob(f"*/{LIBRARY}")):
            return found
    raise RigError("A false clock needs libfaketime.", hint="Install it: apt-get install faketime")
