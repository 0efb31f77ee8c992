"""Admission to a real broker: a hub under its own name, everybody else refused with a code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import nats
import pytest
from nats.errors import Error as NatsError

from cloud_sync.receiver import authority as receiver_authority
from cloud_sync.receiver import broker
from cloud_sync.receiver.office import open_office
from cloud_sync.receiver.registrar import Registrar
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import Registry
from edge_agent.adapters import authority
from edge_agent.adapters.identity import HubIdentity
from tests.helpers.site_process import SiteProcess, site_process
from tests.helpers.trust import DAY_MS, HOUR_MS, Site
from zero_trust import keys, tls
from zero_trust.credential import Use, load_certificate
from zero_trust.names import ServiceName
from zero_trust.renewal import ask_renewal

WAIT_MAX_S = 10.0
SILENCE_S = 2.0  # a refused handshake looks like silence to the MQTT client


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


def connect(
    identity: HubIdentity,
    *,
    client_id: str = "",
    context: ssl.SSLContext | None = None,
    username: str | None = None,
    wait_max_s: float = WAIT_MAX_S,
) -> aiomqtt.Client:
    """A connection to the broker as the agent makes it, but for what the test changes."""
    return aiomqtt.Client(
        identity.broker_host,
        identity.broker_port,
        identifier=client_id or identity.hub,
        tls_context=context or authority.renew(identity).context(_now_ms),
        username=username,
        clean_session=True,
        timeout=wait_max_s,
    )


async def refused(client: aiomqtt.Client) -> str:
    """What the broker's refusal reads like at the client."""
    with pytest.raises(aiomqtt.MqttError) as error:
        async with client:
            pass
    return str(error.value)


async def test_batches_go_up_and_answers_come_down(site: SiteProcess) -> None:
    """An enrolled hub and the intake meet over the broker, each with its certificate."""
    identity = site.enrol()
    intake = await nats.connect(**broker.intake_options(site.config).arguments)
    arrived = await intake.subscribe(broker.UPLINK_SUBJECTS)
    await intake.flush()
    async with asyncio.timeout(WAIT_MAX_S), connect(identity) as hub:
        await hub.subscribe(f"cmd/{identity.hub}")
        await hub.publish(f"hubs/{identity.hub}/up", b"batch")
        message = await arrived.next_msg()
        await intake.publish(f"cmd.{identity.hub}", b"receipt")
        answer = await anext(aiter(hub.messages))

    assert (message.subject, message.data) == (f"hubs.{identity.hub}.up", b"batch")
    assert answer.payload == b"receipt"
    await intake.close()


async def test_a_hub_that_is_revoked_loses_its_connection(site: SiteProcess) -> None:
    """Its own, and nobody else's; the operator is told. Not connected is told as well."""
    turned_out, bystander = site.enrol(), site.enrol()
    intake = await nats.connect(**broker.intake_options(site.config).arguments)
    async with asyncio.timeout(WAIT_MAX_S), connect(bystander) as other, contextlib.AsyncExitStack() as stack:
        await other.subscribe(f"cmd/{bystander.hub}")
        hub = await stack.enter_async_context(connect(turned_out))
        await hub.subscribe(f"cmd/{turned_out.hub}")

        revoked = await asyncio.to_thread(site.operator.revoke, turned_out.hub, "stolen")

        with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
            await anext(aiter(hub.messages))
        stack.push(_expected)
        again = await asyncio.to_thread(site.operator.revoke, turned_out.hub, "stolen")
        await intake.publish(f"cmd.{bystander.hub}", b"receipt")
        answer = await anext(aiter(other.messages))

    assert (revoked["sessions"], again["sessions"]) == (1, 0)
    assert answer.payload == b"receipt"
    await intake.close()


async def test_a_restored_hub_is_admitted_again(site: SiteProcess) -> None:
    """Revoking is no burning; and it stays, though its sessions had been looked for."""
    identity = site.enrol()
    site.operator.revoke(identity.hub, "lost")
    assert [row["standing"] for row in site.operator.hubs() if row["hub"] == identity.hub] == ["revoked"]

    site.operator.restore(identity.hub)

    async with asyncio.timeout(WAIT_MAX_S), connect(identity) as hub:
        await hub.subscribe(f"cmd/{identity.hub}")
    [row] = [row for row in site.operator.hubs() if row["hub"] == identity.hub]
    assert (row["standing"], row["reason"]) == ("enrolled", "")


async def test_an_authority_that_comes_back_ends_what_should_have_ended(tmp_path: Path) -> None:
    """Revoked, and the authority died before it could tell the broker."""
    with site_process(tmp_path / "demo") as site:
        identity = site.enrol()
        async with asyncio.timeout(2 * WAIT_MAX_S), contextlib.AsyncExitStack() as stack:
            hub = await stack.enter_async_context(connect(identity))
            await hub.subscribe(f"cmd/{identity.hub}")
            site.stop_authority()
            registrar = _registrar(site, behind_ms=0)
            registrar.revoke(identity.hub, "stolen")

            await stack.enter_async_context(receiver_authority.admission(site.config, registrar))

            with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
                await anext(aiter(hub.messages))
            stack.push(_expected)


async def test_another_hubs_client_id_is_refused_and_the_victim_stays(site: SiteProcess) -> None:
    """The victim's session goes on; the operator sees who tried."""
    victim, attacker = site.enrol(), site.enrol()
    async with asyncio.timeout(WAIT_MAX_S), connect(victim) as session:
        assert "Not authorized" in await refused(connect(attacker, client_id=victim.hub))
        [granted] = await session.subscribe(f"cmd/{victim.hub}")

    assert "Granted" in str(granted)
    assert (site.last_refusal().where, site.last_refusal().code) == ("broker", "client-id-not-yours")
    assert site.last_refusal().hub == attacker.hub


async def test_a_revoked_hub_is_not_admitted(site: SiteProcess) -> None:
    """Even with a certificate that is good for three more days."""
    identity = site.enrol()
    context = authority.renew(identity).context(_now_ms)
    site.operator.revoke(identity.hub, "lost")

    assert "Not authorized" in await refused(connect(identity, context=context))
    assert (site.last_refusal().hub, site.last_refusal().code) == (identity.hub, "hub-revoked")


async def test_a_hub_hears_nothing_of_other_hubs(site: SiteProcess) -> None:
    """Subscribing to another's topic, or to all, is refused."""
    identity, other = site.enrol(), site.enrol()
    async with asyncio.timeout(WAIT_MAX_S), connect(identity) as hub:
        for topic in (f"cmd/{other.hub}", "cmd/#", "#", "hubs/+/up", f"hubs/{other.hub}/up"):
            [answer] = await hub.subscribe(topic)
            assert "Granted" not in str(answer), topic


async def test_a_hub_speaks_on_no_other_topic(site: SiteProcess) -> None:
    """What it publishes for another hub, or as the site, arrives nowhere."""
    identity, other = site.enrol(), site.enrol()
    intake = await nats.connect(**broker.intake_options(site.config).arguments)
    arrived = await intake.subscribe(broker.UPLINK_SUBJECTS)
    await intake.flush()
    async with asyncio.timeout(WAIT_MAX_S), connect(other) as listening, connect(identity) as hub:
        await listening.subscribe(f"cmd/{other.hub}")
        await hub.publish(f"hubs/{other.hub}/up", b"forged batch")
        await hub.publish(f"cmd/{other.hub}", b"forged receipt")
        await hub.publish(f"hubs/{identity.hub}/up", b"own batch")
        message = await arrived.next_msg()
        await intake.publish(f"cmd.{other.hub}", b"true receipt")
        answer = await anext(aiter(listening.messages))

    assert message.data == b"own batch"  # the first to arrive, so the forged one before it was dropped
    assert answer.payload == b"true receipt"
    await intake.close()


@pytest.mark.parametrize("service", ["intake", "authority"])
async def test_a_hub_cannot_borrow_a_services_name(site: SiteProcess, service: str) -> None:
    """Services are users by certificate; their name as an MQTT user name opens nothing."""
    identity = site.enrol()
    name = ServiceName("demo", service).uri

    assert "Not authorized" in await refused(connect(identity, username=name))


async def test_no_certificate_no_connection(site: SiteProcess) -> None:
    """Neither without one, nor with one of another site, nor with the data certificate."""
    identity, rogue, key = (
        site.enrol(),
        Site(now_ms=site.operator.hubs()[0]["enrolled_at_ms"]),
        keys.generate_key(),
    )
    forged = (rogue.leaf(key, identity.name, Use.HUB_TLS), rogue.tls.certificate)
    bare = tls.pinned_context(identity.trust.roots)
    before = len(site.operator.refusals())

    for context in (
        bare,
        tls.hub_context(tls.pinned_context(identity.trust.roots), forged, key),
        _data_context(identity),
    ):
        assert await refused(connect(identity, context=context, wait_max_s=SILENCE_S))
    assert len(site.operator.refusals()) == before  # the broker's own handshake turned them away


async def test_a_hubs_certificate_opens_no_door_of_the_services(site: SiteProcess) -> None:
    """On the services' port a hub is refused, and the operator sees it."""
    identity = site.enrol()

    with pytest.raises((NatsError, OSError)):
        await nats.connect(
            f"tls://127.0.0.1:{site.config.ports.nats}",
            tls=authority.renew(identity).context(_now_ms),
            tls_handshake_first=True,
            allow_reconnect=False,
            error_cb=_ignore,
        )

    assert (site.last_refusal().hub, site.last_refusal().code) == (identity.hub, "evidence-missing")


async def test_a_services_certificate_is_no_hub(site: SiteProcess) -> None:
    """Whoever steals the intake's key cannot pose as a hub."""
    identity = site.enrol()
    intake = broker.intake_options(site.config).tls

    assert await refused(connect(identity, context=intake))
    assert (site.last_refusal().where, site.last_refusal().code) == ("broker", "certificate-name-wrong")


async def test_without_an_authority_nobody_is_admitted(tmp_path: Path) -> None:
    """An authority that is away is a closed door."""
    with site_process(tmp_path / "demo") as site:
        identity = site.enrol()
        context = authority.renew(identity).context(_now_ms)
        site.stop_authority()

        assert await refused(connect(identity, context=context, wait_max_s=SILENCE_S))


async def test_a_session_ends_with_its_certificate(tmp_path: Path) -> None:
    """A certificate's last three seconds: admitted, and cut off by the broker when they are over."""
    with site_process(tmp_path / "demo", age_ms=DAY_MS * 4) as site:
        identity = site.enrol()
        site.stop_authority()
        registrar = _registrar(site, behind_ms=72 * HOUR_MS - 300_000 - 3_000)
        key = keys.generate_key()
        packed = registrar.renew(
            ask_renewal(identity.identity_key, key, identity.hub, registrar.nonce(), bundle=1)
        )
        assert isinstance(packed, bytes)
        credential = authority._tls_credential(packed, identity, key)
        async with asyncio.timeout(WAIT_MAX_S), receiver_authority.admission(site.config, registrar):
            with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
                await _listen(connect(identity, context=credential.context(_now_ms)))

        assert _now_ms() >= credential.ends_ms


def _registrar(site: SiteProcess, behind_ms: int) -> Registrar:
    """The site's authority in this process, by a clock that is behind."""
    registry = Registry(open_database(site.config.paths.store))
    return Registrar(
        open_office(site.config),
        registry,
        site.config.limits,
        clock_ms=lambda: _now_ms() - behind_ms,
        entropy=os.urandom,
    )


async def _listen(client: aiomqtt.Client) -> None:
    async with client as hub:
        await hub.subscribe(f"cmd/{client.identifier}")
        async for message in hub.messages:
            raise AssertionError(message)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _data_context(identity: HubIdentity) -> ssl.SSLContext:
    chain = (load_certificate(identity.data_certificate), identity.trust.data)
    return tls.hub_context(tls.pinned_context(identity.trust.roots), chain, identity.data_key)


def _expected(kind: type[BaseException] | None, *_: object) -> bool:
    """A client whose connection is gone says so once more as it is left."""
    return kind is not None and issubclass(kind, aiomqtt.MqttError)


async def _ignore(_: Exception) -> None:
    """The refusal is what the test is about; nats would log it once more."""
