"""Bundles under damage, in any order, and with the power cut at any moment."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.adapters.bundle import FILE, load_bundle
from tests.helpers.rolled import rolled_site
from zero_trust import keystore
from zero_trust.bundle import first_bundle, kept_bundle, next_bundle, read_bundle, walk
from zero_trust.credential import certificate_bytes
from zero_trust.errors import TrustError
from zero_trust.voucher import root_hash

SITE = rolled_site(4)
SECOND, NEWEST = SITE.bundles[2], SITE.bundles[5]
TRUSTS = {version: SITE.trust(version) for version in SITE.bundles}
versions = st.sampled_from(sorted(SITE.bundles))


@given(at=st.integers(0, len(SECOND) - 1), change=st.integers(1, 255))
@example(at=len(SECOND) - 1, change=1)
@example(at=0, change=1)
def test_any_byte_that_was_changed_spoils_a_bundle(at: int, change: int) -> None:
    """For a hub that walks. A new one, and one that reads its card, believe at most what was signed."""
    damaged = bytearray(SECOND)
    damaged[at] ^= change
    first = root_hash(certificate_bytes(TRUSTS[1].root))

    with pytest.raises(TrustError):
        next_bundle(TRUSTS[1], bytes(damaged))
    for believe in (lambda packed: first_bundle(packed, first), kept_bundle):
        with contextlib.suppress(TrustError):
            assert believe(bytes(damaged)) == TRUSTS[2]


@given(length=st.integers(0, len(SECOND) - 1), tail=st.binary(max_size=8))
def test_nothing_may_be_cut_off_or_added(length: int, tail: bytes) -> None:
    """A bundle has one spelling."""
    for packed in (SECOND[:length], SECOND + tail + b"\0"):
        with pytest.raises(TrustError):
            next_bundle(TRUSTS[1], packed)


@given(st.binary(max_size=300))
def test_whatever_else_is_no_bundle(packed: bytes) -> None:
    """Our own error."""
    with pytest.raises(TrustError):
        read_bundle(packed)


@given(held=versions, shown=st.lists(versions, max_size=12))
def test_in_whatever_order_bundles_come_a_hub_only_goes_on(held: int, shown: list[int]) -> None:
    """One step at a time; whatever is out of turn changes nothing."""
    trust = TRUSTS[held]
    for version in shown:
        try:
            stepped = next_bundle(trust, SITE.bundles[version])
        except TrustError:
            assert version != trust.version + 1
            continue
        assert stepped.version == trust.version + 1 == version
        trust = stepped

    assert trust.version >= held


class WalkingHub(RuleBasedStateMachine):
    """A hub that walks while its power fails at any write, and whose card may rot."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="lum-walk-"))
        self.kept = 1  # the version that the card surely holds
        self.hub = load_bundle(self.directory, TRUSTS[1])

    def teardown(self) -> None:
        """From wherever it is, it gets to the newest; then the card goes."""
        steps = [SITE.bundles[version] for version in range(self.hub.trust.version + 1, SITE.newest + 1)]
        assert walk(self.hub.trust, steps) == TRUSTS[SITE.newest]
        shutil.rmtree(self.directory)

    @rule(version=versions)
    def shown(self, version: int) -> None:
        """Somebody shows it a bundle."""
        before = self.hub.trust.version
        try:
            self.hub.step(SITE.bundles[version])
        except TrustError:
            assert self.hub.trust.version == before
            return
        assert self.hub.trust.version == before + 1 == version
        self.kept = version

    @rule(step=st.sampled_from(["temporary file", "rename"]))
    def power_cut_at_a_write(self, step: str) -> None:
        """Before the file is written whole, or after it was and before it has its name."""
        if self.hub.trust.version == SITE.newest:
            return
        packed = SITE.bundles[self.hub.trust.version + 1]
        temporary = self.directory / f"{FILE}.new"
        keystore.make_private_directory(self.directory)
        temporary.write_bytes(packed[: len(packed) // 2] if step == "temporary file" else packed)
        self.restart()

    @rule()
    def restart(self) -> None:
        """It begins anew with what the card holds."""
        self.hub = load_bundle(self.directory, TRUSTS[1])
        assert self.hub.trust.version >= self.kept

    @rule(at=st.integers(0, 10_000), change=st.integers(1, 255))
    def rot(self, at: int, change: int) -> None:
        """A byte of the kept file is another one: the hub may begin where it was enrolled, and is not lost."""
        file = self.directory / FILE
        if file.exists():
            content = bytearray(file.read_bytes())
            content[at % len(content)] ^= change
            keystore.write_private(file, bytes(content))
            self.kept = 1
            self.restart()

    @invariant()
    def it_believes_nothing_that_no_root_signed(self) -> None:
        """Whatever was shown, cut off or damaged."""
        assert self.hub.trust == TRUSTS[self.hub.trust.version]


TestWalkingHub = WalkingHub.TestCase
TestWalkingHub.settings = settings(stateful_step_count=15)
