"""``lum-receiver ledger``: how well a home's questions were watched, as we know it now or knew it then."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from cloud_sync.assurance.causes import words
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.hindsight import Explanation, as_known, known
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.watching import Stretch
from cloud_sync.receiver.config import load_config
from cloud_sync.receiver.console import config_option, desk_of, look, operator
from cloud_sync.receiver.desk import by
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.hindsight import Hindsight
from zero_trust.request import Action, DataClass, Proof, parse_subject

_TIMES: Final = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.command()
@config_option
@click.argument("home")
@click.option("--of", "of", type=_TIMES, help="Only this moment: how each question was watched then.")
@click.option("--at", "at", type=_TIMES, help="As we knew it then; default: as we know it now.")
@click.option("--hours", type=click.IntRange(1, 24 * 400), default=24, show_default=True, help="So far back.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line; times in ms since 1970.")
@click.option(
    "--as", "subject", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
)
@click.option("--purpose", default="operations", show_default=True, help="What for, a word of policy.toml.")
def ledger(
    config_file: Path,
    home: str,
    of: datetime | None,
    at: datetime | None,
    hours: int,
    as_json: bool,  # noqa: FBT001 - click passes flags so
    subject: str | None,
    purpose: str,
) -> None:
    """How well the questions of HOME were watched, and what was learned afterwards. The look is on record.

    What was said once is never changed: with --at the answer is the one that this command gave then.
    """
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    looker = parse_subject(subject) if subject else operator(config)
    seen = look(desk, by(looker, Proof.CONSOLE, home, Action.READ, purpose))
    now_ms = _now_ms()
    at_ms, of_ms = _ms(at) if at else now_ms, _ms(of) if of else None
    if of_ms is not None and of_ms > at_ms:
        raise click.UsageError("Nobody knew before what came later: give an --of that is not after --at.")
    for line in answers(
        desk.db, home, seen, now_ms=now_ms, at_ms=at_ms, of_ms=of_ms, hours=hours, as_json=as_json
    ):
        click.echo(line)


def answers(
    db: sqlite3.Connection,
    home: str,
    seen: AbstractSet[DataClass],
    *,
    now_ms: int,
    at_ms: int | None = None,
    of_ms: int | None = None,
    hours: int,
    as_json: bool,
) -> Iterator[str]:
    """The lines of the command: stretches of the ledger, then what was learned afterwards, as known at ``at_ms``."""
    at_ms = now_ms if at_ms is None else at_ms
    since_ms = at_ms - hours * 3_600_000 if of_ms is None else of_ms
    until_ms = at_ms if of_ms is None else of_ms + 1
    rows = Assured(db).ledger(home, 0, at_ms + 1) if DataClass.STATE in seen else []
    explained = Hindsight(db).explanations(home, since_ms, until_ms, now_ms=at_ms)
    if DataClass.ACTIVITY not in seen:
        explained = [replace(one, evidence="") for one in explained]
    yield from _lines(home, _held(rows, since_ms, of_ms, at_ms), explained, as_json=as_json)


def _held(stretches: list[Stretch], since_ms: int, of_ms: int | None, at_ms: int) -> list[Stretch]:
    """The stretches that answer, question by question, as they stood at ``at_ms``."""
    found = []
    for question in Question:
        ours = [one for one in stretches if one.question is question]
        if of_ms is not None:
            one = known(ours, of_ms, at_ms)
            found += [one] if one else []
        else:
            found += [one for one in as_known(ours, at_ms) if one.until_ms is None or one.until_ms > since_ms]
    return found


def _lines(
    home: str, stretches: list[Stretch], explained: list[Explanation], *, as_json: bool
) -> Iterator[str]:
    if as_json:
        for stretch in stretches:
            yield json.dumps({"home": home, "kind": "stretch", **_facts(stretch)})
        for one in explained:
            yield json.dumps({"home": home, "kind": "explanation", **one.facts})
        return
    if not stretches:
        yield f"Nothing was asked of {home} then."
    for stretch in stretches:
        yield _in_words(stretch)
    for one in explained:
        yield f"Of {_at(one.of.from_ms)} to {_at(one.of.until_ms)} we learned at {_at(one.known_ms)}: {one.sentence}"


def _in_words(stretch: Stretch) -> str:
    until = _at(stretch.until_ms) if stretch.until_ms is not None else "lasts"
    why = "" if stretch.state is State.WATCHING else f"  {words(stretch.cause).why}"
    return (
        f"{stretch.question.value:<10} {stretch.state.value:<9} {_at(stretch.from_ms)}  {until:<19}"
        f"  known {_at(stretch.known_ms)}{why}"
    )


def _facts(stretch: Stretch) -> dict[str, Any]:
    return {
        "question": stretch.question.value,
        "state": stretch.state.value,
        "cause": stretch.cause.value,
        "from_ms": stretch.from_ms,
        "until_ms": stretch.until_ms,
        "known_ms": stretch.known_ms,
    }


def _ms(moment: datetime) -> int:
    """A time without an offset is on this machine's clock."""
    return round(moment.timestamp() * 1000)


def _at(moment_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment_ms / 1000))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
