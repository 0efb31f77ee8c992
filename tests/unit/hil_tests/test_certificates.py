"""The rig's certificates that end too soon are, but for that, the site's own."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest

from hil_tests.rig.certificates import ending, shorten
from zero_trust.credential import Use, certificate_key, verify
from zero_trust.errors import CredentialError
from zero_trust.keystore import load_certificates, load_key
from zero_trust.site import make_site

SITE = "demo"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's directory."""
    directory = tmp_path_factory.mktemp("site") / "site"
    make_site(directory, site=SITE, host="127.0.0.1", now_ms=_now_ms(), entropy=os.urandom)
    return directory


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _believed(site: Path, now_ms: int) -> str:
    root = load_certificates(site / "root" / "root.crt")[0]
    chain = load_certificates(site / "intake" / "receipt.crt")
    return verify(chain, root=root, site=SITE, use=Use.RECEIPT, now_ms=now_ms).uri


def test_a_shortened_certificate_has_expired_and_nothing_else_is_wrong_with_it(site: Path) -> None:
    """A minute before its end it is believed, after it it is refused for that reason; put back it is good again."""
    name, ended = _believed(site, _now_ms()), dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    shortened = shorten(site / "intake" / "receipt.crt", site / "authority" / "data-ca.key", ended)
    assert _believed(site, round(ended.timestamp() * 1000) - 30_000) == name
    with pytest.raises(CredentialError) as refusal:
        _believed(site, _now_ms())
    assert refusal.value.code == "certificate-expired"
    shortened.put_back()
    assert _believed(site, _now_ms()) == name


def test_it_speaks_for_the_same_key_under_the_same_name(site: Path) -> None:
    """So that whoever holds the key need not be told."""
    before = load_certificates(site / "broker" / "server.crt")[0]
    key = load_key(site / "authority" / "tls-ca.key")
    after = ending(before, key, before.not_valid_before_utc + dt.timedelta(seconds=90))
    assert certificate_key(after) == certificate_key(before)
    assert list(after.extensions) == list(before.extensions)
    assert after.not_valid_after_utc == before.not_valid_before_utc.replace(microsecond=0) + dt.timedelta(
        seconds=90
    )
