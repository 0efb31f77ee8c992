"""What we rely on in ``cryptography`` and ``ssl``, traps included: a release that changes one shows here."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import ClientVerifier, PolicyBuilder, Store, VerificationError

from tests.helpers.trust import HOUR_MS, HUB, NOW_MS, Site
from zero_trust import keys, tls
from zero_trust.credential import DATA_SIGNING, Use, moment

SITE = Site()
KEY = keys.generate_key()


def _default_verifier(now_ms: int = NOW_MS) -> ClientVerifier:
    store = Store([SITE.root.certificate])
    return PolicyBuilder().store(store).time(moment(now_ms)).max_chain_depth(1).build_client_verifier()


def _leaf(
    usages: Sequence[x509.ObjectIdentifier],
    issuer: x509.Certificate = SITE.tls.certificate,
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = SITE.tls.key,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(NOW_MS))
        .not_valid_after(moment(NOW_MS) + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(HUB.uri)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _root(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    usage = SITE.root.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment(NOW_MS))
        .not_valid_after(moment(NOW_MS) + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def test_the_default_policy_accepts_a_client_without_any_usage() -> None:
    """Why ``credential`` requires the usage itself; if this fails, that has become a second line."""
    believed = _default_verifier().verify(_leaf([]), [SITE.tls.certificate])

    assert len(believed.chain) == 3


def test_the_default_policy_refuses_usages_of_our_own() -> None:
    """Why ``credential`` replaces the authority's policy as well as the leaf's."""
    leaf = SITE.leaf(KEY, HUB, Use.HUB_DATA)

    with pytest.raises(VerificationError):
        _default_verifier().verify(leaf, [SITE.data.certificate])


def test_the_library_does_not_tell_expired_from_not_yet_valid() -> None:
    """Why ``credential.diagnose`` looks at the dates itself."""
    leaf = _leaf([ExtendedKeyUsageOID.CLIENT_AUTH])
    texts = []
    for now_ms in (NOW_MS - HOUR_MS, NOW_MS + 2 * HOUR_MS):
        with pytest.raises(VerificationError) as refused:
            _default_verifier(now_ms).verify(leaf, [SITE.tls.certificate])
        texts.append(str(refused.value).split("(")[0])

    assert texts[0] == texts[1]


def test_an_authority_over_ed25519_is_refused() -> None:
    """Why issuing keys are P-256: the same chain over P-256 is believed."""
    for key, believed in ((keys.generate_key(), True), (ed25519.Ed25519PrivateKey.generate(), False)):
        root = _root(key)
        verifier = PolicyBuilder().store(Store([root])).time(moment(NOW_MS)).build_client_verifier()
        try:
            verifier.verify(_leaf([ExtendedKeyUsageOID.CLIENT_AUTH], root, key), [])
        except VerificationError:
            assert not believed
        else:
            assert believed


def test_arcs_as_long_as_a_uuid_survive_encoding() -> None:
    """Our usages lie below 2.25, where numbers have 128 bits."""
    leaf = x509.load_der_x509_certificate(_leaf([DATA_SIGNING]).public_bytes(Encoding.DER))

    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [DATA_SIGNING]


def test_signatures_can_be_made_without_randomness() -> None:
    """The wheel's OpenSSL does RFC 6979."""
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)

    assert KEY.sign(b"message", algorithm) == KEY.sign(b"message", algorithm)


def test_hpke_binds_info_and_costs_48_bytes() -> None:
    """Another ``info`` does not open; the overhead is what senders reckon with."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    key = X25519PrivateKey.generate()
    sealed = suite.encrypt(b"message", key.public_key(), info=b"one")

    assert len(sealed) == len(b"message") + 48
    assert suite.decrypt(sealed, key, info=b"one") == b"message"
    with pytest.raises(InvalidTag):
        suite.decrypt(sealed, key, info=b"two")


def test_a_key_from_memory_reaches_openssl_and_no_disk() -> None:
    """``load_cert_chain`` reads a memory file by its descriptor, and the descriptor is closed again."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no Path for a directory that changes as it is read
    leaf = SITE.leaf(KEY, HUB, Use.HUB_TLS)
    context = tls.hub_context(tls.pinned_context([SITE.root.certificate]), (leaf, SITE.tls.certificate), KEY)

    assert context.minimum_version.name == "TLSv1_3"
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
