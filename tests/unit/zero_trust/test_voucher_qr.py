"""A voucher's QR code is read by another library than the one that drew it, as picture and from the terminal."""

from __future__ import annotations

import builtins
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from zero_trust import voucher_qr
from zero_trust.errors import TrustError
from zero_trust.voucher import _ALPHABET, ROOT_HASH_BYTES, Voucher, parse_voucher

CODE_COLUMNS_MAX = 60
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOST = st.one_of(
    st.lists(LABEL, min_size=1, max_size=3).map(".".join),
    st.ip_addresses().map(str),
)
Rows = Sequence[Sequence[bool]]  # True: dark


SYMBOLS = st.text(_ALPHABET, min_size=8, max_size=8)
VOUCHERS = st.builds(
    Voucher,
    host=HOST,
    port=st.integers(1, 65535),
    id=SYMBOLS,
    code=SYMBOLS,
    root_hash=st.binary(min_size=ROOT_HASH_BYTES, max_size=ROOT_HASH_BYTES),
)


@settings(max_examples=25, deadline=None)
@given(VOUCHERS)
def test_whoever_scans_the_picture_has_the_voucher(voucher: Voucher) -> None:
    """The PNG, decompressed and read as a scanner would."""
    read = scanned(pixels(voucher_qr.png(voucher.text)))

    assert (read, parse_voucher(read)) == (voucher.text, voucher)


@settings(max_examples=25, deadline=None)
@given(VOUCHERS)
def test_whoever_scans_the_terminal_has_the_voucher(voucher: Voucher) -> None:
    """The lines as a terminal shows them: each half of a character is a module."""
    drawn = voucher_qr.terminal(voucher.text)

    assert scanned(magnified(modules(drawn), 4)) == voucher.text
    assert max(map(len, plain(drawn).splitlines())) <= CODE_COLUMNS_MAX


def test_another_code_is_told_apart() -> None:
    """What is compared is what was read, not that something was."""
    assert scanned(pixels(voucher_qr.png("LUM1:A"))) == "LUM1:A" != scanned(pixels(voucher_qr.png("LUM1:B")))


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which extra brings it is said."""
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "segno":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    for draw in (voucher_qr.png, voucher_qr.terminal):
        with pytest.raises(TrustError, match="cloud") as refused:
            draw("LUM1:")
        assert refused.value.code == "extra-missing"


def scanned(rows: Rows) -> str:
    """What a scanner reads."""
    octets = bytes(0 if dark else 255 for row in rows for dark in row)
    image = memoryview(octets).cast("B", shape=[len(rows), len(rows[0])])
    [found] = zxingcpp.read_barcodes(image)
    return str(found.text)


def pixels(png: bytes) -> Rows:
    """The pixels of a PNG in black and white; rows as they are, or as differences from the one above."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colours = struct.unpack(">IIBB", png[16:26])
    assert (depth, colours) == (1, 0)
    packed, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        packed += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += size + 12
    stride = 1 + -(-width // 8)
    lines = zlib.decompress(packed)
    rows, above = [], bytes(stride - 1)
    for row in range(height):
        filtered, *line = lines[row * stride : (row + 1) * stride]
        assert filtered in {0, 2}
        above = bytes((one + filtered // 2 * up) & 255 for one, up in zip(line, above, strict=True))
        rows.append([not above[x // 8] >> (7 - x % 8) & 1 for x in range(width)])
    return rows


def plain(drawn: str) -> str:
    """The characters alone."""
    return re.sub(r"\x1b\[[0-9;]*m", "", drawn)


def modules(drawn: str) -> Rows:
    """Upper and lower half of each character; what is drawn in is light."""
    rows: list[list[bool]] = []
    for line in plain(drawn).splitlines():
        rows.append([character not in "█▀" for character in line])
        rows.append([character not in "█▄" for character in line])
    return rows


def magnified(rows: Rows, times: int) -> Rows:
    """Each module as a square."""
    wide = [[dark for dark in row for _ in range(times)] for row in rows]
    return [row for row in wide for _ in range(times)]
