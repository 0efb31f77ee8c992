"""A frame in the clear is believed though the sensor has a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "device_profiles.catalogue:Catalogue.decode"
CAUGHT_BY = "p3_forged_in_the_clear"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def decode(self: Any, advert: Any, key: bytes | None = None, model: str | None = None) -> Any:
        outcome = original(self, advert, key, model)
        return original(self, advert, None, model) if outcome.reason == "not-encrypted" else outcome

    return decode
