"""The BTHome v1 layout: objects that each say their own length and number format (bthome.io/v1).

    length and format (1) | id (1) | value      in the service data 0x181C
    ciphertext | counter (4) | tag (4)          in the service data 0x181E

An object of unknown id or format is passed over, one cut off by the end of the frame ends it: each says
its length, so what is complete counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import Said, why_silent
from device_profiles.cipher import BTHOME_TRAILER_BYTES, KEY_BYTES, TAG_BYTES, open_bthome_v1, seal_bthome_v1
from device_profiles.errors import EncodeError
from device_profiles.field import Field, compile_field
from device_profiles.number import INTEGERS, Value
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import ByteOrder, FieldSpec, Profile, Role, Type
from device_profiles.reading import Form, Reading

PLAIN, SEALED = full_uuid("181c"), full_uuid("181e")

_UNSIGNED, _SIGNED = 0, 1
_LENGTH_MASK = 0x1F  # counts the id and the value
_FORMAT_SHIFT = 5
_TIMESTAMP_ID = 0x50  # has a number format of its own (5)


class BTHomeV1:
    """Decodes and encodes the service data of one BTHome v1 profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._specs = {spec.id or 0: spec for spec in profile.objects}
        self._by_id = {
            number: compile_field(spec, ByteOrder.LITTLE, profile.battery)
            for number, spec in self._specs.items()
        }

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""
        return tuple(field for field in self._by_id.values() if field.speaks)

    def claims(self, advert: Advert) -> bool:
        """Service data of the two UUIDs that can be read: they were never BTHome's own."""
        return SEALED in advert.service_data or self._begins_well(advert.service_data.get(PLAIN, b""))

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode one service data payload."""
        plain, sealed = advert.service_data.get(PLAIN), advert.service_data.get(SEALED)
        if sealed is not None:
            return self._decode_sealed(sealed, advert.address, key)
        if plain is None:
            return self._nothing(Status.UNKNOWN, Reason.NO_PROFILE)
        if key is not None:  # a keyed sensor never speaks in the clear: somebody else does
            return self._nothing(Status.REJECTED, Reason.NOT_ENCRYPTED)
        return self._objects(plain, None)

    def encode(
        self, readings: Sequence[Reading], address: str, *, repeat: int, key: bytes | None, counter: int
    ) -> Advert:
        """Make an advert that decodes to ``readings``.

        Raises:
            EncodeError: No object carries one of them.
        """
        body = bytes((2, 0, repeat & 0xFF)) + b"".join(self._object(reading) for reading in readings)
        if key is None:
            return Advert(address, None, (), {PLAIN: body}, {}, 0, 0)
        sealed = seal_bthome_v1(key, bytes.fromhex(address.replace(":", "")), counter, body)
        return Advert(address, None, (), {SEALED: sealed}, {}, 0, 0)

    def _begins_well(self, data: bytes) -> bool:
        return len(data) > 1 and data[1] in self._by_id and data[0] & _LENGTH_MASK < len(data)

    def _decode_sealed(self, sealed: bytes, address: str, key: bytes | None) -> Outcome:
        if len(sealed) <= BTHOME_TRAILER_BYTES:
            return self._nothing(Status.REJECTED, Reason.TRUNCATED)
        if key is None:
            return self._nothing(Status.NEEDS_KEY, Reason.NO_KEY)
        if len(key) != KEY_BYTES:
            return self._nothing(Status.NEEDS_KEY, Reason.BAD_KEY)
        if not address:
            return self._nothing(Status.REJECTED, Reason.ADDRESS_UNKNOWN)
        body = open_bthome_v1(key, bytes.fromhex(address.replace(":", "")), sealed)
        if body is None:
            return self._nothing(Status.WRONG_KEY_OR_CORRUPT, Reason.WRONG_KEY)
        return self._objects(body, int.from_bytes(sealed[-BTHOME_TRAILER_BYTES:-TAG_BYTES], "little"))

    def _objects(self, data: bytes, counter: int | None) -> Outcome:
        said, start = Said(), 0
        while start < len(data):
            head, stop = data[start], start + 1 + (data[start] & _LENGTH_MASK)
            if stop > len(data) or stop < start + 2:
                said.reason = Reason.TRUNCATED
                break
            if not self._take(head >> _FORMAT_SHIFT, data[start + 1], data[start + 2 : stop], said):
                return self._nothing(Status.REJECTED, Reason.BAD_VALUE)
            start = stop
        if said.reason == Reason.TRUNCATED:
            said.repeat = None
        proven = counter is not None
        if said.readings or said.repeat is not None:
            return Outcome(
                Status.DECODED, self.model, tuple(said.readings), said.reason, said.repeat, counter, proven
            )
        status = Status.REJECTED if said.reason == Reason.TRUNCATED else Status.NO_VALUES
        return Outcome(status, self.model, (), said.reason, None, counter, proven)

    def _take(self, form: int, number: int, data: bytes, said: Said) -> bool:
        """Add one object; false if it condemns the frame."""
        field, spec = self._by_id.get(number), self._specs.get(number)
        if field is None or spec is None or (not data and field.size is not None):
            said.reason = said.reason or Reason.UNKNOWN_OBJECT
            return True
        value = _value(form, data, field, spec)
        if field.role is Role.REPEAT:
            said.repeat = value if isinstance(value, int) else None
        elif value is None:
            said.reason = said.reason or why_silent(field, data) or Reason.UNKNOWN_OBJECT
        elif field.form is Form.BOOLEAN and value not in (0, 1):
            return False
        else:
            said.add(field, value)
        return True

    def _object(self, reading: Reading) -> bytes:
        for number, field in self._by_id.items():
            value = field.value_of(reading) if field.kind == reading.kind and field.speaks else None
            data = None if value is None else field.write(value)
            if data is not None and len(data) < _LENGTH_MASK:
                head = _format(self._specs[number], number) << _FORMAT_SHIFT | (len(data) + 1)
                return bytes((head, number)) + data
        raise EncodeError(f"{self.model} cannot send {reading.kind} = {reading.plain}.")

    def _nothing(self, status: Status, reason: str) -> Outcome:
        return Outcome(status, self.model, (), reason)


def _value(form: int, data: bytes, field: Field, spec: FieldSpec) -> Value | None:
    """An integer may come in any length; its format says whether it is signed."""
    if form in {_UNSIGNED, _SIGNED} and field.type in INTEGERS:
        raw = int.from_bytes(data, "little", signed=form == _SIGNED)
        return raw * spec.scale + spec.offset
    fits = field.size in {None, len(data)} and (field.type not in INTEGERS or spec.id == _TIMESTAMP_ID)
    return field.read(data) if fits else None


def _format(spec: FieldSpec, number: int) -> int:
    if number == _TIMESTAMP_ID:
        return 5
    return _SIGNED if spec.type in {Type.INT8, Type.INT16, Type.INT24, Type.INT32} else _UNSIGNED
