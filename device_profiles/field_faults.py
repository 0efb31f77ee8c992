"""What makes no sense in one field of a model file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from device_profiles.number import INTEGERS
from device_profiles.profile import Bits, FieldSpec, Layout, Role, Type

Fault = tuple[str, str]  # where, as "frames[0].fields[2].kind", and what is wrong there

WORD = re.compile(r"[a-z][a-z0-9_]*")
BTHOME = {Layout.BTHOME_V1, Layout.BTHOME_V2}
HEADED = {Layout.MIBEACON, Layout.QINGPING}  # their objects say id and length, and may have several fields

_CODED = {Type.EVENT, Type.BOOLEAN}
_DECIMAL = {Type.FLOAT, Type.SFLOAT, Type.SINGLE, Type.STEPS, Type.TENTHS_WHOLE, Type.WHOLE_HUNDREDTHS}
_OF_ANY_LENGTH = {Type.TEXT, Type.HEX}
_EXPONENT_MAX = 12  # beyond, nobody measures

# Keys that only some layouts look at; elsewhere they would be passed over without a word.
_KEYS_OF: dict[str, set[Layout]] = {
    "id": BTHOME | HEADED,
    "length": HEADED,
    "devices": HEADED,
    "at": HEADED | {Layout.FRAMES, Layout.GATT},
    "when": HEADED | {Layout.FRAMES, Layout.GATT},
    "many": {Layout.GATT},
}
_ARITHMETIC = ("mask", "divide", "modulo", "sign", "scale", "offset", "absent")


def speaks(field: FieldSpec) -> bool:
    """Whether it becomes a reading."""
    return field.role is Role.VALUE and field.type is not Type.ADDRESS


def field_faults(place: str, field: FieldSpec, layout: Layout) -> Iterator[Fault]:
    """Yield each mistake of a field as its place and a clause."""
    if speaks(field) and not WORD.fullmatch(field.kind):
        yield f"{place}.kind", "a field needs a `kind` in lower case with underscores"
    if field.role is Role.REPEAT and (field.type not in INTEGERS or INTEGERS[field.type][1]):
        yield f"{place}.type", 'a field of role "repeat" is an unsigned integer'
    yield from _layout_faults(place, field, layout)
    yield from _code_faults(place, field)
    yield from _arithmetic_faults(place, field)
    yield from _bit_faults(place, field)
    yield from _limit_faults(place, field)
    if field.when is not None:
        yield from bits_faults(f"{place}.when", field.when)


def bits_faults(place: str, bits: Bits, size: int | None = None) -> Iterator[Fault]:
    """Yield each mistake of a condition on a byte of ``size`` bytes."""
    if bits.at < 0 or (size is not None and bits.at >= size):
        yield f"{place}.at", f"there is no byte {bits.at}" + ("" if size is None else f" within the {size}")
    if not 0 < bits.mask <= 0xFF:
        yield f"{place}.mask", "a `mask` is one byte and has at least one bit"
    elif bits.equals & ~bits.mask:
        yield f"{place}.equals", f"what is masked with {bits.mask:#04x} never equals {bits.equals:#04x}"


def _layout_faults(place: str, field: FieldSpec, layout: Layout) -> Iterator[Fault]:
    for key, layouts in _KEYS_OF.items():
        if _is_set(field, key) and layout not in layouts:
            yield f"{place}.{key}", f'the layout "{layout.value}" knows no `{key}`'
    if field.type in _OF_ANY_LENGTH and layout not in BTHOME:
        yield f"{place}.type", f'the layout "{layout.value}" has no room for "{field.type.value}"'
    if field.type is Type.ADDRESS and layout not in HEADED | {Layout.FRAMES}:
        yield f"{place}.type", f'the layout "{layout.value}" carries no address in a field'
    if field.at is not None and field.at < 0:
        yield f"{place}.at", "a field begins at byte 0 or behind it"


def _code_faults(place: str, field: FieldSpec) -> Iterator[Fault]:
    if field.codes is None:
        if field.type is Type.EVENT:
            yield f"{place}.codes", 'a field of type "event" needs `codes`'
        return
    if field.type not in _CODED:
        yield f"{place}.codes", 'only fields of type "event" and "boolean" have `codes`'
    if any(isinstance(word, str) != (field.type is Type.EVENT) for word in field.codes.values()):
        yield f"{place}.codes", "an event's codes are words, a boolean's are true or false"
    low, high = _raw_range(field) if field.type in INTEGERS else (0, 0xFF)
    if not all(low <= code <= high for code in field.codes):
        yield f"{place}.codes", f"a code is from {low} to {high}"


def _arithmetic_faults(place: str, field: FieldSpec) -> Iterator[Fault]:
    known = {"mask", "absent"} if field.type is Type.BOOLEAN else set(_ARITHMETIC)
    for key in _ARITHMETIC:
        if _is_set(field, key) and (field.type not in INTEGERS or key not in known):
            yield f"{place}.{key}", f'a field of type "{field.type.value}" has no `{key}`'
    for key in ("scale", "divide", "modulo"):
        factor = getattr(field, key)
        if factor is not None and factor <= 0:
            yield f"{place}.{key}", f"`{key}` is above 0"
    if abs(field.exponent) > _EXPONENT_MAX:
        yield f"{place}.exponent", f"an `exponent` is from -{_EXPONENT_MAX} to {_EXPONENT_MAX}"


def _bit_faults(place: str, field: FieldSpec) -> Iterator[Fault]:
    if field.type not in INTEGERS:
        return
    size, signed = INTEGERS[field.type]
    every = (1 << 8 * size) - 1
    for key in ("mask", "sign", "divide", "modulo"):
        if signed and _is_set(field, key):
            yield f"{place}.{key}", f"`{key}` goes with an unsigned type"
    for key in ("mask", "sign"):
        bits = getattr(field, key)
        if bits is not None and not 0 < bits <= every:
            yield f"{place}.{key}", f"`{key}` has at least one bit, all within {size} bytes"
    if field.sign is not None and field.sign & (every if field.mask is None else field.mask):
        yield f"{place}.sign", "the bits of `sign` are none of those of `mask`"
    low, high = _raw_range(field)
    if not all(low <= raw <= high for raw in field.absent):
        yield f"{place}.absent", f"the raw value is from {low} to {high}"


def _limit_faults(place: str, field: FieldSpec) -> Iterator[Fault]:
    limits = [limit for limit in (field.least, field.most) if limit is not None]
    if not all(math.isfinite(limit) for limit in limits):
        yield f"{place}.least", "`least` and `most` are numbers"
    elif len(limits) == 2 and limits[0] > limits[1]:
        yield f"{place}.least", "`least` is above `most`"
    if limits and field.type not in _DECIMAL and field.type not in INTEGERS:
        yield f"{place}.least", f'a field of type "{field.type.value}" has no limits'


def _raw_range(field: FieldSpec) -> tuple[int, int]:
    """The least and greatest raw value of an integer, as masked."""
    size, signed = INTEGERS[field.type]
    if field.mask is not None and field.mask > 0:
        return 0, field.mask // (field.mask & -field.mask)
    return (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) if signed else (0, (1 << 8 * size) - 1)


def _is_set(field: FieldSpec, key: str) -> bool:
    """Whether a key of the file says anything but its default."""
    defaults = {"divide": 1, "scale": 1, "offset": 0, "devices": (), "absent": (), "many": False}
    return bool(getattr(field, key) != defaults.get(key))
