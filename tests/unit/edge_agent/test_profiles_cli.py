"""``lum-hub profiles``: list, show, check."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from device_profiles.catalogue import bundled_profiles
from device_profiles.errors import ProfileError
from edge_agent.errors import ConfigError
from edge_agent.profiles_cli import profiles
from tests.helpers.model_texts import MEASURES

MODELS = Path(str(resources.files("device_profiles").joinpath("models")))


def run(*words: str) -> Result:
    """The group by itself; errors for people come as they are raised."""
    return CliRunner().invoke(profiles, words, standalone_mode=False, env={"COLUMNS": "100"})


def test_the_list_has_a_line_for_each_model() -> None:
    """Under one head."""
    lines = run("list").stdout.splitlines()

    assert lines[0].split() == ["MODEL", "TITLE", "PRODUCTS", "ENCRYPTED", "NEEDS", "ALIVE"]
    assert [line.split()[0] for line in lines[1:]] == sorted(
        one.name for one in bundled_profiles() if one.recognise
    )


def test_what_stands_on_the_box_is_shown_first() -> None:
    """Who asks for one of many products sees it named."""
    (_, line) = run("list", "meter", "w3700000").stdout.splitlines()

    assert line.startswith("switchbot_meter")
    assert "W3700000" in line
    assert " more" in line


def test_the_list_for_machines_has_all_products() -> None:
    """Nothing is shortened there."""
    (meter,) = json.loads(run("list", "--json", "switchbot_meter").stdout)

    assert "W3700000" in meter["products"]
    assert meter["needs_active_scan"] is True


def test_who_finds_nothing_is_told_what_to_do() -> None:
    """Perhaps it is heard under another name; perhaps it is a new model."""
    told = run("list", "flux", "compensator")

    assert told.exit_code == 0
    assert told.stdout.startswith("No model matches flux compensator.")
    assert "lum-hub sensors scan" in told.stdout
    assert json.loads(run("list", "--json", "flux compensator").stdout) == []


def test_a_model_is_shown_for_people_and_for_machines() -> None:
    """Heads with folded lines, then a table of its kinds; or one object."""
    shown = run("show", "pvvx").stdout
    facts = json.loads(run("show", "pvvx", "--json").stdout)

    assert "Recognised by  service data 181a\n" in shown
    assert "temperature  °C in steps of 0.01  -60 to 125" in shown
    assert max(len(line) for line in shown.splitlines()) < 100
    assert facts["model"] == "pvvx"
    assert facts["says"][0]["resolution"] == 0.01


def test_a_model_that_is_not_there_is_an_error_with_a_way_out() -> None:
    """One sentence, and where to look."""
    error = run("show", "pvxv").exception

    assert isinstance(error, click.UsageError)
    assert str(error) == "There is no model pvxv. See: lum-hub profiles list"


@pytest.mark.parametrize("file", sorted(MODELS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_bundled_file_is_good(file: Path) -> None:
    """It stands beside all others, and is not taken for a second of its name."""
    checked = run("check", str(file))

    assert checked.stdout.startswith(f"{file} is good: "), checked.stdout
    assert checked.exit_code == 0


def test_a_new_file_is_checked(tmp_path: Path) -> None:
    """Good, it is counted; else each mistake is a line and the exit code is 1."""
    file = tmp_path / "thing.toml"
    file.write_text(MEASURES, "utf-8")
    assert run("check", str(file)).stdout == f"{file} is good: 2 known answers, 3 kinds.\n"

    file.write_text(MEASURES.replace("title", "titel", 1).replace("int16", "int17"), "utf-8")
    checked = run("check", str(file))

    assert checked.exit_code == 1
    lines = checked.stdout.splitlines()
    assert lines[:2] == [
        f"{file}: `title` is missing.",
        f"{file}:2: In `titel`: there is no key `titel` (`title`?).",
    ]
    assert lines[2].startswith(f"{file}:11: In `objects[1].type`: 'int17' is not among uint8, ")


def test_a_copy_of_a_bundled_file_is_a_second_of_its_name(tmp_path: Path) -> None:
    """Two files of one name would not be told apart."""
    file = tmp_path / "pvvx.toml"
    file.write_text(MODELS.joinpath("pvvx.toml").read_text("utf-8"), "utf-8")

    assert run("check", str(file)).stdout == f"{file}:3: In `name`: there is a model pvvx already.\n"


def test_a_file_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    """As a mistake like any other."""
    file = tmp_path / "thing.toml"
    file.write_bytes(b"\xff\xfe")

    assert run("check", str(file)).stdout == f"{file}: This is no text in UTF-8.\n"


def test_a_faulty_bundled_file_is_an_error_elsewhere_and_a_mistake_in_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands say which file to mend, and checking that file says where."""
    message = "other.toml, line 3: In `name`: it is wrong."

    def faulty() -> None:
        raise ProfileError(message, hint="Correct the file.")

    monkeypatch.setattr("edge_agent.profiles_cli.bundled_profiles", faulty)
    monkeypatch.setattr("device_profiles.catalogue.bundled_profiles", faulty)
    good, bad = tmp_path / "thing.toml", tmp_path / "bad.toml"
    good.write_text(MEASURES, "utf-8")
    bad.write_text(MEASURES.replace("title", "titel", 1), "utf-8")

    for words in (("list",), ("show", "pvvx"), ("check", str(good))):
        error = run(*words).exception
        assert isinstance(error, ConfigError)
        assert str(error) == message
    assert run("check", str(bad)).exit_code == 1
