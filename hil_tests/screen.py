"""What the demo shows while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import click

from hil_tests.demo import Run
from hil_tests.rig.errors import RigError

PLAIN_EVERY_S = 5.0
LIVE_EVERY_S = 1.0
COUNT_EVERY_S = 3.0


async def live(running: Run) -> None:
    """Repaint a few lines on a terminal; on anything else write one line now and then."""
    painted, stored, counted_at = 0, 0, 0.0
    every_s = LIVE_EVERY_S if sys.stdout.isatty() else PLAIN_EVERY_S
    while True:
        await asyncio.sleep(every_s)
        page = await asyncio.to_thread(_page, f"{running.page}/page.json")
        if asyncio.get_running_loop().time() >= counted_at:
            with contextlib.suppress(RigError):  # a store that is being put back answers the next time
                stored = (await running.site.status())["readings"]
            counted_at = asyncio.get_running_loop().time() + COUNT_EVERY_S
        if not sys.stdout.isatty():
            click.echo(_line(running, stored))
            continue
        lines = [
            _line(running, stored),
            *_watched(page),
            "",
            f"  {running.page}",
            "  Ctrl-C ends everything.",
        ]
        if painted:
            click.echo(f"\x1b[{painted}A", nl=False)
        click.echo("\n".join(f"\x1b[2K{line}" for line in lines))
        painted = len(lines)


async def silent(_: Run) -> None:
    """Show nothing."""


def _line(running: Run, stored: int) -> str:
    status = running.hub.status()
    elapsed = time.time() - running.started_at
    if not status:
        return f"{elapsed:5.0f} s  {running.chaos.said or 'the hub is starting'}"
    waiting = status["uncommitted"] + status["uncut"]
    urgent = f"urgent {status['urgent_ms']} ms" if status["urgent_ms"] else "nothing urgent yet"
    alarms = "".join(f"  ! {alarm['sentence']}" for alarm in status["alarms"])
    return (
        f"{elapsed:5.0f} s  heard {running.hub.heard()}, stored {stored}, waiting {waiting} readings and "
        f"{status['waiting']} batches, {urgent}, {status['uplink']}{alarms}"
    )


def _watched(page: dict[str, Any]) -> list[str]:
    return [
        f"  {sensor['state']:<9} {sensor['room']}: {sensor['name']}  {sensor.get('words', '')}"
        for sensor in page.get("sensors", [])
    ]


def _page(address: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - our own loopback address
            facts: dict[str, Any] = json.load(answer)
            return facts
    except (urllib.error.URLError, OSError, ValueError):
        return {}
