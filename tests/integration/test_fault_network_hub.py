"""The hub on a line that goes wrong in every way: nothing that it has heard is lost, and nobody is believed in vain."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hil_tests.rig.network import ADVERTISED_HOST, FaultyLink
from hil_tests.rig.process import call, command
from hil_tests.rig.resolver import Mood, Resolver
from tests.helpers.faults import arrived, home_behind, press, presses, wrap
from tests.helpers.site import BUTTON, LivingHome, LivingHub, ended, eventually

NAME = "site.lum.test"

pytestmark = pytest.mark.long  # the scenarios of lines stand for these on every run


@contextlib.asynccontextmanager
async def _hub_behind(directory: Path) -> AsyncIterator[tuple[LivingHome, FaultyLink, LivingHub]]:
    """The same with a hub that hears a button, online."""
    async with home_behind(directory) as (living, line):
        hub = await living.add_hub(BUTTON)
        async with hub.radio:
            await hub.start()
            yield living, line, hub
            await hub.hub.kill()


async def test_a_hub_behind_a_partition_loses_nothing(tmp_path: Path) -> None:
    """Presses while the line is dead wait, and are there when it heals, each once."""
    async with _hub_behind(tmp_path) as (living, line, hub):
        spell = line.partition()
        for _ in range(3):
            await press(hub)
        await eventually(lambda: hub.status()["waiting"] == 3, "they wait")
        await eventually(lambda: spell.seen().held_bytes > 0, "bytes wait on the line")

        line.pass_through()
        await arrived(living, hub.identity.hub, 3)
        await hub.emptied()
        assert len(await presses(living, hub.identity.hub)) == 3


async def test_a_hub_refuses_a_box_that_reads_along_and_a_login_page(tmp_path: Path) -> None:
    """It says whom it did not believe, keeps its readings, and hands them over once the line is honest."""
    async with _hub_behind(tmp_path) as (living, line, hub):
        spell = line.intercept()
        alarm = await hub.alarm("uplink")
        await eventually(lambda: bool(spell.seen().alerts), "it sends an alert")
        await eventually(
            lambda: hub.alarms().get("uplink", {}).get("code") == "certificate-untrusted", "it says so"
        )
        await press(hub)
        assert spell.seen().believed == 0

        portal = line.captive_portal()
        await eventually(lambda: portal.seen().fired(), "it meets the page")
        alarm = await hub.alarm("uplink")
        assert alarm["code"] in {"certificate-untrusted", "authority-unreachable"}

        line.pass_through()
        await arrived(living, hub.identity.hub, 1)
        await hub.emptied()
        assert len(await presses(living, hub.identity.hub)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")
async def test_a_hub_without_names_loses_nothing(tmp_path: Path) -> None:
    """It cannot find its site, says that it is out of reach, keeps its readings, and goes on when names are back."""
    async with (
        home_behind(tmp_path, NAME) as (living, line),
        Resolver(tmp_path, {NAME: ADVERTISED_HOST}) as names,
    ):
        hub = await living.add_hub(BUTTON, enrolled=False)
        wrapping, lum_hub, config = names.wrapping(), command("lum-hub"), str(hub.hub.config)
        voucher = await living.site.voucher("home")
        await call(*wrapping.command([lum_hub, "enrol", "--config", config, voucher]))
        wrap(hub, wrapping)
        async with hub.radio:
            await hub.start()
            names.turn(Mood.SILENT)
            line.refuse()  # so that it must look for the site again
            assert (await hub.alarm("uplink"))["code"] in {"authority-unreachable", "broker-unreachable"}
            line.pass_through()
            await eventually(lambda: names.asked(Mood.SILENT).fired(), "it asks in vain")
            await press(hub)
            assert hub.status()["uplink"] == "offline"
            names.turn(Mood.ANSWERING)
            await arrived(living, hub.identity.hub, 1)
            await hub.hub.kill()
        assert len(await presses(living, hub.identity.hub)) == 1


async def test_a_voucher_is_not_given_to_a_box_that_reads_along(tmp_path: Path) -> None:
    """It may answer the one question whose answer the voucher proves, and gets no further; the voucher stays good."""
    async with home_behind(tmp_path) as (living, line):
        hub, spell = await living.add_hub(enrolled=False), line.intercept()
        enrol = ("lum-hub", "enrol", "--config", str(hub.hub.config), await living.site.voucher("home"))

        refused = await ended(*enrol)
        assert refused.status != 0
        assert "certificate-untrusted" in refused.complaint
        await eventually(lambda: bool(spell.seen().alerts), "it sends an alert")
        assert spell.seen().believed <= 1

        line.pass_through()
        assert (await ended(*enrol)).status == 0
