"""Keys in a TPM 2.0.

The TPM makes a key and hands it out wrapped under its own storage key; the wrapped key is kept as
``NAME.tpm`` (PEM, "TSS2 PRIVATE KEY", which other TPM2 software reads too) and no other TPM can load it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

os.environ.setdefault("TSS2_LOG", "all+NONE")  # read at the first error: ours say it in one sentence

from tpm2_pytss import ESAPI, TSS2_Exception
from tpm2_pytss.cryptography import tpm_ecc_private_key
from tpm2_pytss.tsskey import TSSPrivKey

from zero_trust import keys
from zero_trust.chips.key import ChipKey
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.keystore import read_private, write_private

# TPM 2.0 library, part 2, section 6.6, and TSS 2.0 overview, section 3.11: who says it, and what.
_LAYER, _TCTI_LAYER = 0xFF0000, 0x0A0000
_INTEGRITY = 0x09F
_NO_ROOM = frozenset({0x902, 0x903, 0x904, 0x906})  # objects, sessions, memory, handles
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


class TpmStore:
    """The keys whose wrapped form is in ``state``."""

    def __init__(self, address: str, state: Path) -> None:
        self.place = f"in the TPM {address}"
        self._tpm = tpm_at(address)
        self._state = state

    def make(self, name: str) -> ChipKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.make`."""
        if not self._file(name).exists():
            write_private(self._file(name), self._tpm.make())
        return self.load(name)

    def load(self, name: str) -> ChipKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.load`."""
        wrapped = read_private(self._file(name))
        try:
            public = keys.public_key(TSSPrivKey.from_pem(wrapped).public.to_der())
        except (ValueError, TypeError, TSS2_Exception, TrustError) as error:
            raise KeyStoreError("key-unreadable", str(self._file(name))) from error
        self._tpm.load(wrapped)
        return ChipKey(public, lambda message: self._tpm.sign(wrapped, message), self.place)

    def _file(self, name: str) -> Path:
        return self._state / f"{name}.tpm"


class Tpm:
    """One connection of this process to a TPM: opened when needed, opened anew once it has failed."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()  # a TSS context serves one caller at a time
        self._open = contextlib.ExitStack()
        self._context: ESAPI | None = None
        self._loaded: dict[bytes, tpm_ecc_private_key] = {}

    def make(self) -> bytes:
        """Have a key made; gives it wrapped.

        Raises:
            KeyStoreError: ``chip-absent``, ``chip-full`` or ``chip-failed``.
        """
        with self._lock, self._in_our_words():
            made: bytes = TSSPrivKey.create_ecc(self._connected()).to_pem()
            return made

    def load(self, wrapped: bytes) -> None:
        """Find out that the TPM takes the key.

        Raises:
            KeyStoreError: ``key-not-in-chip``, or as :meth:`make`.
        """
        with self._lock, self._in_our_words():
            self._key(wrapped)

    def sign(self, wrapped: bytes, message: bytes) -> bytes:
        """Sign with a key; DER. A TPM that was reset, or went away and came back, is opened once more.

        Raises:
            KeyStoreError: as :meth:`load`.
        """
        with self._lock, self._in_our_words():
            try:
                signature: bytes = self._key(wrapped).sign(message, _ECDSA)
            except TSS2_Exception:
                self._close()
                signature = self._key(wrapped).sign(message, _ECDSA)
            return signature

    def close(self) -> None:
        """End the connection; the next call opens another one."""
        with self._lock:
            self._close()

    def _key(self, wrapped: bytes) -> tpm_ecc_private_key:
        if wrapped not in self._loaded:
            context = self._connected()
            handle = TSSPrivKey.from_pem(wrapped).load(context)
            # Without a resource manager in between, what is left loaded takes room until the TPM is reset.
            self._open.callback(context.flush_context, handle)
            self._loaded[wrapped] = tpm_ecc_private_key(context, handle)
        return self._loaded[wrapped]

    def _connected(self) -> ESAPI:
        if self._context is None:
            self._context = self._open.enter_context(ESAPI(self._address))
        return self._context

    def _close(self) -> None:
        self._loaded, self._context = {}, None
        with contextlib.suppress(TSS2_Exception):  # it is given up because it fails
            self._open.close()

    @contextlib.contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except TSS2_Exception as error:
            self._close()
            raise KeyStoreError(_code(error), f"{self._address}: {error}") from error


@cache
def tpm_at(address: str) -> Tpm:
    """The TPM at a TCTI address: a chip has room for few callers, so this process is one."""
    tpm = Tpm(address)
    atexit.register(tpm.close)
    return tpm


def _code(error: TSS2_Exception) -> str:
    if error.rc & _LAYER == _TCTI_LAYER:
        return "chip-absent"
    if error.error == _INTEGRITY:
        return "key-not-in-chip"
    return "chip-full" if error.error in _NO_ROOM else "chip-failed"
