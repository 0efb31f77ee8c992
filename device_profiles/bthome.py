"""The BTHome v2 layout: a header byte, then objects, each behind its id (bthome.io/format).

The format lets a receiver stop at an object it does not know and keep what came before, and the
objects do not depend on each other. So an unknown id, or an object cut off by the end of the frame,
ends the reading of the frame and nothing else: what was complete is used, and ``reason`` says that
there was more. A boolean that is neither 0 nor 1 condemns the whole frame.
"""

from __future__ import annotations

from collections.abc import Sequence

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import why_silent
from device_profiles.cipher import BTHOME_TRAILER_BYTES, KEY_BYTES, open_bthome, seal_bthome
from device_profiles.errors import EncodeError
from device_profiles.field import Field, compile_field
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import ByteOrder, Profile, Role
from device_profiles.reading import Form, Reading

UUID = full_uuid("fcd2")

_ENCRYPTED = 0x01
_WITH_ADDRESS = 0x02
_VERSION = 2  # bits 5-7 of the header
_HEADER_BYTES = 1
_ADDRESS_BYTES = 6


class BTHome:
    """Decodes and encodes the service data of one BTHome v2 profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._by_id = {
            spec.id or 0: compile_field(spec, ByteOrder.LITTLE, profile.battery) for spec in profile.objects
        }
        self._by_kind: dict[str, list[Field]] = {}
        for field in self._by_id.values():
            if field.role is Role.VALUE:
                self._by_kind.setdefault(field.kind, []).append(field)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings, those of lowest object id first."""
        return tuple(field for fields in self._by_kind.values() for field in fields)

    def claims(self, advert: Advert) -> bool:
        """Any service data under the UUID of BTHome is BTHome's, if perhaps malformed."""
        return UUID in advert.service_data

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode one service data payload; see the module on partial frames."""
        data, address = advert.service_data.get(UUID), advert.address
        if not data:
            absent = data is None
            return self._nothing(
                Status.UNKNOWN if absent else Status.REJECTED,
                Reason.NO_PROFILE if absent else Reason.TRUNCATED,
            )
        header = data[0]
        if header >> 5 != _VERSION:
            return self._nothing(Status.NO_VALUES, Reason.OTHER_VERSION)
        start = _HEADER_BYTES + (_ADDRESS_BYTES if header & _WITH_ADDRESS else 0)
        reason = _address_reason(data[_HEADER_BYTES:start], start, address)
        if header & _ENCRYPTED and reason is None:
            return self._decode_sealed(header, data[start:], address, key)
        if key is not None:  # a keyed sensor never speaks in the clear: somebody else does
            reason = reason or Reason.NOT_ENCRYPTED
        return self._nothing(Status.REJECTED, reason) if reason else self._objects(data, start, None)

    def encode(
        self, readings: Sequence[Reading], address: str, *, repeat: int, key: bytes | None, counter: int
    ) -> Advert:
        """Make an advert that decodes to ``readings``.

        Raises:
            EncodeError: No object carries one of them, or the numbers of repeated kinds have a gap.
        """
        body = bytes((0, repeat & 0xFF)) + b"".join(self._placed(readings))
        header = _VERSION << 5
        if key is not None:
            header |= _ENCRYPTED
            body = seal_bthome(key, bytes.fromhex(address.replace(":", "")), header, counter, body)
        return Advert(address, None, (), {UUID: bytes((header,)) + body}, {}, 0, 0)

    def _decode_sealed(self, header: int, sealed: bytes, address: str, key: bytes | None) -> Outcome:
        if len(sealed) <= BTHOME_TRAILER_BYTES:
            return self._nothing(Status.REJECTED, Reason.TRUNCATED)
        if key is None:
            return self._nothing(Status.NEEDS_KEY, Reason.NO_KEY)
        if len(key) != KEY_BYTES:
            return self._nothing(Status.NEEDS_KEY, Reason.BAD_KEY)
        if not address:
            return self._nothing(Status.REJECTED, Reason.ADDRESS_UNKNOWN)
        body = open_bthome(key, bytes.fromhex(address.replace(":", "")), header, sealed)
        if body is None:
            return self._nothing(Status.WRONG_KEY_OR_CORRUPT, Reason.WRONG_KEY)
        counter = int.from_bytes(sealed[-BTHOME_TRAILER_BYTES:-4], "little")
        return self._objects(body, 0, counter)

    def _objects(self, data: bytes, start: int, counter: int | None) -> Outcome:
        readings: list[Reading] = []
        seen: dict[str, int] = {}
        repeat = reason = None
        end = len(data)
        while start < end:
            field = self._by_id.get(data[start])
            if field is None:
                reason = Reason.UNKNOWN_OBJECT
                break
            size = field.size
            start, stop = _counted(data, start + 1) if size is None else (start + 1, start + 1 + size)
            if stop > end:
                reason = Reason.TRUNCATED
                break
            value = field.read(data[start:stop])
            start = stop
            if field.role is Role.REPEAT:
                repeat = data[stop - 1]
                continue
            kind = _numbered(field.kind, seen)
            if value is None:
                reason = reason or why_silent(field, data[stop - (field.size or 0) : stop])
            elif field.form is Form.BOOLEAN and value not in (0, 1):
                return self._nothing(Status.REJECTED, Reason.BAD_VALUE)
            else:
                readings.append(field.reading(value, kind))
        return self._outcome(tuple(readings), reason, repeat, counter)

    def _outcome(
        self, readings: tuple[Reading, ...], reason: str | None, repeat: int | None, counter: int | None
    ) -> Outcome:
        """Judge a frame read to its end; one cut short must not pass for its whole copy."""
        if reason == Reason.TRUNCATED:
            repeat = None
        if readings or repeat is not None:
            return Outcome(Status.DECODED, self.model, readings, reason, repeat, counter, counter is not None)
        status = Status.REJECTED if reason == Reason.TRUNCATED else Status.NO_VALUES
        return Outcome(status, self.model, (), reason, None, counter, counter is not None)

    def _nothing(self, status: Status, reason: str) -> Outcome:
        return Outcome(status, self.model, (), reason)

    def _placed(self, readings: Sequence[Reading]) -> list[bytes]:
        """Objects in the order of their ids, as the format asks, repeated kinds in their own order."""
        objects: list[tuple[int, str, int, bytes]] = []
        for reading in readings:
            kind, number = self._unnumbered(reading.kind)
            field, data = self._carrier(reading, kind)
            objects.append((field.id, kind, number, _framed(field, data)))
        for kind in {kind for _, kind, _, _ in objects}:
            objects += self._padding(kind, {number for _, other, number, _ in objects if other == kind})
        objects.sort()
        seen: dict[str, int] = {}
        for _, kind, number, _ in objects:
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] != number:
                raise EncodeError(f"{self.model} cannot send the readings of {kind} in this order.")
        return [data for _, _, _, data in objects]

    def _padding(self, kind: str, numbers: set[int]) -> list[tuple[int, str, int, bytes]]:
        """Say "nothing happened" for lower numbers that are missing, so that the third is the third."""
        missing = sorted(set(range(1, max(numbers))) - numbers)
        field = self._by_kind[kind][0]
        if missing and field.silence is None:
            raise EncodeError(f"{self.model} cannot send {kind}_{max(numbers)} without those before it.")
        return [(field.id, kind, number, _framed(field, field.silence or b"")) for number in missing]

    def _unnumbered(self, kind: str) -> tuple[str, int]:
        """Split ``button_2`` into kind and number; a bare kind is number 1."""
        if kind in self._by_kind:
            return kind, 1
        base, _, number = kind.rpartition("_")
        if base in self._by_kind and number.isascii() and number.isdigit() and 2 <= int(number) <= 99:
            return base, int(number)
        raise EncodeError(f"{self.model} has no kind {kind}.", hint="See the model's file for its kinds.")

    def _carrier(self, reading: Reading, kind: str) -> tuple[Field, bytes]:
        """Find the object that carries this value at this resolution."""
        for field in self._by_kind[kind]:
            value = field.value_of(reading)
            data = None if value is None else field.write(value)
            if data is not None and field.size in {None, len(data)}:
                return field, data
        raise EncodeError(f"{self.model} cannot send {kind} = {reading.plain} {reading.unit}".rstrip() + ".")


def _address_reason(carried: bytes, start: int, address: str) -> str | None:
    """Why a frame's own address, its bytes backwards, forbids to read on; it may carry none."""
    if len(carried) < start - _HEADER_BYTES:
        return Reason.TRUNCATED
    if carried and address and carried[::-1].hex(":").upper() != address:
        return Reason.ADDRESS_MISMATCH
    return None


def _counted(data: bytes, start: int) -> tuple[int, int]:
    """Where a field that begins with its length begins and ends; the end may lie beyond the data."""
    if start >= len(data):
        return start, start + 1
    return start + 1, start + 1 + data[start]


def _numbered(kind: str, seen: dict[str, int]) -> str:
    """Name the second of a kind ``kind_2``: a name never depends on what follows in the frame."""
    number = seen[kind] = seen.get(kind, 0) + 1
    return kind if number == 1 else f"{kind}_{number}"


def _framed(field: Field, data: bytes) -> bytes:
    length = b"" if field.size is not None else bytes((len(data),))
    return bytes((field.id,)) + length + data
