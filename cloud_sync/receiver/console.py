"""Whoever sits at the site's machine, before the desk: no look at a home's data from here without a decision on record."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.desk import EVERY_CLASS, Desk
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from zero_trust.errors import PolicyError
from zero_trust.request import DataClass, Request, Role, Subject

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=Path("receiver.toml"),
    show_default=True,
    help="The site's receiver.toml.",
)


def desk_of(config: ReceiverConfig, clock_ms: Callable[[], int]) -> Desk:
    """The desk of a site, over its store."""
    return Desk(open_database(config.paths.store), config, clock_ms)


def operator(config: ReceiverConfig) -> Subject:
    """This account of the machine, as the audit names it."""
    return Subject(Role.OPERATOR, config.site, f"uid-{os.getuid()}")


def hubs_of(db: sqlite3.Connection, home: str) -> list[HubRow]:
    """The hubs that a home has or had.

    Raises:
        UsageError: there is none.
    """
    hubs = Registry(db).hubs()
    if found := [row for row in hubs if row.home == home]:
        return found
    known = ", ".join(sorted({row.home for row in hubs})) or "none yet"
    raise click.UsageError(f"Nothing is held of a home {home!r}. Homes that had a hub: {known}.")


def look(desk: Desk, request: Request, classes: Iterable[DataClass] = EVERY_CLASS) -> frozenset[DataClass]:
    """The classes that may be looked at; the look is on record.

    Raises:
        PolicyError: there are none.
    """
    decided = desk.look(request, classes)
    if decided.refused:
        raise PolicyError(
            decided.refused.code, f"{decided.refused.detail}; decision {decided.number}".removeprefix("; ")
        )
    return decided.classes
