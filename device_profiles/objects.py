"""Objects behind an id and a length byte: the bodies of MiBeacon and Qingping frames.

Some events are said by their object being there, with no value at all. Where all codes of an event mean
the same and no other row shares its object, an empty object says so, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from device_profiles.block import Block, Said, compile_block
from device_profiles.errors import EncodeError
from device_profiles.field import Field
from device_profiles.outcome import Reason
from device_profiles.profile import ByteOrder, FieldSpec, Profile, Role, Type
from device_profiles.reading import Reading


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of one length, as some device types (or all) send it; an empty one reads as zeros."""

    id: int
    length: int
    devices: frozenset[int]
    block: Block
    kinds: frozenset[str]  # what it can speak of

    def read(self, value: bytes, address: str, said: Said) -> str | None:
        """Add what the value says; gives the reason if the frame must not be believed."""
        return self.block.read(value.ljust(self.block.size, b"\x00"), address, said)

    def write(self, given: dict[str, Reading], repeat: int) -> bytes | None:
        """The value that says ``given`` and nothing else; ``None`` if there is none."""
        for block in self._ways(given):
            data = bytearray(self.block.size)
            block.write(given, data, "", repeat)
            said = Said()
            value = bytes(data[: self.length])
            if self.read(value, "", said) is None and {one.kind: one for one in said.readings} == given:
                return value
        return None

    def _ways(self, given: dict[str, Reading]) -> Iterator[Block]:
        """Blocks to write ``given`` with, the likely ones first.

        Of several rows for a kind one is chosen, or none: a value may follow from others that are
        written. The conditions of kinds that are not given are made untrue, or left to be.
        """
        rows = [[row for row in self.block.placed if _can_say(row[0], one)] for one in given.values()]
        beside = [row for row in self.block.placed if row[0].kind not in given]
        unconditional = [row for row in beside if row[0].when is None]
        for chosen in itertools.product(*([*some, None] for some in rows)):
            for others in (unconditional, beside):
                yield Block(self.block.size, (*filter(None, chosen), *others))


class Objects:
    """The objects of one profile; ``id_bytes`` of id, one byte of length, then the value."""

    def __init__(self, profile: Profile, id_bytes: int) -> None:
        self._id_bytes = id_bytes
        self._model = profile.name
        self._known: dict[tuple[int, int], list[_Object]] = {}
        self._orders: dict[tuple[int, frozenset[str]], tuple[_Object, ...]] = {}
        self._ids = {spec.id for spec in profile.objects}
        for one in _objects(profile):
            self._known.setdefault((one.id, one.length), []).append(one)
        for variants in self._known.values():
            variants.sort(key=lambda one: not one.devices)  # the particular before the general

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""
        return tuple(one for known in self._known.values() for each in known for one in each.block.fields)

    @property
    def devices(self) -> tuple[int, ...]:
        """The device types that have objects of their own, sorted."""
        return tuple(
            sorted({device for known in self._known.values() for one in known for device in one.devices})
        )

    def read(self, data: bytes, device: int, address: str, said: Said) -> str | None:
        """Add what a row of objects says; gives the reason if the frame must not be believed.

        An object that is cut off ends the row, and what came before it counts: each says its length.
        """
        start, head = 0, self._id_bytes + 1
        while start < len(data):
            if start + head > len(data) or start + head + data[start + head - 1] > len(data):
                said.reason = Reason.TRUNCATED
                return None
            number = int.from_bytes(data[start : start + self._id_bytes], "little")
            stop = start + head + data[start + head - 1]
            value = data[start + head : stop]
            start = stop
            one = self._find(number, len(value), device)
            if one is None:
                said.reason = said.reason or self._why_unknown(number, len(value))
                continue
            condemned = one.read(value, address, said)
            if condemned is not None:
                return condemned
        return None

    def well_formed(self, data: bytes) -> bool:
        """Whether objects of known id and length fill the data exactly: all that proves an unsigned cipher."""
        start, head = 0, self._id_bytes + 1
        while start + head <= len(data):
            number = int.from_bytes(data[start : start + self._id_bytes], "little")
            length = data[start + head - 1]
            if (number, length) not in self._known:
                return False
            start += head + length
        return start == len(data) and start > 0

    def write(self, readings: Sequence[Reading], devices: Iterable[int], repeat: int) -> tuple[int, bytes]:
        """The first of ``devices`` whose objects say ``readings``, and these objects.

        Raises:
            EncodeError: No objects of any of them carry exactly these.
        """
        for device in devices:
            body = self._body(readings, device, repeat)
            if body is not None:
                return device, body
        told = ", ".join(f"{one.kind} = {one.plain}" for one in readings)
        raise EncodeError(f"{self._model} cannot send {told or 'nothing'}.")

    def _body(self, readings: Sequence[Reading], device: int, repeat: int) -> bytes | None:
        """The objects with which a device type says ``readings``, those that say most of them first."""
        left = {reading.kind: reading for reading in readings}
        if len(left) != len(readings):
            return None
        body = b""
        for one in self._in_order(device, frozenset(left)):
            given = {kind: reading for kind, reading in left.items() if kind in one.kinds}
            if not given and not (one.block.placed and one.block.placed[0][0].role is Role.REPEAT):
                continue
            value = one.write(given, repeat)
            if value is not None:
                left = {kind: reading for kind, reading in left.items() if kind not in given}
                body += one.id.to_bytes(self._id_bytes, "little") + bytes((len(value),)) + value
        return None if left else body

    def _in_order(self, device: int, kinds: frozenset[str]) -> tuple[_Object, ...]:
        """A device type's objects, those first that say most of ``kinds``; senders say few combinations, again and again."""
        if (device, kinds) not in self._orders:
            objects = sorted(self._of_device(device), key=lambda one: -len(one.kinds & kinds))
            self._orders[device, kinds] = tuple(objects)
        return self._orders[device, kinds]

    def _of_device(self, device: int) -> Iterator[_Object]:
        for number, length in self._known:
            one = self._find(number, length, device)
            if one is not None:
                yield one

    def _why_unknown(self, number: int, length: int) -> str:
        """An id of another length, or one that is not known, be it only of this device type."""
        wrong_length = number in self._ids and (number, length) not in self._known
        return Reason.WRONG_LENGTH if wrong_length else Reason.UNKNOWN_OBJECT

    def _find(self, number: int, length: int, device: int) -> _Object | None:
        for one in self._known.get((number, length), ()):
            if not one.devices or device in one.devices:
                return one
        return None


def _objects(profile: Profile) -> Iterator[_Object]:
    """Group the rows by id, length and devices, in the order of the file."""
    grouped: dict[tuple[int, int | None, tuple[int, ...]], list[FieldSpec]] = {}
    for spec in profile.objects:
        grouped.setdefault((spec.id or 0, spec.length, spec.devices), []).append(spec)
    for (number, length, devices), specs in grouped.items():
        block = compile_block(specs, ByteOrder.LITTLE, profile.battery)
        block = replace(block, size=max(length or 0, block.size))
        kinds = frozenset(one.kind for one in block.fields)
        yield _Object(number, block.size, frozenset(devices), block, kinds)
        if len(specs) == 1 and len(set((specs[0].codes or {}).values())) == 1 and specs[0].type is Type.EVENT:
            yield _Object(number, 0, frozenset(devices), block, kinds)


def _can_say(field: Field, reading: Reading) -> bool:
    value = field.value_of(reading) if field.kind == reading.kind else None
    return value is not None and field.write(value) is not None
