"""A secret is found however it is written and wherever it lies, except where it is at home."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.leaks import Secret, key_bytes, leaks, leaks_under, private_bytes, secrets_of
from zero_trust import keys
from zero_trust.keystore import key_pem, save_key

SECRETS = st.binary(min_size=16, max_size=32).map(lambda raw: b"\x97" + raw)
AROUND = st.binary(max_size=40)
LOG = PurePath("hub.log")


@given(SECRETS, AROUND, AROUND)
def test_whatever_form_it_takes_it_is_found(raw: bytes, before: bytes, after: bytes) -> None:
    """In any base64 that it is part of, broken into lines or escaped; in hex of any case; as Python prints it."""
    secret, whole = Secret("a key", raw), before + raw + after
    encoded = base64.b64encode(whole)
    for written in (
        whole,
        before + raw.hex().encode() + after,
        before + raw.hex().upper().encode(),
        raw.hex(":").encode(),
        encoded,
        base64.urlsafe_b64encode(whole),
        base64.encodebytes(whole),
        json.dumps(base64.encodebytes(whole).decode()).encode(),
        repr({"key": raw})[1:].encode(),
        str(int.from_bytes(raw)).encode() + b".",
    ):
        assert list(leaks([secret], written, LOG)), written


@given(st.binary(max_size=200))
def test_it_is_not_found_where_it_is_not(content: bytes) -> None:
    """No false alarm on other bytes."""
    assert not list(leaks([Secret("a key", os.urandom(32))], content, LOG))


def test_a_pem_of_the_key_is_found() -> None:
    """As it lies in its own file, printed, indented, and as one line of JSON."""
    key = keys.generate_key()
    secret, pem = Secret("a key", private_bytes(key)), key_pem(key)
    for written in (pem, b"  " + pem.replace(b"\n", b"\n  "), json.dumps({"key": pem.decode()}).encode()):
        assert list(leaks([secret], written, LOG))
    assert key_bytes(pem) == secret.raw


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("hub/state/identity.key", True),
        ("twin/state/identity.key", True),
        ("disk/graves/17", True),
        ("machine/card.img", True),
        ("calls-4", True),
        ("hub/state/outbox.db", False),
        ("hub/state/data.key", False),
        ("site/store/lum.db", False),
        ("site/authority/identity.key", False),
        ("nodes/button/settings.json", False),
        ("hub.log", False),
        ("receiver.log", False),
    ],
)
def test_a_key_is_at_home_in_its_own_file_alone(path: str, home: bool) -> None:
    """Not in another of the same party, and not with another party."""
    assert Secret("k", bytes(32), "hub", "identity.key").at_home(PurePath(path)) is home


def test_a_run_that_left_a_key_somewhere_is_told_where(tmp_path: Path) -> None:
    """Which file, whose key, written how; and not the key."""
    key = keys.generate_key()
    save_key(tmp_path / "hub/state/identity.key", key)
    (tmp_path / "hub/state/keys").mkdir()
    (tmp_path / "hub/state/keys/C0.key").write_text("00112233445566778899aabbccddeeff\n")
    (tmp_path / "site/portal").mkdir(parents=True)
    (tmp_path / "site/portal/secret").write_bytes(b"a secret of 32 bytes, or nearly!")
    voucher = "LUM1:h:8443:GE4DJ49T:5CGNEDS0-5E:6BZA5ZV72ERT1BTZ134RFVQYDB"
    known = secrets_of(tmp_path, [voucher])
    assert [one.what for one in known] == [
        "the hub's identity.key",
        "the hub's C0.key",
        "the site's secret",
        "the code of a voucher",
    ]
    assert leaks_under(tmp_path, known) == []

    (tmp_path / "hub.log").write_text(f"made {private_bytes(key).hex()}\nenrols with 5cgneds0\n")
    (tmp_path / "site/lum.db").write_bytes(b"\0" + bytes.fromhex("00112233445566778899aabbccddeeff"))

    found = leaks_under(tmp_path, known)
    assert found == [
        "hub.log holds the hub's identity.key (hex).",
        "hub.log holds the code of a voucher (lower case).",
        "site/lum.db holds the hub's C0.key (raw).",
    ]
