"""The rules by which people look at a home's data, and those of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil_tests.attack.rules.rule import Rule, forgives, gives

DECISION, GRANTS, GLASS = "zero_trust.decision", "zero_trust.grants", "zero_trust.break_glass:Opening"
CHECK, EVIDENCE = "zero_trust.audit_check", "zero_trust.evidence"


def _all_known(_original: Any) -> Any:
    return property(lambda _self: ())


def _any_purpose(original: Any) -> Any:
    def rule(self: Any, role: Any, action: Any, purpose: str) -> Any:
        same = (one for one in self.rules if one.role is role and one.action is action)
        return original(self, role, action, purpose) or next(same, None)

    return rule


def _at_any_time(_original: Any) -> Any:
    return lambda self, who, home, _now_ms: (who, home) == (self.who, self.home)


def _by_anybody(_original: Any) -> Any:
    return lambda self, _who, home, now_ms: home == self.home and self.opened_ms <= now_ms < self.until_ms


def _some_cause(original: Any) -> Any:
    return lambda self, subject, home, cause: original(self, subject, home, cause or "alarm")


def _any_token(_original: Any) -> Any:
    def read(_secret: bytes, token: str) -> Any:
        import sys  # noqa: PLC0415 - in the portal's process

        links = sys.modules["cloud_sync.portal.links"]
        home, expires_ms = links._read(token)  # noqa: SLF001 - a rule that is taken away asks nobody
        return links.Link(home, expires_ms, links.link_name(token))

    return read


def _without(code: str) -> Any:
    """A list of faults without those of ``code``."""

    def without(original: Any) -> Any:
        return lambda *arguments: [one for one in original(*arguments) if one.code != code]

    return without


def _claimed(_original: Any) -> Any:
    return lambda signed, **_named: signed.claimed


def _issued_before(original: Any) -> Any:
    def proven(evidence: Any, record: Any, **named: Any) -> Any:
        record.issued = {digest: (0, der) for digest, (_, der) in record.issued.items()}
        return original(evidence, record, **named)

    return proven


def _issued_by_anybody(original: Any) -> Any:
    """A certificate that is in no log is one all the same."""

    def proven(evidence: Any, record: Any, **named: Any) -> Any:
        said = original(evidence, record, **named)
        if getattr(said, "code", "") != "certificate-not-in-issuance-log":
            return said
        from zero_trust.evidence import Proven  # noqa: PLC0415 - in the auditor's process

        return Proven(evidence.hub, 0, 0, 0)

    return proven


RULES: Mapping[str, Rule] = {
    "unknown-is-no": Rule("zero_trust.request:Request.unknown", _all_known, ("evidence-left-out",)),
    "no-rule-is-no": Rule("zero_trust.rules:Policy.rule", _any_purpose, ("staff-for-another-purpose",)),
    "proof-fits": Rule(f"{DECISION}:_refusal", forgives("proof-not-enough"), ("staff-as-family",)),
    "proof-lasts": Rule(f"{DECISION}:_refusal", forgives("proof-ended"), ("link-after-its-end",)),
    "class-is-the-rules": Rule(
        f"{DECISION}:_refusal", forgives("class-not-allowed"), ("partner-takes-the-evidence",)
    ),
    "own-home": Rule(f"{DECISION}:_refusal", forgives("not-your-home"), ("family-of-another-home",)),
    "caseload": Rule(f"{GRANTS}:Grants.cares_for", gives(True), ("staff-outside-their-caseload",)),
    "duty": Rule(f"{GRANTS}:Grants.on_duty", gives(True), ("glass-broken-off-duty",)),
    "glass-is-broken-first": Rule(
        f"{DECISION}:_refusal", forgives("glass-not-broken"), ("emergency-without-breaking-the-glass",)
    ),
    "glass-for-an-hour": Rule(f"{GLASS}.opens", _at_any_time, ("glass-after-an-hour",)),
    "glass-for-its-breaker": Rule(f"{GLASS}.opens", _by_anybody, ("glass-of-a-colleague",)),
    "glass-has-a-cause": Rule(
        "cloud_sync.receiver.desk:Desk.break_glass", _some_cause, ("glass-without-a-cause",)
    ),
    "nobody-reviews-themselves": Rule(
        f"{GLASS}.review_refusal", gives(""), ("glass-reviewed-by-its-breaker",)
    ),
    "home-agreed": Rule(
        f"{DECISION}:_refusal", forgives("home-not-agreed"), ("link-to-a-home-that-agreed-to-nothing",)
    ),
    "class-was-agreed": Rule(
        f"{DECISION}:_refusal", forgives("class-not-agreed"), ("family-beyond-what-was-agreed",)
    ),
    "partner-has-a-grant": Rule(
        f"{DECISION}:_refusal",
        forgives("no-grant"),
        ("partner-for-another-purpose", "partner-without-an-agreement"),
    ),
    "grant-ends": Rule(f"{GRANTS}:Grant.covers", gives(True), ("partner-after-the-last-day",)),
    "grant-names-homes": Rule(
        f"{DECISION}:_refusal", forgives("grant-other-homes"), ("partner-into-another-home",)
    ),
    "grant-names-classes": Rule(
        f"{DECISION}:_refusal", forgives("grant-not-for-this"), ("partner-beyond-its-classes",)
    ),
    "grants-last-a-year": Rule(f"{GRANTS}:_grant_troubles", gives(()), ("grant-for-ten-years",)),
    "nobody-agrees-to-all": Rule(f"{GRANTS}:_troubles", gives(()), ("grant-on-everything",)),
    "rules-keep-their-conditions": Rule(
        "zero_trust.rules:_unfit", gives(()), ("policy-without-consent", "policy-partner-without-grant")
    ),
    "changes-raise-the-version": Rule(
        "cloud_sync.receiver.store.book:SiteBook._check_raised", gives(None), ("grants-changed-in-silence",)
    ),
    "links-are-the-sites": Rule(
        "cloud_sync.portal.links:read_link", _any_token, ("link-forged", "link-bent-to-another-home")
    ),
    "rows-hold-their-hash": Rule(f"{CHECK}:_row_faults", _without("log-row-altered"), ("audit-row-altered",)),
    "rows-are-numbered": Rule(
        f"{CHECK}:_row_faults", _without("log-row-missing"), ("audit-row-taken-out", "audit-rows-exchanged")
    ),
    "checkpoints-hold-the-end": Rule(
        f"{CHECK}:_checkpoint_faults", _without("log-truncated"), ("audit-cut-off",)
    ),
    "checkpoints-hold-the-past": Rule(
        f"{CHECK}:_checkpoint_faults", _without("log-rewritten"), ("audit-written-anew",)
    ),
    "checkpoints-are-signed": Rule(
        f"{CHECK}:believe", _claimed, ("checkpoint-forged", "checkpoint-by-another-service")
    ),
    "issued-here": Rule(
        f"{EVIDENCE}:valid_as_received", _issued_by_anybody, ("stolen-authority-back-dates",)
    ),
    "issued-before-it-came": Rule(
        f"{EVIDENCE}:valid_as_received", _issued_before, ("stolen-authority-adds-the-issue-later",)
    ),
    "not-revoked-when-it-came": Rule(
        f"{EVIDENCE}:Record.standing", gives("enrolled"), ("batch-after-its-hub-was-revoked",)
    ),
}
