"""What the house promises beyond what linters see."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge_agent", "device_profiles", "cloud_sync", "zero_trust", "hil_tests")
FILE_MAX_LINES = 600
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LINKS = re.compile(r"[\w./-]+/README\.md")


def _sources() -> list[Path]:
    return [file for package in (*PACKAGES, "tests") for file in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_explains_itself(package: str) -> None:
    """A README that begins with a title; a newcomer starts there."""
    readme = ROOT / package / "README.md"

    assert readme.exists(), f"{package} has no README.md"
    assert readme.read_text(encoding="utf-8").startswith("# ")


def test_what_people_are_told_to_read_exists() -> None:
    """A hint that names a README names one that is there."""
    named = {match for file in _sources() for match in LINKS.findall(file.read_text(encoding="utf-8"))}

    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_nothing_is_left_for_later() -> None:
    """No mark in any comment says that work was put off."""
    put_off = [
        f"{file.relative_to(ROOT)}:{token.start[0]}"
        for file in _sources()
        for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline)
        if token.type == tokenize.COMMENT and MARKS.search(token.string)
    ]

    assert put_off == []


def test_files_stay_readable() -> None:
    """Beyond so many lines a file has more than one duty."""
    long = {
        str(file.relative_to(ROOT)): lines
        for file in _sources()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > FILE_MAX_LINES
    }

    assert long == {}


def test_each_command_is_one_that_exists() -> None:
    """The four commands of the project, each a function of its own package."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert set(scripts) == {"lum-hub", "lum-receiver", "lum-trust", "lum-hil"}
    for target in scripts.values():
        module, function = target.split(":")
        source = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        assert f"def {function}(" in source.read_text(encoding="utf-8")
