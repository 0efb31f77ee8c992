"""``lum-trust rotate``: says what the next roll-over would do, and does it if asked to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from zero_trust.credential import certificate_key
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.keys import fingerprint
from zero_trust.operator import Operator
from zero_trust.options import as_json_option, print_json, site_directory, utc
from zero_trust.rotation import Rotation
from zero_trust.rotation import rotate as make_rotation
from zero_trust.rotation_file import apply as put_in_place
from zero_trust.rotation_file import root_keys
from zero_trust.site_files import load_bundles
from zero_trust.trust_set import EACH_MAX, Certificates


@click.command()
@click.option(
    "--root-dir",
    "root_directories",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where keys of the roots lie; may be named several times. Default: root in the site's directory.",
)
@click.option(
    "--roots",
    type=click.IntRange(0, EACH_MAX // 2),
    default=1,
    show_default=True,
    help="How many new roots; 0: new issuing authorities alone.",
)
@click.option(
    "--threshold",
    type=click.IntRange(1, EACH_MAX),
    help="How many roots must sign the bundle after this one; default: as many as now.",
)
@click.option("--apply", "really", is_flag=True, help="Do it; else it is rehearsed, and nothing is changed.")
@site_directory
@as_json_option
def rotate(
    root_directories: tuple[Path, ...],
    roots: int,
    threshold: int | None,
    directory: Path,
    *,
    really: bool,
    as_json: bool,
) -> None:
    """Replace the site's authorities by new ones: hubs follow by themselves, also those that are asleep."""
    try:
        bundles = load_bundles(directory / "authority")
    except KeyStoreError as error:
        raise TrustError("no-site", str(directory)) from error
    rotation = make_rotation(
        bundles,
        root_keys(root_directories or (directory / "root",)),
        roots=roots,
        threshold=threshold,
        now_ms=time.time_ns() // 1_000_000,
        entropy=os.urandom,
    )
    told = _told(rotation, _live(directory))
    made = _apply(directory, rotation) if really else []
    if as_json:
        print_json(told | {"applied": really, "root_keys": [str(file) for file in made]})
        return
    _print(told)
    _print_outcome(directory, rotation.after.version, made, really=really)


def _apply(directory: Path, rotation: Rotation) -> list[Path]:
    try:
        return put_in_place(directory, rotation)
    except OSError as error:
        raise KeyStoreError("directory-unusable", f"{directory}: {error.strerror}") from error


def _live(directory: Path) -> dict[str, Any] | None:
    """What the running authority knows; None if it does not answer: a roll-over works without it."""
    try:
        return Operator(directory).trust()
    except TrustError:
        return None


def _told(rotation: Rotation, live: dict[str, Any] | None) -> dict[str, Any]:
    before, after = rotation.before, rotation.after
    return {
        "version": before.version,
        "next": after.version,
        "expires_ms": after.expires_ms,
        "threshold": after.threshold,
        "roots_new": _names(tuple(root.certificate for root in rotation.roots)),
        "roots_staying": _names(tuple(root for root in before.roots if root in after.roots)),
        "roots_leaving": _names(rotation.leaving),
        "missing": list(rotation.missing),
        "hubs": live and live["hubs"],
        "services": live and live["services"],
        "vouchers_open": live and live["vouchers_open"],
    }


def _names(roots: Certificates) -> list[str]:
    return [fingerprint(certificate_key(root)).hex()[:16] for root in roots]


def _print(told: dict[str, Any]) -> None:
    click.echo(f"Bundle {told['version']} -> {told['next']}, good until {utc(told['expires_ms'])}.")
    for word in ("new", "staying", "leaving"):
        if names := told[f"roots_{word}"]:
            click.echo(f"Roots {word}: {', '.join(names)}")
    click.echo(f"The bundle after this one needs {told['threshold']} root(s) to sign it.")
    click.echo("Issuing authorities: both new; the present ones are believed until the next roll-over.")
    if told["missing"]:
        versions = ", ".join(map(str, told["missing"]))
        click.echo(f"MISSING: bundle {versions}. A hub that has an older one cannot walk past it.")
    if told["hubs"] is None:
        click.echo("The authority does not answer, so it is not known which hub has which bundle.")
        return
    _print_hubs(told["hubs"], told["version"])
    for service in told["services"]:
        click.echo(f"Certificate {service['service']}: until {utc(service['ends_ms'])}; will be renewed.")
    if told["vouchers_open"] and told["roots_leaving"]:
        click.echo(
            f"{told['vouchers_open']} open voucher(s): those that name a leaving root must be made anew."
        )


def _print_hubs(hubs: list[dict[str, Any]], version: int) -> None:
    current = sum(hub["bundle"] == version for hub in hubs)
    click.echo(f"{current} of {len(hubs)} hubs have bundle {version}.")
    for hub in hubs:
        if hub["bundle"] != version:
            has = f"has bundle {hub['bundle']}" if hub["bundle"] else "has not said which bundle it has"
            click.echo(f"  {hub['hub']}  home {hub['home']}  {has}; it walks when it comes back")


def _print_outcome(directory: Path, version: int, made: list[Path], *, really: bool) -> None:
    if not really:
        click.echo("This was a rehearsal, and it went well: nothing was changed. To do it: --apply")
        return
    click.echo(f"Done: bundle {version} is published. A running site takes it up within a minute.")
    for file in made:
        click.echo(f"Now move {file} offline, with a copy on paper, beside the key that is there.")
    click.echo(f"Look at it again later: lum-trust rotate --dir {directory}, lum-trust alarms")
