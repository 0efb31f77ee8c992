"""The other way round: readings to an advert, for simulated sensors and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.cipher import KEY_BYTES
from device_profiles.errors import EncodeError
from device_profiles.gatt import Gatt
from device_profiles.profile import Profile
from device_profiles.reading import Reading

_COUNTER_MAX = 0xFFFFFFFF


def encode(
    model: str,
    address: str,
    readings: Sequence[Reading],
    *,
    repeat: int,
    key: bytes | None = None,
    counter: int = 0,
) -> Advert:
    """Make the advert with which a sensor says ``readings``.

    Args:
        model: The sensor's model.
        address: Its address, upper case.
        readings: What it says; ``decode`` gives back the same, in the order of the format.
        repeat: Packet id or frame counter; its low eight bits are sent.
        key: Encrypt with this bindkey (16 bytes).
        counter: Encryption counter; must grow with each transmission. A format that has only a
            one-byte counter sends ``repeat`` in its place.

    Returns:
        The advert, with no signal strength and heard at 0.

    Raises:
        ProfileError: No such model.
        EncodeError: The model cannot say this, or key or counter are of the wrong size.
    """
    if key is not None and len(key) != KEY_BYTES:
        raise EncodeError(f"A bindkey has {KEY_BYTES} bytes, not {len(key)}.")
    if not 0 <= counter <= _COUNTER_MAX:
        raise EncodeError(f"{counter} is no encryption counter: it has 32 bits.")
    catalogue = _catalogue()
    advert = catalogue.codec(model).encode(readings, address, repeat=repeat, key=key, counter=counter)
    return _dressed(advert, catalogue.profile(model))


def encode_value(model: str, characteristic: str, readings: Sequence[Reading]) -> bytes:
    """Make the value of a characteristic (16-bit id) with which a sensor says ``readings``.

    Raises:
        ProfileError: No such model.
        EncodeError: The model has no such characteristic, or it cannot say this.
    """
    known = _catalogue().codec(model)
    if not isinstance(known, Gatt):
        raise EncodeError(f"{model} has no characteristics: it advertises what it has to say.")
    return known.encode_value(characteristic, readings)


def _dressed(advert: Advert, profile: Profile) -> Advert:
    """Add what the model is recognised by beside its payload: its name, the services it lists."""
    for wanted in profile.recognise:
        service = None if wanted.service_data is None else full_uuid(wanted.service_data)
        lacks_payload = service is not None and service not in advert.service_data
        lacks_company = wanted.company_id is not None and wanted.company_id not in advert.manufacturer_data
        if lacks_payload or lacks_company:
            continue
        listed = advert.service_uuids or ((full_uuid(wanted.service),) if wanted.service else ())
        name = wanted.name or wanted.name_prefix
        if name is None and listed == advert.service_uuids:
            return advert
        return replace(advert, local_name=name, service_uuids=listed)
    return advert


def reading(model: str, kind: str, value: object, exponent: int | None = None) -> Reading:
    """Make a reading as ``model`` would; see :meth:`Catalogue.reading`."""
    return _catalogue().reading(model, kind, value, exponent)


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load()
