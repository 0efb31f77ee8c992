"""Integers in bytes: whole or in some of their bits, scaled, with a sign of their own, or coded."""

from __future__ import annotations

import struct
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from device_profiles.profile import FieldSpec, Type


class Float(NamedTuple):
    """A number that brings its own decimal exponent along."""

    mantissa: int
    exponent: int


Value = int | str | Float
Read = Callable[[bytes], Value | None]
Write = Callable[[Value], bytes | None]
Codec = tuple[int | None, Read, Write, tuple[int, int], bytes | None]

INTEGERS = {
    Type.UINT8: (1, False),
    Type.UINT16: (2, False),
    Type.UINT24: (3, False),
    Type.UINT32: (4, False),
    Type.INT8: (1, True),
    Type.INT16: (2, True),
    Type.INT24: (3, True),
    Type.INT32: (4, True),
    Type.BOOLEAN: (1, False),
}


def integer(spec: FieldSpec, *, big: bool) -> Codec:
    """Size, reader, writer, range and silence of an integer field; see :class:`FieldSpec` for the arithmetic."""
    size, signed = INTEGERS[spec.type]
    unpack = _unpacker(size, signed=signed, big=big)
    silence = None
    if spec.absent:
        silence = (spec.absent[0] << _shift(spec)).to_bytes(size + 1, "little", signed=spec.absent[0] < 0)[
            :size
        ]
        silence = silence[::-1] if big else silence
    if spec.type is Type.BOOLEAN:
        return size, _boolean_reader(spec, unpack), _boolean_writer(spec, size), (0, 1), silence
    low, high = _raw_range(spec, size, signed=signed)
    if (spec.mask, spec.sign, spec.modulo, spec.divide, spec.scale, spec.offset, spec.absent) == (
        None, None, None, 1, 1, 0, (),
    ):  # fmt: skip
        return size, unpack, _writer(spec, size, low, high, signed=signed, big=big), (low, high), None
    reader = _reader(spec, unpack)
    writer = _writer(spec, size, low, high, signed=signed, big=big)
    top = high * spec.scale + spec.offset
    bottom = (-high if spec.sign is not None else low) * spec.scale + spec.offset
    return size, reader, writer, (bottom, top), silence


def _shift(spec: FieldSpec) -> int:
    """The place of the lowest bit that counts."""
    return 0 if spec.mask is None else (spec.mask & -spec.mask).bit_length() - 1


def _raw_range(spec: FieldSpec, size: int, *, signed: bool) -> tuple[int, int]:
    """The least and greatest raw value after mask, ``divide`` and ``modulo``."""
    bits = 8 * size
    if signed and spec.mask is None:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    top = ((1 << bits) - 1 if spec.mask is None else spec.mask >> _shift(spec)) // spec.divide
    return 0, top if spec.modulo is None else min(top, spec.modulo - 1)


def _unpacker(size: int, *, signed: bool, big: bool) -> Callable[[bytes], int]:
    """Fetch one integer; ``struct`` knows all sizes but three bytes, and a byte is one already."""
    if size == 1 and not signed:
        return itemgetter(0)
    letter = {1: "b", 2: "h", 4: "i"}.get(size)
    if letter is None:
        order = "big" if big else "little"
        return lambda data: int.from_bytes(data, order, signed=signed)  # type: ignore[arg-type]
    unpack = struct.Struct((">" if big else "<") + (letter if signed else letter.upper())).unpack
    return lambda data: unpack(data)[0]


def _reader(spec: FieldSpec, unpack: Callable[[bytes], int]) -> Read:
    mask, shift, sign, absent = spec.mask, _shift(spec), spec.sign, frozenset(spec.absent)
    divide, modulo, scale, offset = spec.divide, spec.modulo, spec.scale, spec.offset
    if mask is None and sign is None and modulo is None and divide == 1 and not absent:
        return unpack if (scale, offset) == (1, 0) else lambda data: unpack(data) * scale + offset

    def read(data: bytes) -> Value | None:
        whole = unpack(data)
        raw = whole if mask is None else (whole & mask) >> shift
        if raw in absent:
            return None
        raw //= divide
        if modulo is not None:
            raw %= modulo
        if sign is not None and whole & sign:
            raw = -raw
        return raw * scale + offset

    return read


def _writer(spec: FieldSpec, size: int, low: int, high: int, *, signed: bool, big: bool) -> Write:
    """Write a value into its own bits; the others are 0, so that fields that share bytes can be joined."""
    shift, order = _shift(spec), "big" if big else "little"
    absent = frozenset(spec.absent)

    def write(value: Value) -> bytes | None:
        if not isinstance(value, int):
            return None
        raw, rest = divmod(value - spec.offset, spec.scale)
        negative = spec.sign is not None and raw < 0
        raw = -raw if negative else raw
        if rest or not low <= raw <= high or (raw * spec.divide) in absent:
            return None
        whole = (raw * spec.divide) << shift
        if negative:
            whole |= spec.sign or 0
        return whole.to_bytes(size, order, signed=signed)  # type: ignore[arg-type]

    return write


def _boolean_reader(spec: FieldSpec, unpack: Callable[[bytes], int]) -> Read:
    mask, shift, absent = spec.mask, _shift(spec), frozenset(spec.absent)
    if spec.codes is not None:
        codes = {code: int(bool(state)) for code, state in spec.codes.items()}
        return lambda data: codes.get(unpack(data) if mask is None else (unpack(data) & mask) >> shift)
    if mask is None and not absent:
        return unpack  # what is neither 0 nor 1 is no boolean: its range says so

    def read(data: bytes) -> Value | None:
        raw = unpack(data) if mask is None else (unpack(data) & mask) >> shift
        return None if raw in absent else int(raw != 0) if mask is not None else raw

    return read


def _boolean_writer(spec: FieldSpec, size: int) -> Write:
    shift = _shift(spec)
    raw_of = {0: 0, 1: 1}
    if spec.codes is not None:
        raw_of = {int(bool(state)): code for code, state in reversed(spec.codes.items())}

    def write(value: Value) -> bytes | None:
        raw = raw_of.get(value) if isinstance(value, int) else None
        return None if raw is None else (raw << shift).to_bytes(size, "little")

    return write
