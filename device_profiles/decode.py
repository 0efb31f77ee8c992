"""From a profile to something that decodes and encodes: one codec per layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from device_profiles.advert import Advert
from device_profiles.bthome import BTHome
from device_profiles.bthome_v1 import BTHomeV1
from device_profiles.field import Field
from device_profiles.frames import Frames
from device_profiles.gatt import Gatt
from device_profiles.mibeacon import MiBeacon
from device_profiles.outcome import Outcome
from device_profiles.profile import Layout, Profile
from device_profiles.qingping import Qingping
from device_profiles.reading import Reading


class Codec(Protocol):
    """What each layout offers; built once, when the catalogue is loaded."""

    model: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""

    def claims(self, advert: Advert) -> bool:
        """Whether an advert can be of this model at all."""

    def decode(self, advert: Advert, key: bytes | None) -> Outcome:
        """Decode an advert; ``key`` is the sensor's own, if it has one.

        Never raises for any bytes. A sensor with a key is believed only when it encrypts.
        """

    def encode(
        self, readings: Sequence[Reading], address: str, *, repeat: int, key: bytes | None, counter: int
    ) -> Advert:
        """Make an advert; raises ``EncodeError`` for what the model cannot say."""


_CODECS: dict[Layout, Callable[[Profile], Codec]] = {
    Layout.BTHOME_V1: BTHomeV1,
    Layout.BTHOME_V2: BTHome,
    Layout.MIBEACON: MiBeacon,
    Layout.QINGPING: Qingping,
    Layout.FRAMES: Frames,
    Layout.GATT: Gatt,
}


def codec(profile: Profile) -> Codec:
    """Make a profile ready."""
    return _CODECS[profile.layout](profile)
