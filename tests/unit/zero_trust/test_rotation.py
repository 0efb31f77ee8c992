"""The next bundle: who stays, who leaves, who must sign, and what is found out before anything is written."""

from __future__ import annotations

import pytest

from tests.helpers.rolled import RolledSite, rolled_site
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import keys
from zero_trust.authority import issue
from zero_trust.bundle import LIFE_MS, sign_bundle, walk
from zero_trust.credential import Use
from zero_trust.errors import TrustError
from zero_trust.trust_set import issuer_among


def test_the_first_roll_over_lets_nobody_go() -> None:
    """The root and the authorities of before stay beside the new ones."""
    site = RolledSite()
    rotation = site.rotated()
    before, after = site.site.trust, rotation.after

    assert (after.version, after.threshold, after.expires_ms) == (2, 1, NOW_MS + LIFE_MS)
    assert after.roots == (rotation.roots[0].certificate, before.root)
    assert after.tls_authorities == (rotation.tls.certificate, before.tls)
    assert after.data_authorities == (rotation.data.certificate, before.data)
    assert (rotation.leaving, rotation.missing) == ((), ())


def test_the_second_lets_the_first_root_go() -> None:
    """And with it all that it certified."""
    site = rolled_site(1)
    rotation = site.rotated()

    assert rotation.leaving == (site.site.trust.root,)
    assert site.site.trust.tls not in rotation.after.tls_authorities


def test_what_is_issued_is_believed_by_hubs_on_both_sides() -> None:
    """By the new authority after the step; by the old one before and after."""
    site = RolledSite()
    before = site.site.leaf(keys.generate_key(), HUB, Use.HUB_TLS)
    rotation = site.roll()
    key = keys.generate_key().public_key()
    after = issue(rotation.tls, key, name=HUB, use=Use.HUB_TLS, now_ms=NOW_MS, serial=bytes(16))

    assert rotation.after.believe(before, Use.HUB_TLS, NOW_MS) == HUB
    assert rotation.after.believe(after, Use.HUB_TLS, NOW_MS) == HUB
    with pytest.raises(TrustError):
        rotation.before.believe(after, Use.HUB_TLS, NOW_MS)


def test_authorities_alone_come_under_the_root_that_stays() -> None:
    """So the next roll-over of roots does not take them along."""
    site = rolled_site(1)
    alone = site.roll(roots=0)

    assert (alone.after.roots, alone.roots) == (alone.before.roots, ())
    assert issuer_among(alone.tls.certificate, [site.trust(2).root]) is not None
    site.roll()
    assert site.trust(4).tls_authorities[1] == alone.tls.certificate


def test_a_root_key_that_is_not_at_hand_is_asked_for() -> None:
    """With how many must sign and how many can; a key of a root that has left is none."""
    site = rolled_site(2)
    left, *_ = site.keys
    for at_hand in ([], [left], [keys.generate_key()]):
        site.keys = at_hand
        with pytest.raises(TrustError) as refused:
            site.rotated()
        assert (refused.value.code, refused.value.detail) == (
            "rotation-keys-missing",
            "of 2 roots 1 must sign, 0 can",
        )


def test_new_authorities_need_the_newest_root() -> None:
    """The one that leaves next could certify them, and would take them along."""
    site = rolled_site(1)
    site.keys = site.keys[:1]
    with pytest.raises(TrustError) as refused:
        site.rotated(roots=0)

    assert (refused.value.code, refused.value.detail) == ("rotation-keys-missing", "none of the newest roots")


def test_thresholds_rise_and_fall() -> None:
    """From one key to two of three and back; a hub of the beginning walks through all of it."""
    site = RolledSite()
    site.roll(roots=3, threshold=2)
    site.roll(roots=1, threshold=1)
    site.roll()

    assert [site.trust(version).threshold for version in (1, 2, 3, 4)] == [1, 2, 1, 1]
    assert walk(site.trust(1), [site.bundles[version] for version in (2, 3, 4)]) == site.trust(4)
    with pytest.raises(TrustError) as refused:
        RolledSite().rotated(roots=1, threshold=3)
    assert refused.value.code == "rotation-not-sound"


def test_a_version_that_was_lost_is_told() -> None:
    """Hubs before it cannot walk; the others can, so it is no reason to stop."""
    site = rolled_site(3)
    del site.bundles[2]

    assert site.rotated().missing == (2,)


@pytest.mark.parametrize("packed", [b"", sign_bundle(Site().trust, [keys.generate_key()])])
def test_a_site_whose_bundles_do_not_follow_is_not_led_on(packed: bytes) -> None:
    """The rehearsal says so, before a hub is."""
    site = rolled_site(2)
    site.bundles[2] = packed
    with pytest.raises(TrustError) as refused:
        site.rotated()

    assert refused.value.code == "rotation-not-sound"
