"""A site in memory that is rolled over and over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from tests.helpers.trust import NOW_MS, Site
from zero_trust.bundle import read_bundle
from zero_trust.keys import PrivateKey
from zero_trust.rotation import Rotation, rotate
from zero_trust.trust_set import TrustSet


@dataclass
class RolledSite:
    """Its bundles by version, and every root key it ever had."""

    site: Site = field(default_factory=Site)
    bundles: dict[int, bytes] = field(default_factory=dict)
    keys: list[PrivateKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Version 1."""
        self.bundles[1] = self.site.bundle
        self.keys.append(self.site.root.key)

    @property
    def newest(self) -> int:
        """The newest version."""
        return max(self.bundles)

    def trust(self, version: int) -> TrustSet:
        """What that version says."""
        return read_bundle(self.bundles[version]).trust

    def rotated(self, roots: int = 1, threshold: int | None = None) -> Rotation:
        """The next bundle, not published."""
        return rotate(
            self.bundles, self.keys, roots=roots, threshold=threshold, now_ms=NOW_MS, entropy=os.urandom
        )

    def roll(self, roots: int = 1, threshold: int | None = None) -> Rotation:
        """Publish the next bundle."""
        rotation = self.rotated(roots, threshold)
        self.bundles[rotation.after.version] = rotation.packed
        self.keys += [root.key for root in rotation.roots]
        return rotation


def rolled_site(times: int) -> RolledSite:
    """A site that was rolled over so many times."""
    made = RolledSite()
    for _ in range(times):
        made.roll()
    return made
