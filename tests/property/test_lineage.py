"""A hub, perhaps a copy of it, and the authority: whatever is lost on the way, whenever the power fails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_sync.receiver.config import Limits
from cloud_sync.receiver.registrar import Office, Registrar
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site
from zero_trust import fields, keys
from zero_trust.credential import Use, certificate_bytes, load_certificate, serial_bytes
from zero_trust.policy import Standing
from zero_trust.renewal import ask_renewal
from zero_trust.voucher import VoucherRow

IDENTITY = keys.generate_key()
SITE = Site()
OFFICE = Office("127.0.0.1", 8443, 8883, SITE.trust, {1: SITE.bundle}, SITE.tls, SITE.data)
FATES = ("arrives", "question lost", "answer lost", "cut before it is kept", "cut after it is kept")
fates, holders = st.sampled_from(FATES), st.sampled_from(["true", "copy"])


@dataclass
class Holder:
    """Somebody with the identity key: a card, and what is in memory until the power fails."""

    kept: bytes = b""
    key: keys.PrivateKey | None = None
    held: x509.Certificate | None = None

    def power_cut(self) -> None:
        """Only the card remembers."""
        self.key = self.held = None


class Lines(RuleBasedStateMachine):
    """One hub alone is never suspected; two are always found out; nobody is ever silenced."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW_MS
        self.db = open_database(Path(":memory:"))
        self.registry = Registry(self.db)
        self.registrar = Registrar(
            OFFICE, self.registry, Limits(), clock_ms=lambda: self.now_ms, entropy=os.urandom
        )
        identity = keys.public_bytes(IDENTITY.public_key())
        data = certificate_bytes(SITE.leaf(IDENTITY, HUB, Use.HUB_DATA))
        row = HubRow(HUB.hub, HUB.home, identity, data, Standing.ENROLLED, "", NOW_MS, NOW_MS)
        self.registry.enrol(row, VoucherRow("voucher", HUB.home, b"", 0))
        self.holders = {"true": Holder()}

    def teardown(self) -> None:
        """Let go of the store."""
        self.db.close()

    @rule(who=holders, fate=fates)
    def ask(self, who: str, fate: str) -> None:
        """Ask for a certificate; an answer is always a certificate, also in quarantine."""
        holder = self.holders.get(who)
        if holder is None or fate == "question lost":
            return
        holder.key = holder.key or keys.generate_key()
        last = serial_bytes(holder.held) if holder.held else holder.kept
        question = ask_renewal(IDENTITY, holder.key, HUB.hub, self.registrar.nonce(), last, bundle=1)
        answer = self.registrar.renew(question)
        assert isinstance(answer, bytes), answer
        if fate == "answer lost":
            return
        certificate = load_certificate(fields.unpack(answer, (bytes, bytes, str))[0])
        if fate != "cut before it is kept":
            holder.kept = serial_bytes(certificate)
        holder.held, holder.key = certificate, None
        if fate != "arrives":
            holder.power_cut()

    @rule(who=holders)
    def live(self, who: str) -> None:
        """Connect; without a certificate that is admitted, ask for one first. It always succeeds."""
        holder = self.holders.get(who)
        if holder is None:
            return
        if holder.held is None or self._refused(holder) == "certificate-superseded":
            self.ask(who, "arrives")
        assert self._refused(holder) == ""

    @rule(who=holders)
    def power_cut(self, who: str) -> None:
        """Only the card remembers."""
        if who in self.holders:
            self.holders[who].power_cut()

    @rule(days=st.integers(0, 1))
    def wait(self, days: int) -> None:
        """A day or so passes; both holders live at least so often."""
        self.now_ms += days * DAY_MS
        for who in tuple(self.holders):
            self.holders[who].power_cut()
            self.live(who)

    @precondition(lambda self: "copy" not in self.holders)
    @rule()
    def copy_card(self) -> None:
        """Somebody copies the card."""
        self.holders["copy"] = Holder(self.holders["true"].kept)

    @precondition(lambda self: "copy" in self.holders)
    @rule()
    def both_live(self) -> None:
        """Once each has come back after the other, both are held."""
        for who in ("true", "copy", "true", "copy"):
            self.live(who)
        assert self.registry.standing(HUB.hub) is Standing.QUARANTINED
        assert [alarm.hub for alarm in self.registrar.alarms()] == [HUB.hub]

    @precondition(lambda self: self.registry.standing(HUB.hub) is Standing.QUARANTINED)
    @rule()
    def release(self) -> None:
        """A person confirms the hub."""
        assert self.registrar.release(HUB.hub) is None

    @invariant()
    def a_hub_alone_is_never_suspected(self) -> None:
        """Whatever was lost or cut short."""
        if "copy" not in self.holders:
            assert self.registry.standing(HUB.hub) is Standing.ENROLLED

    def _refused(self, holder: Holder) -> str:
        assert holder.held is not None
        return self.registrar.admit((holder.held, SITE.tls.certificate), HUB.hub)[1].code


TestLines = Lines.TestCase
TestLines.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
