"""How fast adverts become readings."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.outcome import Status
from tests.bench.harness import Figure, Samples, Target, at_least, in_turns, rate

ADVERTS = 4000
ROUNDS = 9
ADDRESS = "C0:1A:00:00:00:01"
KEY = bytes(range(16))
BTHOME = full_uuid("fcd2")
TRAILER_BYTES = 8  # counter and tag of an encrypted frame

T = TypeVar("T")


def decoding() -> list[Figure]:
    """Adverts a second of CPU time through Catalogue.decode, one thread; every frame differs.

    Beside it, in turns: what Python needs at the least for as much, per advert: parsing the same three
    values from JSON into a dictionary; opening the same bytes with bare AES-CCM; two dictionary
    look-ups that find nothing.
    """
    return [_plain(), _encrypted(), _unknown()]


def _plain() -> Figure:
    adverts = [_climate(number) for number in range(ADVERTS)]
    texts = [json.dumps({r.kind: r.plain for r in Catalogue.load().decode(a).readings}) for a in adverts]
    limit = "limit: json.loads of the values", partial(_each, json.loads, texts)
    return _figure("decode plain BTHome", at_least(150_000), adverts, limit, Status.DECODED)


def _encrypted() -> Figure:
    adverts = [_climate(number, KEY) for number in range(ADVERTS)]
    cipher = AESCCM(KEY, tag_length=4)
    address = bytes.fromhex(ADDRESS.replace(":", ""))

    def open_bare(data: bytes) -> None:
        counter, tag = data[-TRAILER_BYTES:-4], data[-4:]
        cipher.decrypt(address + b"\xd2\xfc" + data[:1] + counter, data[1:-TRAILER_BYTES] + tag, None)

    frames = [advert.service_data[BTHOME] for advert in adverts]
    limit = "limit: bare AES-CCM", partial(_each, open_bare, frames)
    return _figure("decode encrypted BTHome", at_least(80_000), adverts, limit, Status.DECODED, KEY)


def _unknown() -> Figure:
    chance = random.Random(3)
    adverts = [
        Advert(
            ADDRESS, None, (), {full_uuid("fe9f"): chance.randbytes(8)}, {0x004C: chance.randbytes(8)}, 0, 0
        )
        for _ in range(ADVERTS)
    ]
    services: dict[str, str] = {BTHOME: "bthome"}
    companies: dict[int, str] = {0x0BA9: "shelly"}

    def look_up(advert: Advert) -> None:
        for service in advert.service_data:
            services.get(service)
        for company in advert.manufacturer_data:
            companies.get(company)

    limit = "limit: two look-ups in vain", partial(_each, look_up, adverts)
    return _figure("pass over unknown adverts", at_least(1_000_000), adverts, limit, Status.UNKNOWN)


def _figure(
    name: str,
    target: Target,
    adverts: list[Advert],
    limit: tuple[str, Callable[[], None]],
    expected: Status,
    key: bytes | None = None,
) -> Figure:
    decode = partial(Catalogue.load().decode, key=key)
    if any(decode(advert).status is not expected for advert in adverts):
        raise ValueError(
            f"{name}: not every advert is {expected.value}; the figure would be of something else."
        )
    limit_name, limit_work = limit
    ours, bare = in_turns(
        ROUNDS, rate(partial(_each, decode, adverts), ADVERTS), rate(limit_work, ADVERTS), warm_up=2
    )
    return Figure(Samples(name, ours), "/s", target, (Samples(limit_name, bare),))


def _climate(number: int, key: bytes | None = None) -> Advert:
    """A thermometer's frame: temperature, humidity, battery."""
    values = {"temperature": 18 + number % 900 / 100, "humidity": 40 + number % 1500 / 100, "battery": 93}
    readings = [reading("bthome_v2", kind, value) for kind, value in values.items()]
    return encode("bthome_v2", ADDRESS, readings, repeat=number % 256, key=key, counter=number)


def _each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Call ``work`` on each item, with as little around it as Python allows."""
    deque(map(work, items), maxlen=0)
