"""What a profile says, for people and for machines: what it is recognised by, what it measures, what is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from device_profiles.catalogue import Catalogue
from device_profiles.field_faults import speaks
from device_profiles.number import INTEGERS
from device_profiles.outcome import Status
from device_profiles.profile import (
    ConnectionSpec,
    FieldSpec,
    Layout,
    Profile,
    Recognise,
    RepeatRule,
    Scheme,
    Type,
)

_ALWAYS, _NEVER, _AT_WILL = "yes", "no", "optional"
_OPTIONAL_LAYOUTS = {Layout.BTHOME_V1, Layout.BTHOME_V2, Layout.MIBEACON}
_REPEATS = {
    RepeatRule.PACKET_ID: "equal packet ids; without one, equal bytes",
    RepeatRule.COUNTER: "equal counters; without one, equal bytes",
    RepeatRule.PAYLOAD: "equal bytes",
}
_UNRECOGNISED = "nothing: a home names the model, or another model builds on it"
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60


def matching(catalogue: Catalogue, wanted: Sequence[str]) -> list[Profile]:
    """The profiles of sensors whose model, title or products have each of the words, in any case.

    A profile that is there for others to extend is no sensor's.
    """
    found = []
    for model in catalogue.models:
        profile = catalogue.profile(model)
        if not profile.recognise:
            continue
        text = " ".join((profile.name, profile.title, *products(profile))).lower()
        if all(word.lower() in text for word in wanted):
            found.append(profile)
    return found


def products(profile: Profile) -> tuple[str, ...]:
    """What stands on the boxes: what its file lists, and what its frames call their senders."""
    return tuple(dict.fromkeys((*profile.products, *profile.device_types.values())))


def brief(profile: Profile) -> dict[str, Any]:
    """What ``lum-hub profiles list`` says of a model."""
    return {
        "model": profile.name,
        "title": profile.title,
        "products": list(products(profile)),
        "liveness": profile.liveness,
        "encrypted": encrypted(profile),
        "needs_connection": profile.connection is not None,
        "needs_active_scan": profile.scan_response,
    }


def facts(catalogue: Catalogue, model: str) -> dict[str, Any]:
    """Everything about a model, for machines; times in seconds unless a name says otherwise.

    Raises:
        ProfileError: There is no such model.
    """
    profile = catalogue.profile(model)
    answers = Counter(vector.status for vector in profile.vectors)
    said = {rows[0].kind for rows in _kinds(profile)}
    return brief(profile) | {
        "layout": profile.layout.value,
        "extends": profile.extends,
        "recognised_by": recognised_words(profile),
        "says": [_kind_facts(profile, rows) for rows in _kinds(profile)],
        "repeat": profile.repeat.value,
        "time_resolution_ms": profile.time_resolution_ms,
        "battery": None
        if profile.battery is None
        else {"kind": profile.battery.kind, "low": profile.battery.low},
        "jump": {kind: change for kind, change in profile.jump.items() if kind in said},
        "stuck_s": {kind: still_s for kind, still_s in profile.stuck_s.items() if kind in said},
        "connection": None if profile.connection is None else _connection_facts(profile.connection),
        "source": profile.source,
        "known_answers": dict(answers),
    }


def lines(catalogue: Catalogue, model: str) -> list[tuple[str, str]]:
    """Everything about a model but its kinds, for people: heads and what they say.

    Raises:
        ProfileError: There is no such model.
    """
    profile = catalogue.profile(model)
    refused = sum(vector.status != Status.DECODED.value for vector in profile.vectors)
    return [
        ("Model", f"{profile.name}: {profile.title}"),
        ("Products", ", ".join(products(profile)) or "not listed"),
        ("Recognised by", "; or ".join(recognised_words(profile)) or _UNRECOGNISED),
        *([("Frames", f"{_frame_words(profile)}, and no other length")] if profile.frames else []),
        ("Alive", alive_words(profile)),
        ("Encrypted", _encryption_words(profile)),
        ("Needs", needs_words(profile) or "only to be heard"),
        *([("Connection", _connection_words(profile))] if profile.connection is not None else []),
        ("Copies", f"told by {_REPEATS[profile.repeat]}"),
        ("Time", _time_words(profile)),
        ("Battery", _battery_words(profile)),
        ("Doubted", "; ".join(_doubts(profile)) or "only what is not plausible"),
        ("Source", profile.source),
        ("Known answers", f"{len(profile.vectors)}, {refused} of which must say nothing"),
    ]


def kind_rows(catalogue: Catalogue, model: str) -> list[tuple[str, str, str, str, str]]:
    """A row for each kind: kind, values and resolution, plausible limits, urgent, how it is alive."""
    profile = catalogue.profile(model)
    return [
        (
            rows[0].kind,
            values_words(rows),
            _limits_words(rows),
            "urgent" if rows[0].urgent else "",
            profile.liveness.get(rows[0].kind) or profile.liveness["default"],
        )
        for rows in _kinds(profile)
    ]


def encrypted(profile: Profile) -> str:
    """``yes``, ``no`` or ``optional``: whether its sensors encrypt what they say."""
    if profile.layout in _OPTIONAL_LAYOUTS:
        return _AT_WILL
    ways = {frame.encryption is not Scheme.NONE for frame in profile.frames}
    if ways == {True, False}:
        return _AT_WILL
    return _ALWAYS if ways == {True} else _NEVER


def needs_words(profile: Profile) -> str:
    """What it needs beside an ear: ``a connection``, ``an active scan``, both or nothing."""
    needed = (
        ("a connection", profile.connection is not None),
        ("an active scan", profile.scan_response),
    )
    return " and ".join(words for words, needs in needed if needs)


def alive_words(profile: Profile) -> str:
    """How it proves that it is alive: ``event-only; periodic 3600 s: temperature, humidity``."""
    default = profile.liveness["default"]
    by_contract: dict[str, list[str]] = {}
    for kind, contract in profile.liveness.items():
        if contract != default:
            by_contract.setdefault(contract, []).append(kind)
    return "; ".join(
        [default, *(f"{contract}: {', '.join(kinds)}" for contract, kinds in by_contract.items())]
    )


def recognised_words(profile: Profile) -> list[str]:
    """Each way to recognise it: ``service data fcd2 and a name that begins with "SB"``."""
    ways: dict[tuple[str | int | None, ...], list[Recognise]] = {}
    for wanted in profile.recognise:
        ways.setdefault((wanted.service_data, wanted.company_id, wanted.service), []).append(wanted)
    return [" and ".join((*_payload_words(some[0]), *_name_words(some))) for some in ways.values()]


def values_words(rows: Sequence[FieldSpec]) -> str:
    """What a kind's readings look like: ``°C in steps of 0.01``, ``yes or no``, ``press, double_press``."""
    first = rows[0]
    if first.type is Type.BOOLEAN:
        return "yes or no"
    if first.type is Type.EVENT:
        spoken = (str(word) for row in rows for word in (row.codes or {}).values() if word)
        return ", ".join(dict.fromkeys(spoken))
    if first.type is Type.STEPS:
        return "steps, left is negative"
    if first.type in {Type.TEXT, Type.HEX, Type.VERSION24, Type.VERSION32, Type.DATETIME}:
        return {Type.HEX: "bytes in hex", Type.DATETIME: "date and time"}.get(first.type, "text")
    units: dict[str, set[Decimal]] = {}
    for row in rows:
        units.setdefault(row.unit, set()).update([_step(row)] if row.type in INTEGERS else ())
    return _or([f"{unit} {_steps_words(steps)}".strip() for unit, steps in units.items()])


def _kind_facts(profile: Profile, rows: Sequence[FieldSpec]) -> dict[str, Any]:
    first = rows[0]
    return {
        "kind": first.kind,
        "unit": first.unit,
        "values": values_words(rows),
        "resolution": float(min(_step(row) for row in rows)) if first.type in INTEGERS else None,
        "least": first.least,
        "most": first.most,
        "urgent": first.urgent,
        "contract": profile.liveness.get(first.kind) or profile.liveness["default"],
        "time_resolution_ms": profile.resolution_ms(first.kind),
    }


def _kinds(profile: Profile) -> list[list[FieldSpec]]:
    """The rows of each kind, in the order of the file."""
    found: dict[str, list[FieldSpec]] = {}
    for spec in _fields(profile):
        if speaks(spec):
            found.setdefault(spec.kind, []).append(spec)
    return list(found.values())


def _fields(profile: Profile) -> Iterator[FieldSpec]:
    yield from profile.objects
    for frame in profile.frames:
        yield from frame.fields
    asked = None if profile.connection is None else profile.connection.characteristics
    for characteristic in profile.characteristics:
        if asked is None or characteristic.uuid in asked:
            yield from characteristic.fields


def _step(spec: FieldSpec) -> Decimal:
    return Decimal(spec.scale if spec.type in INTEGERS else 1).scaleb(spec.exponent)


def _steps_words(steps: set[Decimal]) -> str:
    if not steps:
        return "as fine as it says"
    return f"in steps of {_or([f'{step:f}' for step in sorted(steps)])}"


def _limits_words(rows: Sequence[FieldSpec]) -> str:
    """What is plausible, with its unit where there are several."""
    by_words: dict[str, None] = {}
    several = len({row.unit for row in rows}) > 1
    for row in rows:
        if limits := _limit_words(row):
            by_words[f"{limits} {row.unit}".rstrip() if several else limits] = None
    return _or(list(by_words)) if by_words else ""


def _limit_words(spec: FieldSpec) -> str:
    if spec.least is not None and spec.most is not None:
        return f"{spec.least} to {spec.most}"
    if spec.most is not None:
        return f"up to {spec.most}"
    return f"from {spec.least}" if spec.least is not None else ""


def _payload_words(wanted: Recognise) -> Iterator[str]:
    if wanted.service_data is not None:
        yield f"service data {wanted.service_data}"
    if wanted.company_id is not None:
        yield f"maker's data of company {wanted.company_id:#06x}"
    if wanted.service is not None:
        yield f"service {wanted.service} among those it lists"


def _name_words(alternatives: Sequence[Recognise]) -> Iterator[str]:
    """One clause for all names; none if one alternative asks for no name."""
    if any(wanted.name is None and wanted.name_prefix is None for wanted in alternatives):
        return
    whole = [f'"{wanted.name}"' for wanted in alternatives if wanted.name is not None]
    begun = [f'"{wanted.name_prefix}"' for wanted in alternatives if wanted.name_prefix is not None]
    ways = [f"is {_or(whole)}"] if whole else []
    ways += [f"begins with {_or(begun)}"] if begun else []
    yield f"a name that {_or(ways)}"


def _frame_words(profile: Profile) -> str:
    """The lengths that it knows, those of encrypted frames apart."""
    lengths: dict[bool, set[int]] = {}
    for frame in profile.frames:
        lengths.setdefault(frame.encryption is not Scheme.NONE, set()).add(frame.length)
    return "; ".join(
        f"{_or([str(length) for length in sorted(of)])} bytes{' encrypted' if sealed else ''}"
        for sealed, of in sorted(lengths.items())
    )


def _encryption_words(profile: Profile) -> str:
    return {
        _ALWAYS: "yes: give it its key",
        _AT_WILL: "optional: once it has a key, only what is encrypted is believed",
        _NEVER: "no: anybody near can speak in its name",
    }[encrypted(profile)]


def _connection_facts(connection: ConnectionSpec) -> dict[str, Any]:
    return {
        "characteristics": list(connection.characteristics),
        "every_s": connection.every_s,
        "stay_s": connection.stay_s,
        "on_advert": connection.on_advert,
    }


def _connection_words(profile: Profile) -> str:
    connection = profile.connection
    if connection is None:
        return ""
    told = {one.uuid for one in profile.characteristics if one.subscribe}
    named = ", ".join(
        f"{uuid} ({'is told' if uuid in told else 'is read'})" for uuid in connection.characteristics
    )
    often = f"{'when it advertises, but ' if connection.on_advert else ''}at most every {_span(connection.every_s)}"
    stay = f", staying up to {_span(connection.stay_s)}" if connection.stay_s else ""
    return f"{named}; {often}{stay}"


def _time_words(profile: Profile) -> str:
    default = profile.time_resolution_ms["default"]
    finer = [kind for kind, resolution in profile.time_resolution_ms.items() if resolution != default]
    told = f"to {default / 1000:g} s"
    if not finer:
        return told
    others = sorted({profile.time_resolution_ms[kind] for kind in finer})
    return f"{told}; to {_or([f'{other / 1000:g}' for other in others])} s: {', '.join(finer)}"


def _battery_words(profile: Profile) -> str:
    units = {rows[0].kind: rows[0].unit for rows in _kinds(profile)}
    battery = profile.battery
    if battery is not None and battery.kind in units:
        return f"low at {battery.kind} {battery.low:g} {units[battery.kind]}".rstrip() + " or below"
    return "it says itself when it is low" if "battery_low" in units else "not told"


def _doubts(profile: Profile) -> Iterator[str]:
    units = {rows[0].kind: rows[0].unit for rows in _kinds(profile)}
    for kind, unit in units.items():
        if kind in profile.jump:
            yield f"{kind} that moves by more than {profile.jump[kind]:g} {unit}".rstrip() + " in ten minutes"
        if kind in profile.stuck_s:
            yield f"{kind} that stays the very same for {_span(profile.stuck_s[kind])}"


def _span(seconds: int) -> str:
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds % unit_s == 0 and seconds >= unit_s:
            return f"{seconds // unit_s} {unit}"
    return f"{seconds} s"


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
