"""What the demo shows while it runs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import click

from hil_tests.demo import Run

PLAIN_EVERY_S = 5.0
LIVE_EVERY_S = 1.0


async def live(running: Run) -> None:
    """Repaint a few lines on a terminal; on anything else write one line now and then."""
    painted = 0
    every_s = LIVE_EVERY_S if sys.stdout.isatty() else PLAIN_EVERY_S
    while True:
        await asyncio.sleep(every_s)
        page = await asyncio.to_thread(_page, f"{running.page}/page.json")
        if not sys.stdout.isatty():
            click.echo(_line(running))
            continue
        lines = [_line(running), *_watched(page), "", f"  {running.page}", "  Ctrl-C ends everything."]
        if painted:
            click.echo(f"\x1b[{painted}A", nl=False)
        click.echo("\n".join(f"\x1b[2K{line}" for line in lines))
        painted = len(lines)


async def silent(_: Run) -> None:
    """Show nothing."""


def _line(running: Run) -> str:
    status = running.hub.status()
    elapsed = time.time() - running.started_at
    if not status:
        return f"{elapsed:5.0f} s  the hub is starting"
    alarms = "".join(f"  ! {alarm['sentence']}" for alarm in status["alarms"])
    return (
        f"{elapsed:5.0f} s  heard {running.hub.heard()}, delivered {running.ledger.delivered}, "
        f"waiting {status['uncommitted'] + status['uncut']} readings and {status['waiting']} batches, "
        f"sent {status['batches_sent']} batches, {status['uplink']}{alarms}"
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
