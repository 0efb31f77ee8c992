"""Checking one model file beside those that there are."""

from __future__ import annotations

import pytest

from device_profiles.catalogue import bundled_profiles
from device_profiles.check import Checked, check_model_file
from device_profiles.model_file import Mistake, parse_profile
from tests.helpers.model_texts import FRAMES, MEASURES

DIALECT = """\
name = "thing"
title = "A thing"
layout = "bthome_v2"
extends = "bthome_v2"
source = "made up"
repeat = "packet_id"
recognise = [{ service_data = "fcd2", name_prefix = "thing" }]
liveness.button = "event-only"
vectors = [
  { title = "a", payload = "403a01", local_name = "thing", status = "decoded", readings = [{ kind = "button", value = "press" }] },
  { title = "b", payload = "403a", local_name = "thing", status = "rejected", reason = "truncated" },
]
"""


def checked(text: str, stem: str = "thing") -> Checked:
    """The text beside the bundled models."""
    return check_model_file(text, stem, bundled_profiles)


@pytest.mark.parametrize("text", [MEASURES, DIALECT])
def test_a_good_file_is_counted(text: str) -> None:
    """How many known answers it has, and how many kinds."""
    found = checked(text)

    assert found.mistakes == []
    assert found.answers == 2
    assert found.kinds >= 3


def test_mistakes_of_form_are_told_before_the_others_are_read() -> None:
    """A bundled file that is faulty itself can be mended with the same command."""

    def others() -> list[object]:
        raise AssertionError

    found = check_model_file(MEASURES.replace("title", "titel", 1), "thing", others)  # type: ignore[arg-type]

    assert [mistake.line for mistake in found.mistakes] == [0, 2]


@pytest.mark.parametrize(
    ("text", "stem", "line", "words"),
    [
        (MEASURES, "thin", 1, "the model is thing, but the file thin: give both one name"),
        (MEASURES.replace('"thing"', '"pvvx"', 1), "pvvx", 1, "there is a model pvvx already"),
        (DIALECT.replace('extends = "bthome_v2"', 'extends = "shelly_blu"'), "thing", 4, "it can extend bthome_v2"),
        (DIALECT.replace('extends = "bthome_v2"', 'extends = "pvvx"'), "thing", 4, "but not pvvx"),
        (DIALECT.replace("liveness.button", "liveness.buton"), "thing", 8, "it has no kind buton"),
        (MEASURES.replace("25.06", "25.07"), "thing", 16, "instead of temperature = 25.07"),
        (MEASURES.replace('"a", payload = "40', '"a", payload = "41'), "thing", 16, "gives status rejected"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line(text: str, stem: str, line: int, words: str) -> None:
    """What is wrong beside the others is told like what is wrong alone."""
    found = [mistake for mistake in checked(text, stem).mistakes if words in mistake.sentence]

    assert [mistake.line for mistake in found] == [line], checked(text, stem).mistakes


def test_a_model_must_not_take_what_is_anothers() -> None:
    """An alternative that is too greedy would silence sensors that are understood today."""
    other = parse_profile(FRAMES, "thermo.toml")
    greedy = FRAMES.replace('"thermo"', '"greedy"').replace(
        'service_data = "1234"', 'service_data = "1234", name = "T"'
    )
    vector = other.vectors[0].title
    named = parse_profile(FRAMES.replace('title = "a",', 'title = "a", local_name = "T",'), "thermo.toml")

    found = check_model_file(
        greedy.replace('title = "a",', 'title = "a", local_name = "T",'), "greedy", lambda: [named]
    )

    assert Mistake(6, f'In `recognise`: it takes what is thermo\'s: "{vector}".') in found.mistakes
