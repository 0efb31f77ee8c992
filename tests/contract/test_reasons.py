"""Every code that the code uses has words; the words are complete and tell apart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from zero_trust import errors
from zero_trust.reasons import Refused, reason, reasons

ROOT = Path(__file__).parents[2]
PACKAGES = ("zero_trust", "cloud_sync", "edge_agent")
_CODE = re.compile(r"[a-z]+(-[a-z]+)+")
# Callables whose first string is a code, beside the error classes below.
_TAKES_CODE = {"Refused", "deny", "reason", "_uplink_error"}
_TAKES_CODE |= {name for name, kind in vars(errors).items() if isinstance(kind, type)}


def _codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _codes_of_call(node)


def _codes_of_call(call: ast.Call) -> Iterator[str]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = call.args[0] if call.args else None
    if name in _TAKES_CODE and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value
    for keyword in call.keywords:
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
            yield str(keyword.value.value)


def _sources() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("file", _sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_code_in_use_has_words(file: Path) -> None:
    """A code without words would leave somebody without help."""
    codes = {code for code in _codes(ast.parse(file.read_text())) if _CODE.fullmatch(code)}

    assert {code for code in codes if code not in reasons()} == set()


def test_the_search_finds_codes() -> None:
    """The test above would pass on nothing: it must find the codes of policy and broker."""
    found = {code for file in _sources() for code in _codes(ast.parse(file.read_text()))}

    assert {"client-id-not-yours", "evidence-missing", "voucher-used", "request-too-large"} <= found


def test_words_are_complete_and_tell_apart() -> None:
    """A whole sentence, somebody who can mend it, a hint, and four letters of its own."""
    words = reasons().values()

    assert all(_CODE.fullmatch(one.code) for one in words)
    assert all(one.sentence.endswith(".") and one.sentence[0].isupper() for one in words)
    assert all(one.hint and one.who for one in words)
    assert all(re.fullmatch(r"[A-Z]{4}", one.help) for one in words)
    assert len({one.help for one in words}) == len({one.sentence for one in words}) == len(words)


def test_a_refusal_carries_all_words_to_the_other_end() -> None:
    """Both ends say the same; the detail stays with the operator."""
    words = Refused("hub-revoked", "secret detail").words

    assert words.keys() == {"code", "sentence", "who", "help", "hint"}
    assert words["sentence"] == reason("hub-revoked").sentence
    assert "secret detail" not in str(words)


def test_an_error_speaks_in_the_words_of_its_code() -> None:
    """Sentence first, detail in brackets, the hint beside it."""
    error = errors.VoucherError("voucher-expired", "7K2M")

    assert str(error) == "The voucher is older than 48 hours (7K2M)."
    assert (error.code, error.hint) == ("voucher-expired", reason("voucher-expired").hint)
    assert str(errors.TrustError("hub-unknown", hint="Look.")) == reason("hub-unknown").sentence
