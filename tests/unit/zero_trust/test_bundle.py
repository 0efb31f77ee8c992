"""Bundles: each is the only way to the next, for hubs that are awake and those that were not."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.rolled import RolledSite, rolled_site
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import fields, keys
from zero_trust.authority import Issuer, make_root
from zero_trust.bundle import (
    believed_by,
    first_bundle,
    history,
    kept_bundle,
    next_bundle,
    read_bundle,
    sign_bundle,
    walk,
)
from zero_trust.credential import Use, certificate_bytes
from zero_trust.errors import CredentialError, RollbackError, SignatureError, TrustError
from zero_trust.trust_set import TrustSet
from zero_trust.voucher import root_hash

SITE = rolled_site(3)
OTHER = Site()
VECTORS = Path(__file__).parents[3] / "zero_trust" / "vectors" / "bundles.json"


def refusal(trust: TrustSet, packed: bytes) -> str:
    """The code with which a step is refused."""
    with pytest.raises(TrustError) as refused:
        next_bundle(trust, packed)
    return refused.value.code


def anchor(trust: TrustSet) -> bytes:
    """As a voucher names its newest root."""
    return root_hash(certificate_bytes(trust.root))


def test_a_hub_walks_through_the_roll_overs_that_it_slept_through() -> None:
    """Of the roots that it knew not one is left, and it knows each bundle on the way by the one before."""
    slept = SITE.trust(1)
    awake = walk(slept, [SITE.bundles[version] for version in (2, 3, 4)])

    assert awake == SITE.trust(4)
    assert not set(awake.roots) & set(slept.roots)
    assert not set(awake.tls_authorities) & set(slept.tls_authorities)


def test_two_roots_overlap() -> None:
    """Whoever believes the one before still believes what was issued under it."""
    for version in (2, 3, 4):
        assert SITE.trust(version).roots[1] == SITE.trust(version - 1).root
        assert SITE.trust(version).data_authorities[1] == SITE.trust(version - 1).data


def test_versions_never_go_back_nor_are_they_skipped() -> None:
    """Not even to a bundle that was rightly signed."""
    for held in (1, 2, 3, 4):
        for version in SITE.bundles:
            if version != held + 1:
                assert refusal(SITE.trust(held), SITE.bundles[version]) == "bundle-out-of-turn"
    with pytest.raises(RollbackError):
        next_bundle(SITE.trust(3), SITE.bundles[2])


def test_neither_the_old_roots_alone_nor_the_new_ones_make_a_bundle() -> None:
    """A thief of one of them cannot lead a hub astray, and a new root that nobody holds the key of comes to nothing."""
    site = RolledSite()
    rotation = site.rotated()
    [new] = rotation.roots
    signed_by = {
        "the old one": [site.site.root.key],
        "the new one": [new.key],
        "a stranger too": [site.site.root.key, new.key, OTHER.root.key],
    }

    assert (
        refusal(site.site.trust, sign_bundle(rotation.after, signed_by["the new one"])) == "bundle-not-signed"
    )
    assert (
        refusal(site.site.trust, sign_bundle(rotation.after, signed_by["a stranger too"]))
        == "bundle-not-signed"
    )
    two_of_two = replace(rotation.after, threshold=2)
    assert refusal(site.site.trust, sign_bundle(two_of_two, signed_by["the old one"])) == "bundle-not-signed"
    assert next_bundle(site.site.trust, sign_bundle(two_of_two, [site.site.root.key, new.key])) == two_of_two


def test_a_threshold_needs_so_many_different_roots() -> None:
    """Two of three: one is too few, any two do, and the same twice is malformed."""
    site = RolledSite()
    site.roll(roots=2, threshold=2)
    trust = site.trust(2)
    after = replace(trust, version=3, threshold=2)
    first, second, third = site.keys

    assert len(trust.roots) == 3
    for one in site.keys:
        assert refusal(trust, sign_bundle(after, [one])) == "bundle-not-signed"
    for pair in ((first, second), (second, third), (first, third)):
        assert next_bundle(trust, sign_bundle(after, pair)) == after
    body, signature = fields.unpack(sign_bundle(after, [second]), (bytes, bytes))
    assert refusal(trust, fields.pack(body, signature + signature)) == "answer-not-believed"


def test_another_sites_bundle_is_none() -> None:
    """Though it is the next one there."""
    other = RolledSite(Site(name="other"))
    other.roll()

    assert refusal(SITE.trust(1), other.bundles[2]) == "answer-not-believed"


def test_a_new_hub_begins_with_the_newest_bundle_under_either_of_its_roots() -> None:
    """A voucher of before the roll-over is still good; one of before the one before is not."""
    for version in (3, 4):
        assert first_bundle(SITE.bundles[4], anchor(SITE.trust(version))) == SITE.trust(4)
    with pytest.raises(CredentialError) as refused:
        first_bundle(SITE.bundles[4], anchor(SITE.trust(2)))
    assert refused.value.code == "root-not-believed"


def test_a_root_that_a_bundle_merely_names_has_not_signed_it() -> None:
    """Whoever answers a new hub could name the right root beside their own."""
    thief = Issuer(OTHER.root.certificate, OTHER.root.key)
    named = replace(
        OTHER.trust, roots=(thief.certificate, SITE.trust(4).root), version=4, site=SITE.trust(4).site
    )

    with pytest.raises(SignatureError) as refused:
        first_bundle(sign_bundle(named, [thief.key]), anchor(SITE.trust(4)))
    assert refused.value.code == "bundle-not-signed"


def test_what_was_kept_is_whole_or_known_to_be_damaged() -> None:
    """Read again from a card."""
    assert kept_bundle(SITE.bundles[3]) == SITE.trust(3)
    with pytest.raises(TrustError):
        kept_bundle(SITE.bundles[3][:-1])
    with pytest.raises(SignatureError):
        kept_bundle(sign_bundle(SITE.trust(3), [OTHER.root.key]))


def test_an_auditor_follows_from_the_one_root_in_hand() -> None:
    """Everything certified since is believed, and nothing that the site wrote down without a root's word."""
    stranger = make_root(keys.generate_key(), site="demo", now_ms=NOW_MS, serial=bytes(16))
    forged = sign_bundle(
        replace(SITE.trust(4), version=5, roots=(stranger.certificate, *SITE.trust(4).roots)), [stranger.key]
    )
    told = [*SITE.bundles.values(), forged]
    trusts = history(SITE.trust(1).root, told)
    leaf = SITE.site.leaf(keys.generate_key(), HUB, Use.HUB_DATA)

    assert [trust.version for trust in trusts] == [1, 2, 3, 4]
    assert [trust.version for trust in history(SITE.trust(3).root, told)] == [3, 4]
    assert believed_by(trusts, leaf, Use.HUB_DATA, NOW_MS) == HUB
    with pytest.raises(CredentialError) as refused:
        believed_by(history(SITE.trust(4).root, told), leaf, Use.HUB_DATA, NOW_MS)
    assert refused.value.code == "certificate-untrusted"
    with pytest.raises(CredentialError) as refused:
        believed_by(trusts, leaf, Use.HUB_DATA, NOW_MS - 10**9)
    assert refused.value.code == "certificate-not-yet-valid"


def test_reading_believes_nothing() -> None:
    """A forged bundle can be read, to say what it claims."""
    assert read_bundle(sign_bundle(OTHER.trust, [SITE.site.root.key])).trust == OTHER.trust


def test_the_published_vectors_hold() -> None:
    """``zero_trust/vectors/bundles.json``: whoever writes another hub can check it by them."""
    told = json.loads(VECTORS.read_text())
    bundles = {int(version): base64.b64decode(packed) for version, packed in told["bundles"].items()}
    first = first_bundle(bundles[1], base64.b64decode(told["root_hash"]))
    held = {version: walk(first, [bundles[one] for one in range(2, version + 1)]) for version in bundles}

    for step in told["steps"]:
        trust, shown = held[step["held"]], base64.b64decode(step["shown"])
        if step["code"]:
            assert refusal(trust, shown) == step["code"], step["case"]
        else:
            assert next_bundle(trust, shown) == held[step["held"] + 1], step["case"]
