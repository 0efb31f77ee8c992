"""The authority's mind: judges what hubs and operators ask, issues, and writes every refusal down.

Knows registry and issuing keys; knows neither HTTP nor the broker's protocol.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography import x509

from cloud_sync.receiver.config import Limits
from cloud_sync.receiver.store.registry import HubRow, Registry
from zero_trust import enrolment, fields, keys, lineage
from zero_trust.authority import SERIAL_BYTES, Issuer, hosts_of, issue, issue_server
from zero_trust.bundle import WARN_MS
from zero_trust.credential import (
    Use,
    certificate_bytes,
    certificate_key,
    load_certificate,
    moment,
    serial_bytes,
    validity_ms,
)
from zero_trust.errors import CredentialError, TrustError
from zero_trust.evidence import issued_facts
from zero_trust.names import HUB_ID_ENTROPY_BYTES, HubName, ServiceName, new_hub_id
from zero_trust.policy import ConnectionFacts, Decision, Standing, admit_connection, admit_standing, deny
from zero_trust.reasons import Refused
from zero_trust.renewal import Ask, Nonces, Question, judge_question, read_question
from zero_trust.timekeeping import NONCE_BYTES, tell_time
from zero_trust.trust_set import TIME_SERVICE, TrustSet, issuer_among
from zero_trust.voucher import VoucherRow, new_voucher

TIME_RENEW_MS = 100 * 86_400_000  # how long the certificate of the time key is given out; it lives 400 days
UNREACHABLE_ALARM_MS = 60_000  # a registry that has not answered for so long is an alarm


@dataclass(frozen=True, slots=True)
class Office:
    """What a registrar works with.

    Attributes:
        host: where hubs reach the site.
        authority_port: HTTPS.
        broker_port: MQTT over TLS.
        trust: what hubs of this site believe: the newest of ...
        bundles: ... all that it ever signed, by version.
        tls: issues TLS certificates.
        data: certifies data-signing keys.
    """

    host: str
    authority_port: int
    broker_port: int
    trust: TrustSet
    bundles: Mapping[int, bytes] = field(repr=False)
    tls: Issuer = field(repr=False)
    data: Issuer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that operations must look at, as long as it stands.

    Attributes:
        code: key into ``reasons.toml``.
        since_ms: wall clock.
        hub: whom it is about; empty if it is about the site.
        detail: what in particular.
    """

    code: str
    since_ms: int
    hub: str = ""
    detail: str = ""


class Registrar:
    """Answers hubs, the broker and operators, one at a time."""

    def __init__(
        self,
        office: Office,
        registry: Registry,
        limits: Limits,
        *,
        clock_ms: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._office = office
        self._registry = registry
        self._limits = limits
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._nonces = Nonces(
            age_max_ms=limits.nonce_age_max_s * 1000, count_max=limits.nonces_max, entropy=entropy
        )
        self._unreachable_since_ms: int | None = None
        self._time_key = keys.generate_key()  # certified anew by each process; hubs ask for no other
        self._time_certificate = b""
        self._time_renew_ms = 0

    @property
    def trust(self) -> TrustSet:
        """What hubs of this site believe."""
        return self._office.trust

    @property
    def bundles(self) -> Mapping[int, bytes]:
        """Every bundle of this site, by version."""
        return self._office.bundles

    def use(self, office: Office) -> None:
        """Go on with another bundle and the issuing keys that it names."""
        self._office = office
        self._time_renew_ms = 0

    def bundle(self, version: int | None = None) -> bytes | Refused:
        """The bundle of that version, or the newest."""
        wanted = self._office.trust.version if version is None else version
        return self._office.bundles.get(wanted) or Refused("bundle-unknown", str(wanted)[:20])

    def nonce(self) -> bytes:
        """A fresh nonce for one question."""
        return self._nonces.give(self._clock_ms())

    def nonce_fresh(self, nonce: bytes) -> bool:
        """Whether ``nonce`` was given out lately and not used; it never is again."""
        return self._nonces.take(nonce, self._clock_ms())

    def issuer(self, use: Use) -> Issuer:
        """Who issues certificates for ``use`` now."""
        return self._office.data if use in {Use.HUB_DATA, Use.RECEIPT, Use.TIME} else self._office.tls

    def certify(self, service: str, using: x509.Certificate, use: Use) -> x509.Certificate:
        """Issue the next certificate for the key and the names that ``using`` holds."""
        name = ServiceName(self._office.trust.site, service)
        if use is not Use.SERVER:
            return self._issue(self.issuer(use), certificate_key(using), name, use)
        certificate = issue_server(
            self.issuer(use),
            certificate_key(using),
            service=service,
            hosts=hosts_of(using),
            now_ms=self._clock_ms(),
            serial=self._entropy(SERIAL_BYTES),
        )
        self._registry.audit.record(self._clock_ms(), "issued", issued_facts(certificate, name, use))
        return certificate

    def time(self, nonce: bytes) -> bytes | Refused:
        """The time, signed over the asker's nonce; anybody may ask."""
        if len(nonce) != NONCE_BYTES:
            return self.refuse("time", "", Refused("request-malformed", f"a nonce of {len(nonce)} bytes"))
        now_ms = self._clock_ms()
        if now_ms >= self._time_renew_ms:
            name = ServiceName(self._office.trust.site, TIME_SERVICE)
            certificate = self._issue(self._office.data, self._time_key.public_key(), name, Use.TIME)
            self._time_certificate = certificate_bytes(certificate)
            self._time_renew_ms = now_ms + TIME_RENEW_MS
        return tell_time(self._time_key, self._time_certificate, nonce, now_ms)

    def enrol(self, packed: bytes) -> bytes | Refused:
        """Judge an enrolment request; the packed answer if it is granted."""
        try:
            request = enrolment.read_request(packed)
        except TrustError as error:
            return self.refuse("enrol", "", Refused(error.code, error.detail))
        now_ms = self._clock_ms()
        row = self._registry.voucher(request.voucher)
        known = self._registry.hub_with_identity(request.identity) is not None
        match enrolment.judge(request, row, identity_known=known, now_ms=now_ms):
            case enrolment.Granted(home):
                assert row is not None  # noqa: S101 - judge grants nothing without a voucher
                return self._enrol(request, row, home, now_ms)
            case enrolment.Again(answer):
                return answer
            case Refused() as refused:
                if row is not None:
                    self._registry.update_voucher(enrolment.after_refusal(row, refused, now_ms))
                return self.refuse("enrol", "", refused)

    def renew(self, packed: bytes) -> bytes | Refused:
        """Judge a renewal; if it is granted, packed TLS certificate, its issuer, and a code if the hub is held."""
        question = self._question(packed, Ask.RENEW)
        if isinstance(question, Refused):
            return question
        now_ms, line = self._clock_ms(), self._registry.line(question.hub)
        assert line is not None  # noqa: S101 - judge_question answers no unknown hub
        match lineage.judge(line, last=question.last, key=question.tls, now_ms=now_ms):
            case lineage.TooLong(days):
                self._registry.stand(question.hub, Standing.SUSPENDED, f"it was off for {days} days", now_ms)
                return self.refuse("renew", question.hub, Refused("hub-suspended", f"off for {days} days"))
            case lineage.Again(certificate):
                return self._renewal(question.hub, certificate)
            case lineage.Next(held):
                return self._renewal(question.hub, self._renew(question, held, now_ms))

    def standing(self, packed: bytes) -> dict[str, str | int] | Refused:
        """Tell a hub how it stands, in words; a revoked one is told as well."""
        question = self._question(packed, Ask.STANDING)
        if isinstance(question, Refused):
            return question
        row = self._registry.hub(question.hub)
        assert row is not None  # noqa: S101 - judge_question answers no unknown hub
        standing: dict[str, str | int] = {
            "standing": row.standing.value,
            "since_ms": row.standing_at_ms,
            "reason": row.reason,
            "bundle": self._office.trust.version,
        }
        if row.standing is not Standing.ENROLLED:
            standing |= Refused(_standing_code(row.standing)).words
        return standing

    def admit(self, chain: tuple[x509.Certificate, ...], client_id: str | None) -> tuple[str, Decision]:
        """Decide whether a client may use the broker; also gives the name it proved."""
        now_ms = self._clock_ms()
        try:
            if not chain:
                raise CredentialError("certificate-missing")
            name = self._office.trust.believe(chain[0], Use.HUB_TLS, now_ms)
        except TrustError as error:
            self.refuse("broker", client_id or "", Refused(error.code, error.detail))
            return "", deny(error.code)
        assert isinstance(name, HubName)  # noqa: S101 - verify has checked the kind of name for this use
        try:
            return name.uri, self._admit(name, chain[0], client_id, now_ms)
        except sqlite3.Error:  # a registry that does not answer, or takes nothing, is a closed door
            self._unreachable_since_ms = self._unreachable_since_ms or now_ms
            return name.uri, deny("registry-unreachable")

    def _admit(
        self, name: HubName, certificate: x509.Certificate, client_id: str | None, now_ms: int
    ) -> Decision:
        """Decide on a proven name, on record.

        Raises:
            sqlite3.Error: nothing is decided.
        """
        standing, line = self._registry.standing(name.hub), self._registry.line(name.hub)
        used = lineage.used(line, serial_bytes(certificate)) if line else None
        facts = ConnectionFacts(
            name=name,
            certificate_ends_ms=validity_ms(certificate)[1],
            standing=standing,
            client_id=client_id,
            now_ms=now_ms,
            in_line=used is not None if line else None,
        )
        decision = admit_connection(facts)
        if decision.allow and used and used != line:
            self._registry.used(name.hub, used)
        if not decision.allow:
            self.refuse("broker", name.hub, Refused(decision.code, f"client id {(client_id or '')[:64]!r}"))
        else:
            self._registry.audit.record_news(now_ms, "admitted", {"hub": name.hub}, name.hub)
        return decision

    def new_voucher(self, home: str) -> tuple[str, VoucherRow]:
        """Make a voucher for ``home``: the text for the installer, and what is kept of it.

        Raises:
            BadNameError: ``home`` is no home id.
        """
        office, now_ms = self._office, self._clock_ms()
        voucher, row = new_voucher(
            home=home,
            host=office.host,
            port=office.authority_port,
            root_certificate=certificate_bytes(office.trust.root),
            expires_ms=now_ms + self._limits.voucher_age_max_s * 1000,
            entropy=self._entropy,
        )
        self._registry.add_voucher(row, now_ms)
        return voucher.text, row

    def revoke(self, hub: str, reason: str) -> Refused | None:
        """Withdraw a hub's standing; None if it is done."""
        done = self._registry.stand(hub, Standing.REVOKED, reason, self._clock_ms())
        return None if done else Refused("hub-unknown", hub)

    def release(self, hub: str) -> Refused | None:
        """Confirm a held hub; None if it is done.

        Its line of certificates begins anew. If there are two holders, they fork it again at once.
        """
        if self._registry.standing(hub) not in {Standing.QUARANTINED, Standing.SUSPENDED}:
            return Refused("hub-not-held", hub)
        self._registry.release(hub, self._clock_ms())
        return None

    def restore(self, hub: str) -> Refused | None:
        """Give a revoked hub its standing back; None if it is done."""
        if self._registry.standing(hub) is not Standing.REVOKED:
            return Refused("hub-not-revoked", hub)
        self._registry.stand(hub, Standing.ENROLLED, "", self._clock_ms())
        return None

    def may_connect(self, hub: str) -> bool:
        """Whether the standing of ``hub`` allows it a session; not while the registry cannot be read."""
        with contextlib.suppress(sqlite3.Error):
            return admit_standing(self._registry.standing(hub)) == ""
        return False

    def turned_out(self) -> list[str]:
        """The hubs whose standing allows them no session; none while the registry cannot be read."""
        with contextlib.suppress(sqlite3.Error):
            return [row.hub for row in self._registry.hubs() if admit_standing(row.standing)]
        return []

    def look(self) -> str:
        """Look whether the registry answers; the trouble in its own words, empty if there is none.

        After trouble it must take something too: a full disk reads as well as ever.
        """
        try:
            self._registry.hub("")
            if self._unreachable_since_ms is not None:
                self._registry.write_nothing()
        except sqlite3.Error as error:
            self._unreachable_since_ms = self._unreachable_since_ms or self._clock_ms()
            return str(error)
        self._unreachable_since_ms = None
        return ""

    def alarms(self) -> list[Alarm]:
        """What operations must look at, now."""
        since_ms = self._unreachable_since_ms
        if since_ms is not None:
            lasts_ms = self._clock_ms() - since_ms
            return [Alarm("registry-unreachable", since_ms)] if lasts_ms >= UNREACHABLE_ALARM_MS else []
        held = [
            row for row in self._registry.hubs() if row.standing in {Standing.QUARANTINED, Standing.SUSPENDED}
        ]
        waiting = [
            Alarm(_standing_code(row.standing), row.standing_at_ms, row.hub, row.reason) for row in held
        ]
        urgent = [alarm for row in held if (alarm := self._unconfirmed(row))]
        return [*self._bundle_alarms(), *urgent, *waiting]

    def _unconfirmed(self, row: HubRow) -> Alarm | None:
        """Urgent readings of a hub that nobody has confirmed: what they say is for whoever may look into the home."""
        urgent = self._registry.urgent_since(row.hub, row.standing_at_ms)
        if urgent is None:
            return None
        at = dt.datetime.fromtimestamp(urgent.last_ms / 1000, tz=dt.UTC)
        detail = f"{urgent.count} in home {row.home}, the last at {at:%Y-%m-%d %H:%M:%S} UTC"
        return Alarm("urgent-unconfirmed", urgent.first_ms, row.hub, detail)

    def _bundle_alarms(self) -> list[Alarm]:
        trust = self._office.trust
        warn_ms = trust.expires_ms - WARN_MS
        if self._clock_ms() < warn_ms:
            return []
        return [
            Alarm(
                "bundle-ends",
                warn_ms,
                detail=f"version {trust.version}, on {moment(trust.expires_ms).date()}",
            )
        ]

    def refuse(self, where: str, hub: str, refused: Refused) -> Refused:
        """Write a refusal down for the operator, and hand it on."""
        with contextlib.suppress(sqlite3.Error):  # it is no less refused for want of a place to write that
            self._registry.refuse(self._clock_ms(), where, hub, refused.code, refused.detail)
        return refused

    def _enrol(self, request: enrolment.Request, voucher: VoucherRow, home: str, now_ms: int) -> bytes:
        office = self._office
        name = HubName(office.trust.site, home, new_hub_id(self._entropy(HUB_ID_ENTROPY_BYTES)))
        certificate = self._issue(office.data, keys.public_key(request.data), name, Use.HUB_DATA)
        answer = enrolment.Answer(
            certificate, office.bundles[office.trust.version], office.host, office.broker_port
        ).packed
        row = HubRow(
            hub=name.hub,
            home=home,
            identity=request.identity,
            data_certificate=certificate_bytes(certificate),
            standing=Standing.ENROLLED,
            reason="",
            standing_at_ms=now_ms,
            enrolled_at_ms=now_ms,
        )
        self._registry.enrol(row, enrolment.after_use(voucher, request, answer))
        return answer

    def _renew(self, question: Question, held: str, now_ms: int) -> bytes:
        """Issue the next certificate of that line; keeps it before it is given out."""
        row = self._registry.hub(question.hub)
        assert row is not None  # noqa: S101 - judge_question answers no unknown hub
        certificate = self._issue(
            self._office.tls, keys.public_key(question.tls), self._name(row), Use.HUB_TLS
        )
        packed = certificate_bytes(certificate)
        line = lineage.issued(
            last=question.last,
            key=question.tls,
            serial=serial_bytes(certificate),
            certificate=packed,
            now_ms=now_ms,
        )
        # Whoever is held already keeps the reason for which, and the time since when.
        why = held if row.standing is Standing.ENROLLED else ""
        self._registry.renewed(question.hub, line, why, now_ms, self._data_certificate(row, now_ms))
        return packed

    def _data_certificate(self, row: HubRow, now_ms: int) -> bytes:
        """For the hub's data key: the one it has, or a new one once half of its life is over, or its issuer left.

        The hub need not know: batches carry no certificate, and the intake reads it in the registry.
        """
        certificate = load_certificate(row.data_certificate)
        starts_ms, ends_ms = validity_ms(certificate)
        stays = issuer_among(certificate, self._office.trust.data_authorities) is not None
        if stays and now_ms < (starts_ms + ends_ms) // 2:
            return row.data_certificate
        fresh = self._issue(self._office.data, certificate_key(certificate), self._name(row), Use.HUB_DATA)
        return certificate_bytes(fresh)

    def _renewal(self, hub: str, certificate: bytes) -> bytes:
        held = self._registry.standing(hub) is Standing.QUARANTINED
        issuer = certificate_bytes(self._office.tls.certificate)
        return fields.pack(certificate, issuer, "hub-quarantined" if held else "")

    def _question(self, packed: bytes, ask: Ask) -> Question | Refused:
        try:
            question = read_question(packed)
        except TrustError as error:
            return self.refuse(ask.value, "", Refused(error.code, error.detail))
        row = self._registry.hub(question.hub)
        refused = judge_question(
            question,
            ask,
            identity=row.identity if row else None,
            standing=row.standing if row else None,
            nonce_fresh=self._nonces.take(question.nonce, self._clock_ms()),
        )
        if refused:
            return self.refuse(ask.value, question.hub, refused)
        self._registry.believes(question.hub, question.bundle, self._clock_ms())
        return question

    def _issue(
        self, issuer: Issuer, public: keys.PublicKey, name: HubName | ServiceName, use: Use
    ) -> x509.Certificate:
        now_ms, serial = self._clock_ms(), self._entropy(SERIAL_BYTES)
        certificate = issue(issuer, public, name=name, use=use, now_ms=now_ms, serial=serial)
        # Before anybody gets it: what is not in the log was not issued here.
        self._registry.audit.record(now_ms, "issued", issued_facts(certificate, name, use))
        return certificate

    def _name(self, row: HubRow) -> HubName:
        return HubName(self._office.trust.site, row.home, row.hub)


def _standing_code(standing: Standing) -> str:
    return f"hub-{standing.value}"
