"""A pause on its way: from the desk to a hub that runs, through a power cut, to its end; and an attacker on the wire."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from cloud_sync.assurance.pausing import EVERYTHING, Asked
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.database import open_database, transaction
from cloud_sync.sync.session import session_name
from cloud_sync.wire import message as wire
from cloud_sync.wire.setting import SETTING_TAG, VERSION, Setting, encode_setting
from hil_tests.scenario import SensorPlan
from tests.helpers.site import (
    BUTTON,
    HostileBroker,
    LivingHome,
    LivingHub,
    ended,
    eventually,
    eventually_told,
    hostile_broker,
    living_home,
)
from zero_trust.envelope import sign_tagged
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.keystore import load_key

MOTION = SensorPlan(
    name="motion", room="Hall", address="C0:00:00:00:00:03", behaviour="motion", period_s=3600
)


@asynccontextmanager
async def paused_home(directory: Path) -> AsyncIterator[tuple[LivingHome, LivingHub]]:
    """A home with a help button and a movement sensor, both heard once."""
    async with living_home(directory) as living:
        hub = await living.add_hub(BUTTON, MOTION)
        await living.stack.enter_async_context(hub.radio)
        await hub.start()
        await move(hub)
        yield living, hub


async def move(hub: LivingHub) -> None:
    """Somebody moves, and the hub has heard the frame, whatever it makes of it."""
    assert hub.sensors is not None

    def frames() -> int:
        counts = hub.status().get("counts", {})
        return sum(counts.get(what, 0) for what in ("heard", "paused", "repeats"))

    before = frames()
    hub.sensors.do("motion", "move")
    await eventually(lambda: frames() > before, "the movement is on the air")


async def stored(living: LivingHome, kind: str) -> int:
    """How many readings of a kind the site holds."""
    return sum(one["kind"] == kind for one in await living.site.readings())


async def press(living: LivingHome, hub: LivingHub) -> None:
    """A press that reaches the store; what was heard before it and is to arrive has arrived by then."""
    before = await stored(living, "button")
    hub.press()

    async def arrived() -> bool:
        return await stored(living, "button") > before

    await eventually_told(arrived, "the press is stored")


async def lum_receiver(living: LivingHome, *words: str) -> str:
    """One of the site's commands."""
    done = await ended("lum-receiver", *words, "--config", str(living.site.config))
    assert done.status == 0, done.complaint
    return done.out


async def left_out(hub: LivingHub, sensors: Sequence[str]) -> None:
    """Wait until the hub says that it leaves out just these."""
    await eventually(lambda: hub.status().get("paused") == list(sensors), f"the hub leaves out {sensors}")


async def test_a_pause_reaches_the_hub_holds_through_a_power_cut_and_ends(tmp_path: Path) -> None:
    """A movement is neither stored nor sent meanwhile, a press is; the site says PAUSED by the hub's word."""
    async with paused_home(tmp_path) as (living, hub):
        told = await lum_receiver(living, "pause", "home", "--for", "1h")
        assert "is asked for: up, moving, out, warm, door, wandering." in told
        await left_out(hub, [MOTION.address])
        moved = await settled(living, hub)

        await move(hub)
        await press(living, hub)
        assert await stored(living, "motion") == moved
        facts = json.loads(await lum_receiver(living, "pause", "home", "--json"))
        assert facts["hubs"][hub.identity.hub] == facts["hubs"][hub.identity.hub] | {
            "confirmed": True,
            "refused": "",
        }
        assert "moving" in facts["paused"]
        assert "Paused until" in await hub.said()

        await hub.hub.kill()
        await hub.start()
        await left_out(hub, [MOTION.address])
        await move(hub)
        await press(living, hub)
        assert await stored(living, "motion") == moved

        await lum_receiver(living, "pause", "home", "--end")
        await left_out(hub, [])
        await move(hub)
        assert await settled(living, hub) > moved


async def test_a_pause_at_the_hub_itself_is_told_to_the_site(tmp_path: Path) -> None:
    """Without anybody at the site: the resident's own hand."""
    async with paused_home(tmp_path) as (living, hub):
        done = await ended("lum-hub", "pause", "--for", "2", "--config", str(hub.hub.config))
        assert (done.status, done.out) == (
            0,
            "Paused for 2 h. Help buttons and warners go on; end it with: lum-hub pause --end\n",
        )
        await left_out(hub, [MOTION.address])
        assert "(asked for here)" in await hub.said()

        async def told() -> bool:
            facts = json.loads(await lum_receiver(living, "pause", "home", "--json"))
            return bool(facts["hubs"][hub.identity.hub]["own"])

        await eventually_told(told, "the site knows of it")
        assert (await ended("lum-hub", "pause", "--end", "--config", str(hub.hub.config))).status == 0
        await left_out(hub, [])


async def settled(living: LivingHome, hub: LivingHub) -> int:
    """The movements at the site once the hub has handed over all it heard: it is stopped for that, and started again."""
    await hub.hub.stop()
    await hub.start()
    await hub.emptied()
    return await stored(living, "motion")


async def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    """At its time, without a word from anybody."""
    async with paused_home(tmp_path) as (living, hub):
        now_ms = time.time_ns() // 1_000_000
        with closing(open_database(living.config.paths.store)) as db, transaction(db):
            asked = Asked(EVERYTHING, "resident", now_ms, now_ms + 15_000)
            Agreements(db, needed=False).pause("home", asked, now_ms)
        await left_out(hub, [MOTION.address])
        moved = await stored(living, "motion")

        await left_out(hub, [])
        await move(hub)
        assert await settled(living, hub) > moved


async def test_an_old_or_forged_setting_changes_nothing_and_is_told(tmp_path: Path) -> None:
    """Even one that the site's own key signed, played again in the very session it was made for."""
    async with paused_home(tmp_path) as (living, hub):
        await lum_receiver(living, "pause", "home", "--for", "1h")
        await left_out(hub, [MOTION.address])
        await lum_receiver(living, "pause", "home", "--for", "2h")
        await eventually(lambda: hub.status()["setting"] == 2, "the hub goes by the second setting")
        key = load_key(living.config.paths.intake / "receipt.key")
        async with hostile_broker(living) as broker:
            await refused(broker, hub, "setting-replayed", lambda: setting(living, hub, 1), key)
            forged = generate_key()
            await refused(broker, hub, "setting-not-believed", lambda: setting(living, hub, 3), forged)
            await refused(broker, hub, "setting-malformed", lambda: setting(living, hub, 3)[:-1], key)
            elsewhere = setting(living, hub, 3, session=bytes(16))
            await refused(broker, hub, "setting-not-believed", lambda: elsewhere, key)
        assert (hub.status()["setting"], hub.status()["paused"]) == (2, [MOTION.address])

        incidents = await living.site.incidents()
        assert {"setting-replayed", "setting-not-believed"} <= {one["code"] for one in incidents}


async def refused(
    broker: HostileBroker,
    hub: LivingHub,
    code: str,
    body: Callable[[], bytes],
    signer: PrivateKey,
) -> None:
    """Say it until the hub says why it does not go by it: a session may just have ended when it is said first."""

    async def said() -> bool:
        signed = sign_tagged(signer, SETTING_TAG, body())
        await broker.down(hub.identity.hub, wire.framed(wire.Kind.SETTING, signed))
        return hub.alarms().get("setting", {}).get("code") == code

    await eventually_told(said, code)
    assert hub.status()["setting"] == 2


def setting(living: LivingHome, hub: LivingHub, number: int, session: bytes | None = None) -> bytes:
    """A setting under which nothing is paused, for the hub's present session."""
    with closing(sqlite3.connect(living.config.paths.store)) as db:
        row: Any = db.execute("SELECT key FROM session WHERE hub = ?", (hub.identity.hub,)).fetchone()
    name = session or session_name(row[0])
    now_ms = time.time_ns() // 1_000_000
    made = Setting(VERSION, living.config.site, hub.identity.hub, name, number, now_ms, ())
    return encode_setting(made)
