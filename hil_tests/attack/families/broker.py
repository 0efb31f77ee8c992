"""Attacks on the broker and by it: whoever is let in may speak and listen under their own name alone."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import aiomqtt
import nats
from nats.errors import Error as NatsError

from cloud_sync.wire.topics import down_topic, up_topic
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.hostile import intake_client
from hil_tests.attack.mqtt import connected, knock
from hil_tests.attack.pen import Pen
from hil_tests.attack.target import Target
from hil_tests.rig.site import SITE_NAME
from zero_trust.names import ServiceName
from zero_trust.tls import pinned_context

attack = Family("broker")
ALERT = "TLS alert .*(ALERT|alert)"
REFUSED = "not authorized"
FORGED = b"\x01forged"
OWN = b"\xff"  # of no known kind: the site answers that it cannot read it


async def _newcomer(site: Target) -> tuple[Pen, ssl.SSLContext]:
    """A hub of the attacker's, and TLS with its own good certificate."""
    pen = await site.pen()
    return pen, (await pen.renewed(site.door)).context(site.root)


@attack("connection-without-a-certificate", "", heard=ALERT)
async def bare(site: Target) -> Said:
    """Somebody without any certificate connects to the broker."""
    heard = await knock(site.site.ports["mqtt"], pinned_context([site.root]), (await site.bystander()).hub)
    return Said(heard, await site.log_says("TLS handshake error"))


@attack("connection-by-older-tls", "", heard="TLS alert .*(PROTOCOL_VERSION|protocol version)")
async def older_tls(site: Target) -> Said:
    """A downgrade to TLS 1.2, for its known weaknesses."""
    context = pinned_context([site.root])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    site.begin()
    at_broker = await knock(site.site.ports["mqtt"], context, "a" * 13)
    at_authority = await knock(site.site.ports["authority"], context, "a" * 13)
    if not at_authority.startswith("TLS alert"):
        raise BrokenError(f"The authority answered an older TLS: {at_authority}.")
    return Said(f"broker: {at_broker}; authority: {at_authority}", await site.log_says("TLS handshake error"))


@attack("connection-in-the-clear", "", heard="hung up|silence")
async def clear(site: Target) -> Said:
    """No TLS at all."""
    heard = await knock(site.site.ports["mqtt"], None, "a" * 13)
    return Said(heard, "the broker hung up, and asked nobody about it")


@attack("client-id-of-another-hub", "client-id-not-yours", place="broker", heard=REFUSED)
async def other_client_id(site: Target) -> Said:
    """A hub connects under another one's client id: brokers throw the older session of an id off."""
    victim, victims = await _newcomer(site)
    pen, own = await _newcomer(site)
    port = site.site.ports["mqtt"]
    async with connected(port, victims, victim.hub) as session:
        await session.subscribe(down_topic(victim.hub))
        site.begin()
        heard = await knock(port, own, victim.hub)
        await session.publish(up_topic(victim.hub), OWN)
        await _next(session)  # the victim's session goes on
    return Said(heard, hub=pen.hub, changes=())


@attack("hub-under-a-services-name", "", heard="not authorized|bad user name")
async def services_name(site: Target) -> Said:
    """A hub gives the intake's name as its MQTT user name."""
    pen, own = await _newcomer(site)
    name = ServiceName(SITE_NAME, "intake").uri
    site.begin()
    heard = await knock(site.site.ports["mqtt"], own, pen.hub, user=name)
    return Said(heard, await site.log_says("authentication error"))


@attack("hub-at-the-services-door", "evidence-missing", place="broker", heard="(?i)authorization|EOF|closed")
async def services_door(site: Target) -> Said:
    """A hub connects to the port where the site's own services speak, and from where the system account is near."""
    pen, own = await _newcomer(site)
    site.begin()
    return Said(await _nats_refusal(site, own), hub=pen.hub)


@attack("speaking-as-another-hub", "", heard="its own was answered")
async def other_topic(site: Target) -> Said:
    """A hub publishes on another one's topic, and on the site's own: it arrives nowhere."""
    victim, victims = await _newcomer(site)
    pen, own = await _newcomer(site)
    port = site.site.ports["mqtt"]
    async with connected(port, victims, victim.hub) as listening, connected(port, own, pen.hub) as session:
        await listening.subscribe(down_topic(victim.hub))
        await session.subscribe(down_topic(pen.hub))
        site.begin()
        await session.publish(up_topic(victim.hub), FORGED)
        await session.publish(down_topic(victim.hub), FORGED)
        await session.publish(up_topic(pen.hub), OWN)
        await _next(session)  # whatever it said before has arrived, or never will
        heard = await _silence(listening)
    spoken_for = [row for row in await site.refusals() if row["hub"] == victim.hub]
    if heard or spoken_for:
        raise BrokenError(f"It was heard in the victim's name: {heard!r}, {spoken_for}.")
    return Said("its own was answered, the others were dropped", await site.log_says("Publish Violation"))


@attack("listening-to-other-hubs", "", heard="all refused")
async def other_subscriptions(site: Target) -> Said:
    """A hub subscribes to another one's answers, to everybody's batches, to everything."""
    victim, _ = await _newcomer(site)
    pen, own = await _newcomer(site)
    topics = (down_topic(victim.hub), "cmd/#", "cmd/+", "#", "hubs/+/up", up_topic(victim.hub), "_INBOX/#")
    return await _subscriptions(site, pen, own, topics)


@attack("listening-to-the-system", "", heard="all refused")
async def system(site: Target) -> Said:
    """A hub subscribes to the broker's system account, its stores and the questions of admission."""
    pen, own = await _newcomer(site)
    topics = ("$SYS/#", "$SYS/REQ/USER/AUTH", "$JS/#", "$MQTT/#", "$SYS/ACCOUNT/+/CONNECT")
    return await _subscriptions(site, pen, own, topics)


@attack("last-will-to-another-hub", "", heard="nothing came of it")
async def last_will(site: Target) -> Said:
    """A hub leaves a will that speaks to another one, and cuts its own line."""
    victim, victims = await _newcomer(site)
    pen, own = await _newcomer(site)
    port = site.site.ports["mqtt"]
    async with connected(port, victims, victim.hub) as listening:
        await listening.subscribe(down_topic(victim.hub))
        site.begin()
        will = aiomqtt.Will(down_topic(victim.hub), FORGED)
        with contextlib.suppress(aiomqtt.MqttError):
            async with connected(port, own, pen.hub, will=will) as session:
                session._client._sock_close()  # noqa: SLF001 - cut, without a good-bye
        heard = await _silence(listening)
    if heard:
        raise BrokenError(f"The will was carried out: {heard!r}.")
    shown = f"~ lineage {pen.hub}"  # the attacker's own certificate was seen in use
    return Said("nothing came of it", await site.log_says("iolation"), changes=(shown,))


@attack("stolen-intake-key-listens-and-kicks", "", heard="iolation")
async def stolen_intake(site: Target) -> Said:
    """A thief of the intake's key speaks as a hub, listens to answers, and asks the broker to end sessions."""
    await site.honest()
    troubles: list[str] = []
    client = await intake_client(site.site, troubles)
    site.begin()
    try:
        for subject in ("hubs.aaaaaaaaaaaaa.up", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.USER.AUTH"):
            await client.publish(subject, b"")
        await client.subscribe("cmd.>")
        await client.subscribe("$SYS.>")
        await client.flush()
        await asyncio.sleep(0.1)
    finally:
        await client.close()
    if len(troubles) < 5:
        raise BrokenError(f"The broker let some of it pass: {troubles}.")
    return Said("; ".join(troubles), await site.log_says("iolation"))


@attack("revoked-hub-comes-back", "hub-revoked", place="broker", heard=REFUSED)
async def revoked(site: Target) -> Said:
    """A stolen hub was revoked; its certificate is good for three more days."""
    pen, own = await _newcomer(site)
    await asyncio.to_thread(site.operator.revoke, pen.hub, "stolen")
    site.begin()
    return Said(await knock(site.site.ports["mqtt"], own, pen.hub), hub=pen.hub)


@attack("revoked-hub-stays-connected", "", heard="its line was cut")
async def session_cut(site: Target) -> Said:
    """A stolen hub is connected when it is revoked, and just stays."""
    pen, own = await _newcomer(site)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(aiomqtt.MqttError):
        async with connected(site.site.ports["mqtt"], own, pen.hub) as session:
            await session.subscribe(down_topic(pen.hub))
            site.begin()
            began = loop.time()
            told = await asyncio.to_thread(site.operator.revoke, pen.hub, "stolen")
            with contextlib.suppress(aiomqtt.MqttError):
                async with asyncio.timeout(5):
                    await anext(aiter(session.messages))
    took_ms = (loop.time() - began) * 1000
    if told["sessions"] != 1:
        raise BrokenError(f"The broker ended {told['sessions']} sessions.")
    said = f"{told['hub']} is {told['standing']}; its session was ended"
    return Said(f"its line was cut after {took_ms:.0f} ms", said, changes=(f"~ hub {pen.hub}",))


async def _subscriptions(site: Target, pen: Pen, own: ssl.SSLContext, topics: tuple[str, ...]) -> Said:
    granted = []
    async with connected(site.site.ports["mqtt"], own, pen.hub) as session:
        site.begin()
        for topic in topics:
            [answer] = await session.subscribe(topic)
            granted += [topic] if "Granted" in str(answer) else []
    if granted:
        raise BrokenError(f"It may listen to {', '.join(granted)}.")
    return Said(f"{', '.join(topics)}: all refused", await site.log_says("Subscription Violation"))


async def _next(session: aiomqtt.Client) -> bytes:
    async with asyncio.timeout(10):
        return bytes((await anext(aiter(session.messages))).payload)


async def _silence(session: aiomqtt.Client) -> bytes:
    """What comes in within a moment; nothing is what is hoped for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            return bytes((await anext(aiter(session.messages))).payload)
    return b""


async def _nats_refusal(site: Target, context: ssl.SSLContext) -> str:
    """What the services' port says to somebody with that certificate."""

    async def unsaid(_: Exception) -> None: ...

    try:
        client = await nats.connect(
            f"tls://127.0.0.1:{site.site.ports['nats']}",
            tls=context,
            tls_handshake_first=True,
            allow_reconnect=False,
            error_cb=unsaid,
        )
    except (NatsError, OSError) as error:
        return str(error) or type(error).__name__
    await client.close()
    raise BrokenError("A hub was let in where the services speak.")
