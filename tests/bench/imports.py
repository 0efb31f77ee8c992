"""What the hub's imports cost, in memory and time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.harness import Figure, Samples, at_most, in_turns

HUB_MODULES = (
    "edge_agent.cli",
    "edge_agent.log",
    "edge_agent.agent",
    "edge_agent.adapters.clock",
    "bleak.backends.bluezdbus.scanner",
)
HCI_MODULES = (*HUB_MODULES, "edge_agent.adapters.hci")
STANDARD_MODULES = ("asyncio", "ssl", "sqlite3")  # what no hub of this kind in Python can do without
TARGET_MB, HCI_TARGET_MB = 45.0, 60.0
ROUNDS = 3
PROBE = Path(__file__).with_name("import_probe.py")
SMALL_MS, SMALL_MB = 1.0, 0.2  # packages below both share one row


def imports() -> list[Figure]:
    """Resident memory of a fresh Python that has imported what `lum-hub run` imports, and nothing done yet.

    Beside it, in turns: a bare interpreter, and one with asyncio, ssl and sqlite3. The tables tell each
    package's own share, without what it imports in turn: ms by `-X importtime`, MB as resident
    memory grew while its modules were loaded.
    """
    sets = (HUB_MODULES, HCI_MODULES, STANDARD_MODULES, ())
    bluez, hci, standard, bare = in_turns(ROUNDS, *(partial(rss_mb, *modules) for modules in sets))
    limits = (
        Samples("limit: asyncio, ssl, sqlite3", standard),
        Samples("limit: bare interpreter", bare),
    )
    return [
        Figure(
            Samples("imports, BlueZ", bluez),
            "MB",
            at_most(TARGET_MB),
            limits,
            tuple(_table("BlueZ", HUB_MODULES)),
        ),
        Figure(
            Samples("imports, HCI", hci),
            "MB",
            at_most(HCI_TARGET_MB),
            limits,
            tuple(_table("HCI", HCI_MODULES)),
        ),
    ]


def rss_mb(*modules: str) -> float:
    """Resident memory of a fresh interpreter once it has imported ``modules``."""
    size: float = _probe(*modules)["rss_mb"]
    return size


def import_s(*modules: str) -> float:
    """Seconds on the wall that a fresh interpreter takes to start, import ``modules`` and end."""
    began_s = time.perf_counter()
    _run("-c", _script(modules))
    return time.perf_counter() - began_s


def own_ms(importtime: str) -> dict[str, float]:
    """Each module's own milliseconds, from what ``-X importtime`` writes."""
    found = {}
    for line in importtime.splitlines():
        head, _, rest = line.partition("import time:")
        own_us, _, name = rest.partition("|")
        if not head and own_us.strip().isdigit():
            found[name.partition("|")[2].strip()] = int(own_us) / 1000
    return found


def by_package(modules: Mapping[str, float]) -> defaultdict[str, float]:
    """Sums by top-level package; Python's own are taken as one."""
    sums: defaultdict[str, float] = defaultdict(float)
    for name, value in modules.items():
        top = name.partition(".")[0]
        sums["Python's own" if top in sys.stdlib_module_names else top] += value
    return sums


def _table(way: str, modules: tuple[str, ...]) -> list[str]:
    """The packages, the largest first, and their total."""
    start = _importtime()
    times = by_package({name: ms for name, ms in _importtime(*modules).items() if name not in start})
    sizes = by_package(_probe(*modules)["modules"])
    names = sorted(times | sizes, key=lambda name: -sizes[name])
    large = [name for name in names if times[name] >= SMALL_MS or sizes[name] >= SMALL_MB]
    small = [name for name in names if name not in large]
    rows = [(name, times[name], sizes[name]) for name in large]
    rows.append((f"{len(small)} small ones", sum(times[n] for n in small), sum(sizes[n] for n in small)))
    rows.append(("together", sum(times.values()), sum(sizes.values())))
    heading = f"{f'imports, {way}: own share':<40}{'ms':>8}{'MB':>8}"
    return [heading, *(f"  {name:<38}{ms:>8.1f}{mb:>8.1f}" for name, ms, mb in rows)]


def _importtime(*modules: str) -> dict[str, float]:
    return own_ms(_run("-X", "importtime", "-c", _script(modules)).stderr)


def _script(modules: Iterable[str]) -> str:
    return "; ".join(["pass", *(f"import {module}" for module in modules)])


def _probe(*modules: str) -> dict[str, Any]:
    """What ``import_probe.py`` tells (``-P``: the folder it lies in is no place to import from)."""
    told: dict[str, Any] = json.loads(_run("-P", str(PROBE), *modules).stdout)
    return told


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
