"""Options that several commands of ``lum-hub`` share."""

from __future__ import annotations

from pathlib import Path

import click

from edge_agent.config import DEFAULT_PATH

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="The hub's configuration.",
)
