"""What must not change under an attack: rows of the site's store, as digests, and its keys. And the differences, by name.

Left out is what a living hub and the site's own looks change all the time: heartbeats, coverage, answers to
questions, the lists of refusals and the audit (which only grow, and are looked at by themselves).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

# Table: the columns that name a row, and a word for it.
TABLES: Mapping[str, tuple[str, ...]] = {
    "hub": ("id",),
    "lineage": ("hub",),
    "voucher": ("id",),
    "batch": ("hub", "epoch", "stream", "seq"),
    "fork": ("hub", "epoch", "stream", "seq"),
    "gone": ("hub", "epoch", "stream", "first", "last"),
    "recut": ("hub", "epoch", "stream", "seq"),
    "manifest": ("hub", "epoch", "stream", "seq"),
    "account": ("hub", "epoch", "stream"),
    "epoch": ("hub", "epoch"),
    "last": ("home", "address", "kind", "doubted"),
    "span": ("hub", "from_ms"),
    "incident": ("hub", "code", "id"),
    "book": ("number",),
    "break_glass": ("who", "home", "number"),
    "deletion": ("number",),
}
KEYS = ("root", "authority", "broker", "intake")  # directories of the site

State = Mapping[str, str]


def state(store: Path, site: Path) -> State:
    """Digests by name: ``voucher GE4DJ49T``, ``batch abc.. 00.. 0 1``, ``file authority/tls-ca.key``."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        found = dict(_rows(db))
    for directory in KEYS:
        for file in sorted(one for one in (site / directory).rglob("*") if one.is_file()):
            found[f"file {file.relative_to(site)}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def differences(before: State, after: State) -> list[str]:
    """What came (``+``), went (``-``) or changed (``~``), by name."""
    came = (f"+ {name}" for name in after.keys() - before.keys())
    went = (f"- {name}" for name in before.keys() - after.keys())
    changed = (f"~ {name}" for name in before.keys() & after.keys() if before[name] != after[name])
    return sorted([*came, *went, *changed])


def unmeant(found: list[str], meant: tuple[str, ...]) -> list[str]:
    """Those differences that begin with none of ``meant``."""
    return [one for one in found if not one.startswith(meant)] if meant else found


def _rows(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for table, names in TABLES.items():
        for row in db.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names from above
            yield " ".join([table, *(_text(row[name]) for name in names)]), _digest(tuple(row))


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _digest(row: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(row).encode()).hexdigest()
