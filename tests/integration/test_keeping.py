"""Erasing a home on a site that runs, with a hub that goes on sending: over the real broker and intake."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from cloud_sync.wire import message as wire
from tests.helpers.site import (
    BUTTON,
    LivingHome,
    answer_to,
    ended,
    eventually_told,
    living_home,
    mqtt_client,
    sealed,
)


async def test_a_home_is_forgotten_while_its_hub_goes_on(tmp_path: Path) -> None:
    """What was erased and is sent again is a duplicate; what is new is believed; the ledger and its records hold."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON)
        await living.stack.enter_async_context(hub.radio)
        await hub.start()
        hub.press()
        await eventually_told(lambda: holds(living, 1), "the press is stored")
        signed = evidence(living)

        erased = await ended(
            "lum-receiver", "forget", "home", "--yes", "--json", "--config", str(living.site.config)
        )

        told = json.loads(erased.out)
        assert (erased.status, told["readings"], told["traces"]) == (0, 1, "")
        assert told["still_enrolled"] == [hub.identity.hub]
        files = b"".join(file.read_bytes() for file in living.config.paths.store.parent.iterdir())
        assert not [batch for batch in signed if batch in files]
        hub.press()
        await eventually_told(lambda: holds(living, 1), "the next press is stored, and can be read")
        await hub.hub.stop()
        async with mqtt_client(hub.identity) as client:
            for batch in signed:
                answer = await answer_to(client, hub.identity, sealed(batch, living.config, hub.identity.hub))
                assert wire.kind_of(answer) is wire.Kind.RECEIPT
        assert await holds(living, 1)
        verified = await ended("lum-receiver", "retention", "--verify", "--config", str(living.site.config))
        assert (verified.status, "all streams hold" in verified.out) == (0, True), verified.out


async def holds(living: LivingHome, presses: int) -> bool:
    """Whether so many presses of the button can be read at the site."""
    return (
        len([reading for reading in await living.site.readings() if reading["kind"] == "button"]) == presses
    )


def evidence(living: LivingHome) -> list[bytes]:
    """Every signed batch in the site's store."""
    with closing(sqlite3.connect(living.config.paths.store)) as db:
        return [signed for (signed,) in db.execute("SELECT signed FROM batch")]
