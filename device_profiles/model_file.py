"""Model files: TOML to a profile, and each mistake in one with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import msgspec

from device_profiles.errors import ProfileError
from device_profiles.faults import Fault, faults
from device_profiles.profile import (
    CharacteristicSpec,
    FieldSpec,
    FrameSpec,
    Profile,
    Recognise,
    Vector,
    VectorReading,
)
from device_profiles.toml_lines import line_of

_Shape = type[msgspec.Struct]

# Rows are looked at one by one, so that each tells what is wrong with it.
_ROWS: dict[_Shape, dict[str, _Shape]] = {
    Profile: {
        "recognise": Recognise,
        "objects": FieldSpec,
        "frames": FrameSpec,
        "characteristics": CharacteristicSpec,
        "vectors": Vector,
    },
    FrameSpec: {"fields": FieldSpec},
    CharacteristicSpec: {"fields": FieldSpec},
    Vector: {"readings": VectorReading},
}

_AT = re.compile(r" - at `(?:key` in `)?\$\.?(.*?)(?:\[\.\.\.\])*`$")
_UNKNOWN_KEY = re.compile(r"unknown field `(.*)`")
_MISSING_KEY = re.compile(r"missing required field `(.*)`")
_NOT_AMONG = re.compile(r"Invalid enum value (.*)")
_TOML_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a model file: its line (from 1; 0: the file as a whole) and a sentence."""

    line: int
    sentence: str


def parse_profile(text: str, file: str) -> Profile:
    """Read one model file.

    Args:
        text: The file's content (TOML).
        file: Its name, for errors.

    Raises:
        ProfileError: It is no TOML, has an unknown or missing key, or makes no sense; names the first mistake.
    """
    try:
        profile: Profile = msgspec.convert(tomllib.loads(text), Profile, strict=True, str_keys=True)
        wrong = any(faults(profile))
    except (tomllib.TOMLDecodeError, RecursionError, msgspec.ValidationError):
        wrong = True
    if wrong:
        first = mistakes(text)[0]
        raise ProfileError(f"{file}, line {first.line}: {first.sentence}", hint="Correct the file.")
    return profile


def mistakes(text: str) -> list[Mistake]:
    """Everything wrong in a model file, in the order of its lines; empty if it can be used."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        return [Mistake(line, f"This is no TOML: {_TOML_LINE.sub('', str(error))}.")]
    except RecursionError:
        return [Mistake(0, "This is no TOML: it is nested too deeply.")]
    found = list(_misfits(content, Profile, ""))
    if not found:
        found = list(faults(msgspec.convert(content, Profile, strict=True, str_keys=True)))
    return located(text, found)


def located(text: str, found: list[Fault]) -> list[Mistake]:
    """Faults as sentences with their lines, in the order of the lines."""
    said = [
        Mistake(line_of(text, place), f"In `{place}`: {clause}." if place else f"{clause}.")
        for place, clause in found
    ]
    return sorted(said, key=lambda mistake: mistake.line)


def _misfits(value: Any, shape: _Shape, place: str) -> Iterator[Fault]:
    """What does not fit in each row, then in what is left without them."""
    if not isinstance(value, dict):
        yield place, f"expected a table, got {value!r}"
        return
    rest = dict(value)
    for name, row_shape in _ROWS.get(shape, {}).items():
        rows = value.get(name)
        if isinstance(rows, list):
            rest[name] = []
            for number, row in enumerate(rows):
                yield from _misfits(row, row_shape, _within(place, f"{name}[{number}]"))
    yield from _misfitting_keys(rest, shape, place)


def _misfitting_keys(rest: dict[str, Any], shape: _Shape, place: str) -> Iterator[Fault]:
    """One key after the other is taken out, because only the first that does not fit is told of."""
    taken: set[str] = set()
    while True:
        try:
            msgspec.convert(rest, shape, strict=True, str_keys=True)
        except msgspec.ValidationError as error:
            match = _AT.search(str(error))
            within, said = match[1] if match else "", _AT.sub("", str(error))
            unknown, missing = _UNKNOWN_KEY.search(said), _MISSING_KEY.search(said)
            if missing is not None and not within and missing[1] in taken:
                return
            key = unknown[1] if unknown is not None and not within else re.split(r"[.\[]", within)[0]
            yield _within(place, within or key), _clause(said, shape, within)
            if key not in rest:
                return
            del rest[key]
            taken.add(key)
        else:
            return


def _clause(said: str, shape: _Shape, within: str) -> str:
    unknown, missing, not_among = (
        pattern.search(said) for pattern in (_UNKNOWN_KEY, _MISSING_KEY, _NOT_AMONG)
    )
    if unknown is not None:
        near = get_close_matches(unknown[1], [] if within else shape.__struct_fields__, n=1)
        return f"there is no key `{unknown[1]}`" + (f" (`{near[0]}`?)" if near else "")
    if missing is not None:
        return f"`{missing[1]}` is missing"
    if not_among is not None:
        known = _known_words(shape, within)
        return f"{not_among[1]} is not among " + (", ".join(known) if known else "what can be said here")
    return said[:1].lower() + said[1:]


def _known_words(shape: _Shape, key: str) -> list[str]:
    """The words that may stand at a key of a table."""
    for field in msgspec.structs.fields(shape):
        kinds = (field.type, *getattr(field.type, "__args__", ()))
        if field.name == key:
            return [str(word.value) for kind in kinds if hasattr(kind, "__members__") for word in kind]
    return []


def _within(place: str, inner: str) -> str:
    return f"{place}.{inner}" if place and inner else place or inner
