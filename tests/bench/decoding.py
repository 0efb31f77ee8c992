"""How fast adverts become readings."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.outcome import Status
from tests.bench.harness import Figure, Samples, Target, at_least, in_turns, rate
from tests.bench.peer_decoders import peers_of

ADVERTS = 4000
PEER_ADVERTS = 400  # they take up to a hundred times as long
ROUNDS = 9
ADDRESS = "C0:1A:00:00:00:01"
KEY = bytes(range(16))
BTHOME = full_uuid("fcd2")
TRAILER_BYTES = 8  # counter and tag of an encrypted frame
CLIMATE = ("temperature", "humidity", "battery")

# What each model says in one frame of its most common kind.
COMMON: dict[str, tuple[str, ...]] = {
    "bthome_v2": CLIMATE,
    "pvvx": (*CLIMATE, "voltage"),
    "mibeacon": ("temperature", "humidity"),
    "qingping": CLIMATE,
    "govee_h5075": CLIMATE,
    "ruuvi": (
        "temperature", "humidity", "pressure", "acceleration_x", "acceleration_y", "acceleration_z", "voltage",
        "transmit_power", "movements",
    ),
}  # fmt: skip

T = TypeVar("T")


def decoding() -> list[Figure]:
    """Adverts a second of CPU time through Catalogue.decode, one thread; every frame differs.

    Beside it, in turns: other decoders of the same adverts, each made ready as its users would; and what
    Python needs at the least for as much, per advert: parsing the same values from JSON into a
    dictionary; opening the same bytes with bare AES-CCM; two dictionary look-ups that find nothing.
    """
    return [*(_plain(model) for model in COMMON), _encrypted("bthome_v2"), _encrypted("mibeacon"), _unknown()]


def _plain(model: str) -> Figure:
    adverts = [_frame(model, number) for number in range(ADVERTS)]
    texts = [json.dumps({r.kind: r.plain for r in _catalogue().decode(a).readings}) for a in adverts]
    limit = "limit: json.loads of the values", partial(_each, json.loads, texts)
    return _figure(f"decode plain {model}", at_least(150_000), model, adverts, limit)


def _encrypted(model: str) -> Figure:
    adverts = [_frame(model, number, KEY) for number in range(ADVERTS)]
    cipher = AESCCM(KEY, tag_length=4)

    def open_bare(sealed: bytes) -> None:
        cipher.decrypt(bytes(13), sealed, None)

    bodies = [next(iter(advert.service_data.values()))[1:-TRAILER_BYTES] for advert in adverts]
    sealed = [cipher.encrypt(bytes(13), body, None) for body in bodies]
    limit = "limit: bare AES-CCM", partial(_each, open_bare, sealed)
    return _figure(f"decode encrypted {model}", at_least(80_000), model, adverts, limit, KEY)


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
    return _figure("pass over unknown adverts", at_least(1_000_000), "", adverts, limit)


def _figure(
    name: str,
    target: Target,
    model: str,
    adverts: Sequence[Advert],
    limit: tuple[str, Callable[[], None]],
    key: bytes | None = None,
) -> Figure:
    decode = partial(_catalogue().decode, key=key)
    expected = Status.DECODED if model else Status.UNKNOWN
    if any(decode(advert).status is not expected for advert in adverts):
        raise ValueError(
            f"{name}: not every advert is {expected.value}; the figure would be of something else."
        )
    limit_name, limit_work = limit
    peers = peers_of(model, adverts[:PEER_ADVERTS], key)
    ours, bare, *others = in_turns(
        ROUNDS,
        rate(partial(_each, decode, adverts), ADVERTS),
        rate(limit_work, ADVERTS),
        *(rate(work, PEER_ADVERTS) for _, work in peers),
        warm_up=2,
    )
    beside = [Samples(peer, values) for (peer, _), values in zip(peers, others, strict=True)]
    return Figure(Samples(name, ours), "/s", target, (*beside, Samples(limit_name, bare)))


def _frame(model: str, number: int, key: bytes | None = None) -> Advert:
    """A frame with values that differ from the one before."""
    values = {
        "temperature": 18 + number % 900 / 100,
        "humidity": 40 + number % 1500 / 100,
        "battery": 50 + number % 50,
        "voltage": 2.6 + number % 400 / 1000,
        "pressure": 1000 + number % 3000 / 100,
    }
    readings = [reading(model, kind, values.get(kind, number % 10 * 2)) for kind in COMMON[model]]
    return encode(model, ADDRESS, readings, repeat=number % 256, key=key, counter=number)


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load()


def _each(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Call ``work`` on each item, with as little around it as Python allows."""
    deque(map(work, items), maxlen=0)
