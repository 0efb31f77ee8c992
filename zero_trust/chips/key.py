"""A key in a chip, in the shape of any other P-256 key: it signs, and gives nothing away."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Self

from cryptography.hazmat.primitives.asymmetric import ec

from zero_trust.keys import PublicKey

_STAYS = "The key is in a chip, and stays there."


class ChipKey(ec.EllipticCurvePrivateKey):
    """Signs by asking its chip.

    cryptography promises no stable base class to outsiders, so a contract test watches over this one.
    """

    def __init__(self, public: PublicKey, sign: Callable[[bytes], bytes], place: str) -> None:
        """Name a key.

        Args:
            public: its public half.
            sign: a message -> the chip's ECDSA signature over its SHA-256, as DER.
            place: where it is, in words.
        """
        self._public = public
        self._sign = sign
        self._place = place

    def __repr__(self) -> str:
        return f"<key {self._place}>"

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def public_key(self) -> PublicKey:
        """Its public half."""
        return self._public

    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """The signature over ``data``, DER. The chip draws its own nonce, whatever the algorithm says of that.

        Raises:
            KeyStoreError: the chip cannot be asked, or refuses.
            ValueError: it is asked for anything but ECDSA over SHA-256.
        """
        if getattr(signature_algorithm.algorithm, "name", "") != "sha256":
            raise ValueError("A key in a chip signs with ECDSA over SHA-256 only.")
        return self._sign(bytes(data))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: PublicKey) -> NoReturn:
        """Not what this key is for."""
        raise NotImplementedError(_STAYS)

    def private_numbers(self) -> NoReturn:
        """Nobody has them."""
        raise NotImplementedError(_STAYS)

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Nobody has them."""
        raise NotImplementedError(_STAYS)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self
