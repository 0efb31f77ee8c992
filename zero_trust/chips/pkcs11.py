"""Keys in a PKCS#11 token: a smart card, a USB stick, a secure element with its maker's library.

The token keeps the keys; ``NAME.pkcs11`` keeps which one it is (CKA_ID, 16 random bytes in hex). It is
written before the key is made, so that a power cut leaves no key on the token that nobody knows of.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pkcs11
from cryptography.hazmat.primitives import hashes
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, exceptions
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters

from zero_trust import keys
from zero_trust.chips.key import ChipKey
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.keystore import read_private, write_private

ID_BYTES: Final = 16

_WRONG_PIN = (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange)
_NO_ROOM = (exceptions.DeviceMemory, exceptions.SessionCount)


class Pkcs11Store:
    """The keys of a token whose ids are in ``state``."""

    def __init__(self, module: str, label: str, pin_file: Path, state: Path) -> None:
        self.place = f'in the PKCS#11 token "{label}"'
        self._token = token_of(module, label, pin_file)
        self._state = state

    def make(self, name: str) -> ChipKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.make`."""
        if not self._file(name).exists():
            write_private(self._file(name), os.urandom(ID_BYTES).hex().encode())
        key_id = self._key_id(name)
        if not self._token.holds(key_id):
            self._token.make(key_id, f"lum-{name}")
        return self.load(name)

    def load(self, name: str) -> ChipKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.load`."""
        key_id = self._key_id(name)
        public = self._token.public_key(key_id)
        return ChipKey(public, lambda message: self._token.sign(key_id, message), self.place)

    def _key_id(self, name: str) -> bytes:
        try:
            key_id = bytes.fromhex(read_private(self._file(name)).decode())
        except ValueError:
            key_id = b""
        if len(key_id) != ID_BYTES:
            raise KeyStoreError("key-unreadable", str(self._file(name)))
        return key_id

    def _file(self, name: str) -> Path:
        return self._state / f"{name}.pkcs11"


class Token:
    """One session of this process with a token: opened when needed, opened anew once it has failed."""

    def __init__(self, module: str, label: str, pin_file: Path) -> None:
        self._module = module
        self._label = label
        self._pin_file = pin_file
        self._lock = threading.Lock()  # the library is told nothing of threads
        self._session: pkcs11.Session | None = None
        self._found_keys: dict[bytes, Any] = {}
        self._refused_pin: str | None = None

    def holds(self, key_id: bytes) -> bool:
        """Whether it has that key.

        Raises:
            KeyStoreError: ``chip-absent``, ``chip-failed`` or one of the ``pin-`` codes.
        """
        with self._lock, self._in_our_words():
            try:
                self._private(key_id)
            except exceptions.NoSuchKey:
                return False
            return True

    def make(self, key_id: bytes, label: str) -> None:
        """Have a key made that it will never hand out.

        Raises:
            KeyStoreError: ``chip-full``, or as :meth:`holds`.
        """
        with self._lock, self._in_our_words():
            curve = self._opened().create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
            )
            curve.generate_keypair(
                id=key_id,
                label=label,
                store=True,
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                private_template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
            )

    def public_key(self, key_id: bytes) -> keys.PublicKey:
        """The public half of a key, which proves that the token has it.

        Raises:
            KeyStoreError: ``key-not-in-chip``, ``key-unreadable``, or as :meth:`holds`.
        """
        with self._lock, self._in_our_words():
            self._private(key_id)
            found = self._opened().get_key(ObjectClass.PUBLIC_KEY, id=key_id)
            assert isinstance(found, pkcs11.PublicKey)  # noqa: S101 - the class that was asked for
            spki = encode_ec_public_key(found)
        try:
            return keys.public_key(spki)
        except TrustError as error:
            raise KeyStoreError("key-unreadable", f'token "{self._label}"') from error

    def sign(self, key_id: bytes, message: bytes) -> bytes:
        """Sign with a key; DER. A token that was pulled out and put back is opened once more.

        Raises:
            KeyStoreError: ``key-not-in-chip``, or as :meth:`holds`.
        """
        digest = hashes.Hash(hashes.SHA256())
        digest.update(message)
        hashed = digest.finalize()
        with self._lock, self._in_our_words():
            try:
                signature = self._private(key_id).sign(hashed, mechanism=Mechanism.ECDSA)
            except exceptions.PKCS11Error:
                self._close()
                signature = self._private(key_id).sign(hashed, mechanism=Mechanism.ECDSA)
            return encode_ecdsa_signature(signature)

    def close(self) -> None:
        """End the session; the next call opens another one."""
        with self._lock:
            self._close()

    def _private(self, key_id: bytes) -> Any:  # that it can sign, its type does not tell
        if key_id not in self._found_keys:
            self._found_keys[key_id] = self._opened().get_key(ObjectClass.PRIVATE_KEY, id=key_id)
        return self._found_keys[key_id]

    def _opened(self) -> pkcs11.Session:
        if self._session is None:
            pin = self._pin()
            self._session = self._log_in(self._found(), pin)
        return self._session

    def _found(self) -> pkcs11.Token:
        try:
            library = pkcs11.lib(self._module)
            try:
                return library.get_token(token_label=self._label)
            except exceptions.PKCS11Error:
                library.reinitialize()  # some libraries look for tokens only once
                return library.get_token(token_label=self._label)
        except exceptions.PKCS11Error as error:
            raise KeyStoreError("chip-absent", f'token "{self._label}" by {self._module}') from error

    def _pin(self) -> str:
        try:
            pin = read_private(self._pin_file).decode(errors="replace").strip()
        except KeyStoreError as error:
            if error.code == "key-missing":
                raise KeyStoreError("pin-missing", error.detail) from error
            raise
        if pin == self._refused_pin:  # each wrong attempt brings the token nearer to locking itself
            raise KeyStoreError("pin-wrong", str(self._pin_file))
        return pin

    def _log_in(self, token: pkcs11.Token, pin: str) -> pkcs11.Session:
        try:
            return token.open(rw=True, user_pin=pin)
        except exceptions.UserAlreadyLoggedIn:
            return token.open(rw=True)
        except _WRONG_PIN as error:
            self._refused_pin = pin
            raise KeyStoreError("pin-wrong", str(self._pin_file)) from error
        except exceptions.PinLocked as error:
            raise KeyStoreError("pin-locked", f'token "{self._label}"') from error

    def _close(self) -> None:
        session, self._session, self._found_keys = self._session, None, {}
        if session is not None:
            with contextlib.suppress(exceptions.PKCS11Error):  # it is given up because it fails
                session.close()

    @contextlib.contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except exceptions.NoSuchKey as error:
            raise KeyStoreError("key-not-in-chip", f'token "{self._label}"') from error
        except exceptions.PKCS11Error as error:
            self._close()
            code = "chip-full" if isinstance(error, _NO_ROOM) else "chip-failed"
            raise KeyStoreError(code, f'token "{self._label}": {type(error).__name__}') from error


@cache
def token_of(module: str, label: str, pin_file: Path) -> Token:
    """The token of that label: a log-in is the whole process's, so this process has one session."""
    return Token(module, label, pin_file)
