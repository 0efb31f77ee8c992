"""Tries one attack and judges it: what each end said, what the audit says, and that nothing else changed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from hil_tests.attack.attack import Attack, BrokenError, Said
from hil_tests.attack.state import differences, unmeant
from hil_tests.attack.target import Target
from hil_tests.rig.errors import RigError
from zero_trust.reasons import tag

DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Tried:
    """An attack and what came of it.

    Attributes:
        attack: what was tried.
        held: whether all was as it must be.
        said: what each end said.
        audit: what the audit says of it; empty where the project writes nothing.
        changed: what is otherwise than before, and meant to be.
        why: what was not as it must be; empty if it held.
        invalid: whether it could not even be tried.
        seconds: how long it took.
    """

    attack: Attack
    held: bool
    said: Said
    audit: str
    changed: tuple[str, ...]
    why: str
    invalid: bool
    seconds: float

    @property
    def facts(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "name": self.attack.name,
            "family": self.attack.family,
            "held": self.held,
            "tried": self.attack.story,
            "code": self.attack.code,
            "said": {"attacker": self.said.attacker, "site": self.said.site},
            "audit": self.audit,
            "changed": list(self.changed),
            "why": self.why,
            "invalid": self.invalid,
            "seconds": round(self.seconds, 2),
        }


async def judged(attack: Attack, target: Target) -> Tried:
    """Try it on ``target``."""
    began = time.monotonic()
    said, audit, why, invalid = Said("", ""), "", "", False
    changed: tuple[str, ...] = ()
    target.begin()
    try:
        said = await attack.attempt(target)
        said, audit = await _both_ends(attack, said, target)
        changed = await _changes(said, target)
    except BrokenError as error:
        why = str(error)
    except RigError as error:
        why, invalid = f"It could not be tried: {error}", True
    except Exception as error:  # noqa: BLE001 - whatever it is, the attack did not end as it must
        why = f"It ended in {type(error).__name__}: {error}"
    return Tried(attack, not why, said, audit, changed, why, invalid, time.monotonic() - began)


async def _both_ends(attack: Attack, said: Said, target: Target) -> tuple[Said, str]:
    """What the attacker was told, and what the site wrote down; each must be as promised."""
    wanted = attack.heard or re.escape(attack.sentence)
    if not re.search(wanted, said.attacker):
        raise BrokenError(f"The attacker's end was told {said.attacker!r}, and not {wanted!r}.")
    if attack.place == DECISION:
        row = await _audited(attack, said, target, "decision")
        told = f"{row['who']} {row['action']} {row['home']}: {attack.sentence}. {tag(attack.code)}"
        return Said(said.attacker, said.site or told, said.hub, said.changes), f"decision {row['number']}"
    if attack.place:
        told = await _refusal(attack, said, target)
        row = await _audited(attack, said, target, "refused")
        return Said(said.attacker, told, said.hub, said.changes), f"refused {row['number']}"
    if attack.code and attack.sentence not in said.site + said.attacker:
        raise BrokenError(f"No end said {attack.sentence!r}: the attacked one said {said.site!r}.")
    if not said.site:
        raise BrokenError("Nothing is known of what the attacked end said.")
    return said, ""


async def _refusal(attack: Attack, said: Said, target: Target) -> str:
    """The refusal as operations read it."""

    async def written() -> dict[str, Any]:
        for row in await target.refusals():
            if (row["where"], row["hub"], row["code"]) == (attack.place, said.hub, attack.code):
                return row
        return {}

    try:
        row = await target.until(written, f"{attack.code} of {said.hub or 'nobody'} in the list of refusals")
    except TimeoutError as error:
        seen = [(row["where"], row["hub"], row["code"]) for row in await target.refusals()]
        raise BrokenError(f"The site did not write it down: {error}; it wrote {seen}.") from error
    if attack.sentence not in row["sentence"]:
        raise BrokenError(f"Operations read {row['sentence']!r} for {attack.code}.")
    return f"{row['where']} {row['hub'] or '-'}: {row['sentence']} {tag(row['code'])} ({row['detail']})"


async def _audited(attack: Attack, said: Said, target: Target, kind: str) -> dict[str, Any]:
    """The row of the audit. A stranger's refusals are one row in 15 minutes: an earlier attack may have had it written."""
    after = target.audited if kind == DECISION else 0
    rows = target.rows(
        "SELECT number, facts FROM audit WHERE kind = ? AND number > ? ORDER BY number DESC", kind, after
    )
    for number, text in rows:
        facts = msgspec.json.decode(text)
        place = kind == DECISION or facts["where"] == attack.place
        if place and attack.code in _codes(facts) and (kind == DECISION or said.hub in {"", facts["hub"]}):
            return {"number": number, **facts}
    raise BrokenError(f"The audit has no row of kind {kind!r} that says {attack.code}.")


def _codes(facts: dict[str, Any]) -> set[str]:
    """The code of a row, and those by which single classes of data were withheld."""
    return {facts["code"], *facts.get("withheld", {}).values()}


async def _changes(said: Said, target: Target) -> tuple[str, ...]:
    """The differences that are meant to be; any other one is an effect."""
    found = differences(target.before, target.state())
    if others := unmeant(found, said.changes):
        raise BrokenError(f"It had an effect: {'; '.join(others)}.")
    if missing := [one for one in said.changes if not any(each.startswith(one) for each in found)]:
        raise BrokenError(f"What should have been written down was not: {'; '.join(missing)}.")
    return tuple(found)
