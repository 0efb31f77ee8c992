"""Other decoders over the same adverts: what stands beside ours in ``decoding.py``.

They come with ``requirements/bench.txt``; without it (as in the tests of the benchmarks) nothing stands beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from device_profiles.advert import Advert, short_uuid

APART_S = 10.0  # so far apart that none passes for a copy of another

Work = Callable[[], object]


def peers_of(model: str, adverts: Sequence[Advert], key: bytes | None = None) -> list[tuple[str, Work]]:
    """What each installed peer that knows the model does with all of ``adverts``, by its name.

    Each is made ready beforehand as its own users would: records built, parsers kept, keys set.
    """
    found = []
    if model == "bthome_v2" and find_spec("bthome_ble"):
        found.append(("bthome-ble", _bthome_ble(adverts, key)))
    if model == "mibeacon" and find_spec("xiaomi_ble"):
        found.append(("xiaomi-ble", _xiaomi_ble(adverts, key)))
    if key is None and find_spec("TheengsDecoder"):
        found.append(("TheengsDecoder", _theengs(adverts)))
    return found


def _bthome_ble(adverts: Sequence[Advert], key: bytes | None) -> Work:
    return _home_assistant(import_module("bthome_ble").BTHomeBluetoothDeviceData(bindkey=key), adverts)


def _xiaomi_ble(adverts: Sequence[Advert], key: bytes | None) -> Work:
    parser = import_module("xiaomi_ble.parser").XiaomiBluetoothDeviceData(bindkey=key)
    return _home_assistant(parser, adverts)


def _home_assistant(parser: Any, adverts: Sequence[Advert]) -> Work:
    record_of = import_module("home_assistant_bluetooth").BluetoothServiceInfoBleak
    records = [
        record_of(
            name=advert.local_name or "",
            address=advert.address,
            rssi=advert.signal_dbm,
            manufacturer_data=dict(advert.manufacturer_data),
            service_data=dict(advert.service_data),
            service_uuids=list(advert.service_uuids),
            source="",
            device=None,
            advertisement=None,
            connectable=False,
            time=number * APART_S,
            tx_power=None,
        )
        for number, advert in enumerate(adverts)
    ]

    def work() -> None:
        for record in records:
            parser.update(record)

    return work


def _theengs(adverts: Sequence[Advert]) -> Work:
    decode = import_module("TheengsDecoder").decodeBLE
    records = [json.dumps(_theengs_record(advert)) for advert in adverts]

    def work() -> None:
        for record in records:
            decode(record)

    return work


def _theengs_record(advert: Advert) -> dict[str, Any]:
    record: dict[str, Any] = {"id": advert.address, "rssi": advert.signal_dbm}
    if advert.local_name:
        record["name"] = advert.local_name
    for service, data in advert.service_data.items():
        record |= {"servicedatauuid": short_uuid(service), "servicedata": data.hex()}
    for company, data in advert.manufacturer_data.items():
        record["manufacturerdata"] = company.to_bytes(2, "little").hex() + data.hex()
    return record
