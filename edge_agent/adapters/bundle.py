"""The bundle by which this hub believes its site: in the state directory, replaced whole, never by an older one.

``bundle`` is the newest that was verified; without it, or if the card gives it back damaged, the one that came
with the enrolment is where the hub walks on from. Each step is kept before it is believed, so a power cut
costs at most one step.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from zero_trust.bundle import kept_bundle, next_bundle
from zero_trust.errors import TrustError
from zero_trust.keystore import read_private, write_private
from zero_trust.trust_set import TrustSet

FILE = "bundle"


class TrustedBundle:
    """Whom this hub believes now.

    Attributes:
        trust: what the newest verified bundle says.
        doubted: whether there may be a newer one: somebody was not believed, or the site spoke of it.
        walking: held by whoever goes on to newer ones.
    """

    def __init__(self, state_dir: Path, trust: TrustSet) -> None:
        self.trust = trust
        self.doubted = False
        self.walking = threading.Lock()
        self._file = state_dir / FILE

    def step(self, packed: bytes) -> None:
        """Go on to the next bundle: verified, kept, then believed.

        Raises:
            TrustError: it does not follow from the one that is believed.
        """
        trust = next_bundle(self.trust, packed)
        # A card that takes nothing more must not cut the hub off as well: it walks here again after a power cut.
        with contextlib.suppress(OSError):
            write_private(self._file, packed)
        self.trust = trust


def load_bundle(state_dir: Path, enrolled: TrustSet) -> TrustedBundle:
    """What was kept last, or else what came with the enrolment."""
    return TrustedBundle(state_dir, _kept(state_dir / FILE, enrolled) or enrolled)


def _kept(file: Path, enrolled: TrustSet) -> TrustSet | None:
    """Verified when it was kept; read again it must be whole, of this site, and no older."""
    try:
        trust = kept_bundle(read_private(file))
    except TrustError:
        return None
    return trust if trust.site == enrolled.site and trust.version >= enrolled.version else None
