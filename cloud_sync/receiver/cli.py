"""``lum-receiver``: run a site, look at what it holds."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from cloud_sync.assurance.consent import ConsentError
from cloud_sync.assurance.plan import ParametersError
from cloud_sync.receiver import consent_cli, incident_cli, keeping, keeping_cli, notices_cli, supervisor
from cloud_sync.receiver.classes import class_of
from cloud_sync.receiver.config import ReceiverConfig, ReceiverConfigError, load_config
from cloud_sync.receiver.console import config_option, desk_of, look, operator
from cloud_sync.receiver.desk import Desk, by
from cloud_sync.receiver.ledger_cli import ledger
from cloud_sync.receiver.store.audit import put_tail, tail_beyond
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import copy_database, open_database
from cloud_sync.receiver.store.registry import Registry
from cloud_sync.receiver.views import coverage, readings
from zero_trust.audit_file import write_evidence
from zero_trust.errors import PolicyError, TrustError
from zero_trust.evidence import Evidence
from zero_trust.keystore import write_private
from zero_trust.policy import Standing
from zero_trust.reasons import reason
from zero_trust.request import EVERY_HOME, Action, DataClass, Proof, parse_subject

LINK_AGE_DEFAULT_H = 24


def main() -> None:
    """Entry point: every foreseen error is one sentence, a hint and its exit code."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(64 if isinstance(error, click.UsageError) else error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (
        ReceiverConfigError,
        TrustError,
        ConsentError,
        ParametersError,
        supervisor.ProcessEndedError,
    ) as error:
        click.echo(f"{error} {getattr(error, 'hint', '')}".strip(), err=True)
        sys.exit(getattr(error, "exit_code", 77))


@click.group()
def cli() -> None:
    """The cloud's side of Lum: broker, intake, authority, watch and portal of one site."""


@cli.command()
@config_option
def run(config_file: Path) -> None:
    """Run all processes of the site; Ctrl-C ends them."""
    config = load_config(config_file)
    asyncio.run(_until_told(lambda stop: supervisor.run(config, config_file.resolve(), stop)))


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def intake(config_file: Path, child: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Take batches: open, verify, commit, receipt."""
    from cloud_sync.receiver.intake import nats  # noqa: PLC0415 - each process loads only its own duty

    _serve(nats.run, config_file, child=child)


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def authority(config_file: Path, child: bool) -> None:  # noqa: FBT001
    """Enrol and renew hubs, admit them to the broker."""
    from cloud_sync.receiver import authority as duty  # noqa: PLC0415

    _serve(duty.run, config_file, child=child)


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def watch(config_file: Path, child: bool) -> None:  # noqa: FBT001
    """Decide what is watched and what is not."""
    from cloud_sync.receiver import watch as duty  # noqa: PLC0415

    _serve(duty.run, config_file, child=child)


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def guard(config_file: Path, child: bool) -> None:  # noqa: FBT001
    """Watch the watch, and tell somebody outside while all is well."""
    from cloud_sync.receiver import guard as duty  # noqa: PLC0415

    _serve(duty.run, config_file, child=child)


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def notify(config_file: Path, child: bool) -> None:  # noqa: FBT001
    """Tell people of incidents, by the channels of receiver.toml."""
    from cloud_sync.receiver import notifying as duty  # noqa: PLC0415

    _serve(duty.run, config_file, child=child)


@cli.command()
@config_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def portal(config_file: Path, child: bool) -> None:  # noqa: FBT001
    """Serve the pages."""
    from cloud_sync.portal import server as duty  # noqa: PLC0415

    _serve(duty.run, config_file, child=child)


@cli.command()
@config_option
@click.argument("home")
@click.option("--hours", type=click.IntRange(1, 24 * 365), default=LINK_AGE_DEFAULT_H, show_default=True)
def link(config_file: Path, home: str, hours: int) -> None:
    """Print the address of HOME's page, good for a while. Whoever has it can look."""
    from cloud_sync.portal.links import make_link, read_link  # noqa: PLC0415
    from cloud_sync.portal.secret import portal_secret  # noqa: PLC0415
    from cloud_sync.portal.server import asked_by  # noqa: PLC0415

    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    homes = {row.home for row in Registry(desk.db).hubs()}
    if home not in homes:
        known = ", ".join(sorted(homes)) or "none yet"
        raise click.UsageError(f"No hub is enrolled in home {home!r}. Homes with a hub: {known}.")
    secret, now_ms = portal_secret(config), _now_ms()
    token = make_link(secret, home, now_ms + hours * 3_600_000)
    made = read_link(secret, token)
    assert made is not None  # noqa: S101 - it was made a line above
    if refused := desk.what_if(asked_by(made), DataClass.STATE).refused:
        raise PolicyError(refused.code, refused.detail)
    facts = {"link": made.name, "home": home, "expires_ms": made.expires_ms, "by": str(operator(config))}
    desk.audit.record(now_ms, "link", facts)
    click.echo(f"http://127.0.0.1:{config.ports.portal}/h/{token}")


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(config_file: Path, as_json: bool) -> None:  # noqa: FBT001
    """What the site holds, and what it refused lately."""
    db = open_database(load_config(config_file).paths.store)
    registry, totals = Registry(db), Batches(db).totals()
    refusals = [
        {"at_ms": r.at_ms, "where": r.where, "hub": r.hub, "code": r.code, "detail": r.detail}
        for r in registry.refusals(20)
    ]
    if as_json:
        refused = db.execute("SELECT count(*) FROM refusal").fetchone()[0]
        more = {"hubs": len(registry.hubs()), "refused": refused, "refusals": refusals}
        click.echo(json.dumps({**totals, **more, "incident_list": Batches(db).incidents(20)}))
        return
    click.echo(
        f"{len(registry.hubs())} hubs; {totals['batches']} batches with {totals['readings']} readings."
    )
    for incident in Batches(db).incidents(20):
        words = reason(str(incident["code"]))
        click.echo(
            f"{_at(incident['raised_ms'])}  {incident['hub']}: {words.sentence} ({incident['detail']}) {words.hint}"
        )
    if totals["forks"]:
        click.echo(f"{totals['forks']} batches contradict one that is stored: kept apart, not counted.")
    for refusal in refusals:
        at = _at(refusal["at_ms"])
        words = reason(str(refusal["code"]))
        click.echo(
            f"{at}  {refusal['hub'] or '-'}  {refusal['where']}: {words.sentence} [{words.help}, {refusal['code']}]"
        )


@cli.command(name="readings")
@config_option
@click.option("--home", help="Only this home.")
@click.option(
    "--as", "subject", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
)
@click.option("--purpose", default="operations", show_default=True, help="What for, a word of policy.toml.")
def print_readings(config_file: Path, home: str | None, subject: str | None, purpose: str) -> None:
    """Print stored readings, one JSON object a line, each verified again on the way. The look is on record."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    seen = _seen(desk, config, home, subject, purpose)
    held = {
        hub.hub: hub.standing_at_ms
        for hub in Registry(desk.db).hubs()
        if hub.standing is Standing.QUARANTINED
    }
    for reading in readings(Batches(desk.db), config.site):
        if class_of(reading["kind"]) in seen.get(reading["home"], ()):
            doubt = reading["received_ms"] >= held.get(reading["hub"], math.inf)
            click.echo(json.dumps(reading | ({"unconfirmed": True} if doubt else {}), ensure_ascii=False))


@cli.command(name="coverage")
@config_option
@click.option("--home", help="Only this home.")
@click.option(
    "--as", "subject", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
)
@click.option("--purpose", default="operations", show_default=True, help="What for, a word of policy.toml.")
def print_coverage(config_file: Path, home: str | None, subject: str | None, purpose: str) -> None:
    """Print every span in which a hub says that it listened, one JSON object a line. The look is on record."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    seen = _seen(desk, config, home, subject, purpose)
    for span in coverage(Batches(desk.db), config.site):
        if DataClass.STATE in seen.get(span["home"], ()):
            click.echo(json.dumps(span, ensure_ascii=False))


@cli.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", required=True, help="Whose batches.")
@click.option(
    "--as", "subject", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
)
@click.option("--purpose", default="audit", show_default=True, help="What for, a word of policy.toml.")
def evidence(config_file: Path, file: Path, home: str, subject: str | None, purpose: str) -> None:
    """Write the signed batches of HOME to FILE, for lum-trust audit verify --evidence. The look is on record."""
    if file.exists():
        raise click.UsageError(f"{file} exists already; name another file.")
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    looker = parse_subject(subject) if subject else operator(config)
    look(desk, by(looker, Proof.CONSOLE, home, Action.READ, purpose), [DataClass.ALL])
    lines = [
        write_evidence(Evidence(row["hub"], row["signed"]))
        for row in Batches(desk.db).stored()
        if row["home"] == home
    ]
    write_private(file.absolute(), "".join(f"{line}\n" for line in lines).encode())
    click.echo(
        f"{len(lines)} batches are in {file}. They hold personal data: keep them as safe as the store."
    )


@cli.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path))
def backup(config_file: Path, file: Path) -> None:
    """Copy the store to FILE, consistently, while the site runs."""
    if file.exists():
        raise click.UsageError(f"{file} exists already; name another file.")
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    copying = by(operator(config), Proof.CONSOLE, EVERY_HOME, Action.COPY, "backup")
    look(desk, copying, [DataClass.ALL])
    copy_database(desk.db, file)
    click.echo(f"The store was copied to {file}. It holds personal data: keep it as safe as the store.")


@cli.command()
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(config_file: Path, file: Path) -> None:
    """Put the copy in FILE back in place of the store; hubs refill what came since."""
    store = load_config(config_file).paths.store
    forgotten = keeping.forgotten(store)
    copy, now = open_database(file), open_database(store)
    tail = tail_beyond(copy, now)
    copy_database(copy, store)
    db = open_database(store)
    put_tail(db, tail, _now_ms())
    Batches(db).renew_generation()
    click.echo(
        f"The store is as it was in {file}. Hubs send again what they still hold; see lum-receiver status."
    )
    if forgotten is None:
        click.echo(
            "The store before it could not be read: forget again whom it had forgotten since that copy."
        )
    for home in keeping.forget_again(db, forgotten or {}, time.sleep):
        click.echo(f"{home} was forgotten since that copy was made, and is so again.")


for _command in (
    *(keeping_cli.retention, keeping_cli.forget, keeping_cli.export_home),
    *(consent_cli.consent, consent_cli.pause, consent_cli.event),
    *(incident_cli.incident, notices_cli.notices),
):
    cli.add_command(_command)
cli.add_command(ledger)


def _seen(
    desk: Desk, config: ReceiverConfig, home: str | None, subject: str | None, purpose: str
) -> dict[str, frozenset[DataClass]]:
    """What may be seen of one home, or of each."""
    looker = parse_subject(subject) if subject else operator(config)
    homes = [home] if home else sorted({row.home for row in Registry(desk.db).hubs()})
    return {one: look(desk, by(looker, Proof.CONSOLE, one, Action.READ, purpose)) for one in homes}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _at(moment_ms: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(str(moment_ms)) / 1000))


def _serve(
    duty: Callable[[ReceiverConfig], Coroutine[Any, Any, None]], config_file: Path, *, child: bool
) -> None:
    if child:
        supervisor.die_with_parent()
    config = load_config(config_file)

    async def until(stop: asyncio.Event) -> None:
        serving = asyncio.ensure_future(duty(config))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=not serving.done())

    asyncio.run(_until_told(until))


async def _until_told(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` with an event that SIGTERM and Ctrl-C set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await work(stop)


if __name__ == "__main__":
    main()
