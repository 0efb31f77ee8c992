"""``lum-hub sensors``: which sensors this home has, what is on the air, does each do its duty.

What is told goes to standard output; warnings, and what to do meanwhile, to standard error.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from device_profiles.catalogue import Catalogue
from device_profiles.cipher import KEY_BYTES
from device_profiles.errors import ProfileError
from device_profiles.profile import Layout, Profile, Scheme
from device_profiles.role import Role
from edge_agent.adapters import tap
from edge_agent.adapters.sensor_store import SensorStore, read_key
from edge_agent.config import HubConfig, load
from edge_agent.errors import AgentError, RosterError
from edge_agent.listening import listen_for
from edge_agent.options import config_option
from edge_agent.roster import MEANINGS, Entry, address_in, key_in
from edge_agent.sightings import NEEDS_KEY, Known, Row, Sightings, contract_of, scan_table
from edge_agent.status import read_status
from edge_agent.walk import Step, WalkTest
from edge_agent.words import ago_words, table

RECOGNISE_MAX_S = 20.0
NOTHING_HEARD = "Nothing was heard that a profile knows. Is the radio all right? See: lum-hub status"
SCAN_DEFAULT_S, TEST_DEFAULT_S, LISTEN_MAX_S = 30.0, 180.0, 86_400.0

_ROLES = "\n".join(f"  {role.value:<10}  {meaning}" for role, meaning in MEANINGS.items())
_ADD_HELP = f"""Add the sensor with this Bluetooth ADDRESS to the home.

With --replace it is described anew; model, contract and key stay as they are unless given.

\b
Roles:
{_ROLES}
"""

_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value.")


def _for_option(default_s: float) -> Callable[..., Any]:
    return click.option(
        "--for",
        "for_s",
        type=click.FloatRange(1, LISTEN_MAX_S),
        default=default_s,
        show_default=True,
        help="Seconds; Ctrl-C ends it earlier.",
    )


@click.group()
def sensors() -> None:
    """This home's sensors: scan the air, add and remove them, test each where it hangs."""


@sensors.command(help=_ADD_HELP, short_help="Add the sensor with this Bluetooth ADDRESS to the home.")
@config_option
@click.argument("address")
@click.option("--name", required=True, help="As people call it; unique in the home.")
@click.option("--room", required=True, help="Where it is; may be empty.")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    metavar="ROLE",
    help="What it is there for: one of the roles above.",
)
@click.option(
    "--model",
    help="Its profile, or what is written on its box; recognised on the air, within 20 s, if left out.",
)
@click.option(
    "--contract", help='How it proves that it is alive: "periodic 60 s", "heartbeat 3600 s", "event-only".'
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file of 32 hex digits (24 for older MiBeacon), mode 0600, or - for stdin; only encrypted frames are then believed.",
)
@click.option("--replace", is_flag=True, help="Describe anew a sensor that is already added.")
def add(config_file: Path, address: str, key_file: Path | None, replace: bool, **said: Any) -> None:  # noqa: FBT001, D103 - click passes flags so, and shows _ADD_HELP
    config, catalogue = load(config_file), Catalogue.load()
    store, key = SensorStore(config.state), _key_from(key_file)
    said |= {"address": address_in(address), "role": Role(said["role"]), "encrypted": key is not None}
    sketch = store.roster().taking(said, replace=replace)[1]  # refuses before anybody waits to hear it
    heard = None if sketch.model else _recognised(config, catalogue, sketch.address)
    profile = _profile(catalogue, heard.model if heard and heard.model else sketch.model)
    said["model"] = profile.name
    _refuse_misfit(profile, key)
    with store.changing() as roster:
        changed, entry = roster.taking(said, replace=replace)
        if key is not None:
            store.keep_key(entry.address, key)
        store.keep(changed)
    click.echo(f"{'Changed' if roster.at(entry.address) else 'Added'}: {_in_words(entry, catalogue)}")
    if _is_running(config):
        click.echo("The running hub takes it up in a moment.")
    if not entry.encrypted and (_always_encrypts(profile) or (heard and heard.trouble == NEEDS_KEY)):
        _warn(f"{entry.name} encrypts, and no key was given: nothing it says can be read.")


@sensors.command()
@config_option
@click.argument("sensor", metavar="ADDRESS|NAME")
def remove(config_file: Path, sensor: str) -> None:
    """Remove a sensor from the home, and delete its key."""
    config = load(config_file)
    store = SensorStore(config.state)
    with store.changing() as roster:
        entry = roster.named(sensor)
        store.keep(roster.without(entry))
        store.forget_key(entry.address)
    click.echo(f"Removed: {entry.name}, {entry.address}.")


@sensors.command("list")
@config_option
@_json_option
def list_(config_file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """List the sensors of this home, and when the running hub last heard each."""
    config, catalogue = load(config_file), Catalogue.load()
    ages_s = _ages_s(config)
    facts = [
        {
            "name": entry.name,
            "room": entry.room,
            "role": entry.role.value,
            "address": entry.address,
            "model": entry.model,
            "contract": contract_of(catalogue, entry),
            "encrypted": entry.encrypted,
            "heard_age_s": ages_s.get(entry.address) if ages_s is not None else None,
        }
        for entry in SensorStore(config.state).roster().sensors
    ]
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    elif facts:
        click.echo("\n".join(_list_table(facts, running=ages_s is not None)))
    else:
        click.echo("This home has no sensors yet. See what is on the air: lum-hub sensors scan")


@sensors.command()
@config_option
@_for_option(SCAN_DEFAULT_S)
@_json_option
@click.option("--all", "everybody", is_flag=True, help="Also what no profile knows.")
def scan(config_file: Path, for_s: float, as_json: bool, everybody: bool) -> None:  # noqa: FBT001
    """Show the sensors in reach, strongest first. Nothing heard is stored or sent."""
    config, catalogue = load(config_file), Catalogue.load()
    sightings, screen = Sightings(catalogue, _known(config)), _Screen(live=not as_json)

    def lines() -> list[str]:
        rows = sightings.rows(everybody=everybody)
        return scan_table(rows) if rows else [NOTHING_HEARD]

    asyncio.run(listen_for(config, sightings.hear, for_s, show=lambda: screen.paint(lines())))
    if as_json:
        facts = [row.facts() for row in sightings.rows(everybody=everybody)]
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        screen.leave(lines())


@sensors.command()
@config_option
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_for_option(TEST_DEFAULT_S)
@_json_option
def test(config_file: Path, names: Sequence[str], for_s: float, as_json: bool) -> None:  # noqa: FBT001
    """Walk test: make each sensor speak, and see that the hub understands it.

    Ends as soon as all have passed; exit code 1 if one has not.
    """
    config, catalogue = load(config_file), Catalogue.load()
    walk, screen = WalkTest(catalogue, _chosen(config, names)), _Screen(live=not as_json)
    if not as_json:
        click.echo("\n".join(step.instruction for step in walk.steps()), err=True)

    def show() -> None:
        screen.paint(_checklist(walk.steps(), not_passed="not yet"))

    asyncio.run(listen_for(config, walk.hear, for_s, done=lambda: walk.passed, show=show))
    if as_json:
        facts = {"passed": walk.passed, "sensors": [step.facts() for step in walk.steps()]}
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        screen.leave(_checklist(walk.steps(), not_passed="NO"))
    sys.exit(0 if walk.passed else 1)


@sensors.command()
@config_option
@click.argument("name")
def confirm(config_file: Path, name: str) -> None:
    """Say "I changed its battery": the hub then accepts a counter that starts again."""
    config = load(config_file)
    entry = SensorStore(config.state).roster().named(name)
    asyncio.run(tap.confirm(config.socket, entry.address))
    click.echo(f"The hub accepts that {entry.name} starts to count again.")


def _key_from(file: Path | None) -> bytes | None:
    if file is None:
        return None
    return key_in(sys.stdin.read(), "stdin") if str(file) == "-" else read_key(file)


def _recognised(config: HubConfig, catalogue: Catalogue, address: str) -> Row:
    """The sensor as it was heard, recognised by a profile."""
    sightings = Sightings(catalogue, [])

    def recognised() -> bool:
        row = sightings.row(address)
        return row is not None and row.model is not None

    click.echo(f"Listening for {address}, at most {RECOGNISE_MAX_S:.0f} s ...", err=True)
    asyncio.run(listen_for(config, sightings.hear, RECOGNISE_MAX_S, done=recognised))
    row = sightings.row(address)
    if row is None:
        raise RosterError(
            f"{address} was not heard within {RECOGNISE_MAX_S:.0f} s.",
            hint="Wake it (press its button), bring it nearer, or name its model with --model.",
        )
    if row.model is None:
        raise RosterError(
            f"{address} was heard, but no profile knows what it says.",
            hint=f"Name its model with --model; known are: {', '.join(catalogue.models)}.",
        )
    return row


def _profile(catalogue: Catalogue, model: str) -> Profile:
    """The profile of a model, or of what is written on a box."""
    try:
        return catalogue.profile(catalogue.product(model) or model)
    except ProfileError as error:
        raise RosterError(str(error), hint=error.hint) from error


def _refuse_misfit(profile: Profile, key: bytes | None) -> None:
    """Only MiBeacon ever had keys of 12 bytes."""
    if key is not None and len(key) != KEY_BYTES and profile.layout is not Layout.MIBEACON:
        raise RosterError(
            f"The key has {len(key)} bytes; a {profile.title} needs {KEY_BYTES} (32 hex digits)."
        )


def _always_encrypts(profile: Profile) -> bool:
    return bool(profile.frames) and all(frame.encryption is not Scheme.NONE for frame in profile.frames)


def _known(config: HubConfig) -> list[Known]:
    store = SensorStore(config.state)
    return [Known(entry, store.key(entry)) for entry in store.roster().sensors]


def _chosen(config: HubConfig, names: Sequence[str]) -> list[Known]:
    """The sensors of these names, or all of them."""
    store = SensorStore(config.state)
    roster = store.roster()
    entries = [roster.named(name) for name in dict.fromkeys(names)] or roster.sensors
    if not entries:
        raise RosterError(
            "There is nothing to test: this home has no sensors yet.",
            hint="See what is on the air: lum-hub sensors scan",
        )
    return [Known(entry, store.key(entry)) for entry in entries]


def _is_running(config: HubConfig) -> bool:
    return _ages_s(config) is not None


def _ages_s(config: HubConfig) -> dict[str, float] | None:
    """How long ago the running hub heard each sensor, by address; None if none runs."""
    try:
        status = read_status(config.status_file)
    except AgentError:
        return None
    if not status["running"]:
        return None
    return {heard["address"]: round(heard["age_s"] + status["age_s"]) for heard in status["sensors"]}


def _in_words(entry: Entry, catalogue: Catalogue) -> str:
    room = f" in {entry.room}" if entry.room else ""
    title = catalogue.profile(entry.model).title
    encrypted = ", encrypted" if entry.encrypted else ""
    return f"{entry.name} ({entry.role.value}){room}: {entry.address}, {title}, {contract_of(catalogue, entry)}{encrypted}."


def _list_table(facts: Sequence[dict[str, Any]], *, running: bool) -> list[str]:
    def last_heard(age_s: float | None) -> str:
        if not running:
            return "no hub runs"
        return "not yet" if age_s is None else ago_words(age_s)

    return table(
        ("NAME", "ROOM", "ROLE", "ADDRESS", "MODEL", "ALIVE", "ENCRYPTED", "LAST HEARD"),
        [
            (
                *(str(fact[column]) for column in ("name", "room", "role", "address", "model", "contract")),
                "yes" if fact["encrypted"] else "no",
                last_heard(fact["heard_age_s"]),
            )
            for fact in facts
        ],
    )


def _checklist(steps: Sequence[Step], *, not_passed: str) -> list[str]:
    return table(
        ("SENSOR", "PASSED", ""),
        [(step.name, "yes" if step.passed else not_passed, step.words) for step in steps],
    )


class _Screen:
    """Repaints lines in place on a terminal; anywhere else only the last ones are shown."""

    def __init__(self, *, live: bool) -> None:
        self._live = live and sys.stdout.isatty()
        self._painted = 0

    def paint(self, lines: Sequence[str]) -> None:
        """Show how it is now, as far as it fits."""
        if not self._live:
            return
        size = shutil.get_terminal_size()
        fitting = [line[: size.columns - 1] for line in lines[: size.lines - 2]]
        self._replace(fitting)
        self._painted = len(fitting)

    def leave(self, lines: Sequence[str]) -> None:
        """Show how it ended, whole."""
        self._replace(lines)

    def _replace(self, lines: Sequence[str]) -> None:
        up_and_clear = f"\x1b[{self._painted}A\x1b[J" if self._painted else ""
        click.echo(up_and_clear + "\n".join(lines))


def _warn(sentence: str) -> None:
    click.echo(f"Warning: {sentence} Say the same again with --replace --key-file FILE.", err=True)
