"""The authority's mind over a real registry: who may connect, what operations are told to look at."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from cloud_sync.receiver.config import Limits
from cloud_sync.receiver.registrar import UNREACHABLE_ALARM_MS, Alarm, Office, Registrar
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import fields, keys
from zero_trust.credential import (
    Use,
    certificate_bytes,
    certificate_key,
    load_certificate,
    serial_bytes,
    validity_ms,
)
from zero_trust.lineage import DAY_MS
from zero_trust.policy import Standing
from zero_trust.reasons import Refused
from zero_trust.renewal import ask_renewal, ask_standing
from zero_trust.timekeeping import believe_time
from zero_trust.voucher import VoucherRow

IDENTITY, DATA = keys.generate_key(), keys.generate_key()
SITE = Site()


@dataclass
class Desk:
    """A registrar, its registry, and the time by which it works."""

    db: sqlite3.Connection
    registry: Registry
    registrar: Registrar
    now_ms: int = NOW_MS
    first: x509.Certificate = field(init=False)  # what the hub got at its first renewal

    def admitted(self, certificate: x509.Certificate | None = None) -> str:
        """The code with which the hub is refused at the broker; empty if it is admitted."""
        chain = (certificate or self.first, SITE.tls.certificate)
        return self.registrar.admit(chain, HUB.hub)[1].code

    def data_certificate(self) -> x509.Certificate:
        """Of the hub's data key, as the intake judges by it."""
        row = self.registry.hub(HUB.hub)
        assert row is not None
        return load_certificate(row.data_certificate)

    def renew(self, last: bytes = b"", key: keys.PrivateKey | None = None) -> tuple[x509.Certificate, str]:
        """What the hub gets that names ``last``: its certificate, and a code if it is held."""
        question = ask_renewal(
            IDENTITY, key or keys.generate_key(), HUB.hub, self.registrar.nonce(), last, bundle=1
        )
        answer = self.registrar.renew(question)
        assert isinstance(answer, bytes), answer
        certificate, _, held = fields.unpack(answer, (bytes, bytes, str))
        return load_certificate(certificate), held


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With one hub enrolled."""
    db = open_database(tmp_path / "lum.db")
    registry = Registry(db)
    office = Office("127.0.0.1", 8443, 8883, SITE.trust, {1: SITE.bundle}, SITE.tls, SITE.data)
    registrar = Registrar(office, registry, Limits(), clock_ms=lambda: made.now_ms, entropy=os.urandom)
    made = Desk(db, registry, registrar)
    voucher = VoucherRow("7K2M9QRS", HUB.home, b"mac key", NOW_MS)
    registry.add_voucher(voucher, NOW_MS)
    identity = keys.public_bytes(IDENTITY.public_key())
    certificate = certificate_bytes(SITE.leaf(DATA, HUB, Use.HUB_DATA))
    row = HubRow(HUB.hub, HUB.home, identity, certificate, Standing.ENROLLED, "", NOW_MS, NOW_MS)
    registry.enrol(row, voucher)
    made.first, _ = made.renew()
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
    assert (desk.registrar.may_connect(HUB.hub), desk.registrar.turned_out()) == (False, [])
    assert desk.registrar.alarms() == []
    desk.now_ms += UNREACHABLE_ALARM_MS
    assert desk.registrar.look()
    assert desk.registrar.alarms() == [Alarm("registry-unreachable", NOW_MS)]

    desk.db.execute("ALTER TABLE hub_away RENAME TO hub")
    assert desk.registrar.look() == ""
    assert (desk.admitted(), desk.registrar.alarms()) == ("", [])


def test_a_registry_that_takes_nothing_is_a_closed_door_and_an_alarm_as_well(desk: Desk) -> None:
    """As on a full disk, where all can be read: an admission that cannot be written down is none."""
    desk.db.execute("PRAGMA query_only = 1")

    assert desk.admitted() == "registry-unreachable"
    desk.now_ms += UNREACHABLE_ALARM_MS
    assert "readonly" in desk.registrar.look()
    assert desk.registrar.alarms() == [Alarm("registry-unreachable", NOW_MS)]

    desk.db.execute("PRAGMA query_only = 0")
    assert desk.registrar.look() == ""
    assert (desk.admitted(), desk.registrar.alarms()) == ("", [])


def test_a_hub_that_was_off_for_45_days_is_held_and_heard(desk: Desk) -> None:
    """It connects, operations see one alarm with the reason, and after the release all is as before."""
    desk.now_ms += 45 * DAY_MS

    certificate, held = desk.renew(serial_bytes(desk.first))

    assert held == "hub-quarantined"
    assert desk.admitted(certificate) == ""
    alarm = Alarm("hub-quarantined", desk.now_ms, HUB.hub, "it was off for 45 days")
    assert desk.registrar.alarms() == [alarm]
    assert desk.registrar.release(HUB.hub) is None
    assert desk.admitted(certificate) == "certificate-superseded"
    certificate, held = desk.renew(serial_bytes(certificate))
    assert (held, desk.admitted(certificate), desk.registrar.alarms()) == ("", "", [])
    assert desk.registrar.release(HUB.hub) == Refused("hub-not-held", HUB.hub)


def test_urgent_readings_of_a_held_hub_are_an_alarm_at_once_and_not_a_word_of_what_they_say(
    desk: Desk,
) -> None:
    """Those of before the hold are confirmed; routine ones can wait; once it is released there are none."""
    desk.now_ms += 45 * DAY_MS
    desk.renew(serial_bytes(desk.first))
    held_ms, [held] = desk.now_ms, desk.registrar.alarms()
    for seq, (stream, readings, at_ms) in enumerate(
        [
            (0, 9, held_ms - 1),
            (1, 9, held_ms + 1),
            (0, 0, held_ms + 2),
            (0, 1, held_ms + 3),
            (0, 2, held_ms + 9),
        ]
    ):
        desk.db.execute(
            "INSERT INTO batch (hub, epoch, stream, seq, digest, envelope, signed, readings, message_bytes,"
            " received_ms, counted, manifest_seq) VALUES (?, x'01', ?, ?, x'', x'', x'', ?, 0, ?, 1, 0)",
            (HUB.hub, stream, seq, readings, at_ms),
        )

    urgent, after = desk.registrar.alarms()

    assert after == held
    assert (urgent.code, urgent.since_ms, urgent.hub) == ("urgent-unconfirmed", held_ms + 3, HUB.hub)
    assert urgent.detail == "3 in home h-17, the last at 2027-03-01 08:00:00 UTC"
    desk.registrar.release(HUB.hub)
    assert desk.registrar.alarms() == []


def test_a_hub_that_was_off_for_200_days_is_refused_until_it_is_released(desk: Desk) -> None:
    """It may still ask why; a release makes it welcome again."""
    desk.now_ms += 200 * DAY_MS
    key, last = keys.generate_key(), serial_bytes(desk.first)

    question = ask_renewal(IDENTITY, key, HUB.hub, desk.registrar.nonce(), last, bundle=1)
    assert desk.registrar.renew(question) == Refused("hub-suspended", "off for 200 days")

    standing = desk.registrar.standing(ask_standing(IDENTITY, HUB.hub, desk.registrar.nonce(), bundle=1))
    assert isinstance(standing, dict)
    assert (standing["code"], standing["reason"]) == ("hub-suspended", "it was off for 200 days")
    assert [alarm.code for alarm in desk.registrar.alarms()] == ["hub-suspended"]
    assert desk.registrar.turned_out() == [HUB.hub]
    assert desk.registrar.release(HUB.hub) is None
    assert desk.renew(last)[1] == ""


def test_the_same_key_gets_the_same_certificate(desk: Desk) -> None:
    """An answer that was lost is given again; nothing forks."""
    key, last = keys.generate_key(), serial_bytes(desk.first)

    first, again = desk.renew(last, key), desk.renew(last, key)

    assert first == again
    assert first[0] != desk.first


def test_one_step_back_is_good_until_the_newer_one_was_seen(desk: Desk) -> None:
    """Whoever lost an answer is let in by the older certificate, and the one that was lost never serves."""
    lost, _ = desk.renew(serial_bytes(desk.first))
    assert desk.admitted() == ""

    second, held = desk.renew(serial_bytes(desk.first))

    assert held == ""
    assert desk.admitted(second) == ""
    assert desk.admitted(lost) == desk.admitted() == "certificate-superseded"


def test_two_holders_are_both_held_and_both_heard(desk: Desk) -> None:
    """The second to name the same certificate shows that there are two; the reason stays the first one."""
    copied, _ = desk.renew(serial_bytes(desk.first))
    assert desk.admitted(copied) == ""
    desk.now_ms += 1

    true, held = desk.renew(serial_bytes(desk.first))

    assert held == "hub-quarantined"
    assert (desk.admitted(copied), desk.admitted(true)) == ("", "")
    [alarm] = desk.registrar.alarms()
    assert "two holders" in alarm.detail
    desk.now_ms += 40 * DAY_MS
    assert desk.renew(serial_bytes(copied))[1] == "hub-quarantined"
    assert desk.registrar.alarms() == [alarm]


def test_a_hub_may_sign_for_as_long_as_it_renews(desk: Desk) -> None:
    """The certificate of its data key is renewed at half of its life, for the same key, unasked."""
    first = desk.data_certificate()
    desk.now_ms += 190 * DAY_MS // 2
    last, _ = desk.renew(serial_bytes(desk.first))
    assert desk.data_certificate() == first

    desk.now_ms += 110 * DAY_MS
    desk.renew(serial_bytes(last))

    second = desk.data_certificate()
    assert validity_ms(second)[1] >= desk.now_ms + 399 * DAY_MS
    assert certificate_key(second) == certificate_key(first) == DATA.public_key()


def test_the_time_is_told_to_anybody_under_a_certificate_that_never_runs_out(desk: Desk) -> None:
    """Whoever sends no nonce is refused by name."""
    nonce = bytes(16)
    for days in (0, 150, 450):
        desk.now_ms = NOW_MS + days * DAY_MS
        told = desk.registrar.time(nonce)
        assert isinstance(told, bytes)
        assert believe_time(told, SITE.trust, nonce, floor_ms=0, bounded=False) == desk.now_ms

    assert desk.registrar.time(b"short") == Refused("request-malformed", "a nonce of 5 bytes")
    assert desk.registry.refusals(1)[0].where == "time"
