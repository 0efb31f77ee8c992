"""Links: who holds one may look, nobody can make or stretch one."""

from __future__ import annotations

import multiprocessing
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.portal.links import Link, link_name, make_link, read_link
from cloud_sync.portal.secret import portal_secret
from cloud_sync.receiver.config import Paths, ReceiverConfig
from zero_trust.errors import BadNameError, KeyStoreError

SECRET = bytes(range(32))
EXPIRES = 1_800_000_000_000
HOMES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=32)


@given(HOMES, st.integers(0, 2**63))
def test_a_link_says_which_home_and_until_when(home: str, expires_ms: int) -> None:
    """Run out or not: whether it still opens anything is for the desk to decide."""
    token = make_link(SECRET, home, expires_ms)

    assert read_link(SECRET, token) == Link(home, expires_ms, link_name(token))


def test_a_link_has_a_name_that_gives_nothing_away() -> None:
    """Each its own, and no part of the link."""
    tokens = [make_link(SECRET, "margaret", EXPIRES + later) for later in range(100)]

    assert len({link_name(token) for token in tokens}) == 100
    assert all(link_name(token).removeprefix("link-") not in token for token in tokens)


@given(st.data())
def test_no_changed_character_opens(data: st.DataObject) -> None:
    """Any other character anywhere, one more or one less, and it is no link of ours."""
    token = make_link(SECRET, "margaret", EXPIRES)
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters().filter(lambda c: c != token[place]))

    for changed in (
        token[:place] + character + token[place + 1 :],
        token[:place] + token[place + 1 :],
        token + character,
    ):
        assert read_link(SECRET, changed) is None


@given(st.text())
def test_made_up_tokens_are_refused(token: str) -> None:
    """Whatever stands in the address, the answer is a refusal, never an exception."""
    assert read_link(SECRET, token) is None


def test_another_secret_opens_nothing() -> None:
    """A link of another site is none of ours, expired or not."""
    token = make_link(bytes(32), "margaret", EXPIRES)

    assert read_link(SECRET, token) is None


def test_only_a_home_id_can_be_linked() -> None:
    """A home that cannot exist gets no link."""
    with pytest.raises(BadNameError):
        make_link(SECRET, "Margaret's", EXPIRES)


def site(directory: Path) -> ReceiverConfig:
    """A site in ``directory``."""
    return ReceiverConfig("site", "localhost", "127.0.0.1", paths=Paths(portal=directory / "portal"))


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """32 bytes, for the owner alone, the same ones ever after."""
    secret = portal_secret(site(tmp_path))

    assert len(secret) == 32
    assert portal_secret(site(tmp_path)) == secret
    assert (tmp_path / "portal/secret").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    """Portal and command line may both be first: whoever is, the other reads it."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        secrets = pool.map(portal_secret, [site(tmp_path)] * 8, chunksize=1)

    assert len(set(secrets)) == 1


@pytest.mark.parametrize(("content", "mode"), [(bytes(31), 0o600), (bytes(32), 0o644)])
def test_a_damaged_or_open_secret_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    """A short file, or one that others can read, makes no links."""
    path = tmp_path / "portal/secret"
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(KeyStoreError):
        portal_secret(site(tmp_path))
