"""``lum-trust``: the operators' command.

How it talks: a result on stdout, one sentence and one hint on stderr, an exit code of sysexits.
``init`` and ``rotate`` work on files; everything else asks the authority of a running site.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from zero_trust import audit_cli, decisions_cli, rotation_cli, voucher_cli
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.operator import Operator
from zero_trust.options import as_json_option, print_json, site_directory, utc
from zero_trust.reasons import tag
from zero_trust.site import Ports, make_site

EX_USAGE = 64
EX_DATAERR = 65
EX_NOUSER = 67
EX_UNAVAILABLE = 69
EX_CANTCREAT = 73
EX_NOPERM = 77
EX_CONFIG = 78

_EXIT_CODES = {
    "host-malformed": EX_USAGE,
    "name-malformed": EX_USAGE,
    "hub-not-held": EX_DATAERR,
    "hub-not-revoked": EX_DATAERR,
    "hub-unknown": EX_NOUSER,
    "operator-unreachable": EX_UNAVAILABLE,
    "site-exists": EX_CANTCREAT,
    "file-exists": EX_CANTCREAT,
    "extra-missing": EX_UNAVAILABLE,
    "directory-unusable": EX_CANTCREAT,
    "no-site": EX_CONFIG,
    "log-malformed": EX_DATAERR,
    "checkpoint-not-believed": EX_DATAERR,
    "policy-file-wrong": EX_CONFIG,
    "policy-version-old": EX_CONFIG,
    "decision-unknown": EX_NOUSER,
    "glass-unknown": EX_NOUSER,
    "glass-cause-missing": EX_USAGE,
    "subject-malformed": EX_USAGE,
    "rotation-keys-missing": EX_CONFIG,
    "rotation-not-sound": EX_DATAERR,
}

_SESSIONS_ENDED = {
    True: "its connection has been ended",
    False: "it was not connected",
    None: "the broker does not answer, and will end its connection when it does",
}


def main() -> None:
    """Run the command; every failure is a sentence."""
    try:
        sys.exit(lum_trust.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(EX_USAGE)
    except TrustError as error:
        click.echo(f"lum-trust: {error}\n  {error.hint}  {tag(error.code)}", err=True)
        sys.exit(_exit_code(error))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def lum_trust() -> None:
    """Who may say what at a site: make it, let hubs in, turn them out."""


@lum_trust.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--site", required=True, help="Name of the site: a-z, 0-9 and -; it stands in every certificate."
)
@click.option("--host", required=True, help="Name or address under which hubs will reach the site.")
@click.option("--mqtt-port", type=click.IntRange(1, 65535), default=8883, show_default=True)
@click.option("--nats-port", type=click.IntRange(1, 65535), default=4222, show_default=True)
@click.option("--authority-port", type=click.IntRange(1, 65535), default=8443, show_default=True)
@click.option("--portal-port", type=click.IntRange(1, 65535), default=8080, show_default=True)
def init(
    directory: Path,
    site: str,
    host: str,
    mqtt_port: int,
    nats_port: int,
    authority_port: int,
    portal_port: int,
) -> None:
    """Make a new site in DIR: its root, its keys, its configuration."""
    ports = Ports(mqtt=mqtt_port, nats=nats_port, authority=authority_port, portal=portal_port)
    directory = directory.absolute()
    make_site(
        directory, site=site, host=host, now_ms=time.time_ns() // 1_000_000, entropy=os.urandom, ports=ports
    )
    click.echo(f"Site {site} is in {directory}.")
    click.echo(
        f"Now move {directory / 'root' / 'root.key'} offline, with a copy on paper: nothing here needs it"
    )
    click.echo("until an issuing authority is replaced, and whoever has it can make hubs believe anything.")
    click.echo(f"Then: lum-receiver run --config {directory / 'receiver.toml'}")


@lum_trust.command()
@click.argument("hub")
@click.option("--reason", required=True, help="Why; the hub's own status shows it.")
@site_directory
@as_json_option
def revoke(hub: str, reason: str, directory: Path, *, as_json: bool) -> None:
    """Believe HUB no more, from now on, and end its connection."""
    done = Operator(directory).revoke(hub, reason)
    if as_json:
        print_json(done)
        return
    click.echo(f"Hub {done['hub']} is revoked; {_SESSIONS_ENDED[_some(done['sessions'])]}.")


@lum_trust.command()
@click.argument("hub")
@site_directory
@as_json_option
def release(hub: str, directory: Path, *, as_json: bool) -> None:
    """Confirm HUB, held because it may be a copy or was off too long."""
    done = Operator(directory).release(hub)
    if as_json:
        print_json(done)
        return
    click.echo(f"Hub {done['hub']} is confirmed; should a copy of it exist, both are held again.")


@lum_trust.command()
@click.argument("hub")
@site_directory
@as_json_option
def restore(hub: str, directory: Path, *, as_json: bool) -> None:
    """Undo the revocation of HUB; it comes back by itself."""
    done = Operator(directory).restore(hub)
    if as_json:
        print_json(done)
        return
    click.echo(f"Hub {done['hub']} may speak again; it comes back by itself.")


@lum_trust.command()
@site_directory
@as_json_option
def alarms(directory: Path, *, as_json: bool) -> None:
    """List what operations must look at now, and what to do."""
    rows = Operator(directory).alarms()
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("Nothing to look at.")
    for row in rows:
        detail = f" ({row['detail']})" if row["detail"] else ""
        click.echo(f"since {utc(row['since_ms'])}  {row['hub'] or '-'}  {tag(row['code'])}{detail}")
        click.echo(f"  {row['sentence']} For {row['who']}: {row['hint']}")


@lum_trust.command()
@site_directory
@as_json_option
def hubs(directory: Path, *, as_json: bool) -> None:
    """List the hubs, with the four words that the hub itself shows."""
    rows = Operator(directory).hubs()
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No hub is enrolled yet: lum-trust voucher new --home HOME")
    for row in rows:
        since, why = utc(row["standing_at_ms"]), f": {row['reason']}" if row["reason"] else ""
        click.echo(f"{row['hub']}  home {row['home']}  {row['words']}  {row['standing']} since {since}{why}")


@lum_trust.command()
@site_directory
@as_json_option
def refusals(directory: Path, *, as_json: bool) -> None:
    """List what was refused, newest first: when, where, whom, why, and who can mend it."""
    rows = Operator(directory).refusals()
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("Nothing was refused.")
    for row in rows:
        detail = f" ({row['detail']})" if row["detail"] else ""
        click.echo(f"{utc(row['at_ms'])}  {row['where']}  {row['hub'] or '-'}  {tag(row['code'])}{detail}")
        click.echo(f"  {row['sentence']} For {row['who']}: {row['hint']}")


def _some(count: int | None) -> bool | None:
    return None if count is None else count > 0


for _command in (
    voucher_cli.voucher,
    audit_cli.audit,
    decisions_cli.why,
    decisions_cli.what_if,
    decisions_cli.grants,
    decisions_cli.break_glass,
    rotation_cli.rotate,
):
    lum_trust.add_command(_command)


def _exit_code(error: TrustError) -> int:
    return _EXIT_CODES.get(error.code, EX_CONFIG if isinstance(error, KeyStoreError) else EX_NOPERM)
