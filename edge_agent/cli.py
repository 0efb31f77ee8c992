"""``lum-hub``: enrol a hub, fit its sensors, run it, ask how it is, decode what a sensor sends."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TextIO

import click

from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfilesError
from device_profiles.records import decode_record
from edge_agent.config import load
from edge_agent.core.supervision import first_of, sentence
from edge_agent.errors import AgentError, ConfigError, CredentialError
from edge_agent.options import config_option
from edge_agent.profiles_cli import profiles
from edge_agent.sensors_cli import sensors
from edge_agent.status import in_words, read_status
from zero_trust.errors import KeyStoreError
from zero_trust.reasons import tag

VOUCHER_MAX_CHARS = 1000


def main() -> None:
    """Entry point: every foreseen error is one sentence with its exit code (sysexits)."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(64 if isinstance(error, click.UsageError) else error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (AgentError, KeyStoreError) as error:
        click.echo(sentence(error) + (f" {tag(error.code)}" if error.code else ""), err=True)
        sys.exit(error.exit_code if isinstance(error, AgentError) else CredentialError.exit_code)


@click.group()
def cli() -> None:
    """The hub of one home: hears its sensors, keeps what it hears, hands it over."""


cli.add_command(sensors)
cli.add_command(profiles)


@cli.command()
@config_option
@click.argument("voucher", required=False)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(0, 86_400),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to try again on a bad line.",
)
def enrol(config_file: Path, voucher: str | None, for_s: float) -> None:
    """Trade VOUCHER (the text operations gave you) for this hub's credential.

    Without VOUCHER: goes on with an enrolment that was cut off; if there is none, reads a voucher from a
    scanner, or pasted.
    """
    from edge_agent.adapters import enrol as trade  # noqa: PLC0415 - the hub's heavy parts load only where used
    from edge_agent.enrolling import Patience, persistently  # noqa: PLC0415

    config = load(config_file)
    state, kept = config.state, config.keys
    patience = Patience(
        for_s,
        time.monotonic,
        time.sleep,
        random.SystemRandom().random,
        lambda line: click.echo(line, err=True),
    )
    identity = None if voucher is not None else persistently(lambda: trade.resume(state, kept), patience)
    if identity is None:
        text = _scanned() if voucher is None else voucher
        identity = persistently(lambda: trade.enrol(text, state, kept), patience)
    click.echo(f"Enrolled: hub {identity.hub} in home {identity.home} of {identity.site}.")
    click.echo(f"Compare these words with operations: {identity.words}")


def _scanned() -> str:
    """One line: a scanner types what it reads, and Enter. It is not shown: it is a secret."""
    if sys.stdin.isatty():
        return str(click.prompt("Scan the voucher", hide_input=True, default="", show_default=False))
    return sys.stdin.readline(VOUCHER_MAX_CHARS)


@cli.command()
@config_option
def run(config_file: Path) -> None:
    """Run the hub until it is told to stop (SIGTERM, Ctrl-C)."""
    from edge_agent import agent, log  # noqa: PLC0415
    from edge_agent.adapters.clock import Clock  # noqa: PLC0415

    config = load(config_file)
    log.set_up()
    try:
        asyncio.run(_until_told(lambda stop: agent.run(config, Clock(), random.SystemRandom(), stop)))
    except BaseExceptionGroup as group:
        raise first_of(group) from group


@cli.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(config_file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """How the hub is: what it hears, what waits, what is wrong and what to do."""
    facts = read_status(load(config_file).status_file)
    click.echo(json.dumps(facts) if as_json else "\n".join(in_words(facts)))


@cli.command()
@config_option
@click.option("--for", "hours", type=click.FloatRange(0.1, 720), help="For how many hours.")
@click.option("--end", "ended", is_flag=True, help="End what was paused here.")
def pause(config_file: Path, hours: float | None, *, ended: bool) -> None:
    """Pause this hub: all but help buttons and warners of smoke, gas and water is neither stored nor sent."""
    from edge_agent.adapters import tap  # noqa: PLC0415

    if (hours is None) is not ended:
        raise click.UsageError("Say either --for HOURS or --end.")
    config = load(config_file)
    asyncio.run(tap.pause(config.socket, round((hours or 0) * 3600)))
    click.echo(
        "What was paused here has ended; what the site paused has not: see lum-hub status."
        if ended
        else f"Paused for {hours:g} h. Help buttons and warners go on; end it with: lum-hub pause --end"
    )


@cli.command()
@click.option(
    "--jsonl",
    "file",
    type=click.File(encoding="utf-8", errors="backslashreplace"),
    required=True,
    help="Records, one JSON object a line; - for stdin.",
)
def decode(file: TextIO) -> None:
    """Decode recorded adverts, one JSON object a line."""
    catalogue = Catalogue.load()
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            click.echo(json.dumps(decode_record(catalogue, json.loads(line)), ensure_ascii=False))
        except json.JSONDecodeError as error:
            raise ConfigError(f"{file.name}, line {number}: not JSON ({error.msg}).") from error
        except ProfilesError as error:
            raise ConfigError(f"{file.name}, line {number}: {error}", hint=error.hint) from error


async def _until_told(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` with an event that SIGTERM and Ctrl-C set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await work(stop)


if __name__ == "__main__":
    main()
