"""Proving a profile: its own known answers, every cut of them, and that what it encodes is decoded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.cipher import KEY_BYTES
from device_profiles.errors import EncodeError
from device_profiles.field_faults import Fault
from device_profiles.gatt import Gatt
from device_profiles.outcome import Outcome, Status
from device_profiles.profile import Profile, Vector
from device_profiles.reading import Reading, words
from device_profiles.samples import Body, bodies

NOISES = (bytes(8), b"\xff" * 8, *(sha256(bytes((seed,))).digest() for seed in range(64)))
SENDER = "A4:C1:38:CF:01:56"
KEY = bytes(range(1, KEY_BYTES + 1))

Heard = Advert | bytes  # an advert, or the value of a characteristic


def shortcomings(catalogue: Catalogue, profile: Profile) -> Iterator[Fault]:
    """Yield what a profile gets wrong, as the place in its file and a clause.

    Args:
        catalogue: It, and all others that are to be told apart from it.
        profile: As its file has it.
    """
    for number, vector in enumerate(profile.vectors):
        for clause in vector_shortcomings(catalogue, profile, vector):
            yield f"vectors[{number}]", clause
    if not profile.vectors:
        yield "", "Give it known answers: `vectors`, with bytes that its sensors really sent"
    elif all(vector.status == Status.DECODED.value for vector in profile.vectors):
        yield "vectors", "give it known answers that say nothing too, such as a frame cut by one byte"
    for body in bodies(profile, catalogue.profile(profile.name)):
        clauses = (body_shortcoming(catalogue, profile.name, body, noise) for noise in NOISES)
        if clause := next(filter(None, clauses), ""):
            yield body.place, clause


def vector_shortcomings(catalogue: Catalogue, profile: Profile, vector: Vector) -> Iterator[str]:
    """Yield how one known answer is missed, when it is asked for in every way; nothing if it never is."""
    heard = heard_of(profile, vector)
    outcome = decoded(catalogue, vector, heard, profile.name)
    if wrong := wrong_answer(vector, outcome):
        yield wrong
    untold = decoded(catalogue, vector, heard, None)
    if isinstance(heard, Advert):
        if vector.status == Status.DECODED.value and untold.model != profile.name:
            yield f"whoever is not told the model takes it for {untold.model or 'nobody'}'s"
        if vector.status != Status.DECODED.value and untold.readings:
            yield f"whoever is not told the model reads {_told(untold.readings)} from it"
    for part, cut in cuts(heard):
        for model in (profile.name, None):
            said = decoded(catalogue, vector, cut, model).readings
            more = [reading for reading in said if reading not in outcome.readings]
            if more and vector.status != Status.REJECTED.value:
                yield f"cut to {part}, it says {_told(more)}, which the whole does not"
                return


def wrong_answer(vector: Vector, outcome: Outcome) -> str:
    """How an outcome differs from what is expected, in a clause; empty if it does not."""
    said = [(one.kind, one.plain, one.unit, words(one.flags)) for one in outcome.readings]
    wanted = [(one.kind, one.value, one.unit, one.flags) for one in vector.readings]
    pairs = {
        "status": (vector.status, outcome.status.value),
        "reason": (vector.reason, outcome.reason),
        "repeat": (vector.repeat, outcome.repeat),
        "counter": (vector.counter, outcome.counter),
    }
    differing = [f"{name} {got} instead of {want}" for name, (want, got) in pairs.items() if want != got]
    if said != wanted or [type(one[1]) is bool for one in said] != [type(one[1]) is bool for one in wanted]:
        got, want = (", ".join(_answer(*one) for one in answer) or "nothing" for answer in (said, wanted))
        differing.append(f"{got} instead of {want}")
    return f'"{vector.title}" gives {"; ".join(differing)}' if differing else ""


def heard_of(profile: Profile, vector: Vector) -> Heard:
    """The advert of a known answer, or the value that was read.

    ``payload`` stands where the first alternative of ``recognise`` has it, unless that is given apart.
    """
    data = bytes.fromhex(vector.payload)
    if vector.characteristic is not None:
        return data
    services = {full_uuid(uuid): bytes.fromhex(more) for uuid, more in vector.service_data.items()}
    makers = {int(company, 16): bytes.fromhex(more) for company, more in vector.manufacturer_data.items()}
    wanted = profile.recognise[0] if profile.recognise else None
    if wanted and wanted.service_data is not None and full_uuid(wanted.service_data) not in services:
        services[full_uuid(wanted.service_data)] = data
    elif wanted and wanted.company_id is not None and wanted.company_id not in makers:
        makers[wanted.company_id] = data
    listed = tuple(full_uuid(uuid) for uuid in vector.service_uuids)
    return Advert(vector.address, vector.local_name, listed, services, makers, -60, 0)


def decoded(catalogue: Catalogue, vector: Vector, heard: Heard, model: str | None) -> Outcome:
    """What is made of it, by somebody who holds the key of the known answer."""
    if isinstance(heard, Advert):
        return catalogue.decode(heard, bytes.fromhex(vector.key) if vector.key else None, model)
    return catalogue.decode_value(vector.characteristic or "", heard, model)


def cuts(heard: Heard) -> Iterator[tuple[str, Heard]]:
    """Every shorter one, each payload of an advert cut on its own; with words for what is left of it."""
    if not isinstance(heard, Advert):
        yield from ((f"{length} bytes", heard[:length]) for length in range(len(heard)))
        return
    for uuid, data in heard.service_data.items():
        for length in range(len(data)):
            shorter = {**heard.service_data, uuid: data[:length]}
            yield f"{length} bytes of service data", replace(heard, service_data=shorter)
    for company, data in heard.manufacturer_data.items():
        for length in range(len(data)):
            less = {**heard.manufacturer_data, company: data[:length]}
            yield f"{length} bytes of the maker's data", replace(heard, manufacturer_data=less)


def body_shortcoming(catalogue: Catalogue, model: str, body: Body, noise: bytes) -> str:
    """How what is said with ``noise`` gets lost on the way from encoding to decoding; empty if it does not."""
    sample = body.sample(noise, SENDER)
    if not sample.readings:
        return ""
    said = _told(sample.readings)
    try:
        outcome = sent(catalogue, model, body, sample.readings)
    except EncodeError as error:
        return f"it says {said}, which cannot be encoded: {error}".rstrip(".") if sample.whole else ""
    if sorted(outcome.readings, key=repr) == sorted(sample.readings, key=repr):
        return ""
    other = _told(outcome.readings)
    return f"it says {said}, which is encoded to what says {other if other != said else 'it less finely'}"


def sent(catalogue: Catalogue, model: str, body: Body, readings: tuple[Reading, ...]) -> Outcome:
    """Encode and decode.

    Raises:
        EncodeError: The model cannot say this.
    """
    codec = catalogue.codec(model)
    if isinstance(codec, Gatt) and body.characteristic is not None:
        value = codec.encode_value(body.characteristic, readings)
        return catalogue.decode_value(body.characteristic, value, model)
    key = KEY if body.sealed else None
    advert = codec.encode(readings, SENDER, repeat=7, key=key, counter=7)
    return catalogue.decode(advert, key, model)


def _told(readings: Iterable[Reading]) -> str:
    """Readings in a few words: ``temperature = 25.06 °C, battery = 93 %``."""
    return ", ".join(_answer(one.kind, one.plain, one.unit, ()) for one in readings) or "nothing"


def _answer(kind: str, value: object, unit: str, flags: tuple[str, ...]) -> str:
    spoken = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{kind} = {spoken} {unit}".rstrip() + (f" ({', '.join(flags)})" if flags else "")
