"""The site's authorities change while hubs are awake, and while they are not; real processes at both ends."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from edge_agent.adapters import authority
from edge_agent.adapters.bundle import FILE
from edge_agent.errors import UplinkError
from tests.helpers.site import (
    BUTTON,
    CLIMATE,
    Ended,
    LivingHome,
    ended,
    eventually,
    eventually_told,
    living_home,
)
from zero_trust.credential import serial_bytes
from zero_trust.keystore import load_certificates
from zero_trust.reasons import reason
from zero_trust.site_files import SERVICES, newest_version, pinned

RENEWED_WAIT_S = 90.0  # services look every 20 s


async def rotate(living: LivingHome, *arguments: str) -> Ended:
    """``lum-trust rotate`` in the site's directory."""
    return await ended("lum-trust", "rotate", "--dir", str(living.site.directory), *arguments)


async def rolled(living: LivingHome) -> None:
    """Roll the authorities over, and wait until everything of the site goes by the new ones."""
    done = await rotate(living, "--apply")
    assert done.status == 0, done.complaint
    directory = living.site.directory
    authorities = {
        load_certificates(directory / "authority" / f"{kind}-{newest_version(directory / 'authority')}.crt")[
            0
        ]
        for kind in ("tls-ca", "data-ca")
    }

    def renewed() -> bool:
        used = [load_certificates(directory / f"{label}.crt") for label in SERVICES]
        return {issuer for _, issuer in used} == authorities

    await eventually(
        renewed, "every certificate of the site is issued by the new authorities", RENEWED_WAIT_S
    )


async def test_the_authority_was_rolled_over_twice_while_the_hub_slept(tmp_path: Path) -> None:
    """Not one root or authority that it knew is left; it walks there by itself, connects and hands over."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON, CLIMATE)
        async with hub.radio:
            await hub.start()
            await hub.emptied()
            await hub.hub.process.stop()
            slept = hub.identity.trust
            for _ in range(2):
                await rolled(living)

            await hub.start()
            hub.press()
            await eventually(
                lambda: hub.status().get("receipts", 0) > 0, "a receipt under the new authorities"
            )

        awake = hub.identity.trust
        assert (slept.version, awake.version) == (1, 3)
        assert not set(slept.roots) & set(awake.roots)
        assert (hub.hub.directory / "state" / FILE).exists()
        told = json.loads((await rotate(living, "--json")).out)
        assert [row["bundle"] for row in told["hubs"]] == [3]


async def test_a_roll_over_drops_no_session_and_loses_nothing(tmp_path: Path) -> None:
    """The hub is awake: its session lives on while the broker takes its certificate up, and it follows by itself."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON, CLIMATE)
        async with hub.radio:
            await hub.start()
            pid, before = living.process("broker").pid, await shown(living)
            await rolled(living)
            await eventually_told(lambda: _another(living, before), "the broker shows its new certificate")

            assert living.process("broker").pid == pid
            hub.press()
            await eventually(lambda: hub.status().get("receipts", 0) > 0, "a receipt in the same session")
            assert "uplink" not in hub.hub.process.log.read_text(), "its session was cut"
            admitted = living.site.admissions()
            living.site.kill("broker")  # now it must come again, and meet the new certificate
            await eventually(lambda: living.site.admissions() > admitted, "the hub comes again", 90)
            await hub.emptied()
            assert hub.identity.trust.version == 2


async def test_a_hub_that_cannot_walk_says_so_and_goes_on_when_it_can(tmp_path: Path) -> None:
    """A version in between is lost: one sentence with its code; put back, nobody need do anything."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(CLIMATE)
        identity = hub.identity
        for _ in range(2):
            await rolled(living)
        between = living.site.directory / "authority" / "bundles" / "2"
        aside = between.rename(tmp_path / "2")
        await _restarted(living)

        with pytest.raises(UplinkError) as trouble:
            await asyncio.to_thread(authority.ask_time, identity)
        words = reason("bundle-way-lost")
        assert (trouble.value.code, trouble.value.hint) == ("bundle-way-lost", words.hint)
        assert str(trouble.value) == words.told("this hub has version 1, the site 3")
        assert "\n" not in str(trouble.value)
        rehearsed = await rotate(living)
        assert "MISSING: bundle 2." in rehearsed.out

        aside.rename(between)
        await _restarted(living)
        await asyncio.to_thread(authority.ask_time, identity)
        assert identity.trust.version == 3


async def test_a_rehearsal_changes_nothing(tmp_path: Path) -> None:
    """It says what would happen, also without the root's key: then what is missing."""
    async with living_home(tmp_path) as living:
        await living.add_hub(CLIMATE)
        before = _tree(living.site.directory)
        told = await rotate(living)
        assert told.status == 0, told.complaint
        assert "Bundle 1 -> 2" in told.out
        assert "0 of 1 hubs have bundle 1." in told.out  # it has not spoken since it was enrolled
        assert told.out.endswith("nothing was changed. To do it: --apply\n")

        key = living.site.directory / "root" / "root.key"
        elsewhere = tmp_path / "stick"
        elsewhere.mkdir(mode=0o700)
        key.rename(elsewhere / "root.key")
        refused = await rotate(living, "--apply")
        assert refused.status == 78
        assert "rotation-keys-missing" in refused.complaint
        with_stick = await rotate(living, "--root-dir", str(elsewhere))
        assert with_stick.status == 0
        (elsewhere / "root.key").rename(key)
        assert _tree(living.site.directory) == before


async def test_a_service_that_is_not_renewed_is_an_alarm_long_before_the_end(tmp_path: Path) -> None:
    """Its key is not the one that is known of it: refused with words, and told to operations."""
    async with living_home(tmp_path) as living:
        directory = living.site.directory
        first = pinned(directory / "authority", "intake/receipt")
        assert first is not None
        stranger = directory / "authority" / "services" / "intake-client.crt"
        (directory / "authority" / "services" / "intake-receipt.crt").write_bytes(stranger.read_bytes())
        await _restarted(living)

        refusals = await eventually_told(lambda: _refused(living), "the refusal is written down")
        assert "service-proof-wrong" in refusals
        assert serial_bytes(load_certificates(directory / "intake" / "receipt.crt")[0]) == serial_bytes(first)


async def shown(living: LivingHome) -> bytes:
    """The certificate that the broker shows a hub."""
    return await asyncio.to_thread(
        lambda: ssl.get_server_certificate(("127.0.0.1", living.config.ports.mqtt), timeout=10).encode()
    )


async def _another(living: LivingHome, before: bytes) -> bool:
    return await shown(living) != before


async def _refused(living: LivingHome) -> set[str]:
    told = await ended("lum-trust", "refusals", "--json", "--dir", str(living.site.directory))
    return {row["code"] for row in json.loads(told.out)} if told.status == 0 else set()


async def _restarted(living: LivingHome) -> None:
    await living.site.stop()
    await living.site.start()


def _tree(directory: Path) -> dict[str, bytes]:
    """Every file of a site but for what its processes write."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for part in ("root", "authority", "intake", "broker")
        for file in sorted((directory / part).rglob("*"))
        if file.is_file()
    }
