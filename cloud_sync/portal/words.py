"""Values and times in words people use: ``21.6 °C``, ``closed``, ``ended``, ``yesterday 08:05``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from cloud_sync.receiver.store.homes import Value
from device_profiles.reading import Flag, Form

_LABELS = {
    "carbon_monoxide": "Carbon monoxide",
    "co2": "CO₂",
    "battery_low": "Battery",
    "illuminance": "Light",
    "motion": "Movement",
    "moving": "Movement",
    "opening": "Opening",
    "pm10": "Fine dust (PM10)",
    "pm25": "Fine dust (PM2.5)",
    "power_on": "Power",
}

# What 0 and 1 mean; an event that ended is said so, because the sensor may have gone silent since.
_STATES = {
    "battery_charging": ("not charging", "charging"),
    "battery_low": ("sufficient", "low"),
    "carbon_monoxide": ("none noticed", "carbon monoxide!"),
    "cold": ("not cold", "cold"),
    "connectivity": ("not connected", "connected"),
    "door": ("closed", "open"),
    "garage_door": ("closed", "open"),
    "gas": ("none noticed", "gas!"),
    "heat": ("not hot", "hot!"),
    "leak": ("dry", "water!"),
    "light": ("dark", "light"),
    "lock": ("locked", "unlocked"),
    "motion": ("ended", "noticed"),
    "moving": ("ended", "noticed"),
    "occupancy": ("nobody noticed", "somebody there"),
    "opening": ("closed", "open"),
    "plug": ("unplugged", "plugged in"),
    "presence": ("nobody noticed", "somebody there"),
    "problem": ("no problem reported", "problem reported"),
    "safety": ("unsafe!", "reports safe"),
    "smoke": ("none noticed", "smoke!"),
    "sound": ("ended", "noticed"),
    "tamper": ("untouched", "tampered with!"),
    "vibration": ("ended", "noticed"),
    "window": ("closed", "open"),
}
_OFF_ON = ("off", "on")

_EVENTS = {
    "press": "pressed",
    "double_press": "pressed twice",
    "triple_press": "pressed three times",
    "long_press": "pressed long",
    "long_double_press": "pressed long, twice",
    "long_triple_press": "pressed long, three times",
    "hold_press": "held down",
}

NOT_ENCRYPTED = "not encrypted"
_MARKS = {
    Flag.PLAIN: NOT_ENCRYPTED,
    Flag.IMPLAUSIBLE: "cannot be true",
    Flag.STUCK: "has not changed for a long time",
    Flag.JUMP: "changed suddenly",
    Flag.BATTERY_LOW: "battery low: please change it",
    Flag.WEAK_SIGNAL: "very weak signal",
    Flag.COUNTER_RESET: "this sensor restarted, or somebody copied it",
}
_UNKNOWN_MARK = "unusual in a way that this page does not know"

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)  # not strftime: it would follow the machine's language

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 250_000_000_000_000  # the year 9892

_NUMBER_MAX_CHARS = 20  # longer ones nobody reads: 9.223e+30
_DIGITS_SHOWN = {"temperature": 1, "dew_point": 1, "humidity": 0, "moisture": 0, "battery": 0, "pressure": 0}


def label(kind: str) -> str:
    """What a value of ``kind`` is called: ``Temperature``, ``Temperature 2``."""
    base, number = _unnumbered(kind)
    text = _LABELS.get(base, base.replace("_", " ").capitalize())
    return f"{text} {number}" if number else text


def value_text(value: Value) -> str:
    """A value with its unit, as precise as people need it."""
    base, _ = _unnumbered(value.kind)
    if isinstance(value.value, str):
        return _EVENTS.get(value.value, value.value.replace("_", " "))
    if value.form is Form.BOOLEAN:
        return _STATES.get(base, _OFF_ON)[bool(value.value)]
    number = Decimal(value.value).scaleb(value.exponent)
    digits = _DIGITS_SHOWN.get(base, -value.exponent)
    if digits < -value.exponent:
        number = number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    text = f"{number:f}"
    text = text if len(text) <= _NUMBER_MAX_CHARS else f"{number:.3e}"
    return _with_unit(text.replace("-", "\N{MINUS SIGN}"), value.unit)


def marks(flags: int) -> tuple[str, ...]:
    """What makes a value less than it seems, a short phrase each."""
    known = tuple(phrase for flag, phrase in _MARKS.items() if flag & flags)
    return known if not flags & ~sum(_MARKS) else (*known, _UNKNOWN_MARK)


@dataclass(frozen=True, slots=True)
class Time:
    """A time for people, and for machines (ISO 8601 with offset)."""

    text: str
    iso: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Says times as people would now.

    Attributes:
        now_ms: wall clock, ms since 1970.
        zone: the time zone of the page; None is the machine's own.
    """

    now_ms: int
    zone: tzinfo | None = None

    def time(self, at_ms: int, *, seconds: bool = False) -> Time:
        """``08:05``, ``yesterday 08:05``, ``3 November 08:05``."""
        at, now = self._moment(at_ms), self._moment(self.now_ms)
        clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
        return Time(_day_text(at, now) + clock, at.isoformat(timespec="seconds"))

    def _moment(self, at_ms: int) -> datetime:
        # Not fromtimestamp(): a wild time from a hub must not be beyond its range.
        return (_EPOCH + timedelta(milliseconds=min(max(at_ms, 0), _LATEST_MS))).astimezone(self.zone)


def home_title(home: str) -> str:
    """A home id as a title: ``flat-3`` is ``Flat 3``."""
    return home.replace("-", " ").strip().capitalize() or home


def _day_text(at: datetime, now: datetime) -> str:
    days = (now.date() - at.date()).days
    if days == 0:
        return ""
    if days == 1:
        return "yesterday "
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at.day} {_MONTHS[at.month - 1]}{year} "


def _unnumbered(kind: str) -> tuple[str, str]:
    """Split ``temperature_2`` into ``temperature`` and ``2``."""
    base, _, number = kind.rpartition("_")
    return (base, number) if base and number.isdecimal() else (kind, "")


def _with_unit(number: str, unit: str) -> str:
    """Units stand behind a no-break space, but for per cent and degrees of arc."""
    return number + (unit if unit in {"", "%", "°"} else f"\N{NO-BREAK SPACE}{unit}")
