"""An enrolment under way, as the hub keeps it: what was asked, and of whom. The voucher's code is not in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from zero_trust import fields
from zero_trust.errors import TrustError
from zero_trust.voucher import ROOT_HASH_BYTES, Voucher

VERSION: Final = 1
_CODE: Final = "key-unreadable"


@dataclass(frozen=True, slots=True)
class Pending:
    """Enough to ask again and to believe the answer, after a power cut too.

    Attributes:
        host: where the authority answers.
        port: its HTTPS port.
        root_hash: of the voucher: whom to believe there.
        request: as sent; the same again gets the same answer.
    """

    host: str
    port: int
    root_hash: bytes
    request: bytes = field(repr=False)

    @classmethod
    def of(cls, voucher: Voucher, request: bytes) -> Self:
        """A request made with ``voucher``."""
        return cls(voucher.host, voucher.port, voucher.root_hash, request)

    @property
    def packed(self) -> bytes:
        """As kept."""
        return fields.pack(VERSION, self.host, self.port, self.root_hash, self.request)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what ``packed`` gave.

        Raises:
            TrustError: ``key-unreadable``.
        """
        version, host, port, root_hash, request = fields.unpack(
            packed, (int, str, int, bytes, bytes), code=_CODE
        )
        if version != VERSION or not 1 <= port <= 65535 or len(root_hash) != ROOT_HASH_BYTES:
            raise TrustError(_CODE, f"an enrolment under way of version {version}")
        return cls(host, port, root_hash, request)
