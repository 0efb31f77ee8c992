"""The layout of Qingping's own adverts: frame control (1), device type (1), address (6), then objects.

Sources: pvvx/TLB2Z, ble_scaning.c; ClearGrass/BleDemo_Android; checked against adverts of ten products.
"""

from __future__ import annotations

from collections.abc import Sequence

from device_profiles.advert import Advert, full_uuid
from device_profiles.block import Said
from device_profiles.errors import EncodeError
from device_profiles.field import Field
from device_profiles.objects import Objects
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.profile import Profile
from device_profiles.reading import Reading

UUID = full_uuid("fdcd")

_EVENT = 0x40  # of the frame control: something happened just now
_ENCRYPTED = 0x01  # of the frame control; the cipher is not published, and no product is known to use it
_NAMES_ITS_WIFI = frozenset({0x0E, 0x24})  # CGDN1: the address in its frames is not that of its Bluetooth
_HEADER_BYTES = 8
_PLAIN = 0x08  # the frame control that is sent


class Qingping:
    """Decodes and encodes the service data of one Qingping profile.

    An event's objects may differ from a report's: rows with ``devices = [0x40]`` are those of events.
    """

    def __init__(self, profile: Profile) -> None:
        self.model = profile.name
        self._objects = Objects(profile, id_bytes=1)
        self._device_types = profile.device_types
        self._sends_as = min(profile.device_types, default=0)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""
        return self._objects.fields

    def claims(self, advert: Advert) -> bool:
        """Any service data under Qingping's UUID is ours, if perhaps malformed."""
        return UUID in advert.service_data

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode one frame; there is no key to a frame that is encrypted."""
        data = advert.service_data.get(UUID)
        if data is None:
            return Outcome(Status.UNKNOWN, self.model, (), Reason.NO_PROFILE)
        refusal = _refusal(data, advert.address, keyed=key is not None)
        if refusal is not None:
            status, reason = refusal
            product = self._device_types.get(data[1]) if len(data) > 1 else None
            return Outcome(status, self.model, (), reason, product=product)
        return self._read(data, advert.address)

    def encode(
        self,
        readings: Sequence[Reading],
        address: str,
        *,
        repeat: int,
        key: bytes | None,
        counter: int,  # noqa: ARG002 - the codecs' one signature
    ) -> Advert:
        """Make a frame that decodes to ``readings``: a report, or an event if no report says them.

        Raises:
            EncodeError: No objects carry one of them, or they are to be encrypted.
        """
        if key is not None:
            raise EncodeError(f"{self.model} cannot encrypt.", hint="Leave the bindkey out.")
        event, body = self._objects.write(readings, (0, _EVENT), repeat)
        sender = bytes.fromhex(address.replace(":", ""))[::-1]
        data = bytes((_PLAIN | event, self._sends_as)) + sender + body
        return Advert(address, None, (), {UUID: data}, {}, 0, 0)

    def _read(self, data: bytes, address: str) -> Outcome:
        said, product = Said(), self._device_types.get(data[1])
        condemned = self._objects.read(data[_HEADER_BYTES:], data[0] & _EVENT, address, said)
        if condemned is not None or (said.reason == Reason.TRUNCATED and not said.readings):
            reason = condemned or Reason.TRUNCATED
            return Outcome(Status.REJECTED, self.model, (), reason, product=product)
        status = Status.DECODED if said.readings else Status.NO_VALUES
        # A frame cut short must not pass for its whole copy.
        repeat = said.repeat if said.readings and said.reason != Reason.TRUNCATED else None
        return Outcome(status, self.model, tuple(said.readings), said.reason, repeat, product=product)


def _refusal(data: bytes, address: str, *, keyed: bool) -> tuple[Status, str] | None:
    """Why a frame's header forbids to read on, if it does."""
    if keyed:
        return Status.REJECTED, Reason.NOT_ENCRYPTED
    if len(data) < _HEADER_BYTES:
        return Status.REJECTED, Reason.TRUNCATED
    named = data[2:_HEADER_BYTES][::-1].hex(":").upper()
    if address and named != address and data[1] not in _NAMES_ITS_WIFI:
        return Status.REJECTED, Reason.ADDRESS_MISMATCH
    return (Status.NO_VALUES, Reason.OTHER_VERSION) if data[0] & _ENCRYPTED else None
