"""A field made ready: its bytes to a value and back, and what the value means."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from msgspec.structs import replace

from device_profiles.number import INTEGERS, Read, Value, Write, integer
from device_profiles.profile import Battery, Bits, ByteOrder, FieldSpec, Role, Type
from device_profiles.reading import NO_FLAGS, Flag, Form, Reading
from device_profiles.special import SPECIAL, Float

_FORMS = {
    Type.BOOLEAN: Form.BOOLEAN,
    Type.EVENT: Form.TEXT,
    Type.TEXT: Form.TEXT,
    Type.HEX: Form.TEXT,
    Type.VERSION24: Form.TEXT,
    Type.VERSION32: Form.TEXT,
    Type.DATETIME: Form.TEXT,
}
_FLOATS = {Type.FLOAT, Type.SFLOAT}
Make = Callable[[Value, str], Reading]
_BATTERY_LOW_KIND = "battery_low"  # a boolean that says it itself


@dataclass(frozen=True, slots=True)
class Field:
    """One field, compiled.

    Attributes:
        size: Its bytes; ``None`` if a length byte says.
        read: Bytes to value; ``None`` where they carry no value (nothing happened, unknown code, absent).
        write: Value to bytes, in its own bits if it shares its bytes; ``None`` where they cannot carry it.
        carries: The least and the greatest value it can carry, as ``Reading.value`` holds it.
        reading: Gives a value its meaning, under a kind.
        silence: Bytes that say "nothing happened" or "no value", where there are such.
    """

    kind: str
    role: Role
    type: Type
    size: int | None
    read: Read
    write: Write
    reading: Make
    carries: tuple[int, int]
    unit: str
    exponent: int
    form: Form
    urgent: bool
    silence: bytes | None = None
    id: int = 0
    at: int | None = None
    when: Bits | None = None
    fixed_exponent: bool = True  # all its readings have its own; a FLOAT brings one along

    @property
    def speaks(self) -> bool:
        """Whether it becomes a reading."""
        return self.role is Role.VALUE and self.type is not Type.ADDRESS

    def plausible(self, value: Value) -> bool:
        """Whether a value can be true; text always can."""
        return not self.reading(value, self.kind).flags & Flag.IMPLAUSIBLE

    def value_of(self, reading: Reading) -> Value | None:
        """The other way round; ``None`` if the reading is not of this field's form and resolution."""
        if reading.form is not self.form or reading.unit != self.unit:
            return None
        if not self.fixed_exponent and isinstance(reading.value, int):
            return Float(reading.value, reading.exponent)
        return reading.value if reading.exponent == self.exponent else None


def compile_field(spec: FieldSpec, byte_order: ByteOrder, battery: Battery | None = None) -> Field:
    """Make a field ready.

    Args:
        spec: What the profile says of it.
        byte_order: The frame's; the field's own goes before.
        battery: The profile's rule for its battery.
    """
    big = (spec.byte_order or byte_order) is ByteOrder.BIG
    size, read, write, carries, silence = _codec(spec, big=big)
    low = carries[0] if spec.least is None else max(carries[0], math.ceil(_at(spec.least, spec.exponent)))
    high = carries[1] if spec.most is None else min(carries[1], math.floor(_at(spec.most, spec.exponent)))
    form = _FORMS.get(spec.type, Form.NUMBER)
    return Field(
        kind=spec.kind,
        role=spec.role,
        type=spec.type,
        size=size,
        read=read,
        write=write,
        carries=carries,
        reading=_maker(spec, form, (low, high), _battery_low(spec, battery)),
        unit=spec.unit,
        exponent=spec.exponent,
        form=form,
        urgent=spec.urgent,
        silence=silence,
        id=spec.id or 0,
        at=spec.at,
        when=spec.when,
        fixed_exponent=spec.type not in _FLOATS,
    )


def _maker(spec: FieldSpec, form: Form, plausible: tuple[int, int], battery_low: int | None) -> Make:
    """How a value becomes a reading: the hot path of decoding, so all that never changes is bound here."""
    exponent, unit, urgent = spec.exponent, spec.unit, spec.urgent
    lowest, highest = plausible
    implausible = Flag.IMPLAUSIBLE

    def text(value: Value, kind: str) -> Reading:
        return Reading(kind, value, exponent, unit, form, urgent)  # type: ignore[arg-type]

    def number(value: Value, kind: str) -> Reading:
        flags = NO_FLAGS if lowest <= value <= highest else implausible  # type: ignore[operator]
        return Reading(kind, value, exponent, unit, form, urgent, flags)  # type: ignore[arg-type]

    def battery(value: Value, kind: str) -> Reading:
        made = number(value, kind)
        low = made.value == 1 if form is Form.BOOLEAN else int(made.value) <= (battery_low or 0)
        return replace(made, flags=Flag.BATTERY_LOW) if low and not made.flags else made

    def floating(value: Value, kind: str) -> Reading:
        mantissa, own = cast("Float", value)
        true = Decimal(mantissa).scaleb(own - exponent)
        flags = NO_FLAGS if lowest <= true <= highest else implausible
        return Reading(kind, mantissa, own, unit, form, urgent, flags)

    if form is Form.TEXT:
        return text
    if spec.type in _FLOATS:
        return floating
    return number if battery_low is None else battery


def _battery_low(spec: FieldSpec, battery: Battery | None) -> int | None:
    if spec.kind == _BATTERY_LOW_KIND:
        return 1
    if battery is None or battery.kind != spec.kind:
        return None
    return math.floor(_at(battery.low, spec.exponent))


def _at(plain: float, exponent: int) -> Decimal:
    """Express a plain number in units of ``10**exponent``."""
    return Decimal(str(plain)).scaleb(-exponent)


def _codec(spec: FieldSpec, *, big: bool) -> tuple[int | None, Read, Write, tuple[int, int], bytes | None]:
    """Choose how to read and write a type: size, both ways, range, and the bytes of silence."""
    if spec.type in INTEGERS:
        return integer(spec, big=big)
    if spec.type is Type.EVENT:
        return _event(spec.codes or {})
    if spec.type is Type.ADDRESS:
        return 6, *_address(big=big), (0, 0), None
    return SPECIAL[spec.type](spec)


def _event(
    codes: dict[int, str | bool],
) -> tuple[int | None, Read, Write, tuple[int, int], bytes | None]:
    words = {code: str(word) for code, word in codes.items() if word}
    bytes_of = {word: bytes((code,)) for code, word in reversed(words.items())}
    silence = next((bytes((code,)) for code, word in codes.items() if not word), None)
    return 1, (lambda data: words.get(data[0])), (lambda value: bytes_of.get(str(value))), (0, 0), silence


def _address(*, big: bool) -> tuple[Callable[[bytes], Value], Write]:
    """Spell an address as adverts do; little-endian formats carry it backwards."""

    def read(data: bytes) -> Value:
        return (data if big else data[::-1]).hex(":").upper()

    def write(value: Value) -> bytes | None:
        data = bytes.fromhex(str(value).replace(":", ""))
        return data if big else data[::-1]

    return read, write
