"""The rules of certificates, of the broker's door and of what may be said behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hil_tests.attack.rules.rule import Rule, altered, gives

CREDENTIAL, POLICY, BROKER = "zero_trust.credential", "zero_trust.policy", "cloud_sync.receiver.broker"


def _first_name(_original: Any) -> Any:
    def name(certificate: Any) -> Any:
        from cryptography import x509  # noqa: PLC0415 - in the site's process

        from zero_trust.names import parse_name  # noqa: PLC0415 - as above

        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return parse_name(san.get_values_for_type(x509.UniformResourceIdentifier)[0])

    return name


def _library_leaf(_original: Any) -> Any:
    def policy(*_: Any) -> Any:
        from cryptography.x509.verification import ExtensionPolicy  # noqa: PLC0415 - as above

        return ExtensionPolicy.webpki_defaults_ee()

    return policy


def _any_authority(_original: Any) -> Any:
    def policy(*_: Any) -> Any:
        from cryptography import x509  # noqa: PLC0415 - as above
        from cryptography.x509.verification import Criticality, ExtensionPolicy  # noqa: PLC0415 - as above

        return ExtensionPolicy.webpki_defaults_ca().may_be_present(
            x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None
        )

    return policy


def _timeless(original: Any) -> Any:
    def verify(chain: Any, **named: Any) -> Any:
        from zero_trust.credential import validity_ms  # noqa: PLC0415 - as above

        return original(chain, **{**named, "now_ms": validity_ms(chain[0])[0]})

    return verify


def _facts(**changes: Any) -> Any:
    return altered(lambda facts: ((replace(facts, **changes),), {}))


def _own_id(facts: Any) -> Any:
    return (replace(facts, client_id=facts.name.hub),), {}


def _everything(original: Any) -> Any:
    def admitted(facts: Any) -> Any:
        decision = original(facts)
        return replace(decision, publish=(">",), subscribe=(">",)) if decision.allow else decision

    return admitted


def _no_end(_original: Any) -> Any:
    async def end(_self: Any, _hub: str) -> int:
        return 1

    return end


def _configured(old: str, new: str) -> Any:
    def without(original: Any) -> Any:
        return lambda *arguments: original(*arguments).replace(old, new)

    return without


def _gullible(_original: Any) -> Any:
    import ssl  # noqa: PLC0415 - as above

    class Gullible(ssl.SSLContext):
        """Looks at nothing, and has nobody look in its place."""

        def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
            self.sslsocket_class = ssl.SSLSocket
            return super().wrap_socket(*arguments, **named)

    def context(protocol: Any) -> Any:
        made = Gullible(protocol)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    return context


def _older(original: Any) -> Any:
    def context(protocol: Any) -> Any:
        import ssl  # noqa: PLC0415 - as above

        made = original(protocol)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return context


RULES: Mapping[str, Rule] = {
    "names-are-of-this-site": Rule(
        f"{CREDENTIAL}:_name_fits",
        gives(True),
        ("certificate-of-another-site-by-name", "service-certificate-as-hub"),
    ),
    "one-name": Rule(
        f"{CREDENTIAL}:certificate_name",
        _first_name,
        ("certificate-with-two-names", "certificate-with-a-person"),
    ),
    "leaf-is-for-one-use": Rule(
        f"{CREDENTIAL}:_leaf_policy", _library_leaf, ("certificate-for-two-uses", "certificate-for-no-use")
    ),
    "authority-issues-for-its-uses": Rule(
        f"{CREDENTIAL}:_authority_policy", _any_authority, ("certificate-by-an-authority-for-other-uses",)
    ),
    "certificates-end": Rule(f"{CREDENTIAL}:verify", _timeless, ("time-beyond-its-certificate",)),
    "standing-is-asked": Rule(
        f"{POLICY}:admit_standing",
        gives(""),
        ("revoked-hub-comes-back", "renewal-of-a-revoked-hub", "batch-of-a-revoked-hub"),
    ),
    "client-id-is-its-own": Rule(
        f"{POLICY}:admit_connection",
        altered(_own_id),
        ("client-id-of-another-hub", "hub-at-the-services-door"),
    ),
    "own-subjects-alone": Rule(
        f"{POLICY}:admit_connection",
        _everything,
        ("speaking-as-another-hub", "listening-to-other-hubs", "last-will-to-another-hub"),
    ),
    "batch-is-in-its-certificates-time": Rule(
        f"{POLICY}:admit_batch", _facts(certificate_ends_ms=2**60), ("batch-under-an-ended-certificate",)
    ),
    "revoked-sessions-end": Rule(
        "cloud_sync.receiver.sessions:Sessions.end", _no_end, ("revoked-hub-stays-connected",)
    ),
    "broker-wants-a-certificate": Rule(
        f"{BROKER}:broker_config",
        _configured("verify: true }", "verify: false }"),
        ("connection-without-a-certificate",),
    ),
    "broker-speaks-new-tls-alone": Rule(
        f"{BROKER}:broker_config",
        _configured('min_version: "1.3"', 'min_version: "1.2"'),
        ("connection-by-older-tls",),
    ),
    "authority-speaks-new-tls-alone": Rule("zero_trust.tls:_context", _older, ("connection-by-older-tls",)),
    "services-have-their-subjects": Rule(
        f"{BROKER}:broker_config",
        _configured('publish: { allow: ["cmd.*"] }', 'publish: { allow: [">"] }'),
        ("stolen-intake-key-listens-and-kicks",),
    ),
    "hub-checks-the-server": Rule("zero_trust.tls:_context", _gullible, ("site-behind-a-hubs-certificate",)),
    "refusals-are-listed": Rule(
        "cloud_sync.receiver.store.registry:Registry.refuse", gives(None), ("voucher-invented",)
    ),
    "refusals-are-in-the-audit": Rule(
        "cloud_sync.receiver.store.audit:AuditLog.record_news", gives(1), ("voucher-invented",)
    ),
}
