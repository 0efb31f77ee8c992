"""Nothing secret in anything that a run leaves behind: the keys of all parties, sought in every file that is not their own.

A party's directory holds its own keys, under their own names; nobody's logs, reports, stores or answers hold any.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SCALAR_BYTES: Final = 32
TEXT_BYTES_MIN: Final = 8  # shorter ones stand anywhere by chance
KEY_FILES: Final = ("*.key", "portal/secret")
_HUB: Final = "hub"
_PARTY_OF: Final = {  # by the first part of a path, numbers aside
    "site": "site",
    "nodes": "sensors",
    **dict.fromkeys(("hub", "disk", "small", "card", "twin", "machine"), _HUB),
}
_ANY_NAME: Final = {"graves", "machine", "nodes"}  # a disk's own bookkeeping, an image of one, a chip's flash
_TRACES: Final = "calls-"  # the rig's own records of a process's system calls
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_LAYOUT: Final = re.compile(rb"\s+|\\[nrt]")


@dataclass(frozen=True)
class Secret:
    """One thing that nobody else may learn.

    Attributes:
        what: in words, for whoever must find how it got out.
        raw: the bytes of it.
        party: whose it is; empty if it is to be on nobody's disk.
        file: under which name it lies there.
    """

    what: str
    raw: bytes = field(repr=False)
    party: str = ""
    file: str = ""

    @cached_property
    def forms(self) -> dict[str, bytes]:
        """How it may be written, by name: as bytes, in hex, in base64 or PEM wherever it stands in it, as Python has it."""
        raw, number = self.raw, int.from_bytes(self.raw)
        found = {
            "raw": raw,
            "hex": raw.hex().encode(),
            "hex, upper case": raw.hex().upper().encode(),
            "hex with colons": raw.hex(":").encode(),
            "Python's bytes": repr(raw)[2:-1].encode(),
            "a number": str(number).encode(),
            **{f"base64, {shift} into it": _base64(raw, shift) for shift in range(3)},
        }
        found |= {
            f"url-safe {name}": text.translate(_URL_SAFE) for name, text in found.items() if "64" in name
        }
        if raw.isascii():
            found["lower case"] = raw.lower()
        return {name: form for name, form in found.items() if len(form) >= TEXT_BYTES_MIN}

    def at_home(self, path: PurePath) -> bool:
        """Whether it may stand in the file at ``path``, relative to the run's directory."""
        if path.name.startswith(_TRACES):
            return True
        party = _party(path)
        if party == "sensors":  # a sensor has its key too
            return self.party == _HUB and len(self.raw) < SCALAR_BYTES
        return party == self.party != "" and (path.name == self.file or not _ANY_NAME.isdisjoint(path.parts))


def secrets_of(directory: Path, spoken: Iterable[str] = ()) -> list[Secret]:
    """All keys under ``directory``, and of each voucher in ``spoken`` its code."""
    found = []
    for file in (file for pattern in KEY_FILES for file in sorted(directory.rglob(pattern))):
        path = file.relative_to(directory)
        if file.is_file() and (party := _party(path)):
            found.append(Secret(f"the {party}'s {path.name}", key_bytes(file.read_bytes()), party, path.name))
    codes = [voucher.rsplit(":", 2)[1].split("-")[0] for voucher in spoken]
    return [*dict.fromkeys(found), *(Secret("the code of a voucher", code.encode()) for code in codes)]


def _party(path: PurePath) -> str:
    """Whose file that is; empty if it is anybody's to read."""
    return _PARTY_OF.get(path.parts[0].rstrip("0123456789"), "")


def key_bytes(content: bytes) -> bytes:
    """The secret part of a key file: a private key in PEM, a sensor's in hex, or bytes as they are."""
    if content.startswith(b"-----BEGIN"):
        return private_bytes(load_pem_private_key(content, password=None))
    text = content.strip()
    return bytes.fromhex(text.decode()) if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", text) else content


def private_bytes(key: object) -> bytes:
    """The private part of a key, as raw bytes.

    Raises:
        TypeError: it is of no kind that Lum uses.
    """
    if isinstance(key, EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(SCALAR_BYTES)
    if isinstance(key, X25519PrivateKey | Ed25519PrivateKey):
        return key.private_bytes_raw()
    raise TypeError(type(key).__name__)


def leaks(secrets: Iterable[Secret], content: bytes, path: PurePath) -> Iterator[str]:
    """A sentence for each secret that ``content`` holds and ``path`` is not the home of; never the secret itself."""
    tight = _LAYOUT.sub(b"", content)
    for secret in secrets:
        if secret.at_home(path):
            continue
        form = next((name for name, form in secret.forms.items() if form in content or form in tight), "")
        if form:
            yield f"{path} holds {secret.what} ({form})."


def leaks_under(directory: Path, secrets: Iterable[Secret]) -> list[str]:
    """A sentence for each secret in each file that is not its home."""
    known = list(secrets)
    files = (file for file in sorted(directory.rglob("*")) if file.is_file() and not file.is_symlink())
    return [
        sentence
        for file in files
        for sentence in leaks(known, file.read_bytes(), file.relative_to(directory))
    ]


def _base64(raw: bytes, shift: int) -> bytes:
    """What is the same in any base64 text in which ``raw`` begins ``shift`` bytes after a multiple of three."""
    text = base64.b64encode(bytes(shift) + raw).rstrip(b"=")
    spoiled = -(-8 * shift // 6)
    shared = 1 if (shift + len(raw)) % 3 else 0
    return text[spoiled : len(text) - shared]
