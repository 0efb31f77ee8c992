"""Vouchers: one text form, mistypings caught, the code never kept."""

from __future__ import annotations

import itertools
import os

import pytest

from zero_trust import voucher as v
from zero_trust.errors import BadNameError, VoucherError

VOUCHER, ROW = v.new_voucher(
    home="h-17",
    host="hubs.example.org",
    port=8443,
    root_certificate=b"root",
    expires_ms=5,
    entropy=os.urandom,
)


def test_a_voucher_survives_its_text() -> None:
    """Read back, it is the same voucher, and its row knows home and expiry."""
    assert v.parse_voucher(VOUCHER.text) == VOUCHER
    assert (ROW.id, ROW.home, ROW.expires_ms) == (VOUCHER.id, "h-17", 5)


def test_typing_is_forgiven_where_nothing_is_lost() -> None:
    """Blanks around it, lower case, and O for 0 or L for 1 are read as meant."""
    head, host, port, voucher_id, code, root = VOUCHER.text.split(":")
    typed = ":".join(
        [head, host, port, voucher_id.lower(), code.lower(), root.replace("0", "o").replace("1", "l")]
    )

    assert v.parse_voucher(f"  {typed}\n") == VOUCHER


def test_ipv6_hosts_are_read() -> None:
    """Colons in the host do not confuse the parts."""
    made, _ = v.new_voucher(
        home="h", host="2001:db8::1", port=1, root_certificate=b"", expires_ms=0, entropy=os.urandom
    )

    assert v.parse_voucher(made.text).host == "2001:db8::1"


def test_every_single_mistyped_symbol_is_caught() -> None:
    """Each position of id, code, check and root, replaced by each other symbol, is refused."""
    head, body = VOUCHER.text[: -(8 + 1 + 8 + 3 + 1 + 26)], VOUCHER.text[-(8 + 1 + 8 + 3 + 1 + 26) :]
    for place, symbol in itertools.product(range(len(body)), v._ALPHABET):
        if body[place] in {":", "-", symbol}:
            continue
        with pytest.raises(VoucherError) as refused:
            v.parse_voucher(head + body[:place] + symbol + body[place + 1 :])
        assert refused.value.code == "voucher-malformed"


def test_every_swap_of_neighbours_is_caught() -> None:
    """Two neighbouring symbols of the code exchanged are refused."""
    start = VOUCHER.text.index(VOUCHER.code)
    for place in range(start, start + 7):
        left, right = VOUCHER.text[place], VOUCHER.text[place + 1]
        if left == right:
            continue
        with pytest.raises(VoucherError):
            v.parse_voucher(VOUCHER.text[:place] + right + left + VOUCHER.text[place + 2 :])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "voucher-missing"),
        ("  \n", "voucher-missing"),
        ("hello", "voucher-malformed"),
        (VOUCHER.text[:-1], "voucher-malformed"),
        (VOUCHER.text + "0", "voucher-malformed"),
        (VOUCHER.text.replace("LUM1", "LUM2"), "voucher-malformed"),
        (VOUCHER.text.replace(":8443:", ":0:"), "voucher-malformed"),
        (VOUCHER.text.replace(":8443:", ":65536:"), "voucher-malformed"),
        (VOUCHER.text.replace("-", ""), "voucher-malformed"),
        (VOUCHER.text.replace(VOUCHER.code, VOUCHER.code[:-1] + "\u0661"), "voucher-malformed"),
    ],
    ids=range(10),  # a voucher is another one in each process
)
def test_whatever_is_no_voucher_is_refused(text: str, code: str) -> None:
    """Nothing, half of it, another version, an impossible port, foreign digits."""
    with pytest.raises(VoucherError) as refused:
        v.parse_voucher(text)

    assert refused.value.code == code


def test_the_code_shows_in_no_repr_and_in_no_row() -> None:
    """Whoever logs a voucher or reads the registry does not learn the code."""
    assert VOUCHER.code not in repr(VOUCHER)
    assert repr(ROW.mac_key) not in repr(ROW)
    assert VOUCHER.code.encode() not in ROW.mac_key


def test_a_home_must_have_an_id() -> None:
    """A name or address instead of an id is refused before anything is made."""
    with pytest.raises(BadNameError):
        v.new_voucher(
            home="12 High Street", host="h", port=1, root_certificate=b"", expires_ms=0, entropy=os.urandom
        )
