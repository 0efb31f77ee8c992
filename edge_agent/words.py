"""What sensors say and how well they are heard, in words for the person who fits them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from device_profiles.reading import Form, Reading

STRONG_DBM, GOOD_DBM, WEAK_DBM = -65, -80, -90  # from each of these up

_CLOSED_OPEN = ("closed", "open")
_STATES = {
    "door": _CLOSED_OPEN,
    "garage_door": _CLOSED_OPEN,
    "opening": _CLOSED_OPEN,
    "window": _CLOSED_OPEN,
    "lock": ("locked", "unlocked"),
    "leak": ("dry", "wet"),
}
_NO_YES = ("no", "yes")


def reading_words(reading: Reading) -> str:
    """One reading: ``temperature 25.06 °C``, ``door open``, ``motion yes``, ``button double press``."""
    kind = reading.kind.replace("_", " ")
    if isinstance(reading.value, str):
        return f"{kind} {reading.value.replace('_', ' ')}"
    if reading.form is Form.BOOLEAN:
        base = reading.kind.rstrip("0123456789").rstrip("_")
        return f"{kind} {_STATES.get(base, _NO_YES)[bool(reading.value)]}"
    number = Decimal(reading.value).scaleb(reading.exponent)
    return f"{kind} {number:f} {reading.unit}".rstrip()


def signal_words(signal_dbm: int) -> str:
    """``strong``, ``good``, ``weak`` or ``very weak``; a very weak sensor will be missed at times."""
    for least_dbm, words in ((STRONG_DBM, "strong"), (GOOD_DBM, "good"), (WEAK_DBM, "weak")):
        if signal_dbm >= least_dbm:
            return words
    return "very weak"


def ago_words(seconds: float) -> str:
    """``12 s ago``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    for unit_s, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows under their heads, each column as wide as its widest cell."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
