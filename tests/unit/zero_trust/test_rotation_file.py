"""A roll-over in a site's directory: the power may fail before any write, and there is the old state or the new one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cloud_sync.receiver.config import load_config
from cloud_sync.receiver.office import open_office
from tests.helpers.trust import NOW_MS
from zero_trust import keystore, rotation_file
from zero_trust.credential import certificate_key
from zero_trust.keystore import load_certificates
from zero_trust.rotation import Rotation, rotate
from zero_trust.site import make_site
from zero_trust.site_files import load_bundles, newest_version


class PowerCutError(Exception):
    """The power fails."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A new site."""
    make_site(tmp_path / "site", site="demo", host="127.0.0.1", now_ms=NOW_MS, entropy=os.urandom)
    return tmp_path / "site"


def rolled(site: Path) -> Rotation:
    """The next roll-over, not in place."""
    return rotate(
        load_bundles(site / "authority"),
        rotation_file.root_keys([site / "root"]),
        roots=1,
        threshold=None,
        now_ms=NOW_MS,
        entropy=os.urandom,
    )


def sound(site: Path) -> int:
    """The authority starts with what is there; gives the version of its bundle."""
    office = open_office(load_config(site / "receiver.toml"))
    for issuer, named in ((office.tls, office.trust.tls), (office.data, office.trust.data)):
        assert issuer.key.public_key() == certificate_key(named)
    for holder in ("authority", "broker", "intake"):
        assert set(load_certificates(site / holder / "ca.pem")) >= set(office.trust.roots)
    return office.trust.version


def test_a_roll_over_leaves_what_is_needed_and_nothing_else(site: Path) -> None:
    """New keys beside the root's, the new issuing keys, the roots of both; the old issuing keys are gone."""
    made = rotation_file.apply(site, rolled(site))

    assert [file.name for file in made] == ["root-2-1.key"]
    assert sound(site) == 2
    assert sorted(file.name for file in (site / "authority").glob("*-ca*")) == [
        "data-ca-2.crt",
        "data-ca-2.key",
        "tls-ca-2.crt",
        "tls-ca-2.key",
    ]
    rotation_file.apply(site, rolled(site))
    assert sound(site) == 3
    for holder in ("authority", "broker", "intake"):
        assert len(load_certificates(site / holder / "ca.pem")) == 2


def test_the_power_may_fail_before_any_write(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site starts with the old bundle or the new one, and the next attempt succeeds."""
    write = keystore.write_file
    versions = []
    for at in range(40):
        copy = tmp_path / f"at-{at}"
        shutil.copytree(site, copy)
        left = at

        def failing(path: Path, content: bytes, mode: int) -> None:
            nonlocal left
            if left == 0:
                raise PowerCutError
            left -= 1
            write(path, content, mode)

        rotation = rolled(copy)
        monkeypatch.setattr(keystore, "write_file", failing)
        try:
            rotation_file.apply(copy, rotation)
            cut = False
        except PowerCutError:
            cut = True
        monkeypatch.setattr(keystore, "write_file", write)
        versions.append(sound(copy))
        rotation_file.apply(copy, rolled(copy))
        assert sound(copy) == versions[-1] + 1
        if not cut:
            break

    assert not cut
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}
    assert newest_version(copy / "authority") == 3
