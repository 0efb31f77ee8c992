"""A voucher as a QR code, to be scanned instead of typed: for a terminal, and as a picture.

Whoever sees either has the voucher: both are as much a secret as its text.
"""

from __future__ import annotations

import io
from types import ModuleType
from typing import TYPE_CHECKING

from zero_trust.errors import TrustError

if TYPE_CHECKING:
    from segno import QRCode

_WHITE_ON_BLACK = (
    "\x1b[97;40m"  # said outright: a scanner may refuse the negative that another theme would show
)
_AS_BEFORE = "\x1b[0m"
_PIXELS_A_MODULE = 8


def terminal(text: str) -> str:
    """Lines for a terminal of at least 60 columns, two rows of the code to a line.

    Raises:
        TrustError: ``extra-missing``.
    """
    drawn = io.StringIO()
    _code(text).terminal(drawn, compact=True)
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" for line in drawn.getvalue().splitlines())


def png(text: str) -> bytes:
    """A picture.

    Raises:
        TrustError: ``extra-missing``.
    """
    picture = io.BytesIO()
    _code(text).save(picture, kind="png", scale=_PIXELS_A_MODULE)
    return picture.getvalue()


def drawing() -> ModuleType:
    """The library that draws.

    Raises:
        TrustError: ``extra-missing``.
    """
    try:
        import segno  # noqa: PLC0415 - the site's machine has it; a hub, which has no use for it, has not
    except ImportError as error:
        raise TrustError("extra-missing", "cloud") from error
    return segno


def _code(text: str) -> QRCode:
    code: QRCode = drawing().make_qr(text)
    return code
