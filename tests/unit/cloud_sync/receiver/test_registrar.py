"""The authority's mind over a real registry: who may connect, what operations are told to look at."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud_sync.receiver.config import Limits
from cloud_sync.receiver.registrar import UNREACHABLE_ALARM_MS, Alarm, Office, Registrar
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import keys
from zero_trust.credential import Use
from zero_trust.policy import Standing
from zero_trust.reasons import Refused
from zero_trust.voucher import VoucherRow

IDENTITY, TLS = keys.generate_key(), keys.generate_key()
SITE = Site()
CHAIN = (SITE.leaf(TLS, HUB, Use.HUB_TLS), SITE.tls.certificate)


@dataclass
class Desk:
    """A registrar, its registry, and the time by which it works."""

    db: sqlite3.Connection
    registry: Registry
    registrar: Registrar
    now_ms: int = NOW_MS

    def admitted(self) -> str:
        """The code with which the hub is refused at the broker; empty if it is admitted."""
        return self.registrar.admit(CHAIN, HUB.hub)[1].code


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With one hub enrolled."""
    db = open_database(tmp_path / "lum.db")
    registry = Registry(db)
    office = Office("127.0.0.1", 8443, 8883, SITE.trust, SITE.tls, SITE.data)
    registrar = Registrar(office, registry, Limits(), clock_ms=lambda: made.now_ms, entropy=os.urandom)
    made = Desk(db, registry, registrar)
    voucher = VoucherRow("7K2M9QRS", HUB.home, b"mac key", NOW_MS)
    registry.add_voucher(voucher)
    identity = keys.public_bytes(IDENTITY.public_key())
    row = HubRow(HUB.hub, HUB.home, identity, b"certificate", Standing.ENROLLED, "", NOW_MS, NOW_MS)
    registry.enrol(row, voucher)
    return made


def test_a_revoked_hub_is_out_until_it_is_restored(desk: Desk) -> None:
    """Its row says why and since when; only what was revoked can be restored."""
    assert desk.admitted() == ""
    assert desk.registrar.restore(HUB.hub) == Refused("hub-not-revoked", HUB.hub)

    assert desk.registrar.revoke(HUB.hub, "stolen") is None

    assert (desk.admitted(), desk.registrar.turned_out()) == ("hub-revoked", [HUB.hub])
    assert not desk.registrar.may_connect(HUB.hub)
    assert desk.registrar.restore(HUB.hub) is None
    assert (desk.admitted(), desk.registrar.turned_out()) == ("", [])
    assert desk.registrar.may_connect(HUB.hub)


def test_a_hub_that_nobody_knows_can_be_neither_revoked_nor_restored(desk: Desk) -> None:
    """Nor may it connect."""
    assert desk.registrar.revoke("a" * 13, "lost") == Refused("hub-unknown", "a" * 13)
    assert desk.registrar.restore("a" * 13) == Refused("hub-not-revoked", "a" * 13)
    assert not desk.registrar.may_connect("a" * 13)


def test_a_registry_that_cannot_be_read_is_a_closed_door_and_after_a_minute_an_alarm(desk: Desk) -> None:
    """And neither is left once it can be read again."""
    desk.db.execute("ALTER TABLE hub RENAME TO hub_away")

    assert desk.registrar.look() == "no such table: hub"
    assert desk.admitted() == "registry-unreachable"
    assert desk.registrar.alarms() == []
    desk.now_ms += UNREACHABLE_ALARM_MS
    assert desk.registrar.look()
    assert desk.registrar.alarms() == [Alarm("registry-unreachable", NOW_MS)]

    desk.db.execute("ALTER TABLE hub_away RENAME TO hub")
    assert desk.registrar.look() == ""
    assert (desk.admitted(), desk.registrar.alarms()) == ("", [])
