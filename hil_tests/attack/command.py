"""Lum's own commands, run to whatever end: what they print is what a person at either end reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hil_tests.rig.process import command

WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit code.
        out: what it printed.
        complaint: what it printed to stderr.
    """

    status: int
    out: str
    complaint: str

    @property
    def told(self) -> str:
        """All that was printed, in one line."""
        return " ".join((self.out + self.complaint).split())


async def ended(name: str, *arguments: str) -> Ended:
    """Run one of Lum's commands.

    Raises:
        TimeoutError: it did not end.
    """
    process = await asyncio.create_subprocess_exec(
        command(name), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WAIT_S):
            out, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), complaint.decode())
