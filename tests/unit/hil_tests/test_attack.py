"""Attacks as a list, and the judge: an attack that is believed, tells another story or changes anything is broken."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from hil_tests.attack.attack import Attack, BrokenError, Family, Said
from hil_tests.attack.families import attacks
from hil_tests.attack.judge import judged
from hil_tests.attack.rules import RULES
from hil_tests.attack.state import TABLES, differences, state, unmeant
from hil_tests.attack.target import Target
from hil_tests.cli import cli
from hil_tests.rig.errors import RigError
from zero_trust.reasons import Refused, reason

SENTENCE = reason("voucher-used").sentence
ROW = {"where": "enrol", "hub": "", "detail": "", **Refused("voucher-used").words}


@dataclass
class FakeTarget:
    """What the judge looks at: refusals, rows of the audit, and what the store holds."""

    refused: list[dict[str, Any]] = field(default_factory=lambda: [ROW])
    audit: list[tuple[int, str]] = field(
        default_factory=lambda: [(7, '{"where":"enrol","hub":"","code":"voucher-used"}')]
    )
    held: dict[str, str] = field(default_factory=lambda: {"voucher A": "1"})
    before: dict[str, str] = field(default_factory=dict)
    audited = 0

    def begin(self) -> None:
        """Remember what is held."""
        self.before = dict(self.held)

    def state(self) -> dict[str, str]:
        """What is held now."""
        return self.held

    def rows(self, _query: str, *_values: Any) -> list[tuple[int, str]]:
        """The audit's."""
        return self.audit

    async def refusals(self) -> list[dict[str, Any]]:
        """As operations see them."""
        return self.refused

    async def until(self, ask: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Ask once."""
        if answer := await ask():
            return answer
        raise TimeoutError(what)


def _attack(attempt: Callable[[Any], Awaitable[Said]], place: str = "enrol") -> Attack:
    return Attack("used-twice", "enrolment", "A story.", "voucher-used", place, "", attempt)


def _said(**more: Any) -> Callable[[Any], Awaitable[Said]]:
    async def attempt(_: Any) -> Said:
        return Said(f"{SENTENCE} [VUSD, voucher-used]", **more)

    return attempt


async def _judge(attack: Attack, target: FakeTarget) -> tuple[bool, str]:
    result = await judged(attack, cast("Target", target))
    return result.held, result.why


async def test_refused_in_words_at_both_ends_and_nothing_changed() -> None:
    """Then it held; both ends and the row of the audit are told."""
    result = await judged(_attack(_said()), cast("Target", FakeTarget()))

    assert (result.held, result.audit, result.why) == (True, "refused 7", "")
    assert result.facts["said"]["site"].startswith(f"enrol -: {SENTENCE} [VUSD, voucher-used]")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (FakeTarget(refused=[]), "The site did not write it down"),
        (FakeTarget(refused=[{**ROW, "hub": "somebody"}]), "The site did not write it down"),
        (FakeTarget(refused=[{**ROW, "sentence": "No."}]), "Operations read 'No.'"),
        (FakeTarget(audit=[]), "The audit has no row"),
        (FakeTarget(audit=[(7, '{"where":"renew","hub":"","code":"voucher-used"}')]), "The audit has no row"),
    ],
)
async def test_what_the_site_does_not_write_down_is_broken(target: FakeTarget, why: str) -> None:
    """List, sentence and audit."""
    held, told = await _judge(_attack(_said()), target)

    assert (held, told.startswith(why)) == (False, True), told


async def test_another_story_at_the_attackers_end_is_broken() -> None:
    """Such as that it was granted."""

    async def granted(_: Any) -> Said:
        return Said("granted")

    held, why = await _judge(_attack(granted), FakeTarget())

    assert (held, "was told 'granted'" in why) == (False, True)


async def test_any_change_but_those_that_are_named_is_broken() -> None:
    """And so is one that is named and does not happen."""

    async def enrols(target: FakeTarget) -> Said:
        target.held |= {"hub new": "1", "voucher A": "2"}
        return Said(SENTENCE, changes=("~ voucher A",))

    assert await _judge(_attack(enrols), FakeTarget()) == (False, "It had an effect: + hub new.")
    missing = await _judge(_attack(_said(changes=("~ voucher A",))), FakeTarget())
    assert missing == (False, "What should have been written down was not: ~ voucher A.")


@pytest.mark.parametrize(
    ("error", "invalid", "why"),
    [
        (BrokenError("It was let in."), False, "It was let in."),
        (RigError("No hub came online."), True, "It could not be tried: No hub came online."),
        (KeyError("hub"), False, "It ended in KeyError: 'hub'"),
    ],
)
async def test_what_goes_wrong_is_no_pass(error: Exception, invalid: bool, why: str) -> None:
    """Whether the attack could not be tried is told apart."""

    async def attempt(_: Any) -> Said:
        raise error

    result = await judged(_attack(attempt), cast("Target", FakeTarget()))

    assert (result.held, result.invalid, result.why) == (False, invalid, why)


async def test_an_end_that_says_nothing_is_broken() -> None:
    """Where the site writes nothing down, the attack itself must bring the other end's words."""
    held, why = await _judge(_attack(_said(), place=""), FakeTarget())

    assert (held, why) == (False, "Nothing is known of what the attacked end said.")


def test_differences_have_names() -> None:
    """What came, went and changed."""
    found = differences({"a 1": "x", "b 1": "x", "c 1": "x"}, {"a 1": "x", "b 1": "y", "d 1": "x"})

    assert found == ["+ d 1", "- c 1", "~ b 1"]
    assert unmeant(found, ("+ d", "~ b 1")) == ["- c 1"]
    assert unmeant(found, ()) == found


def test_every_row_and_key_is_watched(tmp_path: Path) -> None:
    """A changed cell and a changed file both show."""
    (tmp_path / "authority").mkdir()
    key = tmp_path / "authority" / "tls-ca.key"
    key.write_text("one")
    store = tmp_path / "lum.db"
    with closing(sqlite3.connect(store)) as db:
        for table, names in TABLES.items():
            db.execute(f"CREATE TABLE {table} ({', '.join((*names, 'rest'))})")
        db.execute("INSERT INTO voucher VALUES ('A', 1)")
        db.commit()
        before = state(store, tmp_path)
        db.execute("UPDATE voucher SET rest = 2")
        db.commit()
        key.write_text("two")

        assert differences(before, state(store, tmp_path)) == ["~ file authority/tls-ca.key", "~ voucher A"]


def test_there_are_enough_attacks_and_each_says_what_is_tried() -> None:
    """One sentence each, of one line."""
    known = attacks()

    assert len(known) >= 60
    assert {one.family for one in known.values()} >= {
        "enrolment", "renewal", "certificates", "broker", "wire", "time", "decisions", "audit",
    }  # fmt: skip
    for one in known.values():
        assert one.story.endswith("."), one.name
        assert "\n" not in one.story, one.name


def test_a_name_must_be_one() -> None:
    """In kebab case, with a code that has words."""
    family = Family("made-up")

    for name, code in (("Bad Name", ""), ("good-name", "no-such-code")):
        with pytest.raises(ValueError, match="not a name in kebab case, or a code without words"):
            family(name, code)


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_held_by_a_function_and_names_attacks(name: str) -> None:
    """Both exist; so that a function which was renamed is not taken away in vain."""
    rule = RULES[name]
    module, _, path = rule.target.partition(":")
    place: Any = importlib.import_module(module)
    for part in path.split("."):
        place = getattr(place, part)

    assert rule.broken
    assert set(rule.broken) <= attacks().keys()


def test_the_command_knows_names_families_and_all() -> None:
    """A name that nobody knows is said, before anything is started."""
    listed = CliRunner().invoke(cli, ["attack", "--list"])
    unknown = CliRunner().invoke(cli, ["attack", "no-such-thing"])
    nothing = CliRunner().invoke(cli, ["attack"])

    assert listed.exit_code == 0
    assert len(listed.output.splitlines()) == len(attacks())
    assert (unknown.exit_code, nothing.exit_code) == (2, 2)
    assert "There is no attack 'no-such-thing'" in unknown.output
