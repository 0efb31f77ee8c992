"""The layout of GATT characteristics (Bluetooth SIG, GATT Specification Supplement): read, not advertised.

Fields stand one behind the other; a field with a condition is there only if the flags (the first byte)
say so. A characteristic without flags has one length; behind one with flags may stand more than we know
(Heart Rate Profile 1.0, 4.4: additional octets are ignored), and nothing of it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import Said, holds, why_silent
from device_profiles.errors import EncodeError
from device_profiles.field import Field, compile_field
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import ByteOrder, CharacteristicSpec, Profile, Recognise, Role
from device_profiles.reading import Form, Reading


@dataclass(frozen=True, slots=True)
class _Characteristic:
    """One characteristic made ready."""

    fields: tuple[Field, ...]
    flagged: bool
    many: bool  # the last field fills what is left

    def read(self, data: bytes, said: Said) -> str | None:
        """Add what a value says; gives the reason if it must not be believed."""
        start = int(self.flagged)
        if len(data) < start:
            return Reason.TRUNCATED
        for one in self.fields:
            if one.when is not None and not holds(one.when, data):
                continue
            first = start if one.at is None else one.at
            stop = first + (one.size or 0)
            if self.many and one is self.fields[-1]:
                return None if (len(data) - start) % (one.size or 1) == 0 else Reason.TRUNCATED
            if stop > len(data):
                return Reason.TRUNCATED
            start = start if one.at is not None else stop
            _add(one, data[first:stop], said)
        return None if self.flagged or start == len(data) else Reason.WRONG_LENGTH

    def write(self, given: dict[str, Reading]) -> bytes | None:
        """A value that says exactly this, or nothing if it cannot."""
        flags, body, left = 0, b"", dict(given)
        for one in self.fields:
            reading = left.get(one.kind)
            value = None if reading is None else one.value_of(reading)
            data = None if value is None or not one.speaks else one.write(value)
            if data is None and (one.when is not None or (self.many and one is self.fields[-1])):
                continue
            data = data if data is not None else one.silence or bytes(one.size or 0)
            flags |= one.when.equals if one.when is not None else 0
            if one.at is None:
                body += data
            else:
                flags |= data[0]  # a field that names its place lies in the flags
            left.pop(one.kind, None)
        if left:
            return None
        return bytes((flags,)) + body if self.flagged else body


class Gatt:
    """Decodes and encodes the characteristics of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._wanted = tuple(profile.recognise)
        specs = {spec.uuid: spec for spec in profile.characteristics}
        if profile.connection is not None:
            specs = {uuid: specs[uuid] for uuid in profile.connection.characteristics}
        self._known = {uuid: _compile(spec, profile) for uuid, spec in specs.items()}

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings, of all characteristics."""
        return tuple(one for known in self._known.values() for one in known.fields if one.speaks)

    @property
    def characteristics(self) -> tuple[str, ...]:
        """The 16-bit ids it can decode."""
        return tuple(self._known)

    def claims(self, advert: Advert) -> bool:  # noqa: ARG002 - what recognises it is all it shows
        """The services that an advert lists are all that it shows."""
        return True

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:  # noqa: ARG002 - it has no key
        """An advert says only that the sensor is there and wants to be connected to."""
        if not any(_shows(wanted, advert) for wanted in self._wanted):
            return Outcome(Status.UNKNOWN, self.model, (), Reason.NO_PROFILE)
        return Outcome(Status.NO_VALUES, self.model, (), Reason.CONNECT)

    def decode_value(self, uuid: str, data: bytes) -> Outcome:
        """Decode the value of a characteristic, named by its 16-bit id; never raises for any bytes."""
        known = self._known.get(uuid)
        if known is None:
            return Outcome(Status.UNKNOWN, self.model, (), Reason.NO_PROFILE)
        said = Said()
        condemned = known.read(data, said)
        if condemned is not None:
            return Outcome(Status.REJECTED, self.model, (), condemned)
        status = Status.DECODED if said.readings else Status.NO_VALUES
        return Outcome(status, self.model, tuple(said.readings), said.reason)

    def encode_value(self, uuid: str, readings: Sequence[Reading]) -> bytes:
        """Make a value that decodes to ``readings``.

        Raises:
            EncodeError: The characteristic cannot say this.
        """
        given = {reading.kind: reading for reading in readings}
        data = self._known[uuid].write(given) if uuid in self._known else None
        said = Said()
        if data is not None and self._known[uuid].read(data, said) is None and _same(said.readings, readings):
            return data
        told = ", ".join(f"{one.kind} = {one.plain}" for one in readings)
        raise EncodeError(f"{self.model}: the characteristic {uuid} cannot say {told or 'nothing'}.")

    def encode(
        self,
        readings: Sequence[Reading],
        address: str,
        *,
        repeat: int,  # noqa: ARG002 - the codecs' one signature
        key: bytes | None,  # noqa: ARG002
        counter: int,  # noqa: ARG002
    ) -> Advert:
        """Make the advert with which it asks to be connected to.

        Raises:
            EncodeError: There are readings: they are not advertised.
        """
        if readings:
            raise EncodeError(f"{self.model} tells its readings over a connection, not in adverts.")
        services = tuple(full_uuid(wanted.service) for wanted in self._wanted if wanted.service)
        return Advert(address, None, services[:1], {}, {}, 0, 0)


def _same(some: Iterable[Reading], others: Iterable[Reading]) -> bool:
    return sorted(some, key=repr) == sorted(others, key=repr)


def _add(one: Field, data: bytes, said: Said) -> None:
    if one.role is not Role.VALUE:
        return
    value = one.read(data)
    if value is None or (one.form is Form.BOOLEAN and value not in (0, 1)):
        said.reason = said.reason or why_silent(one, data)
    else:
        said.add(one, value)


def _shows(wanted: Recognise, advert: Advert) -> bool:
    return wanted.service is not None and full_uuid(wanted.service) in advert.service_uuids


def _compile(spec: CharacteristicSpec, profile: Profile) -> _Characteristic:
    fields = tuple(compile_field(one, ByteOrder.LITTLE, profile.battery) for one in spec.fields)
    return _Characteristic(fields, spec.flags, any(one.many for one in spec.fields))
