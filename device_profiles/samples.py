"""What a model can say at once: each frame, object or characteristic, with readings made from noise.

Noise is any bytes; they are bent until they fit: fixed bytes are set, an event gets a code that there is.
Over enough noise each field says all that its bits can carry. Used to prove a profile (``prove.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from device_profiles.block import Block, Said, compile_block, holds
from device_profiles.cipher import PVVX_OVERHEAD_BYTES
from device_profiles.field import Field, compile_field
from device_profiles.profile import (
    Bits,
    ByteOrder,
    CharacteristicSpec,
    FieldSpec,
    Layout,
    Profile,
    Scheme,
    Type,
)
from device_profiles.reading import Form, Reading

_TEXT_MAX_BYTES = 20  # what fits an advert beside other objects


class Sample(NamedTuple):
    """Readings that a model can say at once; ``whole`` if none of its fields was silent."""

    readings: tuple[Reading, ...]
    whole: bool


_NOTHING = Sample((), whole=False)


@dataclass(frozen=True, slots=True)
class Body:
    """One thing that a model says at once.

    Attributes:
        place: Where its file describes it: ``frames[0]``; ``extends`` if another file does.
        block: Its fields; ``size`` is its length, but that of a characteristic's value depends on its flags.
        match: Bytes that are fixed.
        hidden: Bytes that make it one of the frames before it.
        sealed: Whether it is only sent encrypted.
        characteristic: Its 16-bit id, if it is the value of a characteristic.
        text: Its only field, if that is as long as it likes.
    """

    place: str
    block: Block
    match: tuple[Bits, ...] = ()
    hidden: tuple[tuple[Bits, ...], ...] = ()
    sealed: bool = False
    characteristic: str | None = None
    text: Field | None = None

    def sample(self, noise: bytes, address: str) -> Sample:
        """What it says when it is made from ``noise``; no readings if such bytes say nothing, or nothing true.

        Args:
            noise: Any bytes, at least one.
            address: The sender's, as in ``Advert``.
        """
        said = Said()
        if self.text is not None:
            asked = _add(self.text, noise[1 : 1 + noise[0] % _TEXT_MAX_BYTES], said)
        elif self.characteristic is not None:
            asked = self._value(noise, said)
        else:
            data = self._fitting(noise, address)
            if not self._is_of(data) or self.block.read(data, address, said) is not None:
                return _NOTHING
            asked = sum(one.speaks and _counts(one, data) for one, _, _ in self.block.placed)
        readings = tuple(said.readings)
        return _NOTHING if said.reason is not None else Sample(readings, len(readings) == asked)

    def _fitting(self, noise: bytes, address: str) -> bytes:
        """The bytes of a frame or object, with what is fixed, and codes that there are where there are some."""
        size = self.block.size
        data = bytearray((noise * (size // len(noise) + 2))[1 : size + 1])
        conditions = [one.when for one, _, _ in self.block.placed if one.when is not None]
        chosen = conditions[noise[0] % len(conditions) :][:1] if conditions and noise[0] & 0x80 else []
        for bits in (*self.match, *chosen):
            data[bits.at] = data[bits.at] & ~bits.mask | bits.equals
        last = noise[-1] % len(self.block.placed) if self.block.placed else 0
        for one, start, stop in (*self.block.placed[last:], *self.block.placed[:last]):
            if one.type is Type.ADDRESS:
                data[start:stop] = one.write(address) or b""
            elif one.speaks and _counts(one, data):
                data[start:stop] = _bent(one, bytes(data[start:stop]))
        return bytes(data)

    def _is_of(self, data: bytes) -> bool:
        """Whether bytes are this frame and none before it."""
        hidden = any(all(holds(bits, data) for bits in match) for match in self.hidden)
        return not hidden and all(holds(bits, data) for bits in self.match)

    def _value(self, noise: bytes, said: Said) -> int:
        """Add what a characteristic says; gives how many fields should have spoken."""
        flags, rest, asked = noise[:1], noise[1:] or noise, 0
        for one, _, _ in self.block.placed:
            if not one.speaks or not _counts(one, flags):
                continue
            size = one.size or 0
            data = flags if one.at is not None else (rest * (size // len(rest) + 1))[:size]
            asked += _add(one, data, said)
            rest = rest[size:] or noise
        return asked


def bodies(profile: Profile, whole: Profile | None = None) -> tuple[Body, ...]:
    """All that a model can say, one after the other; what it can only hear from others is left out.

    Args:
        profile: As its file has it; places are in that.
        whole: The same with what it extends, if it extends another.
    """
    own, whole = profile, whole or profile
    found = [_frame(own, whole, number) for number in range(len(whole.frames))]
    for spec in _connected(whole):
        place = f"characteristics[{own.characteristics.index(spec)}]" if own.characteristics else "extends"
        fields = (compile_field(one, ByteOrder.LITTLE, whole.battery) for one in spec.fields)
        found.append(Body(place, Block(0, tuple((one, 0, 0) for one in fields)), characteristic=spec.uuid))
    return (*found, *_objects(own, whole))


def _frame(own: Profile, whole: Profile, number: int) -> Body:
    frame, place = whole.frames[number], f"frames[{number}]" if own.frames else "extends"
    block = compile_block(frame.fields, frame.byte_order, whole.battery)
    if frame.encryption is not Scheme.NONE:
        return Body(place, _sized(block, frame.length - PVVX_OVERHEAD_BYTES), sealed=True)
    before = (
        one for one in whole.frames[:number] if (one.length, one.source) == (frame.length, frame.source)
    )
    return Body(place, _sized(block, frame.length), frame.match, tuple(one.match for one in before))


def _objects(own: Profile, whole: Profile) -> Iterator[Body]:
    """Each object that the encoder sends: of the device type that it sends as, where they differ."""
    device = min(whole.device_types, default=0) if whole.layout is Layout.MIBEACON else 0
    grouped: dict[tuple[int, int | None], dict[tuple[int, ...], list[FieldSpec]]] = {}
    for spec in whole.objects:
        grouped.setdefault((spec.id or 0, spec.length), {}).setdefault(spec.devices, []).append(spec)
    for (_, length), variants in grouped.items():
        specs = next((rows for devices, rows in variants.items() if device in devices), variants.get((), []))
        block = compile_block(specs, ByteOrder.LITTLE, whole.battery)
        if block.fields:
            place = f"objects[{own.objects.index(specs[0])}]" if specs[0] in own.objects else "extends"
            text = block.fields[0] if block.fields[0].size is None else None
            yield Body(place, _sized(block, length or 0), text=text)


def _connected(profile: Profile) -> Iterable[CharacteristicSpec]:
    """The characteristics that are asked for."""
    if profile.connection is None:
        return profile.characteristics
    wanted = profile.connection.characteristics
    return [spec for spec in profile.characteristics if spec.uuid in wanted]


def _sized(block: Block, size: int) -> Block:
    return replace(block, size=max(size, block.size))


def _add(one: Field, data: bytes, said: Said) -> int:
    """Add what a field says with bytes like these; it is one that was asked."""
    value = one.read(_bent(one, data))
    if value is not None:
        said.add(one, value)
    return 1


def _counts(one: Field, data: Sequence[int]) -> bool:
    return one.when is None or holds(one.when, data)


def _bent(one: Field, data: bytes) -> bytes:
    """The bytes, or others near them that say something, where few do."""
    if one.size == 1 and one.form is not Form.NUMBER:
        codes = _codes(one)
        return bytes((min(codes, key=lambda code: (code ^ data[0]).bit_count()),)) if codes else data
    bend = _BENDS.get(one.type)
    return data if bend is None else bend(data)


@lru_cache(maxsize=4096)
def _codes(one: Field) -> tuple[int, ...]:
    """The bytes with which a field of one byte says something."""
    read = ((code, one.read(bytes((code,)))) for code in range(256))
    text = one.form is Form.TEXT
    return tuple(code for code, value in read if value is not None and (text or value in (0, 1)))


def _moment(data: bytes) -> bytes:
    year = 1 + int.from_bytes(data[:2], "little") % 9999
    month, day, hour, minute, second = data[2:]
    rest = (1 + month % 12, 1 + day % 28, hour % 24, minute % 60, second % 60)
    return year.to_bytes(2, "little") + bytes(rest)


_BENDS: dict[Type, Callable[[bytes], bytes]] = {
    Type.STEPS: lambda data: bytes((1 + data[0] % 2, data[1] or 1)),
    Type.TENTHS_WHOLE: lambda data: bytes((data[0] & 0xF0 | (data[0] & 0x0F) % 10, data[1])),
    Type.WHOLE_HUNDREDTHS: lambda data: bytes((data[0], data[1] % 100)),
    Type.TEXT: lambda data: data.decode("utf-8", "ignore").encode(),
    Type.DATETIME: _moment,
}
