"""The home's sensors and their keys on the disk."""

from __future__ import annotations

import stat
from itertools import pairwise
from pathlib import Path

import pytest

from device_profiles.role import Role
from edge_agent.adapters.sensor_store import SensorStore, read_key
from edge_agent.errors import AgentError, ConfigError
from edge_agent.roster import EMPTY, Entry, Roster

DOOR = Entry(
    address="C0:1A:00:00:00:05",
    name="Kitchen door",
    room="Kitchen",
    role=Role.ENTRANCE,
    model="bthome_v2",
    encrypted=True,
)
HOME = Roster(version=1, sensors=(DOOR,))
KEY = bytes(range(16))


@pytest.fixture
def store(tmp_path: Path) -> SensorStore:
    """The store of a hub that has just been unpacked."""
    return SensorStore(tmp_path / "state")


def kept(store: SensorStore) -> None:
    """Keep one door with its key."""
    with store.changing():
        store.keep_key(DOOR.address, KEY)
        store.keep(HOME)


def test_before_the_first_sensor_there_are_none(store: SensorStore) -> None:
    """A hub without sensors is no mistake."""
    assert store.roster() == EMPTY
    assert store.mark() is None


def test_what_is_kept_is_there(store: SensorStore) -> None:
    """Sensors and keys."""
    kept(store)

    assert store.roster() == HOME
    assert store.key(DOOR) == KEY


def test_everything_is_for_its_owner_alone(store: SensorStore, tmp_path: Path) -> None:
    """Files 0600 in directories 0700."""
    kept(store)

    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert modes == {
        "state": 0o700,
        "state/sensors.json": 0o600,
        "state/keys": 0o700,
        "state/keys/C01A00000005.key": 0o600,
    }


def test_each_change_is_noticed(store: SensorStore) -> None:
    """Also one that writes the same again, as a new key does."""
    marks = [store.mark()]
    for _ in range(3):
        kept(store)
        marks.append(store.mark())

    assert all(before != after for before, after in pairwise(marks))


def test_a_forgotten_key_is_gone(store: SensorStore, tmp_path: Path) -> None:
    """And forgetting one that never was is no mistake."""
    kept(store)

    with store.changing():
        store.forget_key(DOOR.address)
        store.forget_key(DOOR.address)

    assert list((tmp_path / "state" / "keys").iterdir()) == []


def test_a_sensor_whose_key_is_lost_is_not_believed_in_the_clear(store: SensorStore) -> None:
    """The list says that it encrypts: without its key the hub does not start."""
    kept(store)
    with store.changing():
        store.forget_key(DOOR.address)

    with pytest.raises(ConfigError, match="Kitchen door"):
        store.key(DOOR)


def test_a_list_that_others_can_read_or_that_is_damaged_is_refused(
    store: SensorStore, tmp_path: Path
) -> None:
    """Each time with the file's name."""
    kept(store)
    file = tmp_path / "state" / "sensors.json"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others") as caught:
        store.roster()
    assert caught.value.hint == f"Run: chmod 600 {file}"

    file.chmod(0o600)
    file.write_text("{")
    with pytest.raises(ConfigError, match=str(file)):
        store.roster()


def test_a_change_that_fails_leaves_all_as_it_was(store: SensorStore) -> None:
    """And the next command is not locked out."""
    kept(store)

    with pytest.raises(ZeroDivisionError), store.changing():
        _ = 1 // 0

    with store.changing() as roster:
        assert roster == HOME


def test_a_state_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "state").write_text("a file")

    with pytest.raises(AgentError, match="cannot be kept"), SensorStore(tmp_path / "state").changing():
        pass


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0o600, "cannot be read"),
        ("00" * 16, 0o644, "read by others"),
        ("zz" * 16, 0o600, "not hex"),
        ("00" * 15, 0o600, "15 bytes"),
        ("é" * 32, 0o600, "not hex"),
    ],
)
def test_a_key_that_is_brought_must_be_private_and_whole(
    tmp_path: Path, text: str | None, mode: int, said: str
) -> None:
    """A key that others can read, or that is no key, is refused before it is used."""
    file = tmp_path / "sensor.key"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)

    with pytest.raises(ConfigError, match=said) as caught:
        read_key(file)

    assert str(file) in str(caught.value)
