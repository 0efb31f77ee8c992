"""``lum-trust why``, ``what-if``, ``grants`` and ``break-glass``: who may look at a home's data, and who did."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from zero_trust.break_glass import Cause, Finding
from zero_trust.errors import PolicyError, TrustError
from zero_trust.grants import Grants, notices, parse_grants
from zero_trust.operator import Operator
from zero_trust.options import as_json_option, print_json, site_directory, utc
from zero_trust.reasons import tag
from zero_trust.request import Action, DataClass, Proof
from zero_trust.rules import Policy, parse_policy

EX_NOPERM = 77

_subject = click.option(
    "--subject", required=True, help="Who asks: ROLE:GROUP/PERSON, such as staff:council/amy."
)
_who = click.option("--who", required=True, help="Staff, as in grants.toml: EMPLOYER/PERSON.")


@click.command()
@click.argument("decision", type=click.IntRange(min=1))
@site_directory
@as_json_option
def why(decision: int, directory: Path, *, as_json: bool) -> None:
    """Say what DECISION (its number in the audit) was, by which rule, and who can change it."""
    made = Operator(directory).decision(decision)
    if as_json:
        print_json(made)
        return
    click.echo(
        f"Decision {made['number']}, {utc(made['at_ms'])}: {made['who']} wanted to {made['action']}"
        f" data of home {made['home']} for {made['purpose']!r}, known by {made['proof']}."
    )
    rule = f"rule {made['rule']}" if made["rule"] else "no rule"
    by = f"by {rule} (policy version {made['policy']}, grants version {made['grants']})"
    if made["allow"]:
        click.echo(f"Allowed {by}: {', '.join(made['classes'])}.")
    else:
        click.echo(f"Refused {by}.")
        _print_words(made)
    for data, code in made["withheld"].items() if made["allow"] else ():
        click.echo(f"Withheld: {data} {tag(code)}")


@click.command("what-if")
@_subject
@click.option("--home", required=True, help="Whose data.")
@click.option("--data", type=click.Choice([data.value for data in DataClass]), default=DataClass.STATE.value)
@click.option("--action", type=click.Choice([action.value for action in Action]), default=Action.READ.value)
@click.option("--purpose", required=True, help="What for, a word of policy.toml: family, care, emergency ...")
@click.option(
    "--proof",
    type=click.Choice([proof.value for proof in Proof]),
    default=Proof.CONSOLE.value,
    show_default=True,
    help="By what it is known who asks.",
)
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]), help="When, in UTC; default: now.")
@site_directory
@as_json_option
def what_if(
    subject: str,
    home: str,
    data: str,
    action: str,
    purpose: str,
    proof: str,
    at: dt.datetime | None,
    directory: Path,
    *,
    as_json: bool,
) -> None:
    """Say what would be decided, by the rules in force; nothing is done, nothing written down."""
    asked = {
        "subject": subject,
        "home": home,
        "data": data,
        "action": action,
        "purpose": purpose,
        "proof": proof,
        "at_ms": str(int(at.replace(tzinfo=dt.UTC).timestamp() * 1000)) if at else "",
    }
    ruling = Operator(directory).what_if(asked)
    if as_json:
        print_json(ruling)
    elif ruling["allow"]:
        click.echo(f"Allowed, by rule {ruling['rule']}.")
    else:
        click.echo(f"Refused, by {'rule ' + ruling['rule'] if ruling['rule'] else 'default'}.")
        _print_words(ruling)
    sys.exit(0 if ruling["allow"] else EX_NOPERM)


@click.group()
def grants() -> None:
    """What residents, staff and partners have agreed to: policy.toml and grants.toml of the site."""


@grants.command("check")
@site_directory
def grants_check(directory: Path) -> None:
    """Read both files as the site would; say what is wrong, what ends soon, and whether they are in force."""
    policy, agreed = _read(directory)
    click.echo(f"policy.toml: version {policy.version}, {len(policy.rules)} rules, good.")
    click.echo(
        f"grants.toml: version {agreed.version}, {len(agreed.homes)} homes, {len(agreed.grants)} grants, good."
    )
    for sentence in notices(agreed, time.time_ns() // 1_000_000):
        click.echo(sentence)
    try:
        book = Operator(directory).book()
    except TrustError as error:
        click.echo(f"Whether they are in force is not known: {error}", err=True)
        return
    click.echo(f"In force: policy version {book['policy']}, grants version {book['grants']}.")
    if book["code"]:
        raise PolicyError(book["code"], book["detail"])


@grants.command("list")
@site_directory
@as_json_option
def grants_list(directory: Path, *, as_json: bool) -> None:
    """List what is agreed in grants.toml."""
    _, agreed = _read(directory)
    if as_json:
        print_json(msgspec.to_builtins(agreed))
        return
    for home in agreed.homes:
        seen = ", ".join(data.value for data in home.family) or "nothing"
        click.echo(
            f"home {home.home}  family may see {seen}  agreed {home.agreed} by {home.agreed_by}, review {home.review}"
        )
    for one in agreed.grants:
        classes, homes = ", ".join(data.value for data in one.classes), ", ".join(one.homes)
        click.echo(
            f"partner {one.organisation}  for {one.purpose}: {classes} of {homes}  {one.starts} to {one.until}"
        )
    for load in agreed.caseloads:
        click.echo(f"staff {load.who}  cares for {', '.join(load.homes)}")
    for duty in agreed.duties:
        click.echo(f"duty {duty.who}  {duty.starts.isoformat()} to {duty.until.isoformat()}")
    if not (agreed.homes or agreed.grants or agreed.caseloads):
        click.echo("Nothing is agreed yet: see the examples in grants.toml.")


@click.group("break-glass")
def break_glass() -> None:
    """Look into one home at once, in an emergency: on record, for an hour, and reviewed."""


@break_glass.command("open")
@_who
@click.option("--home", required=True, help="The one home.")
@click.option(
    "--cause", default="", help=f"Why, one of: {', '.join(cause.value for cause in Cause)}."
)  # not a Choice: a cause that is missing is refused on record's terms, in one place
@site_directory
@as_json_option
def break_glass_open(who: str, home: str, cause: str, directory: Path, *, as_json: bool) -> None:
    """Break the glass: staff on duty may look into one home for 60 minutes; the resident's page says so."""
    opening = Operator(directory).break_glass(who, home, cause)
    if as_json:
        print_json(opening)
        return
    click.echo(
        f"Number {opening['number']}: {who} may look into home {home} until {utc(opening['until_ms'])}."
    )
    click.echo(f"The resident's page says so. To be reviewed by {utc(opening['review_due_ms'])}.")


@break_glass.command("review")
@click.argument("number", type=click.IntRange(min=1))
@_who
@click.option("--finding", type=click.Choice([finding.value for finding in Finding]), required=True)
@site_directory
def break_glass_review(number: int, who: str, finding: str, directory: Path) -> None:
    """Write down what the review of NUMBER came to; nobody reviews what they did themselves."""
    Operator(directory).review(number, who, finding)
    click.echo(f"Number {number} was reviewed by {who}: {finding}.")


@break_glass.command("list")
@site_directory
@as_json_option
def break_glass_list(directory: Path, *, as_json: bool) -> None:
    """List every time the glass was broken, the last first."""
    openings = Operator(directory).openings()
    if as_json:
        print_json(openings)
        return
    if not openings:
        click.echo("The glass was never broken.")
    for one in openings:
        click.echo(
            f"{one['number']}  {utc(one['opened_ms'])}  {one['who']}  home {one['home']}  {one['cause']}  {_review(one)}"
        )


def _review(opening: Mapping[str, Any]) -> str:
    if opening["reviewed_ms"] is not None:
        return f"{opening['finding']}, said {opening['reviewer']}"
    due = f"to be reviewed by {utc(opening['review_due_ms'])}"
    return f"OVERDUE: {due}" if opening["escalated_ms"] is not None else due


def _read(directory: Path) -> tuple[Policy, Grants]:
    texts = []
    for name in ("policy.toml", "grants.toml"):
        try:
            texts.append((directory / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError("policy-file-wrong", f"{name}: {error}") from error
    return parse_policy(texts[0], "policy.toml"), parse_grants(texts[1], "grants.toml")


def _print_words(refused: Mapping[str, Any]) -> None:
    detail = f" ({refused['detail']})" if refused["detail"] else ""
    click.echo(f"  {refused['sentence'].removesuffix('.')}{detail}. {tag(refused['code'])}")
    click.echo(f"  For {refused['fixer']}: {refused['hint']}")
