"""What commands of ``lum-trust`` have in common: options, and how times and JSON are printed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import click

site_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The site's directory; default: here.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value, for machines.")


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False))


def utc(at_ms: int) -> str:
    """A wall clock time for people, to the minute."""
    return dt.datetime.fromtimestamp(at_ms / 1000, tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
