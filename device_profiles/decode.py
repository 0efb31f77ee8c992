"""From a profile to something that decodes and encodes: one codec per layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from device_profiles.bthome import BTHome
from device_profiles.field import Field
from device_profiles.frames import Frames
from device_profiles.outcome import Outcome
from device_profiles.profile import Layout, Profile
from device_profiles.reading import Reading


class Codec(Protocol):
    """What each layout offers; built once, when the catalogue is loaded."""

    model: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that become readings."""

    def claims(self, data: bytes) -> bool:
        """Whether a payload can be of this model at all."""

    def decode(self, data: bytes, address: str, key: bytes | None) -> Outcome:
        """Decode a payload; ``address`` as in ``Advert``, ``key`` the sensor's own, if it has one.

        Never raises for any bytes. A sensor with a key is believed only when it encrypts.
        """

    def encode(
        self, readings: Sequence[Reading], address: str, *, repeat: int, key: bytes | None, counter: int
    ) -> bytes:
        """Make a payload; raises ``EncodeError`` for what the model cannot say."""


_CODECS: dict[Layout, type[BTHome | Frames]] = {Layout.BTHOME_V2: BTHome, Layout.FRAMES: Frames}


def codec(profile: Profile) -> Codec:
    """Make a profile ready."""
    return _CODECS[profile.layout](profile)
