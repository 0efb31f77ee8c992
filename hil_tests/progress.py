"""What is said while scenarios run, on stderr: on a terminal one line that is drawn anew, in a log a line a step."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import click

DRAWN_EVERY_S = 0.5
CLEAR = "\r\x1b[2K"  # to the beginning of the line, and nothing on it

Say = Callable[[str], None]


@dataclass(slots=True)
class Running:
    """One scenario under way: the how-manieth, its name, when it began, what it does since when (monotonic, s)."""

    number: int
    name: str
    began: float
    step: str
    step_at: float


class Progress:
    """Follows ``total`` scenarios, some at a time.

    Args:
        total: How many there will be.
        live: Whether somebody looks at a terminal.
        write: Where it is said.
        now: Monotonic time, s.
        columns: How wide the terminal is, asked each time.
    """

    def __init__(
        self,
        total: int,
        *,
        live: bool | None = None,
        write: Say = lambda text: click.echo(text, err=True, nl=False),
        now: Callable[[], float] = time.monotonic,
        columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        self._total = total
        self._live = sys.stderr.isatty() if live is None else live
        self._write = write
        self._now = now
        self._columns = columns
        self._since = now()
        self._running: list[Running] = []
        self._begun = self._ended = self._bad = 0

    @property
    def seconds(self) -> float:
        """How long all of it has taken so far."""
        return self._now() - self._since

    def begin(self, name: str) -> Say:
        """One begins; gives what is told each of its steps."""
        now = self._now()
        self._begun += 1
        running = Running(self._begun, name, now, "begins", now)
        self._running.append(running)

        def say(step: str) -> None:
            running.step, running.step_at = step, self._now()
            if self._live:
                self.draw()
            else:
                self._write(in_log(running, self._total) + "\n")

        return say

    def end(self, name: str, *, good: bool) -> None:
        """One has ended; what is printed next has the line for itself."""
        self._running = [one for one in self._running if one.name != name]
        self._ended += 1
        self._bad += not good
        self.clear()

    def draw(self) -> None:
        """Draw the line anew, if somebody looks."""
        if self._live:
            line = in_a_line(self._ended, self._bad, self._total, self._running, self._now())
            self._write(CLEAR + cut(line, self._columns() - 1))

    def clear(self) -> None:
        """Take the line away."""
        if self._live:
            self._write(CLEAR)

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Meanwhile the line is drawn anew as the seconds pass."""
        drawing = asyncio.create_task(self._keep_drawing())
        try:
            yield
        finally:
            drawing.cancel()
            self.clear()

    async def _keep_drawing(self) -> None:
        while self._live:
            await asyncio.sleep(DRAWN_EVERY_S)
            self.draw()


def in_log(running: Running, total: int) -> str:
    """One step as a line of a log: which scenario, how long it has been going, what it does now."""
    place = f"{running.number:>{len(str(total))}}/{total}"
    return f"{place}  {running.step_at - running.began:6.1f} s  {running.name}: {running.step}"


def in_a_line(ended: int, bad: int, total: int, running: Iterable[Running], now: float) -> str:
    """Everything that is under way, and how far all of it is."""
    counted = f"{ended}/{total} done" + (f", {bad} not good" if bad else "")
    under_way = (f"{one.name}: {one.step}, {now - one.step_at:.0f} s" for one in running)
    return "  |  ".join([counted, *under_way])


def cut(line: str, columns: int) -> str:
    """The line, as much of it as fits."""
    return line if len(line) <= columns else line[: max(0, columns - 1)] + "…"
