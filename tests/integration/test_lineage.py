"""One identity, one holder: copied cards and power cuts, against a real authority and a real broker."""

from __future__ import annotations

import asyncio
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge_agent.adapters import authority, https
from edge_agent.adapters.authority import TlsCredential
from edge_agent.adapters.enrol import enrol, resume
from edge_agent.adapters.identity import HubIdentity, load_identity
from tests.helpers.cut_power import FakeDisk, PowerCutError
from tests.helpers.site_process import SiteProcess, site_process
from zero_trust import keys
from zero_trust.voucher import mac_key

WAIT_MAX_S = 10.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


async def admitted(identity: HubIdentity, credential: TlsCredential) -> bool:
    """Whether the broker lets it in; then it was seen in use."""
    client = aiomqtt.Client(
        identity.broker_host,
        identity.broker_port,
        identifier=identity.hub,
        tls_context=credential.context(authority.ask_time(identity).now_ms),
        clean_session=True,
        timeout=WAIT_MAX_S,
    )
    try:
        async with client:
            return True
    except aiomqtt.MqttError as error:
        assert "Not authorized" in str(error)  # noqa: PT017 - a refusal is one of two answers here
        return False


def row(site: SiteProcess, identity: HubIdentity) -> dict[str, Any]:
    """How the operator sees the hub."""
    [found] = [row for row in site.operator.hubs() if row["hub"] == identity.hub]
    return dict(found)


async def test_a_copied_card_is_found_out_as_soon_as_both_have_come_back(site: SiteProcess) -> None:
    """Both are held, both are heard, operations see one alarm; a release lasts while there is only one."""
    true = site.enrol()
    first = authority.renew(true)
    assert await admitted(true, first)
    card = shutil.copytree(true.state_dir, site.hub_directory())
    copy = load_identity(card)

    copied = authority.renew(copy)
    assert await admitted(copy, copied)
    assert row(site, true)["standing"] == "enrolled"  # nobody can know yet
    assert not await admitted(true, first)
    again = authority.renew(true)

    assert again.held == "hub-quarantined"
    assert row(site, true)["standing"] == "quarantined"
    assert await admitted(true, again)
    assert await admitted(copy, copied)
    [alarm] = [alarm for alarm in site.operator.alarms() if alarm["hub"] == true.hub]
    assert (alarm["code"], "two holders" in alarm["detail"]) == ("hub-quarantined", True)
    assert authority.standing(true).code == authority.standing(copy).code == "hub-quarantined"

    site.operator.release(true.hub)
    mine = authority.renew(true)
    assert (mine.held, await admitted(true, mine)) == ("", True)
    assert [alarm for alarm in site.operator.alarms() if alarm["hub"] == true.hub] == []
    assert not await admitted(copy, copied)
    assert authority.renew(copy).held == "hub-quarantined"


@pytest.mark.parametrize("with_voucher", [True, False])
async def test_a_power_cut_at_any_step_leaves_a_hub_that_works(
    site: SiteProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, with_voucher: bool
) -> None:
    """Before each change of a file and each exchange, and what was not synced is gone: it goes on, and nobody is held.

    With the voucher again, or without it where a request was kept; a last cut at the very end takes nothing.
    """
    monkeypatch.setattr("zero_trust.enrolment.mac_key", functools.cache(mac_key))
    for at in range(1000):
        disk = FakeDisk(tmp_path / str(at) / "card", tmp_path / str(at) / "graves", at)
        directory, voucher = disk.live / "lum" / "state", site.voucher()
        with monkeypatch.context() as patch:
            disk.under(patch)
            patch.setattr("edge_agent.adapters.https.exchange", disk.stepping(https.exchange))
            try:
                identity = enrol(voucher, directory)
                if await admitted(identity, authority.renew(identity)):
                    await admitted(identity, authority.renew(identity))
            except PowerCutError:
                pass
        disk.cut()

        resumed = None if with_voucher else resume(directory)
        identity = resumed or enrol(voucher, directory)
        credential = authority.renew(identity)
        assert (credential.held, await admitted(identity, credential)) == ("", True), at
        standing = row(site, identity)
        assert (standing["standing"], standing["words"]) == ("enrolled", identity.words)
        if not disk.reached:
            break
    assert at > 40


async def test_a_hub_that_lost_an_answer_asks_again_with_the_same_key(site: SiteProcess) -> None:
    """And gets the same certificate; without the key in memory it gets another one, and is not held."""
    identity = site.enrol()
    first = authority.renew(identity)
    assert await admitted(identity, first)
    key, kept = keys.generate_key(), (identity.state_dir / "tls-serial").read_bytes()
    lost = await asyncio.to_thread(authority.renew, identity, key, first)
    (identity.state_dir / "tls-serial").write_bytes(kept)

    again = authority.renew(identity, key, first)
    assert again.serial == lost.serial

    (identity.state_dir / "tls-serial").write_bytes(kept)
    other = authority.renew(identity)
    assert (other.serial != lost.serial, other.held) == (True, "")
    assert await admitted(identity, other)
    assert not await admitted(identity, lost)
