"""A hub that a person must confirm: heard all the while, believed again once it is released."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.helpers.site import BUTTON, ended, eventually, living_home
from zero_trust.reasons import reason

DAY_MS = 86_400_000
RELEASE_WAIT_S = 60.0


async def test_off_for_45_days(tmp_path: Path) -> None:
    """Its readings are receipted as ever, its home reads blind, and its own status says why."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON)
        await living.stack.enter_async_context(hub.radio)
        with sqlite3.connect(living.config.paths.store) as db:
            db.execute("UPDATE lineage SET renewed_ms = renewed_ms - ?", (45 * DAY_MS,))
        await hub.start()
        receipts = hub.status()["receipts"]
        hub.press()
        await eventually(lambda: hub.status()["receipts"] > receipts, "the reading's receipt")

        assert (await hub.alarm("standing"))["code"] == "hub-quarantined"
        assert reason("hub-quarantined").sentence in await hub.said()
        site = ("--dir", str(living.site.directory))
        alarms = (await ended("lum-trust", "alarms", *site)).out
        assert "off for 45 days" in alarms
        assert "urgent-unconfirmed] (1 in home home" in alarms
        told = await ended("lum-receiver", "readings", "--config", str(living.site.config))
        marked = [json.loads(line).get("unconfirmed") for line in told.out.splitlines() if "button" in line]
        assert marked == [True]
        await eventually(lambda: _causes(living.config.paths.store) == {"hub-held"}, "the home is blind")

        assert (await ended("lum-trust", "release", hub.identity.hub, *site)).status == 0

        await eventually(lambda: "standing" not in hub.alarms(), "it learns of it", RELEASE_WAIT_S)
        assert (await ended("lum-trust", "alarms", *site)).out == "Nothing to look at.\n"
        told = await ended("lum-receiver", "readings", "--config", str(living.site.config))
        assert "unconfirmed" not in told.out
        await eventually(lambda: "hub-held" not in _causes(living.config.paths.store), "blind no more")


async def test_off_for_200_days(tmp_path: Path) -> None:
    """Refused with a sentence; it keeps what it hears, and hands it over once it is released."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON)
        await living.stack.enter_async_context(hub.radio)
        with sqlite3.connect(living.config.paths.store) as db:
            db.execute("UPDATE lineage SET renewed_ms = renewed_ms - ?", (200 * DAY_MS,))
        await hub.hub.start()
        assert (await hub.alarm("credential"))["code"] == "hub-suspended"
        await eventually(lambda: hub.radio.attached > 0, "the hub listens")
        hub.press()
        await eventually(lambda: hub.status().get("waiting") == 1, "it keeps what it hears")
        assert "(it was off for 200 days)" in await hub.said()
        site = ("--dir", str(living.site.directory))

        assert (await ended("lum-trust", "release", hub.identity.hub, *site)).status == 0

        await eventually(
            lambda: hub.status().get("uplink") == "online", "it comes back alone", RELEASE_WAIT_S
        )
        await hub.emptied()


def _causes(store: Path) -> set[str]:
    with sqlite3.connect(store) as db:
        return {cause for (cause,) in db.execute("SELECT cause FROM coverage")}
