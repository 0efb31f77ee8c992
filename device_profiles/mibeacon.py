"""The layout of MiBeacon, versions 2 to 5 (Xiaomi IoT developer documentation, "BLE MiBeacon protocol").

    frame control (2) | device type (2) | frame counter (1) | [address (6)] | [capability (1 or 3)] | objects

Versions 4 and 5 encrypt with a tag and prove the sender. Versions 2 and 3 encrypt without one: bytes that
happen to decrypt into well-formed objects pass, so nothing that comes so counts as proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import Said
from device_profiles.cipher import (
    KEY_BYTES,
    LEGACY_KEY_BYTES,
    open_mibeacon,
    open_mibeacon_legacy,
    seal_mibeacon,
)
from device_profiles.field import Field
from device_profiles.objects import Objects
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import Profile
from device_profiles.reading import Reading

UUID = full_uuid("fe95")

_ENCRYPTED, _WITH_ADDRESS, _WITH_CAPABILITY, _WITH_OBJECT, _MESH = 0x08, 0x10, 0x20, 0x40, 0x80
_WITH_IO = 0x20  # of the capability byte: two bytes more follow, on how the sensor is paired
_HEADER_BYTES = 5
_ADDRESS_BYTES = 6
_OLDEST_VERSION = 2
_TAGGED_VERSION = 4  # from here on an encrypted frame proves its sender
_SENT_VERSION = 5


class _Header(NamedTuple):
    """A frame's header: where its body begins, and what is wrong with it if anything."""

    control: int
    device: int
    counter: int
    body: int
    reason: str | None

    @property
    def version(self) -> int:
        return self.control >> 12


class MiBeacon:
    """Decodes and encodes the service data of one MiBeacon profile."""

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._objects = Objects(profile, id_bytes=2)
        self._device_types = profile.device_types
        self._sends_as = min(profile.device_types, default=0)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""
        return self._objects.fields

    def claims(self, advert: Advert) -> bool:
        """Any service data under Xiaomi's UUID is ours, if perhaps malformed."""
        return UUID in advert.service_data

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode one frame; see the module on what is proven."""
        data = advert.service_data.get(UUID)
        if data is None:
            return Outcome(Status.UNKNOWN, self.model, (), Reason.NO_PROFILE)
        if len(data) < _HEADER_BYTES:
            return self._nothing(Status.REJECTED, Reason.TRUNCATED)
        header = _header(data, advert.address)
        if header.reason is not None:
            status = Status.REJECTED if header.reason not in _HARMLESS else Status.NO_VALUES
            return self._nothing(status, header.reason, header.device)
        if not header.control & _ENCRYPTED:
            if key is not None:  # a keyed sensor never speaks in the clear: somebody else does
                return self._nothing(Status.REJECTED, Reason.NOT_ENCRYPTED, header.device)
            return self._read(data[header.body :], header, advert.address, None)
        return self._decode_sealed(data, header, advert.address, key)

    def encode(
        self, readings: Sequence[Reading], address: str, *, repeat: int, key: bytes | None, counter: int
    ) -> Advert:
        """Make a frame of version 5 that decodes to ``readings``, from the first device type that can say them.

        With a key, the counter's low byte is the frame counter. It leaves its address to the advert: with
        it, two encrypted objects would not fit into one legacy advert.

        Raises:
            EncodeError: No objects carry one of them.
        """
        device, body = self._objects.write(readings, (self._sends_as, *self._objects.devices), repeat)
        control = _SENT_VERSION << 12 | _WITH_OBJECT | (_ENCRYPTED if key else 0)
        sender = bytes.fromhex(address.replace(":", ""))
        number = (repeat if key is None else counter) & 0xFF
        header = control.to_bytes(2, "little") + device.to_bytes(2, "little") + bytes((number,))
        sealed = body if key is None else seal_mibeacon(key, sender, header[2:5], counter >> 8, body)
        return Advert(address, None, (), {UUID: header + sealed}, {}, 0, 0)

    def _decode_sealed(self, data: bytes, header: _Header, address: str, key: bytes | None) -> Outcome:
        tagged = header.version >= _TAGGED_VERSION
        if key is None:
            return self._nothing(Status.NEEDS_KEY, Reason.NO_KEY, header.device)
        if len(key) != KEY_BYTES and (tagged or len(key) != LEGACY_KEY_BYTES):
            return self._nothing(Status.NEEDS_KEY, Reason.BAD_KEY, header.device)
        if not address:
            return self._nothing(Status.REJECTED, Reason.ADDRESS_UNKNOWN, header.device)
        sender = bytes.fromhex(address.replace(":", ""))
        opened = (open_mibeacon if tagged else open_mibeacon_legacy)(key, sender, data, header.body)
        if opened is None:
            return self._nothing(Status.REJECTED, Reason.TRUNCATED, header.device)
        body, extended = opened
        if body is None or not (tagged or self._objects.well_formed(body)):
            return self._nothing(Status.WRONG_KEY_OR_CORRUPT, Reason.WRONG_KEY, header.device)
        return self._read(body, header, address, (extended << 8 | header.counter) if tagged else None)

    def _read(self, body: bytes, header: _Header, address: str, counter: int | None) -> Outcome:
        said = Said()
        condemned = self._objects.read(body, header.device, address, said)
        product = self._device_types.get(header.device)
        if condemned is not None or (said.reason == Reason.TRUNCATED and not said.readings):
            return self._nothing(Status.REJECTED, condemned or Reason.TRUNCATED, header.device)
        status = Status.DECODED if said.readings else Status.NO_VALUES
        repeat = header.counter if said.readings and said.reason != Reason.TRUNCATED else None
        return Outcome(
            status,
            self.model,
            tuple(said.readings),
            said.reason,
            repeat,
            counter,
            counter is not None,
            product,
        )

    def _nothing(self, status: Status, reason: str, device: int | None = None) -> Outcome:
        product = None if device is None else self._device_types.get(device)
        return Outcome(status, self.model, (), reason, product=product)


_HARMLESS = {Reason.MESH, Reason.NO_OBJECT, Reason.OTHER_VERSION}


def _header(data: bytes, address: str) -> _Header:
    control = data[0] | data[1] << 8
    device, counter, body = data[2] | data[3] << 8, data[4], _HEADER_BYTES
    carried = data[body : body + _ADDRESS_BYTES] if control & _WITH_ADDRESS else b""
    body += _ADDRESS_BYTES if control & _WITH_ADDRESS else 0
    if control & _WITH_CAPABILITY:
        body += 3 if body < len(data) and data[body] & _WITH_IO else 1
    return _Header(control, device, counter, body, _header_reason(data, control, carried, body, address))


def _header_reason(data: bytes, control: int, carried: bytes, body: int, address: str) -> str | None:
    """Why a header forbids to read on."""
    if control & _MESH:
        return Reason.MESH
    if control >> 12 < _OLDEST_VERSION:
        return Reason.OTHER_VERSION
    if carried and address and carried[::-1].hex(":").upper() != address:
        return Reason.ADDRESS_MISMATCH if len(carried) == _ADDRESS_BYTES else Reason.TRUNCATED
    if not control & _WITH_OBJECT:
        return Reason.NO_OBJECT
    return Reason.TRUNCATED if body >= len(data) else None
