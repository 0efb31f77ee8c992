"""What can go wrong with trust, named for what the caller must do about it.

TrustError
├── BadNameError            not a name of a hub, home, site or service
├── KeyStoreError           a key file is missing, damaged or readable by others
├── EnvelopeError           bytes that are no envelope of ours, or not for us
│   └── SignatureError      not signed by the key that should have signed
├── CredentialError         a certificate that cannot be believed
│   ├── CredentialExpiredError
│   └── CredentialRevokedError
├── VoucherError            a voucher that cannot be used
├── PolicyError             genuine, but not allowed
└── RollbackError           older than what was already believed

Each carries a ``code`` whose words stand in ``reasons.toml``.
"""

from __future__ import annotations

from zero_trust.reasons import reason


class TrustError(Exception):
    """Base of all: the sentence of ``code``, a detail if there is one, and a hint what to do.

    Attributes:
        code: key into ``reasons.toml``.
        detail: what in particular was wrong; never a secret.
        hint: what to do now, and who.
    """

    def __init__(self, code: str, detail: str = "", *, hint: str = "") -> None:
        words = reason(code)
        super().__init__(words.told(detail))
        self.code = code
        self.detail = detail
        self.hint = hint or words.hint


class BadNameError(TrustError):
    """Not a name of a hub, home, site or service."""


class KeyStoreError(TrustError):
    """A key file is missing, damaged or readable by others."""


class EnvelopeError(TrustError):
    """Bytes that are no envelope of ours, or not for us."""


class SignatureError(EnvelopeError):
    """Not signed by the key that should have signed."""


class CredentialError(TrustError):
    """A certificate that cannot be believed."""


class CredentialExpiredError(CredentialError):
    """A certificate that was good once."""


class CredentialRevokedError(CredentialError):
    """A credential that operations have withdrawn."""


class VoucherError(TrustError):
    """A voucher that cannot be used."""


class PolicyError(TrustError):
    """Genuine, but not allowed."""


class RollbackError(TrustError):
    """Older than what was already believed."""
