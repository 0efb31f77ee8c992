"""The site's encryption keys: one current, the one before it for a while, then destroyed.

A key lives 7 days; what was sealed to it can be opened for 48 h more, so that messages under way arrive: a hub
is told the key at the beginning of a session, which its TLS certificate ends before 48 h are over (``credentials.py``).
After that nobody can open what an eavesdropper may have kept. ``site.key`` is the current one, its age that of
the file; ``site-until-<ms>.key`` are earlier ones with the moment of their end in the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from zero_trust.keystore import load_site_key, save_key

KEY_AGE_MAX_MS = 7 * 86_400_000
KEPT_AFTER_MS = 48 * 3_600_000

_ENDING = re.compile(r"site-until-(\d+)\.key")


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """The key that hubs are told, and those whose messages may still be under way."""

    current: X25519PrivateKey = field(repr=False)
    earlier: tuple[X25519PrivateKey, ...] = field(default=(), repr=False)


def rotate(directory: Path, now_ms: int) -> SiteKeys:
    """Destroy what is past its time, begin a new key if the current one is too old, and load the rest.

    May be cut off anywhere: the old key is kept under its new name before the new one takes its place.

    Raises:
        KeyStoreError: a key is missing, damaged or readable by others.
    """
    for path in _earlier(directory):
        if _end_ms(path) <= now_ms:
            path.unlink()
    current = directory / "site.key"
    if now_ms - int(current.stat().st_mtime * 1000) >= KEY_AGE_MAX_MS:
        save_key(directory / f"site-until-{now_ms + KEPT_AFTER_MS}.key", load_site_key(current))
        save_key(current, X25519PrivateKey.generate())
    return SiteKeys(load_site_key(current), tuple(map(load_site_key, _earlier(directory))))


def _earlier(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("site-until-*.key") if _ENDING.fullmatch(path.name))


def _end_ms(path: Path) -> int:
    found = _ENDING.fullmatch(path.name)
    return int(found[1]) if found else 0
