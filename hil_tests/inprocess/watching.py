"""The site's watch in process: the real one, over the site's store, on the story's clock."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from cloud_sync.assurance.plan import Parameters
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.hindsight import Hindsight
from cloud_sync.receiver.watch import Watch
from hil_tests.at_home import SiteWord

LOOK_EVERY_S = 10.0  # in life every 2 s; a story of days has time


class VirtualWatch:
    """Looks at one home; its parameters are a file in ``directory``, as in life."""

    def __init__(
        self,
        db: sqlite3.Connection,
        directory: Path,
        home: str,
        parameters: Parameters | None,
        clock_ms: Callable[[], int],
    ) -> None:
        directory.mkdir()
        if parameters is not None:
            (directory / f"{home}.toml").write_text(as_toml(parameters), encoding="utf-8")
        self._assured = Assured(db)
        self._hindsight = Hindsight(db)
        self._watch = Watch(db, directory, consent_needed=False)
        self._home = home
        self._clock_ms = clock_ms

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._watch.look(self._clock_ms)
            await asyncio.sleep(LOOK_EVERY_S)

    def word(self) -> SiteWord:
        """All that it has said so far."""
        until_ms = self._clock_ms() + 1
        return SiteWord(
            self._assured.ledger(self._home, 0, until_ms),
            self._assured.incidents(self._home, 0, until_ms),
            self._hindsight.every(self._home),
        )


def as_toml(parameters: Parameters) -> str:
    """A home's parameters as its file has them."""
    facts = msgspec.to_builtins(parameters)
    tables = {name: value for name, value in facts.items() if isinstance(value, dict) and value}
    plain = {name: value for name, value in facts.items() if not isinstance(value, dict)}
    return "".join([*_lines(plain), *(_table([name], table) for name, table in tables.items())])


def _table(names: list[str], facts: dict[str, Any]) -> str:
    inner = "".join(_table([*names, key], value) for key, value in facts.items() if isinstance(value, dict))
    plain = {key: value for key, value in facts.items() if not isinstance(value, dict)}
    head = f"[{'.'.join(map(json.dumps, names))}]\n" if plain else ""
    return head + "".join(_lines(plain)) + inner


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        if value is not None:
            yield f"{json.dumps(key)} = {json.dumps(value)}\n"
