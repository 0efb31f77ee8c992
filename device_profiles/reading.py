"""A reading: one quantity from one sensor at one time, at the sensor's own resolution."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal


class Form(enum.Enum):
    """What sort of value a reading holds."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity as the sensor said it; nothing is rounded on the way.

    Attributes:
        kind: What was measured, such as ``temperature``; the second of its kind in one frame is
            ``temperature_2``, the third ``temperature_3``.
        value: NUMBER: an integer, the true value is ``value * 10**exponent``. BOOLEAN: 0 or 1.
            TEXT: the text, such as ``press``.
        exponent: Decimal exponent of a NUMBER; 0 for all else.
        unit: The unit as people write it (``°C``), or empty.
        form: How ``value`` is to be read.
        urgent: Whether it is to overtake routine readings.
    """

    kind: str
    value: int | str
    exponent: int
    unit: str
    form: Form
    urgent: bool

    @property
    def plain(self) -> int | float | bool | str:
        """The value for people and JSON: ``25.06``, ``True``, ``"press"``."""
        if isinstance(self.value, str):
            return self.value
        if self.form is Form.BOOLEAN:
            return bool(self.value)
        if self.exponent >= 0:
            return int(self.value * 10**self.exponent)
        return float(Decimal(self.value).scaleb(self.exponent))
