"""Types that are no plain integer: texts, versions, steps, decimal floats, dates, digits with a sign of their own."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import datetime

from device_profiles.number import Codec, Float, Value
from device_profiles.profile import FieldSpec, Type

__all__ = ["SPECIAL", "Float"]

_TEXT_MAX_BYTES = 255
_STEPS_MAX = 255
_SINGLE_MAX = (1 << 31) - 1  # beyond, infinite or no number: nobody measured that


def _steps(_spec: FieldSpec) -> Codec:
    """Direction and count as signed steps (bthome.io, dimmer: 1 left, 2 right)."""

    def read(data: bytes) -> Value | None:
        return {1: -data[1], 2: data[1]}.get(data[0]) or None

    def write(value: Value) -> bytes | None:
        if not isinstance(value, int) or not 0 < abs(value) <= _STEPS_MAX:
            return None
        return bytes((1 if value < 0 else 2, abs(value)))

    return 2, read, write, (-_STEPS_MAX, _STEPS_MAX), None


def _read_text(data: bytes) -> Value | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _text(_spec: FieldSpec) -> Codec:
    def write(value: Value) -> bytes | None:
        if not isinstance(value, str):
            return None
        data = value.encode("utf-8", "surrogatepass")
        return data if len(data) <= _TEXT_MAX_BYTES and _read_text(data) == value else None

    return None, _read_text, write, (0, 0), None


def _hex(_spec: FieldSpec) -> Codec:
    def write(value: Value) -> bytes | None:
        try:
            data = bytes.fromhex(str(value))
        except ValueError:
            return None
        return data if data.hex() == value and len(data) <= _TEXT_MAX_BYTES else None

    return None, bytes.hex, write, (0, 0), None


def _version(size: int) -> Callable[[FieldSpec], Codec]:
    def read(data: bytes) -> Value:
        return ".".join(str(part) for part in reversed(data))

    def write(value: Value) -> bytes | None:
        parts = str(value).split(".")
        if not all(part.isascii() and part.isdigit() and int(part) <= 255 for part in parts):
            return None
        data = bytes(int(part) for part in reversed(parts))
        return data if read(data) == value and len(data) == size else None

    return lambda _spec: (size, read, write, (0, 0), None)


def _float(mantissa_bits: int, exponent_bits: int) -> Callable[[FieldSpec], Codec]:
    """Both parts are in two's complement; five mantissas are no number (IEEE 11073-20601:2016, F.7 and F.8)."""
    half = 1 << (mantissa_bits - 1)
    special = frozenset((half - 2, half - 1, half, half + 1, half + 2))  # +INF, NaN, NRes, reserved, -INF
    size = (mantissa_bits + exponent_bits) // 8
    least_exponent = -(1 << (exponent_bits - 1))

    def read(data: bytes) -> Value | None:
        raw = int.from_bytes(data, "little")
        mantissa = raw & (2 * half - 1)
        if mantissa in special:
            return None
        exponent = int.from_bytes(data, "little", signed=True) >> mantissa_bits
        return Float(mantissa - 2 * half if mantissa >= half else mantissa, exponent)

    def write(value: Value) -> bytes | None:
        if not isinstance(value, Float) or not -half <= value.mantissa < half:
            return None
        mantissa = value.mantissa & (2 * half - 1)
        if mantissa in special or not least_exponent <= value.exponent < -least_exponent:
            return None
        raw = (value.exponent << mantissa_bits | mantissa) & ((1 << 8 * size) - 1)
        return raw.to_bytes(size, "little")

    nan = (half - 1).to_bytes(size, "little")
    # Plausible limits are given in units of the field's own exponent; the value itself may reach anywhere.
    return lambda _spec: (size, read, write, (-(10**140), 10**140), nan)


def _single(spec: FieldSpec) -> Codec:
    """A processor's own float: what it holds is rounded, so what is written must read as the very same."""
    unit = 10.0**-spec.exponent

    def read(data: bytes) -> Value | None:
        true = struct.unpack("<f", data)[0] * unit
        return round(true) if abs(true) <= _SINGLE_MAX else None

    def write(value: Value) -> bytes | None:
        if not isinstance(value, int) or abs(value) > _SINGLE_MAX:
            return None
        data = struct.pack("<f", value / unit)
        return data if read(data) == value else None

    return 4, read, write, (-_SINGLE_MAX, _SINGLE_MAX), struct.pack("<f", math.nan)


def _datetime(_spec: FieldSpec) -> Codec:
    """Year (16 bits), month, day, hours, minutes, seconds; a year, month or day of 0 is not known."""

    def read(data: bytes) -> Value | None:
        try:
            return datetime(int.from_bytes(data[:2], "little"), *data[2:]).isoformat()  # noqa: DTZ001 - it has no zone
        except ValueError:
            return None

    def write(value: Value) -> bytes | None:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment.year.to_bytes(2, "little") + bytes(moment.timetuple()[1:6])

    return 7, read, write, (0, 0), bytes(7)


def _tenths_whole(_spec: FieldSpec) -> Codec:
    """Tenths in the low nibble, then whole units; the top bit set means not negative."""

    def read(data: bytes) -> Value | None:
        tenths = data[0] & 0x0F
        if tenths > 9:
            return None
        magnitude = (data[1] & 0x7F) * 10 + tenths
        return magnitude if data[1] & 0x80 else -magnitude

    def write(value: Value) -> bytes | None:
        if not isinstance(value, int) or abs(value) > 1279:
            return None
        whole, tenths = divmod(abs(value), 10)
        return bytes((tenths, whole | (0x80 if value >= 0 else 0)))

    return 2, read, write, (-1279, 1279), None


def _whole_hundredths(_spec: FieldSpec) -> Codec:
    """Whole units, the top bit set for negative, then hundredths."""

    def read(data: bytes) -> Value | None:
        if data[1] > 99:
            return None
        magnitude = (data[0] & 0x7F) * 100 + data[1]
        return -magnitude if data[0] & 0x80 else magnitude

    def write(value: Value) -> bytes | None:
        if not isinstance(value, int) or abs(value) > 12799:
            return None
        whole, hundredths = divmod(abs(value), 100)
        return bytes((whole | (0x80 if value < 0 else 0), hundredths))

    return 2, read, write, (-12799, 12799), None


SPECIAL: dict[Type, Callable[[FieldSpec], Codec]] = {
    Type.STEPS: _steps,
    Type.TEXT: _text,
    Type.HEX: _hex,
    Type.VERSION24: _version(3),
    Type.VERSION32: _version(4),
    Type.FLOAT: _float(24, 8),
    Type.SFLOAT: _float(12, 4),
    Type.SINGLE: _single,
    Type.DATETIME: _datetime,
    Type.TENTHS_WHOLE: _tenths_whole,
    Type.WHOLE_HUNDREDTHS: _whole_hundredths,
}
