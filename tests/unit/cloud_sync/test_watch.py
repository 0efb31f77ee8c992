"""The watch over a real store: what it writes, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.receiver.store.homes import Judged
from cloud_sync.receiver.watch import look
from tests.helpers.seeded_home import HUB, MINUTE, ORDINARY, SeededHome
from zero_trust.policy import Standing

NOW = 1_800_000_000_000
LATER = NOW + 2_000
THERMOMETER = ORDINARY[0]
ADDRESS = THERMOMETER.sensor.address


@pytest.fixture
def seeded(tmp_path: Path) -> SeededHome:
    """A home with one watched thermometer."""
    home = SeededHome(tmp_path / "lum.db", NOW)
    home.beat()
    home.tell([THERMOMETER])
    return home


def test_a_look_writes_verdicts_and_its_time(seeded: SeededHome) -> None:
    """What it found and when it looked are in the store."""
    assert seeded.homes.evaluated_ms() is None

    changed = look(seeded.homes, lambda: NOW)

    assert changed == [Judged("margaret", ADDRESS, Verdict(State.WATCHING, Cause.PROVEN, NOW))]
    assert seeded.homes.evaluated_ms() == NOW
    assert seeded.homes.home("margaret").sensors[0].verdict == changed[0].verdict


def test_a_look_that_finds_nothing_new_writes_only_its_time(seeded: SeededHome) -> None:
    """Verdicts that hold are left alone, their "since" with them."""
    look(seeded.homes, lambda: NOW)

    assert look(seeded.homes, lambda: LATER) == []
    assert seeded.homes.evaluated_ms() == LATER


def test_a_sensor_that_breaks_its_contract_goes_blind(seeded: SeededHome) -> None:
    """The hub's statement decides, from when the sensor was last heard."""
    look(seeded.homes, lambda: NOW)
    seeded.now_ms = LATER
    seeded.tell([replace(THERMOMETER, readings=(), kept=False, heard_ago_ms=4 * MINUTE)])

    changed = look(seeded.homes, lambda: LATER)

    assert changed[0].verdict == Verdict(State.BLIND, Cause.SENSOR_SILENT, LATER - 4 * MINUTE)


def test_a_hub_that_says_nothing_more_goes_blind_in_180_s(seeded: SeededHome) -> None:
    """A dead hub needs no goodbye; it is blind since its last heartbeat, and watched again with the next."""
    look(seeded.homes, lambda: NOW)

    looks = iter(range(NOW, NOW + 180_001, 20_000))
    quiet = [look(seeded.homes, lambda: next(looks)) for _ in range(10)]
    (lost,) = look(seeded.homes, lambda: NOW + 180_001)
    seeded.now_ms = NOW + 5 * MINUTE
    seeded.beat()
    (found,) = look(seeded.homes, lambda: NOW + 5 * MINUTE)

    assert not any(quiet)
    assert lost.verdict == Verdict(State.BLIND, Cause.HUB_SILENT, NOW)
    assert found.verdict == Verdict(State.WATCHING, Cause.PROVEN, NOW + 5 * MINUTE)


def test_a_revoked_hub_goes_blind_at_once(seeded: SeededHome) -> None:
    """Its standing is read at every look."""
    look(seeded.homes, lambda: NOW)
    seeded.registry.stand(HUB, Standing.REVOKED, "stolen", NOW + 1)

    (changed,) = look(seeded.homes, lambda: LATER)

    assert changed.verdict == Verdict(State.BLIND, Cause.HUB_REVOKED, NOW + 1)


@pytest.mark.parametrize("standing", [Standing.QUARANTINED, Standing.SUSPENDED])
def test_a_hub_that_is_held_leaves_its_home_blind(seeded: SeededHome, standing: Standing) -> None:
    """What it says is kept, and nothing is claimed on its word until somebody has confirmed it."""
    look(seeded.homes, lambda: NOW)
    seeded.registry.stand(HUB, standing, "it was off for 45 days", NOW + 1)

    (changed,) = look(seeded.homes, lambda: LATER)
    seeded.registry.release(HUB, LATER)
    (again,) = look(seeded.homes, lambda: LATER)

    assert changed.verdict == Verdict(State.BLIND, Cause.HUB_HELD, NOW + 1)
    assert again.verdict.state is State.WATCHING


def test_a_hub_of_another_home_proves_nothing(seeded: SeededHome) -> None:
    """Whatever the rows say: only a hub enrolled for this home speaks for its sensors."""
    seeded.db.execute("UPDATE hub SET home = 'flat-3'")

    (changed,) = look(seeded.homes, lambda: NOW)

    assert changed.verdict == Verdict(State.BLIND, Cause.HUB_UNKNOWN, NOW)
