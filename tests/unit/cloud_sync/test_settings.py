"""How a site gets a hub to leave something out, and what it believes of it: on a real store and with real keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.receiver.store.settings import Stand
from cloud_sync.sync.heeding import Heeding
from cloud_sync.sync.session import session_key, session_name
from cloud_sync.wire import message as wire
from cloud_sync.wire.setting import (
    SETTING_TAG,
    TAKEN_TAG,
    Pause,
    Setting,
    decode_setting,
    encode_taken,
)
from tests.helpers.intake import BOOT, EPOCH, Intake, fresh_intake
from tests.helpers.trust import HUB, NOW_MS
from zero_trust.envelope import sign_tagged, verify_tagged

HOUR = 3_600_000
WHOLE = Pause(NOW_MS, NOW_MS + HOUR, ("help", "hazard"))
SHORT = Pause(NOW_MS, NOW_MS + 60_000, ("help",))


@dataclass
class Hub:
    """The one hub, with what it goes by; what comes down is verified as it would."""

    intake: Intake

    def __post_init__(self) -> None:
        self.heeding = Heeding(HUB.site, HUB.hub)
        self.counter = 0
        self.greet()

    def greet(self, nonce: bytes = bytes(16)) -> None:
        """Open a session."""
        private = X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        hello = wire.Hello(HUB.site, HUB.hub, EPOCH, nonce, public, BOOT, (0, 0))
        signed = sign_tagged(self.intake.hub_key, wire.HELLO_TAG, wire.encode_hello(hello))
        assert wire.Kind.CURSOR in self.intake.hand_in(wire.framed(wire.Kind.HELLO, signed))
        self.key = session_key(private, self.intake.keys.site.public_key(), nonce)

    def account(self, refused: str = "", counter: int | None = None) -> bytes:
        """What it would send now."""
        self.counter += 1
        taken = self.heeding.account(session_name(self.key), counter or self.counter, refused)
        signed = sign_tagged(self.intake.hub_key, TAKEN_TAG, encode_taken(taken))
        return wire.framed(wire.Kind.TAKEN, signed)

    def give_account(self, refused: str = "") -> list[Setting]:
        """Send it; the settings that come down."""
        return self.read(self.intake.answers(self.account(refused)))

    def push(self) -> list[Setting]:
        """What the site sends by itself."""
        return self.read(self.intake.service.push(NOW_MS + 2_000))

    def read(self, answers: list) -> list[Setting]:  # type: ignore[type-arg]
        """The settings among answers, believed as the hub would."""
        found = []
        for answer in answers:
            assert wire.kind_of(answer.payload) is wire.Kind.SETTING
            public = self.intake.keys.receipt.public_key()
            setting = decode_setting(verify_tagged(public, SETTING_TAG, answer.payload[1:]))
            assert self.heeding.refusal(setting, session_name(self.key)) == ""
            found.append(setting)
        return found

    def want(self, *pauses: Pause) -> None:
        """Somebody at the site wants it to leave this out."""
        with self.intake.batches.transaction():
            self.intake.batches.settings.want(HUB.hub, pauses)

    @property
    def stand(self) -> Stand:
        """What the site believes."""
        return self.intake.batches.settings.stand(HUB.hub)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Fresh, with a session."""
    with fresh_intake(tmp_path / "lum.db") as intake:
        yield Hub(intake)


def test_a_setting_is_sent_until_the_hub_says_that_it_goes_by_it(hub: Hub) -> None:
    """Asked for is not in force: that is the hub's word alone."""
    assert hub.give_account() == []
    hub.want(WHOLE)
    [setting] = hub.push()
    assert (setting.number, setting.pauses, hub.stand.pauses) == (1, (WHOLE,), ())
    assert hub.push() == []  # once for each change; then at each heartbeat
    assert [one.pauses for one in hub.read(hub.intake.answers(_beat(hub)))] == [(WHOLE,)]

    hub.heeding.setting = setting
    assert hub.give_account() == []
    assert (hub.stand.confirmed, hub.stand.pauses, hub.stand.since_ms) == (True, (WHOLE,), NOW_MS + 1_000)
    assert hub.intake.answers(_beat(hub, 2)) == []


def _beat(hub: Hub, counter: int = 1) -> bytes:
    return wire.encode_heartbeat(wire.Heartbeat(counter, 0, 0, (0, 0)), hub.key)


def test_a_hub_that_lost_its_setting_gets_it_again(hub: Hub) -> None:
    """An older image of its card was put back."""
    hub.want(SHORT)
    [older] = hub.push()
    hub.want(WHOLE)
    [newer] = hub.push()
    hub.heeding.setting = newer
    hub.give_account()

    hub.heeding.setting = older
    assert [one.pauses for one in hub.give_account()] == [(WHOLE,)]
    assert hub.stand.pauses == (SHORT,)


def test_a_refusal_is_an_incident_and_is_not_answered_at_once(hub: Hub) -> None:
    """Else a forger on the wire would keep both ends busy."""
    hub.want(WHOLE)
    hub.push()

    assert hub.give_account("setting-not-believed") == []
    assert [one["code"] for one in hub.intake.batches.incidents()] == ["setting-not-believed"]
    assert hub.stand.refused == "setting-not-believed"
    hub.give_account("no such code")
    assert hub.intake.batches.incidents()[0]["code"] == "setting-malformed"


def test_an_account_that_was_heard_before_or_of_another_session_is_not_believed(hub: Hub) -> None:
    """So nobody can play back that a hub is paused, or that it is not."""
    before = hub.account()
    hub.intake.answers(before)
    assert hub.intake.hand_in(before) == [wire.Kind.REFUSAL]
    later = hub.account()
    hub.greet(b"\1" * 16)
    assert hub.intake.hand_in(later) == [wire.Kind.REFUSAL]

    assert hub.intake.codes() == ["account-not-believed"] * 2


def test_a_hub_ahead_of_a_restored_store_is_believed_and_its_pauses_are_kept(hub: Hub) -> None:
    """A resident's pause does not end because we lost our memory of it."""
    hub.want(SHORT)
    [known] = hub.push()
    hub.heeding.setting = Setting(1, HUB.site, HUB.hub, known.session, 7, NOW_MS, (SHORT, WHOLE))

    assert hub.give_account() == []
    assert (hub.stand.number, hub.stand.wanted) == (7, (SHORT, WHOLE))
    assert [one["code"] for one in hub.intake.batches.incidents()] == ["setting-ahead"]
    kept = hub.intake.db.execute("SELECT home, stays, asked_by, until_ms FROM pause").fetchall()
    assert [tuple(row) for row in kept] == [(HUB.home, "help hazard", "hub", WHOLE.until_ms)]
    hub.want()
    assert [one.number for one in hub.push()] == [8]


def test_what_a_hub_leaves_out_is_in_the_audit_when_it_changes(hub: Hub) -> None:
    """Not each time it says so."""
    hub.give_account()
    hub.heeding.own = (WHOLE,)
    hub.give_account()
    hub.give_account()

    rows = [row.facts for row in hub.intake.registry.audit.rows() if row.kind == "setting"]
    assert [(one["hub"], one["number"], one["own"]) for one in rows] == [(HUB.hub, 0, 1)]
    assert hub.stand.own == (WHOLE,)
