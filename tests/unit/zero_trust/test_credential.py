"""Certificates: the right one is believed, each wrong one is refused under its own code."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.helpers.trust import DAY_MS, HOUR_MS, HUB, NOW_MS, Site, serial
from zero_trust import credential, keys
from zero_trust.authority import Issuer, issue
from zero_trust.credential import Use
from zero_trust.errors import CredentialError, CredentialExpiredError
from zero_trust.names import HubName, ServiceName

SITE, ROGUE, OTHER_SITE = Site(), Site(), Site(name="elsewhere")
KEY = keys.generate_key()
GOOD = SITE.leaf(KEY, HUB, Use.HUB_TLS)


def believe(chain: Sequence[x509.Certificate], use: Use = Use.HUB_TLS, now_ms: int = NOW_MS) -> object:
    """Verify against the good site."""
    return credential.verify(chain, root=SITE.root.certificate, site=SITE.name, use=use, now_ms=now_ms)


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (Use.HUB_TLS, HUB),
        (Use.HUB_DATA, HUB),
        (Use.SERVICE_TLS, ServiceName("demo", "intake")),
        (Use.RECEIPT, ServiceName("demo", "intake")),
    ],
)
def test_each_kind_is_believed_for_its_use(use: Use, name: HubName | ServiceName) -> None:
    """Issued by the site, shown for what it is for: the name comes back."""
    issuer = SITE.data if use in {Use.HUB_DATA, Use.RECEIPT} else SITE.tls

    assert believe([SITE.leaf(KEY, name, use), issuer.certificate], use) == name


def test_a_certificate_is_good_from_five_minutes_before_to_its_end() -> None:
    """Both ends of a hub's 72 hours hold; one second beyond each is refused with its own code."""
    start_ms, end_ms = credential.validity_ms(GOOD)
    chain = [GOOD, SITE.tls.certificate]

    assert (start_ms, end_ms) == (NOW_MS - 300_000, NOW_MS - 300_000 + 72 * HOUR_MS)
    assert believe(chain, now_ms=start_ms) == believe(chain, now_ms=end_ms) == HUB
    with pytest.raises(CredentialError) as early:
        believe(chain, now_ms=start_ms - 301_000)
    with pytest.raises(CredentialExpiredError) as late:
        believe(chain, now_ms=end_ms + 1000)
    assert (early.value.code, late.value.code) == ("certificate-not-yet-valid", "certificate-expired")


def test_a_leaf_never_outlives_its_issuer() -> None:
    """Issued in the issuer's last days, it ends with it."""
    leaf = SITE.leaf(KEY, HUB, Use.HUB_DATA, now_ms=NOW_MS + 720 * DAY_MS)

    assert leaf.not_valid_after_utc == SITE.data.certificate.not_valid_after_utc


@dataclass(frozen=True)
class Forgery:
    """A leaf as an attacker or a careless issuer might make it."""

    names: Sequence[x509.GeneralName] = (x509.UniformResourceIdentifier(HUB.uri),)
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    ca: bool = False
    issuer: Issuer = field(default_factory=lambda: SITE.tls)
    extra: x509.ExtensionType | None = None

    def chain(self) -> list[x509.Certificate]:
        """Leaf and issuer."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.issuer.certificate.subject)
            .public_key(KEY.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(credential.moment(NOW_MS) - dt.timedelta(hours=1))
            .not_valid_after(credential.moment(NOW_MS) + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=self.ca, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer.key.public_key()),
                critical=False,
            )
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=True)
        if self.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=False)
        if self.extra:
            builder = builder.add_extension(self.extra, critical=True)
        return [builder.sign(self.issuer.key, hashes.SHA256()), self.issuer.certificate]


def _uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


ATTACKS: dict[str, tuple[Callable[[], list[x509.Certificate]], str]] = {
    "nothing shown": (list, "certificate-missing"),
    "no issuer shown": (lambda: [GOOD], "certificate-untrusted"),
    "same names, other keys": (
        lambda: [ROGUE.leaf(KEY, HUB, Use.HUB_TLS), ROGUE.tls.certificate],
        "certificate-untrusted",
    ),
    "rogue leaf, our issuer": (
        lambda: [ROGUE.leaf(KEY, HUB, Use.HUB_TLS), SITE.tls.certificate],
        "certificate-untrusted",
    ),
    "another site's": (
        lambda: [OTHER_SITE.leaf(KEY, HUB, Use.HUB_TLS), OTHER_SITE.tls.certificate],
        "certificate-untrusted",
    ),
    "issued by a hub": (
        lambda: [Forgery(issuer=Issuer(GOOD, KEY)).chain()[0], GOOD, SITE.tls.certificate],
        "certificate-untrusted",
    ),
    "an authority as leaf": (lambda: Forgery(ca=True).chain(), "certificate-untrusted"),
    "unknown critical extension": (
        lambda: Forgery(
            extra=x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00")
        ).chain(),
        "certificate-untrusted",
    ),
    "data key used for TLS": (
        lambda: [SITE.leaf(KEY, HUB, Use.HUB_DATA), SITE.data.certificate],
        "certificate-wrong-use",
    ),
    "data issuer issues for TLS": (lambda: Forgery(issuer=SITE.data).chain(), "certificate-untrusted"),
    "server used as client": (
        lambda: Forgery(usages=[ExtendedKeyUsageOID.SERVER_AUTH]).chain(),
        "certificate-wrong-use",
    ),
    "no usage": (lambda: Forgery(usages=[]).chain(), "certificate-wrong-use"),
    "two usages": (
        lambda: Forgery(usages=[ExtendedKeyUsageOID.CLIENT_AUTH, credential.DATA_SIGNING]).chain(),
        "certificate-wrong-use",
    ),
    "no name": (lambda: Forgery(names=[]).chain(), "certificate-name-wrong"),
    "two names": (
        lambda: Forgery(names=[_uri(HUB.uri), _uri(HUB.uri.replace("abc", "bbc"))]).chain(),
        "certificate-name-wrong",
    ),
    "a host beside the name": (
        lambda: Forgery(names=[_uri(HUB.uri), x509.DNSName("localhost")]).chain(),
        "certificate-name-wrong",
    ),
    "a host for a name": (lambda: Forgery(names=[x509.DNSName("demo")]).chain(), "certificate-name-wrong"),
    "a name of another site": (
        lambda: Forgery(names=[_uri("spiffe://elsewhere/home/h-17/hub/abcdefghijk27")]).chain(),
        "certificate-name-wrong",
    ),
    "a service as hub": (
        lambda: [SITE.leaf(KEY, ServiceName("demo", "intake"), Use.HUB_TLS), SITE.tls.certificate],
        "certificate-name-wrong",
    ),
    "a name with more behind it": (
        lambda: Forgery(names=[_uri(HUB.uri + "/quarantine")]).chain(),
        "certificate-name-wrong",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_under_their_code(attack: str) -> None:
    """Each named forgery is refused, for the reason a person can act on."""
    chain, code = ATTACKS[attack]

    with pytest.raises(CredentialError) as refused:
        believe(chain())

    assert refused.value.code == code


def test_the_forgery_without_a_flaw_is_believed() -> None:
    """So each attack above is refused for its flaw and nothing else."""
    assert believe(Forgery().chain()) == HUB


def test_a_key_of_another_kind_is_no_key_of_ours() -> None:
    """A certificate over Ed25519 gives no P-256 key."""
    foreign = ed25519.Ed25519PrivateKey.generate()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(foreign.public_key())
        .serial_number(1)
        .not_valid_before(credential.moment(NOW_MS))
        .not_valid_after(credential.moment(NOW_MS + DAY_MS))
        .sign(KEY, hashes.SHA256())
    )

    with pytest.raises(CredentialError) as refused:
        credential.certificate_key(certificate)

    assert refused.value.code == "certificate-malformed"


def test_a_certificate_survives_its_bytes() -> None:
    """DER and back; anything else is malformed."""
    assert credential.load_certificate(credential.certificate_bytes(GOOD)) == GOOD
    of_no_version = credential.certificate_bytes(GOOD).replace(
        b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1
    )
    for strange in (os.urandom(40), of_no_version):
        with pytest.raises(CredentialError) as refused:
            credential.load_certificate(strange)
        assert refused.value.code == "certificate-malformed"


def test_issuing_needs_a_whole_serial_number() -> None:
    """A short random source is our own fault and stops at once."""
    with pytest.raises(ValueError, match="16 random bytes"):
        issue(SITE.tls, KEY.public_key(), name=HUB, use=Use.HUB_TLS, now_ms=NOW_MS, serial=serial()[1:])
