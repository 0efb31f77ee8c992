"""On which line of a TOML text a key stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from device_profiles.toml_lines import line_of, lines_of

MODELS = sorted(
    (entry for entry in resources.files("device_profiles").joinpath("models").iterdir()),
    key=lambda entry: entry.name,
)

EVERYTHING = '''\
# a comment, with "quotes" and [brackets]
name = "a # no comment" # a comment
liveness.default = "event-only"
"quoted.key" = 'C:\\'
"\\u0061b" = 1
text = """
= no key
\\""" still text"""""
raw = \'\'\'
"""\'\'\'
list = [ # why
  1, 0x0F, 1979-05-27 07:32:00,
  [ "]", '}' ],
]
point = { x = 1, y.z = { deep = [ { a = 1 },
  { b = 2 } ] } }

[ table . sub ]
key = -1.5e3

[[frames]]
length = 1
[[frames.fields]]
kind = "a"
[frames.fields.when]
at = 0
[[frames.fields]]
kind = "b"

[[frames]]
length = 2
[[frames.fields]]
kind = "c"
'''

LINES = {
    "name": 2,
    "liveness": 3,
    "liveness.default": 3,
    "quoted.key": 4,
    "ab": 5,
    "text": 6,
    "raw": 9,
    "list": 11,
    "list[0]": 12,
    "list[2]": 12,
    "list[3]": 13,
    "list[3][1]": 13,
    "point": 15,
    "point.y": 15,
    "point.y.z": 15,
    "point.y.z.deep[0].a": 15,
    "point.y.z.deep[1].b": 16,
    "table": 18,
    "table.sub.key": 19,
    "frames": 21,
    "frames[0]": 21,
    "frames[0].length": 22,
    "frames[0].fields": 23,
    "frames[0].fields[0].kind": 24,
    "frames[0].fields[0].when.at": 26,
    "frames[0].fields[1]": 27,
    "frames[0].fields[1].kind": 28,
    "frames[1]": 30,
    "frames[1].length": 31,
    "frames[1].fields": 32,
    "frames[1].fields[0].kind": 33,
}


def places(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every place in a parsed TOML text, with its last key (empty for an element)."""
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = f"{place}.{key}" if place else key
            yield inside, key
            yield from places(inner, inside)
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield f"{place}[{number}]", ""
            yield from places(inner, f"{place}[{number}]")


def test_every_way_to_write_a_key_is_found() -> None:
    """Dotted, quoted, in inline tables, in tables and in arrays of tables; never within a string."""
    lines = lines_of(EVERYTHING)

    assert {place: lines.get(place) for place in LINES} == LINES
    assert set(lines) == {place for place, _ in places(tomllib.loads(EVERYTHING))}


@pytest.mark.parametrize("model", MODELS, ids=lambda entry: entry.name)
def test_every_place_of_a_model_file_has_its_line(model: Any) -> None:
    """Whatever is wrong in a file, the line that is named has the key."""
    text = model.read_text("utf-8")
    lines, written = lines_of(text), text.splitlines()
    found = dict(places(tomllib.loads(text)))

    assert set(lines) == set(found)
    assert [place for place, key in found.items() if key not in written[lines[place] - 1]] == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("frames[1].fields[0].exponnet", 32),
        ("frames[1].fields[7].kind", 32),
        ("list[...]", 11),
        ("liveness[...]", 3),
        ("table.sub.no.such.key", 18),
        ("nothing", 0),
        ("", 0),
        ("]", 0),
    ],
)
def test_what_is_not_there_is_looked_for_around_it(place: str, line: int) -> None:
    """A missing key is told where it would stand; what stands nowhere has no line."""
    assert line_of(EVERYTHING, place) == line


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_either_end_of_line_counts_once(newline: str) -> None:
    """A file from another system has the same lines."""
    assert lines_of(newline.join(("a = 1", "", "b = [", "2", "]")))["b[0]"] == 4


def test_an_empty_text_has_no_places() -> None:
    """Nothing is where nothing is written."""
    assert lines_of("") == {}
    assert lines_of("# only a remark") == {}
