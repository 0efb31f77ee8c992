"""A field made ready: its bytes to a value and back, and what the value means."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from device_profiles.profile import ByteOrder, FieldSpec, Role, Type
from device_profiles.reading import Form, Reading

Value = int | str
Read = Callable[[bytes], Value | None]
Write = Callable[[Value], bytes | None]

_INTEGERS = {
    Type.UINT8: (1, False),
    Type.UINT16: (2, False),
    Type.UINT24: (3, False),
    Type.UINT32: (4, False),
    Type.INT8: (1, True),
    Type.INT16: (2, True),
    Type.INT32: (4, True),
    Type.BOOLEAN: (1, False),
}
_OTHER_SIZES = {
    Type.EVENT: 1,
    Type.STEPS: 2,
    Type.TEXT: None,
    Type.HEX: None,
    Type.VERSION24: 3,
    Type.VERSION32: 4,
    Type.ADDRESS: 6,
}
_FORMS = {
    Type.BOOLEAN: Form.BOOLEAN,
    Type.EVENT: Form.TEXT,
    Type.TEXT: Form.TEXT,
    Type.HEX: Form.TEXT,
    Type.VERSION24: Form.TEXT,
    Type.VERSION32: Form.TEXT,
}
_TEXT_MAX_BYTES = 255
_STEPS_MAX = 255


@dataclass(frozen=True, slots=True)
class Field:
    """One field, compiled.

    Attributes:
        size: Its bytes; ``None`` if a length byte says.
        read: Bytes to value; ``None`` where they carry no value (nothing happened, unknown code).
        write: Value to bytes; ``None`` where they cannot carry it.
        lowest: The least plausible value, as ``Reading.value`` holds it. Likewise ``highest``.
        silence: Bytes that say "nothing happened", where there are such.
    """

    kind: str
    role: Role
    type: Type
    size: int | None
    read: Read
    write: Write
    lowest: int
    highest: int
    unit: str
    exponent: int
    form: Form
    urgent: bool
    silence: bytes | None = None
    id: int = 0

    def plausible(self, value: Value) -> bool:
        """Whether a value lies within the limits; text always does."""
        return isinstance(value, str) or self.lowest <= value <= self.highest

    def reading(self, value: Value, kind: str) -> Reading:
        """Give the value its meaning; ``kind`` may carry a number (``button_2``)."""
        return Reading(kind, value, self.exponent, self.unit, self.form, self.urgent)


def compile_field(spec: FieldSpec, byte_order: ByteOrder) -> Field:
    """Make a field ready."""
    read, write, lowest, highest = _codec(spec, big=byte_order is ByteOrder.BIG)
    size = _INTEGERS[spec.type][0] if spec.type in _INTEGERS else _OTHER_SIZES[spec.type]
    codes = spec.codes or {}
    return Field(
        kind=spec.kind,
        role=spec.role,
        type=spec.type,
        size=size,
        read=read,
        write=write,
        lowest=lowest if spec.least is None else max(lowest, math.ceil(_at(spec.least, spec.exponent))),
        highest=highest if spec.most is None else min(highest, math.floor(_at(spec.most, spec.exponent))),
        unit=spec.unit,
        exponent=spec.exponent,
        form=_FORMS.get(spec.type, Form.NUMBER),
        urgent=spec.urgent,
        silence=next((bytes((code,)) for code, word in codes.items() if not word), None),
        id=spec.id or 0,
    )


def _at(plain: float, exponent: int) -> Decimal:
    """Express a plain number in units of ``10**exponent``."""
    return Decimal(str(plain)).scaleb(-exponent)


def _codec(spec: FieldSpec, *, big: bool) -> tuple[Read, Write, int, int]:
    """Choose how to read and write a type, and the least and greatest value it can carry."""
    if spec.type in _INTEGERS:
        return _integer(spec, big=big)
    if spec.type is Type.EVENT:
        return *_event(spec.codes or {}), 0, 0
    if spec.type is Type.ADDRESS:
        return *_address(big=big), 0, 0
    return _FIXED[spec.type]


def _integer(spec: FieldSpec, *, big: bool) -> tuple[Read, Write, int, int]:
    size, signed = _INTEGERS[spec.type]
    full = (1 << (8 * size)) - 1
    mask = full if spec.mask is None else spec.mask
    low, high = (-(full + 1) // 2, full // 2) if signed else (0, mask)
    if spec.type is Type.BOOLEAN:
        high = 1
    scale, offset = spec.scale, spec.offset
    order = "big" if big else "little"
    raw_from = _unpacker(size, signed=signed, big=big)

    def read(data: bytes) -> Value:
        raw = raw_from(data) if spec.mask is None else raw_from(data) & mask
        return raw * scale + offset

    def write(value: Value) -> bytes | None:
        if isinstance(value, str):
            return None
        raw, rest = divmod(value - offset, scale)
        return raw.to_bytes(size, order, signed=signed) if rest == 0 and low <= raw <= high else None  # type: ignore[arg-type]

    plain_field = (scale, offset, spec.mask) == (1, 0, None)
    return (raw_from if plain_field else read), write, low * scale + offset, high * scale + offset


def _unpacker(size: int, *, signed: bool, big: bool) -> Callable[[bytes], int]:
    """Fetch one integer; ``struct`` knows all sizes but three bytes."""
    letter = {1: "b", 2: "h", 4: "i"}.get(size)
    if letter is None:
        order = "big" if big else "little"
        return lambda data: int.from_bytes(data, order, signed=signed)  # type: ignore[arg-type]
    unpack = struct.Struct((">" if big else "<") + (letter if signed else letter.upper())).unpack
    return lambda data: unpack(data)[0]


def _event(codes: dict[int, str]) -> tuple[Read, Write]:
    words = {code: word for code, word in codes.items() if word}
    bytes_of = {word: bytes((code,)) for code, word in reversed(words.items())}
    return (lambda data: words.get(data[0])), (lambda value: bytes_of.get(str(value)))


def _read_steps(data: bytes) -> Value | None:
    """Turn direction and count into signed steps (bthome.io, dimmer: 1 left, 2 right)."""
    return {1: -data[1], 2: data[1]}.get(data[0]) or None


def _write_steps(value: Value) -> bytes | None:
    if isinstance(value, str) or not 0 < abs(value) <= _STEPS_MAX:
        return None
    return bytes((1 if value < 0 else 2, abs(value)))


def _read_text(data: bytes) -> Value | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write_text(value: Value) -> bytes | None:
    if not isinstance(value, str):
        return None
    data = value.encode("utf-8", "surrogatepass")
    return data if len(data) <= _TEXT_MAX_BYTES and _read_text(data) == value else None


def _write_hex(value: Value) -> bytes | None:
    try:
        data = bytes.fromhex(str(value))
    except ValueError:
        return None
    return data if data.hex() == value and len(data) <= _TEXT_MAX_BYTES else None


def _read_version(data: bytes) -> Value:
    return ".".join(str(part) for part in reversed(data))


def _write_version(value: Value) -> bytes | None:
    parts = str(value).split(".")
    if not all(part.isascii() and part.isdigit() and int(part) <= 255 for part in parts):
        return None
    data = bytes(int(part) for part in reversed(parts))
    return data if _read_version(data) == value else None


def _address(*, big: bool) -> tuple[Read, Write]:
    """Spell an address as adverts do; little-endian formats carry it backwards."""

    def read(data: bytes) -> Value:
        return (data if big else data[::-1]).hex(":").upper()

    def write(value: Value) -> bytes | None:
        data = bytes.fromhex(str(value).replace(":", ""))
        return data if big else data[::-1]

    return read, write


_FIXED: dict[Type, tuple[Read, Write, int, int]] = {
    Type.STEPS: (_read_steps, _write_steps, -_STEPS_MAX, _STEPS_MAX),
    Type.TEXT: (_read_text, _write_text, 0, 0),
    Type.HEX: (bytes.hex, _write_hex, 0, 0),
    Type.VERSION24: (_read_version, _write_version, 0, 0),
    Type.VERSION32: (_read_version, _write_version, 0, 0),
}
