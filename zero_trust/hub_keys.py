"""Where a hub's two lasting keys live: in files, in a TPM 2.0, or in a PKCS#11 token.

The hub's configuration chooses (``[keys]``), and each choice is a :class:`KeyStore`. What a chip's
driver needs is imported only where that chip is chosen. The TLS key is none of these: it lives in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol, TypeAlias

import msgspec

from zero_trust.errors import KeyStoreError

if TYPE_CHECKING:
    from zero_trust.keys import PrivateKey  # every command reads the configuration, few need cryptography

IDENTITY: Final = "identity"
DATA: Final = "data"

Said = Annotated[str, msgspec.Meta(min_length=1)]


class KeyStore(Protocol):
    """Keeps keys by name; whoever has a key from it can sign with it, and no more."""

    @property
    def place(self) -> str:
        """Where the keys are, as it stands after "keys are": words for a person."""

    def make(self, name: str) -> PrivateKey:
        """The key of that name; if there is none it is made, and kept before anybody gets it.

        Raises:
            KeyStoreError: it cannot be made or used; says why.
        """

    def load(self, name: str) -> PrivateKey:
        """The key of that name.

        Raises:
            KeyStoreError: there is none, or it cannot be used; says why.
        """


class FileKeys(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="store", tag="file"
):
    """``store = "file"``: nothing more to say."""

    def open(self, state: Path) -> KeyStore:
        """The store, with its files in the directory ``state``."""
        from zero_trust.keystore import FileStore  # noqa: PLC0415 - as above

        return FileStore(state)


class TpmKeys(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="store", tag="tpm"
):
    """``store = "tpm"``: a TPM 2.0, by its TCTI address, as all of the TPM2 software writes it."""

    address: Said = "device:/dev/tpmrm0"

    def open(self, state: Path) -> KeyStore:
        """The store; in ``state`` it keeps what only this TPM can use.

        Raises:
            KeyStoreError: ``chip-software-missing``.
        """
        try:
            from zero_trust.chips.tpm import TpmStore  # noqa: PLC0415 - only hubs with a TPM have what it needs
        except ImportError as error:
            raise _software_missing("tpm", error) from error
        return TpmStore(self.address, state)


class Pkcs11Keys(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="store", tag="pkcs11"
):
    """``store = "pkcs11"``: a token, by its maker's library, its label, and the file that holds its PIN."""

    module: Said
    token: Said
    pin_file: Said

    def open(self, state: Path) -> KeyStore:
        """The store; in ``state`` it keeps which of the token's keys are this hub's.

        Raises:
            KeyStoreError: ``chip-software-missing``.
        """
        try:
            from zero_trust.chips.pkcs11 import Pkcs11Store  # noqa: PLC0415 - as above
        except ImportError as error:
            raise _software_missing("pkcs11", error) from error
        return Pkcs11Store(self.module, self.token, Path(self.pin_file), state)


Settings: TypeAlias = FileKeys | TpmKeys | Pkcs11Keys
FILES: Final = FileKeys()


def _software_missing(extra: str, error: ImportError) -> KeyStoreError:
    return KeyStoreError("chip-software-missing", f"{error}; it comes with lum[{extra}]")
