"""A desk over a store, with rules as they come with a new site and agreements as a test wants them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cloud_sync.receiver.config import Paths, ReceiverConfig
from cloud_sync.receiver.desk import Desk

POLICY = resources.files("zero_trust").joinpath("policy.toml").read_text(encoding="utf-8")
EVERYTHING = ("state", "alert", "activity", "climate", "health", "upkeep", "other")
GRANTS = """\
version = 1

[[home]]
home = "h-17"
family = ["state", "climate"]
agreed_by = "the resident"
agreed = 2026-11-01
review = 2027-11-01

[[staff]]
who = "council/amy"
homes = ["h-17"]

[[duty]]
who = "council/bob"
from = 2027-01-15T06:00:00Z
until = 2027-01-15T18:00:00Z

[[grant]]
organisation = "nhs-falls"
purpose = "falls-response"
classes = ["alert"]
homes = ["h-17"]
from = 2027-01-01
until = 2027-06-30
agreed_by = "information governance board"
dpia = "DPIA 2026-031"
"""


def consent(home: str, *classes: str) -> str:
    """One home that agreed that its family sees ``classes``."""
    seen = ", ".join(f'"{data}"' for data in classes)
    return (
        f'[[home]]\nhome = "{home}"\nfamily = [{seen}]\nagreed_by = "the resident"\n'
        "agreed = 2026-11-01\nreview = 2027-11-01\n"
    )


@dataclass
class Clock:
    """A wall clock that stands still until it is set."""

    now_ms: int

    def __call__(self) -> int:
        """What it shows."""
        return self.now_ms


def write_book(directory: Path, grants: str, policy: str = POLICY) -> Paths:
    """Both files in ``directory``; gives where they are."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = Paths(policy=directory / "policy.toml", grants=directory / "grants.toml")
    paths.policy.write_text(policy, encoding="utf-8")
    paths.grants.write_text(grants, encoding="utf-8")
    return paths


def make_desk(db: sqlite3.Connection, directory: Path, clock: Clock, grants: str = GRANTS) -> Desk:
    """A desk over ``db`` that goes by files in ``directory``."""
    paths = write_book(directory, grants)
    return Desk(db, ReceiverConfig("demo", "localhost", "127.0.0.1", paths=paths), clock)
