"""What every peer's encoder is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading on the wall clock; a number means ``value * 10**exponent``."""

    ts_ms: int
    sensor: str  # twelve hex digits
    kind: str
    value: int
    exponent: int
    boolean: bool

    @property
    def plain(self) -> int | float | bool:
        """The value as JSON has it."""
        if self.boolean:
            return bool(self.value)
        return round(self.value * 10.0**self.exponent, -self.exponent) if self.exponent else self.value
