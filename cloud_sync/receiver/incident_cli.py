"""``lum-receiver incident list | show | take | close``: what needs somebody, and who has it in hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.response import SAID_MAX_CHARS, Act
from cloud_sync.assurance.titles import TITLES
from cloud_sync.receiver.answering import respond, seen, story
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.receiver.console import config_option, desk_of, look, operator
from cloud_sync.receiver.desk import Desk, by
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.registry import Registry
from cloud_sync.receiver.store.responses import Said
from zero_trust.errors import PolicyError
from zero_trust.reasons import Refused
from zero_trust.request import Action, Proof, parse_subject

Command = TypeVar("Command", bound=Callable[..., object])

_subject = click.argument("subject", type=click.Choice(sorted(TITLES)), metavar="SUBJECT")
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_at_option = click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d %H:%M"]),
    help="When it was done, if not just now: 'YYYY-MM-DD HH:MM', in this machine's time.",
)


def _asker_options(command: Command) -> Command:
    whom = click.option(
        "--as", "subject_of", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
    )
    purpose = click.option(
        "--purpose", default="operations", show_default=True, help="What for, a word of policy.toml."
    )
    return whom(purpose(command))


@click.group()
def incident() -> None:
    """What needs somebody: look, take it in hand, close it with what was found."""


@incident.command(name="list")
@config_option
@click.option("--home", help="Only this home.")
@click.option("--closed", is_flag=True, help="Also those of the last 7 days that are over.")
@_asker_options
@_json_option
def list_(
    config_file: Path,
    home: str | None,
    closed: bool,  # noqa: FBT001 - click passes flags so
    subject_of: str | None,
    purpose: str,
    as_json: bool,  # noqa: FBT001
) -> None:
    """List what is open, the newest first in each home. The look is on record."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    assured, week_ago_ms = Assured(desk.db), _now_ms() - 7 * 86_400_000
    homes = [home] if home else sorted({row.home for row in Registry(desk.db).hubs()})
    for one in homes:
        found = assured.open_incidents(one) + (assured.closed_incidents(one, week_ago_ms) if closed else [])
        if not found:
            continue
        for each in seen(found, _looked(desk, config, one, subject_of, purpose)):
            click.echo(json.dumps(_facts(one, each)) if as_json else _line(one, each))


@incident.command()
@config_option
@click.argument("home")
@_subject
@_asker_options
@_json_option
def show(
    config_file: Path,
    home: str,
    subject: str,
    subject_of: str | None,
    purpose: str,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show the open incident about SUBJECT in HOME, and what was said of it. The look is on record."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    classes = _looked(desk, config, home, subject_of, purpose)
    found = [one for one in seen(Assured(desk.db).open_incidents(home), classes) if one.subject == subject]
    if not found:
        raise _refusal(Refused("incident-not-open", f"{home}, {subject}"))
    said = story(desk, home, found[0])
    if as_json:
        told = [_said_facts(one) for one in said]
        click.echo(json.dumps({**_facts(home, found[0]), "responses": told}))
        return
    click.echo(_line(home, found[0]))
    for one in said:
        click.echo(_said_line(one))


@incident.command()
@config_option
@click.argument("home")
@_subject
@click.option("--why", default="", help="What you are doing about it.")
@_at_option
@_asker_options
def take(
    config_file: Path,
    home: str,
    subject: str,
    why: str,
    at: datetime | None,
    subject_of: str | None,
    purpose: str,
) -> None:
    """Say that you have the incident about SUBJECT in HOME in hand. It goes no further while somebody has."""
    _respond(config_file, home, subject, Act.TAKE, why, at, subject_of, purpose)
    click.echo("Noted: you have it in hand. The page says so in a few seconds.")


@incident.command()
@config_option
@click.argument("home")
@_subject
@click.option("--found", default="", help="What was found, in plain words; the home's page shows it.")
@_at_option
@_asker_options
def close(
    config_file: Path,
    home: str,
    subject: str,
    found: str,
    at: datetime | None,
    subject_of: str | None,
    purpose: str,
) -> None:
    """Close the incident about SUBJECT in HOME, with a word about what was found."""
    _respond(config_file, home, subject, Act.CLOSE, found, at, subject_of, purpose)
    click.echo("Noted: it is closed in a few seconds. A new call, or the same for long, is told anew.")


def _respond(
    config_file: Path,
    home: str,
    subject: str,
    act: Act,
    said: str,
    at: datetime | None,
    subject_of: str | None,
    purpose: str,
) -> None:
    if len(said) > SAID_MAX_CHARS:
        raise click.UsageError(f"Say it in at most {SAID_MAX_CHARS} characters.")
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    who = parse_subject(subject_of) if subject_of else operator(config)
    asked = by(who, Proof.CONSOLE, home, Action.ANSWER, purpose)
    happened_ms = None if at is None else int(at.timestamp() * 1000)
    outcome = respond(desk, asked, subject, act, said, happened_ms)
    if isinstance(outcome, Refused):
        raise _refusal(outcome)


def _looked(desk: Desk, config: ReceiverConfig, home: str, subject_of: str | None, purpose: str) -> Any:
    who = parse_subject(subject_of) if subject_of else operator(config)
    return look(desk, by(who, Proof.CONSOLE, home, Action.READ, purpose))


def _refusal(refused: Refused) -> PolicyError:
    return PolicyError(refused.code, refused.detail)


def _line(home: str, one: Incident) -> str:
    since = f"since {_at(one.happened_ms)}, known {_at(one.raised_ms)}"
    lines = [
        f"{home}  {one.subject}  {TITLES[one.subject]}: {one.severity.name.lower()}, {since}",
        f"  {one.evidence}",
    ]
    if one.closed_ms is not None:
        whom = f" by {one.closed_by}" if one.closed_by else ""
        lines.append(f"  Closed {_at(one.closed_ms)}{whom}: {one.outcome}")
    elif one.in_hand:
        lines.append(f"  {one.in_hand} has had it in hand since {_at(one.hand_ms or one.updated_ms)}.")
    else:
        lines.append("  Nobody has it in hand.")
    return "\n".join(lines)


def _said_line(said: Said) -> str:
    told = said.response
    known = "" if told.known_ms == told.happened_ms else f", told {_at(told.known_ms)}"
    words = f": {told.said}" if told.said else ""
    waiting = "" if said.taken_up_ms else " (the watch has not taken it up yet)"
    done = "took it in hand" if told.act is Act.TAKE else "closed it"
    return f"  {_at(told.happened_ms)}{known}  {told.who} {done}{words}{waiting}"


def _facts(home: str, one: Incident) -> dict[str, Any]:
    return {
        "home": home,
        **asdict(one),
        "about": one.about.value,
        "severity": one.severity.name.lower(),
        "audience": one.audience.name.lower(),
    }


def _said_facts(said: Said) -> dict[str, Any]:
    return {
        "number": said.number,
        **asdict(said.response),
        "act": said.response.act.value,
        "taken_up_ms": said.taken_up_ms,
    }


def _at(moment_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment_ms / 1000))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
