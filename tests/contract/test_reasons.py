"""Every code in use has words, all words are of a code in use; they are complete and tell apart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from cloud_sync.wire.message import Reason
from edge_agent.errors import RadioTrouble
from zero_trust import errors
from zero_trust.reasons import Refused, reason, reasons, tag

ROOT = Path(__file__).parents[2]
PACKAGES = ("zero_trust", "cloud_sync", "edge_agent")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# Callables that take a code, and where; beside them every argument and parameter named ``code``.
_TAKES_CODE = {
    "Refused": 0,
    "deny": 0,
    "reason": 0,
    "tag": 0,
    "_uplink_error": 0,
    "uplink_error": 0,
    "WireError": 1,
    "raise_incident": 1,
}
_TAKES_CODE |= {name: 0 for name, kind in vars(errors).items() if isinstance(kind, type)}
# Codes made of a prefix and a word from elsewhere: every word there is.
_MADE = {
    "radio-": [trouble.value for trouble in RadioTrouble],
    "readings-": [lost.name.lower() for lost in Reason],
}
# Shaped like a code of ours, but another kind of word.
_NO_CODES = {"hub-silent", "no-referrer", "no-sensors", "no-store", "not-agreed", "not-judged"}
_NO_CODES |= {"glass-broken", "hub-held", "no-answer", "not-justified", "time-floor", "watch-silent"}


@dataclass
class Found:
    """What one file says of codes."""

    taken: set[str] = field(default_factory=set)  # where a code must stand
    texts: set[str] = field(default_factory=set)  # shaped like one, anywhere


def _search(source: str) -> Found:
    found = Found()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
            found.texts.add(node.value)
        elif isinstance(node, ast.Call):
            for argument in _codes_of_call(node):
                found.taken |= _spelled(argument)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for default in _default_codes(node.args):
                found.taken |= _spelled(default)
    return found


def _codes_of_call(call: ast.Call) -> Iterator[ast.expr]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    place = _TAKES_CODE.get(name)
    if place is not None and place < len(call.args):
        yield call.args[place]
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "code")


def _default_codes(arguments: ast.arguments) -> Iterator[ast.expr]:
    placed = [*arguments.posonlyargs, *arguments.args]
    pairs = zip(placed[len(placed) - len(arguments.defaults) :], arguments.defaults, strict=True)
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    yield from (value for name, value in (*pairs, *named) if name.arg == "code" and value is not None)


def _spelled(argument: ast.expr) -> set[str]:
    """The codes that an argument may be, as far as they are written there."""
    match argument:
        case ast.Constant(value=str(code)) if code:
            return {code}
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), ast.FormattedValue()]):
            return {prefix + word for word in _MADE[prefix]}
        case ast.IfExp(body=body, orelse=other):
            return _spelled(body) | _spelled(other)
        case _:
            return set()


def _sources() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


@cache
def _found(file: Path) -> Found:
    return _search(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", _sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_code_in_use_has_words(file: Path) -> None:
    """A code without words would leave somebody without help, be it raised, returned or kept in a table."""
    families = {code.partition("-")[0] for code in reasons()}
    shaped = {text for text in _found(file).texts - _NO_CODES if text.partition("-")[0] in families}

    assert {code for code in _found(file).taken | shaped if code not in reasons()} == set()


def test_all_words_are_of_a_code_in_use() -> None:
    """Words that nobody is told any more would be kept true in vain."""
    used = {code for file in _sources() for code in _found(file).taken | _found(file).texts}

    assert set(reasons()) - used == set()


def test_what_is_no_code_is_still_said() -> None:
    """The list of exceptions holds nothing that could hide a code to come."""
    assert _NO_CODES - {text for file in _sources() for text in _found(file).texts} == set()
    assert _NO_CODES & reasons().keys() == set()


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ('raise TrustError("hub-lost")', {"hub-lost"}),
        ('raise WireError("It is long.", "batch-long")', {"batch-long"}),
        ('batches.raise_incident(hub, "epoch-odd", detail, at_ms)', {"epoch-odd"}),
        ('fields.unpack(packed, layout, code="key-odd")', {"key-odd"}),
        ('def verify(key, *, code="signature-odd"): ...', {"signature-odd"}),
        ('def verify(key, code="signature-odd"): ...', {"signature-odd"}),
        ('deny("hub-odd" if odd else "hub-even")', {"hub-odd", "hub-even"}),
        (
            'AgentError("No.", code=f"radio-{reason.value}")',
            {"radio-absent", "radio-off", "radio-lost", "radio-deaf"},
        ),
        ('AgentError("No.", code="")', set()),
        ("deny(refused)", set()),
    ],
)
def test_the_search_finds_codes(source: str, taken: set[str]) -> None:
    """The tests above would pass on nothing: each way to name a code is found."""
    assert _search(source).taken == taken


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


def test_a_code_stands_behind_its_sentence_with_its_letters() -> None:
    """Four letters for the telephone, the whole for a search."""
    assert tag("hub-revoked") == "[HREV, hub-revoked]"
    assert tag("said-by-a-newer-site") == "[said-by-a-newer-site]"
