"""What is soldered to a MicroPython node: pins, a battery, a climate sensor. Pure; it can get stuck."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Climate: TypeAlias = tuple[float, float]  # °C, % relative humidity

BATTERY_PIN = 35
HALF_FULL_UV = 1_300_000  # at the pin; the node's divider halves 2.6 V
CLIMATE_ADDRESS = 0x44


@dataclass(frozen=True, slots=True)
class Stuck:
    """Evidence of a signal that stayed as it was while the truth moved on.

    Attributes:
        sensor: The node's address.
        held: What the signal kept saying.
        hidden: How often the truth was something else and the node was not told.
        transmissions: How many the node made meanwhile.
    """

    sensor: str
    held: str
    hidden: int
    transmissions: int

    def fired(self) -> bool:
        """Something was hidden, and the node spoke meanwhile."""
        return self.hidden > 0 and self.transmissions > 0


class Parts:
    """The node's surroundings as its pins and its bus see them.

    Args:
        levels: Of each driven pin, by its number.
        climate: The truth, asked at each measurement.
    """

    def __init__(self, levels: dict[int, int], climate: Callable[[], Climate]) -> None:
        self.levels = dict(levels)
        self.hidden = 0
        self._truth = dict(levels)
        self._climate = climate
        self._measured: Climate | None = None
        self._stuck = False

    @property
    def held(self) -> str:
        """What a stuck part keeps saying."""
        return f"{self._measured or self.levels}"

    def stick(self) -> None:
        """From now on nothing changes that the node can see."""
        self._stuck, self.hidden = True, 0

    def free(self) -> dict[int, int]:
        """See the truth again; returns the pins that change."""
        self._stuck = False
        changed = {pin: level for pin, level in self._truth.items() if self.levels[pin] != level}
        self.levels |= changed
        return changed

    def drive(self, pin: int, level: int) -> bool:
        """Give a pin its level; whether the node sees a change."""
        self._truth[pin] = level
        if self._stuck and self.levels[pin] != level:
            self.hidden += 1
            return False
        changed = self.levels[pin] != level
        self.levels[pin] = level
        return changed

    def voltage_uv(self, pin: int) -> int:
        """Microvolts at an ADC pin."""
        return HALF_FULL_UV if pin == BATTERY_PIN else 0

    def accepts(self, address: int) -> bool:
        """Whether a part of that address is on the bus; it then measures."""
        if address != CLIMATE_ADDRESS:
            return False
        truth = self._climate()
        if self._stuck and self._measured is not None:
            self.hidden += truth != self._measured
        else:
            self._measured = truth
        return True

    def words(self) -> bytes:
        """The last measurement as an SHT3x puts it: two big-endian words, each with its CRC."""
        celsius, percent = self._measured or (math.nan, math.nan)
        return b"".join(
            word + bytes((_crc8(word),))
            for word in (_word((celsius + 45) / 175), _word(percent / 100))  # data sheet, section 4.13
        )


def _word(part: float) -> bytes:
    return max(0, min(65535, round(part * 65535))).to_bytes(2, "big")


def _crc8(data: bytes) -> int:
    """Polynomial 0x31, begun at 0xFF (data sheet, section 4.12)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc
