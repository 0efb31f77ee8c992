"""A reading: one quantity from one sensor at one time, at the sensor's own resolution."""

from __future__ import annotations

import enum
from decimal import Decimal
from functools import lru_cache

import msgspec

MIXES_KEPT = 256  # of flags: few occur, and each reading carries one


class Form(enum.Enum):
    """What sort of value a reading holds."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


class Flag(enum.IntFlag):
    """What makes a reading less than it seems: told with it, never a reason to drop it.

    The numbers travel (``cloud_sync/wire/SPEC.md``, "Manifest"): never give one a new meaning.
    """

    PLAIN = 1  # an urgent kind that came unencrypted: anybody near could have sent it
    IMPLAUSIBLE = 2  # outside of what can be true
    STUCK = 4  # has not moved for longer than a living sensor stays still
    JUMP = 8  # moved further from the one before than can be true
    BATTERY_LOW = 16  # the sensor asks for a new battery
    WEAK_SIGNAL = 32  # heard so faintly that others will be missed
    COUNTER_RESET = 64  # its counter is behind one already seen: a new battery, or a replay


@lru_cache(MIXES_KEPT)
def words(flags: int) -> tuple[str, ...]:
    """The bits of ``flags`` as JSON writes them, lowest first: ``battery-low``; ``bit-9`` if it has no name here."""
    places = [place for place in range(flags.bit_length()) if flags >> place & 1]
    return tuple((Flag(1 << place).name or f"bit-{place}").lower().replace("_", "-") for place in places)


NO_FLAGS = Flag(0)
_INTEGER_EXPONENT_MAX = 12  # beyond, an integer would spell digits that nobody measured


class Reading(msgspec.Struct, frozen=True):
    """One quantity as the sensor said it; nothing is rounded on the way.

    A msgspec struct: a third of the time that an advert takes to decode goes into making these.

    Attributes:
        kind: What was measured, such as ``temperature``; the second of its kind in one frame is
            ``temperature_2``, the third ``temperature_3``.
        value: NUMBER: an integer, the true value is ``value * 10**exponent``. BOOLEAN: 0 or 1.
            TEXT: the text, such as ``press``.
        exponent: Decimal exponent of a NUMBER; 0 for all else.
        unit: The unit as people write it (``°C``), or empty.
        form: How ``value`` is to be read.
        urgent: Whether it is to overtake routine readings.
        flags: What makes it less than it seems.
    """

    kind: str
    value: int | str
    exponent: int
    unit: str
    form: Form
    urgent: bool
    flags: Flag = NO_FLAGS

    @property
    def plain(self) -> int | float | bool | str:
        """The value for people and JSON: ``25.06``, ``True``, ``"press"``."""
        if isinstance(self.value, str):
            return self.value
        if self.form is Form.BOOLEAN:
            return bool(self.value)
        if 0 <= self.exponent <= _INTEGER_EXPONENT_MAX:
            return int(self.value * 10**self.exponent)
        return float(Decimal(self.value).scaleb(self.exponent))
