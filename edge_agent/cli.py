"""``lum-hub``: enrol a hub, fit its sensors, run it, ask how it is, decode what a sensor sends."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
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
@click.argument("voucher")
def enrol(config_file: Path, voucher: str) -> None:
    """Trade VOUCHER (the text operations gave you) for this hub's credential."""
    from edge_agent.adapters import authority  # noqa: PLC0415 - the hub's heavy parts load only where used

    config = load(config_file)
    identity = authority.enrol(voucher, config.state, config.keys)
    click.echo(f"Enrolled: hub {identity.hub} in home {identity.home} of {identity.site}.")
    click.echo(f"Compare these words with operations: {identity.words}")


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
