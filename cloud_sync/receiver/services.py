"""The authority's half of how the site's services get their certificates: who asks, what is due, what is overdue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from cloud_sync.receiver.registrar import Alarm, Registrar
from zero_trust import fields
from zero_trust.credential import certificate_bytes, serial_bytes, validity_ms
from zero_trust.errors import TrustError
from zero_trust.reasons import Refused
from zero_trust.service import ALARM_AFTER_PART, due, judge_service, overdue, read_service_question
from zero_trust.site_files import SERVICES, pin, pinned


class Services:
    """Renews certificates of the site's own services, and knows which each of them was seen to use."""

    def __init__(self, registrar: Registrar, directory: Path, clock_ms: Callable[[], int]) -> None:
        self._registrar = registrar
        self._directory = directory
        self._clock_ms = clock_ms
        self._given: dict[str, x509.Certificate] = {}  # by label; not yet seen in use

    def renew(self, packed: bytes) -> bytes | Refused:
        """Judge a service's question; packed certificate and its issuer: those it uses, or the next."""
        try:
            question = read_service_question(packed)
            using = pinned(self._directory, question.label)
        except TrustError as error:
            return self._registrar.refuse("service", "", Refused(error.code, error.detail))
        fresh = self._registrar.nonce_fresh(question.nonce)
        if refused := judge_service(question, pinned=using, nonce_fresh=fresh):
            return self._registrar.refuse("service", "", refused)
        assert using is not None  # noqa: S101 - judge_service answers no unknown service
        given = self._given.get(question.label)
        if given is not None and question.serial == serial_bytes(given):
            using = self._given.pop(question.label)
            pin(self._directory, question.label, using)
        return self._packed(self._next(question.label, using, question.serial))

    def alarms(self) -> list[Alarm]:
        """The services whose certificate in use should have been renewed long ago, or that nobody knows any more."""
        found, now_ms = [], self._clock_ms()
        for label in SERVICES:
            certificate = self._pinned(label)
            if certificate is None:
                found.append(Alarm("service-unknown", now_ms, detail=label))
            elif overdue(certificate, now_ms):
                starts_ms, ends_ms = validity_ms(certificate)
                since_ms = starts_ms + int((ends_ms - starts_ms) * ALARM_AFTER_PART)
                ends = certificate.not_valid_after_utc.date()
                found.append(Alarm("service-not-renewed", since_ms, detail=f"{label}, it ends on {ends}"))
        return found

    def told(self) -> list[dict[str, str | int | bool]]:
        """For operators: each service, when its certificate in use ends, and whether another one is due."""
        now_ms = self._clock_ms()
        return [
            {
                "service": label,
                "ends_ms": validity_ms(certificate)[1],
                "due": due(certificate, self._registrar.issuer(SERVICES[label]).certificate, now_ms),
            }
            for label in SERVICES
            if (certificate := self._pinned(label)) is not None
        ]

    def _next(self, label: str, using: x509.Certificate, serial: bytes) -> x509.Certificate:
        """The certificate to use from now on; the one that was given already, as long as that is good."""
        issuer, now_ms = self._registrar.issuer(SERVICES[label]).certificate, self._clock_ms()
        given = self._given.get(label)
        if given is not None and not due(given, issuer, now_ms):
            return given
        if serial == serial_bytes(using) and not due(using, issuer, now_ms):
            return using
        service = label.partition("/")[0]
        self._given[label] = self._registrar.certify(service, using, SERVICES[label])
        return self._given[label]

    def _packed(self, certificate: x509.Certificate) -> bytes:
        issuer = self._registrar.trust.issuer_of(certificate)
        return fields.pack(certificate_bytes(certificate), certificate_bytes(issuer))

    def _pinned(self, label: str) -> x509.Certificate | None:
        try:
            return pinned(self._directory, label)
        except TrustError:  # damaged: what it names is refused, and that is written down
            return None
