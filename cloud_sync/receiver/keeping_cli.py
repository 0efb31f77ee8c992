"""``lum-receiver retention | forget | export``: how long, no longer, and what there is."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cloud_sync.receiver import keeping, supervisor
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.receiver.console import config_option, desk_of, hubs_of, look, operator
from cloud_sync.receiver.desk import by
from cloud_sync.receiver.export import export
from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.deletions import Order, broken_accounts, broken_deletion, deletions
from cloud_sync.receiver.store.erasure import Erasure
from zero_trust.options import utc
from zero_trust.policy import Standing
from zero_trust.request import Action, DataClass, Proof

TEMPORARY_FAILURE = 75  # sysexits: EX_TEMPFAIL

_rewrite_option = click.option(
    "--rewrite/--no-rewrite",
    default=None,
    help="Write the store's file anew, so that no shadow of a moved row stays; hubs wait meanwhile."
    f" Default: if it is under {keeping.REWRITE_MAX_BYTES // 2**20} MB.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command()
@config_option
@click.option("--apply", "applied", is_flag=True, help="Erase it; the site does so once a day by itself.")
@click.option("--verify", is_flag=True, help="Check every record and every stream's chain: may take a while.")
@_rewrite_option
@_json_option
@click.option("--child", is_flag=True, hidden=True, help="End with the parent process.")
def retention(
    config_file: Path,
    applied: bool,  # noqa: FBT001 - click passes flags so
    verify: bool,  # noqa: FBT001
    rewrite: bool | None,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    child: bool,  # noqa: FBT001
) -> None:
    """How long things are kept, and what is older. Erases nothing without --apply."""
    if child:
        supervisor.die_with_parent()
    config = load_config(config_file)
    db, now_ms = open_database(config.paths.store), _now_ms()
    erasure, before = Erasure(db), keeping.before_ms(config.retention, now_ms)
    due = erasure.due(before)
    erased = None
    if applied or rewrite:
        order = Order(now_ms, "site" if child else keeping.operator(), "older than receiver.toml keeps it")
        erased = _carried_out(db, erasure.retain(before, order) if applied else (), rewrite)
    broken = _broken(db) if verify else []
    log = AuditLog(db)
    rows, began_ms = log.head()[0], log.began_ms()
    if as_json:
        facts = {
            "policy": {f"{what}_days": days for what, days in _days(config).items()},
            "due": {what: {key: getattr(step, key) for key in ("batches", "readings", "rows")} for what, step in due.items()},
            "erased": erased and asdict(erased),
            "audit": {"rows": rows, "began_ms": began_ms},
            "deletions": len(deletions(db)),
            "broken": broken if verify else None,
        }  # fmt: skip
        click.echo(json.dumps(facts))
    else:
        for what, days in _days(config).items():
            batches = f"{due[what].batches} batches with {due[what].readings} readings and "
            older = (batches if what == "readings" else "") + f"{due[what].rows} rows"
            click.echo(f"{what:<9} kept {days:>5} days; {older} are older.")
        since = f" since {utc(began_ms)}" if began_ms is not None else ""
        click.echo(f"audit     kept for good; {rows} rows{since}, of which none ever goes.")
        click.echo(_outcome(erased) if erased else "Nothing was erased; --apply does.")
        for sentence in broken:
            click.echo(sentence)
        if verify and not broken:
            click.echo(f"{len(deletions(db))} deletion records and all streams hold.")
    if broken:
        sys.exit(1)


@click.command()
@config_option
@click.argument("home")
@click.option(
    "--why", default="the resident's wish", show_default=True, help="Goes into the deletion record."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_rewrite_option
@_json_option
def forget(config_file: Path, home: str, why: str, yes: bool, rewrite: bool | None, as_json: bool) -> None:  # noqa: FBT001
    """Erase everything that is held of HOME: readings, what follows from them, verdicts, names of sensors."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    db = desk.db
    hubs = hubs_of(db, home)
    look(desk, by(operator(config), Proof.CONSOLE, home, Action.ERASE, "erasure"), [DataClass.ALL])
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("This cannot be undone: say --yes if it is meant.")
        click.confirm(f"Erase everything held of {home}? This cannot be undone.", abort=True, err=True)
    order = Order(_now_ms(), keeping.operator(), why)
    erased = _carried_out(db, Erasure(db).forget(home, order), rewrite)
    enrolled = [row.hub for row in hubs if row.standing is not Standing.REVOKED]
    if as_json:
        click.echo(json.dumps({"home": home, **asdict(erased), "still_enrolled": enrolled}))
        return
    click.echo(_outcome(erased))
    for hub in enrolled:
        click.echo(
            f"Hub {hub} is still enrolled: what it needs to be understood stays, names of sensors among it, and what it"
            f" sends is kept. If the home is to be gone, revoke the hub (lum-trust revoke {hub}) and forget it again."
        )
    click.echo("Backups still hold it, and the hub the last 14 days: see cloud_sync/README.md, What remains.")


@click.command(name="export")
@config_option
@click.argument("home")
@click.option("--to", "target", type=click.Path(path_type=Path), help="The zip to write; default: HOME.zip.")
def export_home(config_file: Path, home: str, target: Path | None) -> None:
    """Write everything held about HOME into a zip that its people can read."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    db = desk.db
    hubs_of(db, home)
    look(desk, by(operator(config), Proof.CONSOLE, home, Action.COPY, "access"), [DataClass.ALL])
    file = target or Path(f"{home}.zip")
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:  # noqa: PTH123
            exported = export(db, config.site, home, _now_ms(), opened)
    except FileExistsError as error:
        raise click.UsageError(f"{file} exists already; name another file with --to.") from error
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be written ({error.strerror}).") from error
    click.echo(
        f"Everything held about {home} is in {file}, with {exported.rows['readings.csv']} readings. It is personal: hand"
        " it to nobody else."
    )


def _carried_out(db: sqlite3.Connection, steps: Any, rewrite: bool | None) -> keeping.Erased:  # noqa: FBT001
    try:
        return keeping.carry_out(db, steps, time.sleep, rewrite=rewrite)
    except sqlite3.OperationalError as error:
        click.echo(
            f"The store could not be written ({error}); what was erased so far stays so. Try again.", err=True
        )
        sys.exit(TEMPORARY_FAILURE)


def _broken(db: sqlite3.Connection) -> list[str]:
    number = broken_deletion(db)
    records = (
        [f"Deletion record {number} does not hold: it, or what it names, was altered."] if number else []
    )
    return records + [
        f"The account of {stream} does not follow from what is held." for stream in broken_accounts(db)
    ]


def _outcome(erased: keeping.Erased) -> str:
    told = f"Erased: {erased.batches} batches with {erased.readings} readings, {erased.rows} other rows."
    return f"{told} {erased.traces}".rstrip()


def _days(config: ReceiverConfig) -> dict[str, int]:
    kept = config.retention
    return {"readings": kept.readings_days, "derived": kept.derived_days, "evidence": kept.evidence_days}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
