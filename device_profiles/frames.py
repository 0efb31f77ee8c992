"""The layout of fixed frames: told apart by their exact length, fields at fixed places.

A frame that is a byte short or long is not this frame: nothing is read from it. A frame that
carries its sender's address is believed only if it is the advert's, so a cut frame of one length
never passes for a whole frame of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device_profiles.cipher import KEY_BYTES, PVVX_OVERHEAD_BYTES, open_pvvx, seal_pvvx
from device_profiles.errors import EncodeError, ProfileError
from device_profiles.field import Field, compile_field
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import FrameSpec, Profile, Role, Scheme, Type
from device_profiles.reading import Reading


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame made ready: each field with the slice that holds it."""

    length: int
    encrypted: bool
    fields: tuple[tuple[Field, int, int], ...]


class Frames:
    """Decodes and encodes the fixed frames of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._by_length = {spec.length: _compile(spec, profile.name) for spec in profile.frames}

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings, each kind of each frame."""
        frames = self._by_length.values()
        return tuple(field for frame in frames for field, _, _ in frame.fields if _becomes_reading(field))

    def claims(self, data: bytes) -> bool:
        """Only a payload of a known length can be ours: others use the same service."""
        return len(data) in self._by_length

    def decode(self, data: bytes, address: str, key: bytes | None) -> Outcome:
        """Decode one payload whole, or not at all."""
        frame = self._by_length.get(len(data))
        if frame is None:
            return self._nothing(Status.REJECTED, Reason.WRONG_LENGTH)
        if frame.encrypted:
            return self._decode_sealed(frame, data, address, key)
        if key is not None:  # a keyed sensor never speaks in the clear: somebody else does
            return self._nothing(Status.REJECTED, Reason.NOT_ENCRYPTED)
        return self._fields(frame, data, address, None)

    def encode(
        self,
        readings: Sequence[Reading],
        address: str,
        *,
        repeat: int,
        key: bytes | None,
        counter: int,  # noqa: ARG002 - the codecs' one signature
    ) -> bytes:
        """Make a payload that decodes to ``readings``; they must be exactly what the frame holds.

        Its one-byte encryption counter is ``repeat``.

        Raises:
            EncodeError: A kind is missing, is not in the frame, or cannot carry its value.
        """
        frame = next((one for one in self._by_length.values() if one.encrypted == (key is not None)), None)
        if frame is None:
            raise EncodeError(f"{self.model} has no such frame.", hint="Not every model can encrypt.")
        kinds = {field.kind for field, _, _ in frame.fields if _becomes_reading(field)}
        given = {reading.kind: reading for reading in readings}
        if kinds != given.keys() or len(readings) != len(kinds):
            raise EncodeError(f"{self.model} sends {', '.join(sorted(kinds))} together, each once.")
        data = b"".join(self._written(field, given, address, repeat) for field, _, _ in frame.fields)
        if key is None:
            return data
        return seal_pvvx(key, bytes.fromhex(address.replace(":", "")), repeat, data)

    def _decode_sealed(self, frame: _Frame, data: bytes, address: str, key: bytes | None) -> Outcome:
        if key is None:
            return self._nothing(Status.NEEDS_KEY, Reason.NO_KEY)
        if len(key) != KEY_BYTES:
            return self._nothing(Status.NEEDS_KEY, Reason.BAD_KEY)
        if not address:
            return self._nothing(Status.REJECTED, Reason.ADDRESS_UNKNOWN)
        body = open_pvvx(key, bytes.fromhex(address.replace(":", "")), data)
        if body is None:
            return self._nothing(Status.WRONG_KEY_OR_CORRUPT, Reason.WRONG_KEY)
        return self._fields(frame, body, address, data[0])

    def _fields(self, frame: _Frame, data: bytes, address: str, repeat: int | None) -> Outcome:
        readings: list[Reading] = []
        for field, start, stop in frame.fields:
            if field.role is Role.SKIP:
                continue
            value = field.read(data[start:stop])
            if field.type is Type.ADDRESS:
                if value != address:
                    reason = Reason.ADDRESS_MISMATCH if address else Reason.ADDRESS_UNKNOWN
                    return self._nothing(Status.REJECTED, reason)
            elif field.role is Role.REPEAT:
                repeat = int(value or 0)
            elif value is None or not field.plausible(value):
                return self._nothing(Status.REJECTED, Reason.IMPLAUSIBLE)
            else:
                readings.append(field.reading(value, field.kind))
        return Outcome(Status.DECODED, self.model, tuple(readings), None, repeat)

    def _nothing(self, status: Status, reason: str) -> Outcome:
        return Outcome(status, self.model, (), reason)

    def _written(self, field: Field, given: dict[str, Reading], address: str, repeat: int) -> bytes:
        if field.role is Role.SKIP:
            return bytes(field.size or 0)
        if field.role is Role.REPEAT:
            return bytes((repeat & 0xFF,))
        if field.type is Type.ADDRESS:
            return field.write(address) or b""
        reading = given[field.kind]
        fits = field.exponent == reading.exponent and field.plausible(reading.value)
        data = field.write(reading.value) if fits else None
        if data is None:
            sentence = f"{self.model} cannot send {field.kind} = {reading.plain} {reading.unit}"
            raise EncodeError(sentence.rstrip() + ".")
        return data


def _compile(spec: FrameSpec, model: str) -> _Frame:
    """Lay the fields end to end; together they must fill the frame."""
    placed: list[tuple[Field, int, int]] = []
    start = 0
    for field_spec in spec.fields:
        field = compile_field(field_spec, spec.byte_order)
        stop = start + (field.size or 0)
        placed.append((field, start, stop))
        start = stop
    encrypted = spec.encryption is Scheme.PVVX
    if start + PVVX_OVERHEAD_BYTES * encrypted != spec.length:
        raise ProfileError(
            f"{model}: the fields of the frame of {spec.length} bytes do not fill it exactly.",
            hint="Correct `length` or `fields`.",
        )
    return _Frame(spec.length, encrypted, tuple(placed))


def _becomes_reading(field: Field) -> bool:
    return field.role is Role.VALUE and field.type is not Type.ADDRESS
