"""A block: fields at fixed places in a run of bytes, such as a frame or an object's value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import or_
from typing import Literal, NamedTuple

from device_profiles.field import Field, Make, compile_field
from device_profiles.number import Read, Value
from device_profiles.outcome import Reason
from device_profiles.profile import Battery, Bits, ByteOrder, FieldSpec, Role, Type
from device_profiles.reading import Form, Reading

# Looking up a member of an enum takes as long as reading a number, and is done for every field.
_ADDRESS, _REPEAT, _SKIP = Type.ADDRESS, Role.REPEAT, Role.SKIP


@dataclass(slots=True)
class Said:
    """What has been read of one advert so far.

    Attributes:
        reason: Why there is less than there could be, as a constant of :class:`Reason`.
        repeat: The frame's own packet id or counter.
        seen: How many there were of each kind.
    """

    readings: list[Reading] = field(default_factory=list)
    repeat: int | None = None
    reason: str | None = None
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, one: Field, value: Value) -> None:
        """One more reading; the second of a kind is ``kind_2``: a name never depends on what follows."""
        self.readings.append(one.reading(value, self.name(one.kind)))

    def name(self, kind: str) -> str:
        """The name of the next reading of a kind."""
        number = self.seen[kind] = self.seen.get(kind, 0) + 1
        return kind if number == 1 else f"{kind}_{number}"


class _Row(NamedTuple):
    """A field that is read, and what of it is needed at once; ``kind`` is empty if it is no mere reading."""

    field: Field
    place: slice
    when: Bits | None
    read: Read
    kind: str
    reading: Make


@dataclass(slots=True)
class Block:
    """Fields, each with the slice that holds it; ``size`` bytes reach from the first to the last.

    Attributes:
        big: Which of the fields have their greatest byte first, by their place in ``placed``.
    """

    size: int
    placed: tuple[tuple[Field, int, int], ...]
    big: frozenset[int] = frozenset()
    _rows: tuple[_Row, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Settle once what each field needs: adverts come by the thousand."""
        self._rows = tuple(
            _Row(one, slice(start, stop), one.when, one.read, _mere_kind(one), one.reading)
            for one, start, stop in self.placed
            if one.role is not Role.SKIP or one.type is Type.ADDRESS
        )

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""
        return tuple(one for one, _, _ in self.placed if one.speaks)

    def read(self, data: bytes, address: str, said: Said) -> str | None:
        """Add what the bytes say; gives the reason if they must not be believed at all.

        Args:
            data: At least ``size`` bytes; conditions lie within them too (``faults.py``).
            address: The sender's, as in ``Advert``; empty if not known.
            said: Where to add it.
        """
        readings, seen = said.readings, said.seen
        for one, place, when, read, kind, reading in self._rows:
            if when is not None and data[when.at] & when.mask != when.equals:
                continue
            value = read(data[place])
            if value is None:
                said.reason = said.reason or why_silent(one, data[place])
            elif kind and kind not in seen:
                seen[kind] = 1
                readings.append(reading(value, kind))
            elif condemned := _take(one, value, address, said):
                return condemned
        return None

    def write(self, given: dict[str, Reading], into: bytearray, address: str, repeat: int) -> list[str]:
        """Write readings, each under its kind, into ``size`` bytes; gives the kinds that were written.

        A field that is given nothing says "no value" where it can; its condition is then made untrue.
        Fields that share bytes are sums of what each writes there.
        """
        written: dict[int, str] = {}
        for number, (one, start, stop) in enumerate(self.placed):
            data, kind = self._bytes_of(one, given, address, repeat)
            if kind:
                written[number] = kind
            if data is not None:
                _add(data, into, start, stop, "big" if number in self.big else "little")
        for number, (one, start, stop) in enumerate(self.placed):
            if number in written and one.when is not None:
                into[one.when.at] |= one.when.equals
            elif number not in written and one.speaks and one.silence is not None:
                into[start:stop] = bytes(map(or_, into[start:stop], one.silence))
        for number, (one, _, _) in enumerate(self.placed):
            if number not in written and one.speaks and one.when is not None and holds(one.when, into):
                into[one.when.at] |= ~one.when.equals & one.when.mask & 0xFF
        return list(written.values())

    def _bytes_of(
        self, one: Field, given: dict[str, Reading], address: str, repeat: int
    ) -> tuple[bytes | None, str]:
        """What a field writes, and the kind that it then tells."""
        if one.type is Type.ADDRESS:
            return one.write(address), ""
        if one.role is Role.REPEAT:
            return one.write(repeat % (one.carries[1] + 1)), ""
        reading = given.get(one.kind) if one.role is Role.VALUE else None
        value = None if reading is None else one.value_of(reading)
        data = None if value is None else one.write(value)
        return data, "" if data is None else one.kind


def compile_block(specs: Iterable[FieldSpec], byte_order: ByteOrder, battery: Battery | None = None) -> Block:
    """Lay the fields end to end, but for those that say where they stand."""
    placed: list[tuple[Field, int, int]] = []
    big = set()
    start = size = 0
    for spec in specs:
        one = compile_field(spec, byte_order, battery)
        start = start if one.at is None else one.at
        stop = start + (one.size or 0)
        if (spec.byte_order or byte_order) is ByteOrder.BIG:
            big.add(len(placed))
        placed.append((one, start, stop))
        start, size = stop, max(size, stop)
    return Block(size, tuple(placed), frozenset(big))


def holds(bits: Bits, data: Sequence[int]) -> bool:
    """Whether a condition holds for these bytes; it does not if its byte is missing."""
    return bits.at < len(data) and data[bits.at] & bits.mask == bits.equals


def why_silent(one: Field, data: bytes) -> str | None:
    """Tell "no value" and "nothing happened" (no reason needed) from what we cannot understand."""
    if one.type is Type.TEXT:
        return Reason.BAD_TEXT
    if one.type is Type.STEPS:
        return None if data[0] in {0, 1, 2} else Reason.UNKNOWN_EVENT
    if one.type is Type.EVENT:
        return None if data == one.silence else Reason.UNKNOWN_EVENT
    return Reason.BAD_VALUE if one.type in {Type.TENTHS_WHOLE, Type.WHOLE_HUNDREDTHS} else None


def _mere_kind(one: Field) -> str:
    """The kind of a field whose value is a reading whatever it is; a boolean's can condemn the frame."""
    return one.kind if one.speaks and one.form is not Form.BOOLEAN else ""


def _take(one: Field, value: Value, address: str, said: Said) -> str | None:
    """Take in what may condemn all, and what is no reading; gives the reason to believe nothing."""
    if one.role is _REPEAT:
        said.repeat = value if isinstance(value, int) else None
    elif one.type is _ADDRESS:
        if value != address and (address or one.role is not _SKIP):
            return Reason.ADDRESS_MISMATCH if address else Reason.ADDRESS_UNKNOWN
    elif one.form is Form.BOOLEAN and value not in (0, 1):
        return Reason.BAD_VALUE
    else:
        said.add(one, value)
    return None


def _add(data: bytes, into: bytearray, start: int, stop: int, order: Literal["big", "little"]) -> None:
    """Add a number to the one that stands there: a quotient and a remainder, or bits of different fields."""
    total = int.from_bytes(into[start:stop], order) + int.from_bytes(data, order)
    into[start:stop] = (total % (1 << 8 * (stop - start))).to_bytes(stop - start, order)
