"""The layout of fixed frames: told apart by exact length and fixed bytes, fields at fixed places.

A frame that is a byte short or long is not this frame: nothing is read from it. A frame that
carries its sender's address is believed only if it is the advert's, so a cut frame of one length
never passes for a whole frame of another. An advert may hold two frames of one model, one in its
service data and one in its maker's data; a kind that the first has told the second does not tell again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import Block, Said, compile_block
from device_profiles.cipher import KEY_BYTES, PVVX_OVERHEAD_BYTES, open_pvvx, seal_pvvx
from device_profiles.errors import EncodeError
from device_profiles.field import Field
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import FrameSpec, Profile, Scheme, Source
from device_profiles.reading import Reading

Payloads = Callable[[Advert], Sequence[bytes]]

_DECODED = Status.DECODED  # looked up once: a member of an enum takes as long as reading a number
_BY_WEIGHT = (Source.SERVICE_DATA, Source.MANUFACTURER_DATA, Source.COMPANY_AND_DATA)


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame made ready; its fixed bits as one number, so that one comparison tells it."""

    length: int
    encrypted: bool
    fixed: int
    fixed_to: int
    source: Source
    followed_by: bytes
    block: Block

    def matches(self, data: bytes) -> bool:
        """Whether the fixed bits are there, in at least ``length`` bytes."""
        return int.from_bytes(data, "little") & self.fixed == self.fixed_to

    def begins(self, data: bytes) -> bool:
        """Whether it stands there with the structure behind it that some hosts leave there."""
        return data.startswith(self.followed_by, self.length) and self.matches(data)


class _Place:
    """One source of frames: which payloads of an advert may be one, and which frame each is."""

    def __init__(self, source: Source, frames: Sequence[_Frame], payloads: Payloads) -> None:
        self.source = source
        self.payloads = payloads
        self._exact: dict[int, list[_Frame]] = {}
        for frame in frames:
            self._exact.setdefault(frame.length, []).append(frame)
        self._followed = [frame for frame in frames if frame.followed_by]

    def frame(self, data: bytes) -> _Frame | None:
        """The frame that these bytes are: the first of its length whose fixed bits are there."""
        for frame in self._exact.get(len(data), ()):
            if not frame.fixed or frame.matches(data):
                return frame
        for frame in self._followed:
            if frame.begins(data):
                return frame
        return None


class Frames:
    """Decodes and encodes the fixed frames of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        by_service = any(wanted.service_data for wanted in profile.recognise)
        default = Source.SERVICE_DATA if by_service else Source.MANUFACTURER_DATA
        services = (wanted.service_data for wanted in profile.recognise)
        self._services = tuple(dict.fromkeys(full_uuid(service) for service in services if service))
        companies = {wanted.company_id for wanted in profile.recognise}
        self._companies = sorted(company for company in companies if company is not None)
        self._frames = tuple(_compile(spec, profile, default) for spec in profile.frames)
        self._places = tuple(
            _Place(
                source,
                [frame for frame in self._frames if frame.source is source],
                _payloads(source, self._services, self._companies),
            )
            for source in dict.fromkeys(frame.source for frame in self._frames)
        )
        self._by_weight = sorted(self._places, key=lambda place: _BY_WEIGHT.index(place.source))

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings, each kind of each frame."""
        return tuple(field for frame in self._frames for field in frame.block.fields)

    def claims(self, advert: Advert) -> bool:
        """Whether the advert's payload is one of our frames: others use the same ids.

        Of two payloads the service data decides: it is what names the model.
        """
        for place in self._by_weight:
            payloads = place.payloads(advert)
            if payloads:
                return any(map(place.frame, payloads))
        return False

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode each payload whole, or not at all."""
        found: Outcome | None = None
        for place in self._places:
            outcome = self._decode_place(place, advert, key)
            if outcome is not None:
                found = outcome if found is None else _joined(found, outcome)
        return found or Outcome(Status.UNKNOWN, self.model, (), Reason.NO_PROFILE)

    def encode(
        self,
        readings: Sequence[Reading],
        address: str,
        *,
        repeat: int,
        key: bytes | None,
        counter: int,  # noqa: ARG002 - the codecs' one signature
    ) -> Advert:
        """Make an advert that decodes to ``readings``; its one-byte encryption counter is ``repeat``.

        Raises:
            EncodeError: No frame holds exactly these kinds, or one cannot carry its value.
        """
        given = {reading.kind: reading for reading in readings}
        for frame in self._frames:
            if frame.encrypted != (key is not None) or len(given) != len(readings):
                continue
            data = bytearray(frame.block.size)
            frame.block.write(given, data, address, repeat)
            sealed = _sealed(bytes(data), address, repeat, key)
            advert = self._advert(frame, _with_bits(sealed, frame.fixed_to), address)
            if _values(self.decode(advert, key).readings) == _values(readings):
                return advert
        kinds = " or ".join(
            dict.fromkeys(
                ", ".join(sorted({one.kind for one in frame.block.fields})) or "nothing"
                for frame in self._frames
            )
        )
        told = ", ".join(f"{one.kind} = {one.plain} {one.unit}".rstrip() for one in readings)
        raise EncodeError(
            f"{self.model} cannot send {told or 'nothing'}.", hint=f"It sends {kinds} together."
        )

    def _advert(self, frame: _Frame, data: bytes, address: str) -> Advert:
        service = {self._services[0]: data} if frame.source is Source.SERVICE_DATA else {}
        maker: dict[int, bytes] = {}
        if frame.source is Source.MANUFACTURER_DATA:
            maker = {next(iter(self._companies), 0xFFFF): data}
        elif frame.source is Source.COMPANY_AND_DATA:
            maker = {int.from_bytes(data[:2], "little"): data[2:]}
        return Advert(address, None, (), service, maker, 0, 0)

    def _decode_place(self, place: _Place, advert: Advert, key: bytes | None) -> Outcome | None:
        """What the one payload of a source says; ``None`` if there is no payload."""
        payloads = place.payloads(advert)
        frame, data = None, b""
        for payload in payloads:
            fitting = place.frame(payload)
            if fitting is not None and frame is not None:
                return self._nothing(Status.REJECTED, Reason.AMBIGUOUS)
            if fitting is not None:
                frame, data = fitting, payload
        if frame is None:
            return self._nothing(Status.REJECTED, Reason.WRONG_LENGTH) if payloads else None
        if frame.encrypted:
            return self._decode_sealed(frame, data, advert.address, key)
        if key is not None:  # a keyed sensor never speaks in the clear: somebody else does
            return self._nothing(Status.REJECTED, Reason.NOT_ENCRYPTED)
        return self._read(frame, data, advert.address, None)

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
        return self._read(frame, body, address, data[0])

    def _read(self, frame: _Frame, data: bytes, address: str, repeat: int | None) -> Outcome:
        said = Said([], repeat, None, {})
        condemned = frame.block.read(data, address, said)
        if condemned is not None:
            return self._nothing(Status.REJECTED, condemned)
        if not said.readings:
            return Outcome(Status.NO_VALUES, self.model, (), said.reason, None, None, frame.encrypted)
        readings = tuple(said.readings)
        return Outcome(_DECODED, self.model, readings, said.reason, said.repeat, None, frame.encrypted)

    def _nothing(self, status: Status, reason: str) -> Outcome:
        return Outcome(status, self.model, (), reason)


def _payloads(source: Source, services: Sequence[str], companies: Sequence[int]) -> Payloads:
    """What gives the bytes in an advert that may be a frame of this source."""

    def of_service(advert: Advert) -> Sequence[bytes]:
        data = advert.service_data.get(services[0])
        return () if data is None else (data,)

    def of_services(advert: Advert) -> Sequence[bytes]:
        held = advert.service_data
        return [held[service] for service in services if service in held]

    def of_company(advert: Advert) -> Sequence[bytes]:
        data = advert.manufacturer_data.get(companies[0])
        return () if data is None else (data,)

    def of_companies(advert: Advert) -> Sequence[bytes]:
        return [data for company, data in advert.manufacturer_data.items() if company in companies]

    def of_any_company(advert: Advert) -> Sequence[bytes]:
        return tuple(advert.manufacturer_data.values())

    def with_company(advert: Advert) -> Sequence[bytes]:
        return [company.to_bytes(2, "little") + data for company, data in advert.manufacturer_data.items()]

    if source is Source.COMPANY_AND_DATA:
        return with_company
    if source is Source.SERVICE_DATA:
        return of_service if len(services) == 1 else of_services
    return {0: of_any_company, 1: of_company}.get(len(companies), of_companies)


def _joined(first: Outcome, second: Outcome) -> Outcome:
    """One outcome of two frames in one advert; what is not believed in either is not believed at all."""
    for one in (first, second):
        if one.status is Status.REJECTED:
            return one
    if first.status is not Status.DECODED or second.status is not Status.DECODED:
        return first if first.status is Status.DECODED else second
    told = {reading.kind for reading in first.readings}
    more = tuple(reading for reading in second.readings if reading.kind not in told)
    return Outcome(
        Status.DECODED,
        first.model,
        first.readings + more,
        first.reason or second.reason,
        second.repeat if first.repeat is None else first.repeat,
        None,
        first.proven and second.proven,
    )


def _values(readings: Sequence[Reading]) -> dict[str, tuple[int | str, int, str]]:
    """What readings say, by kind."""
    return {one.kind: (one.value, one.exponent, one.unit) for one in readings}


def _with_bits(data: bytes, bits: int) -> bytes:
    return (int.from_bytes(data, "little") | bits).to_bytes(len(data), "little")


def _sealed(data: bytes, address: str, repeat: int, key: bytes | None) -> bytes:
    return data if key is None else seal_pvvx(key, bytes.fromhex(address.replace(":", "")), repeat, data)


def _compile(spec: FrameSpec, profile: Profile, default: Source) -> _Frame:
    """Make a frame ready; that its fields lie within it has been checked (``faults.py``)."""
    block = compile_block(spec.fields, spec.byte_order, profile.battery)
    encrypted = spec.encryption is Scheme.PVVX
    held = spec.length - PVVX_OVERHEAD_BYTES * encrypted
    return _Frame(
        spec.length,
        encrypted,
        reduce(or_, (bits.mask << 8 * bits.at for bits in spec.match), 0),
        reduce(or_, (bits.equals << 8 * bits.at for bits in spec.match), 0),
        spec.source or default,
        bytes.fromhex(spec.followed_by),
        replace(block, size=held),
    )
