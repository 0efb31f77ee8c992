"""Every attack on the way from hub to site: refused, named at both ends, and nothing else changes.

The broker of this site has turned hostile (``tests/helpers/site.py``): it sees every message and
says anything in anybody's name. Hubs, intake and authority are the real processes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
import msgpack
import pytest
import pytest_asyncio

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream, chain_next, content_digest, leans_on
from cloud_sync.wire.topics import up_topic
from tests.helpers.site import (
    BUTTON,
    HostileBroker,
    LivingHome,
    LivingHub,
    answer_to,
    ended,
    eventually,
    eventually_told,
    flipped,
    hostile_broker,
    living_home,
    mqtt_client,
    opened,
    sealed,
)
from zero_trust.credential import certificate_bytes
from zero_trust.envelope import sign_inside, sign_tagged, verify_tagged
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.keystore import load_certificates, load_key
from zero_trust.reasons import reason, tag
from zero_trust.voucher import parse_voucher

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNATURE_BYTES = 64


SITE = "demo"  # as the rig calls its sites


@dataclass
class Scene:
    """A home under attack: its hub is online and has handed over one urgent batch."""

    living: LivingHome
    wire: HostileBroker
    victim: LivingHub
    message: bytes  # that batch as it travelled
    signed: bytes  # its inside

    @property
    def body(self) -> bytes:
        """What the victim signed."""
        return self.signed[:-SIGNATURE_BYTES]

    @property
    def hub(self) -> str:
        """The victim's id."""
        return self.victim.identity.hub

    async def holds(self) -> dict[str, Any]:
        """What the site has counted; must not change by anything that is refused."""
        facts = await self.living.site.status()
        return {name: facts[name] for name in ("batches", "readings", "message_bytes", "forks", "hubs")}

    async def refused_to(self, hub: str, code: str, since: int) -> dict[str, Any]:
        """Wait until the operator sees a refusal newer than the first ``since``."""

        async def newest() -> dict[str, Any]:
            facts = await self.living.site.status()
            fresh = facts["refusals"][: facts["refused"] - since]
            return next((one for one in fresh if (one["hub"], one["code"]) == (hub, code)), {})

        return await eventually_told(newest, f"the operator sees {code} of {hub}")

    async def refusals(self) -> int:
        """How many refusals the site has written down."""
        return int((await self.living.site.status())["refused"])

    async def attack(self, payload: bytes, code: str) -> None:
        """Say it in the victim's name: the code at both ends, nothing else changed, the hub goes on."""
        held, refusals = await self.holds(), await self.refusals()
        told = self.victim.status()["refusals"]

        await self.wire.up(self.hub, payload)

        await self.refused_to(self.hub, code, refusals)
        await eventually(lambda: self.victim.status()["refusals"] == told + 1, "the hub was told once")
        assert self.victim.status()["last_refusal"] == code
        said = await self.victim.said()
        assert reason(code).sentence in said
        assert code in said
        assert await self.holds() == held
        assert self.victim.status()["uplink"] == "online"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One site and one hub for all attacks here: none of them may leave anything behind."""
    async with (
        living_home(tmp_path_factory.mktemp("refusals")) as living,
        hostile_broker(living) as wiretap,
    ):
        victim = await living.add_hub(BUTTON)
        await living.stack.enter_async_context(victim.radio)
        await victim.start()
        hub = victim.identity.hub
        victim.press()
        await eventually(lambda: wiretap.messages(hub, wire.Kind.BATCH), "a batch passes")
        await victim.emptied()
        message = wiretap.messages(hub, wire.Kind.BATCH)[0]
        yield Scene(living, wiretap, victim, message, opened(message, living.config, hub))


# Enrolment


async def _refuses_voucher(scene: Scene, voucher: str, code: str, *, asked: bool = True) -> None:
    """A new hub tries it: exit code 77 and the sentence there, the code at the operator, no hub more."""
    held, refusals = await scene.holds(), await scene.refusals()
    newcomer = (await scene.living.add_hub(enrolled=False)).hub

    tried = await ended("lum-hub", "enrol", "--config", str(newcomer.config), voucher)

    assert (tried.status, tried.out) == (77, "")
    assert reason(code).sentence.removesuffix(".") in tried.complaint
    assert reason(code).hint in tried.complaint
    assert tried.complaint.endswith(f"{tag(code)}\n")
    assert len(tried.complaint.splitlines()) == 1
    if asked:
        await scene.refused_to("", code, refusals)
    else:
        assert await scene.refusals() == refusals  # it reached nobody
    assert await scene.holds() == held
    ran = await ended("lum-hub", "run", "--config", str(newcomer.config))
    assert (ran.status, reason("not-enrolled").sentence in ran.complaint) == (77, True)


async def test_no_voucher(scene: Scene) -> None:
    """An empty voucher is refused by the hub itself."""
    await _refuses_voucher(scene, "", "voucher-missing", asked=False)


async def test_a_mistyped_voucher(scene: Scene) -> None:
    """One character exchanged: the check character tells, before anything is sent."""
    text = await scene.living.site.voucher("home")
    code = parse_voucher(text).code
    mistyped = text.replace(code, ("3" if code[0] != "3" else "4") + code[1:])
    assert mistyped != text

    await _refuses_voucher(scene, mistyped, "voucher-malformed", asked=False)


async def test_an_unknown_voucher(scene: Scene) -> None:
    """Well formed, and never given out."""
    voucher = parse_voucher(await scene.living.site.voucher("home"))

    await _refuses_voucher(scene, replace(voucher, id="00000000").text, "voucher-unknown")


async def test_a_wrong_code(scene: Scene) -> None:
    """The right voucher with a guessed code."""
    voucher = parse_voucher(await scene.living.site.voucher("home"))

    await _refuses_voucher(scene, replace(voucher, code="00000000").text, "voucher-code-wrong")


async def test_a_used_voucher(scene: Scene) -> None:
    """A second hub comes with the voucher that has enrolled a first one."""
    voucher = await scene.living.site.voucher("home")
    first = (await scene.living.add_hub(enrolled=False)).hub
    await first.enrol(voucher)

    await _refuses_voucher(scene, voucher, "voucher-used")


# Batches


@pytest.mark.parametrize("at", [9, 60, -1], ids=["encapsulated key", "ciphertext", "tag"])
async def test_a_flipped_byte(scene: Scene, at: int) -> None:
    """One bit of a sealed batch changed on the way, wherever."""
    await scene.attack(flipped(scene.message, at), "batch-not-decryptable")


@pytest.mark.parametrize("at", [0, 60, -1], ids=["first byte", "body", "signature"])
async def test_a_flipped_byte_inside(scene: Scene, at: int) -> None:
    """Changed inside and sealed anew, as anybody can who knows the site's public key."""
    forged = sealed(flipped(scene.signed, at), scene.living.config, scene.hub)

    await scene.attack(forged, "batch-signature-wrong")


async def test_a_replayed_batch(scene: Scene) -> None:
    """The very same envelope once more is somebody else's doing: stored once, and named."""
    await scene.attack(scene.message, "batch-replayed")


async def test_a_batch_of_another_hub(scene: Scene) -> None:
    """What another hub signed, sent as this hub's: the signature is not this hub's."""
    other = await scene.living.add_hub()
    signed = sign_inside(other.identity.data_key, scene.body, SITE, other.identity.hub)

    await scene.attack(sealed(signed, scene.living.config, scene.hub), "batch-signature-wrong")


async def test_a_batch_that_names_another_hub(scene: Scene) -> None:
    """This hub's own signature over a batch that speaks for somebody else."""
    signed = sign_inside(scene.victim.identity.data_key, scene.body, SITE, "a" * 13)

    await scene.attack(sealed(signed, scene.living.config, scene.hub), "batch-signature-wrong")


async def test_a_batch_for_another_site(scene: Scene) -> None:
    """Rightly signed, for a site of another name."""
    signed = sign_inside(scene.victim.identity.data_key, scene.body, "elsewhere", scene.hub)

    await scene.attack(sealed(signed, scene.living.config, scene.hub), "batch-signature-wrong")


@pytest.mark.parametrize(
    ("names", "code"),
    [(("demo", "a" * 13), "batch-wrong-hub"), (("elsewhere", ""), "batch-wrong-site")],
    ids=["hub", "site"],
)
async def test_a_hello_under_another_name(scene: Scene, names: tuple[str, str], code: str) -> None:
    """A hello says its names: this hub's own signature over somebody else's."""
    site, hub = names
    hello = wire.encode_hello(replace(_hello(scene), site=site, hub=hub or scene.hub))
    signed = sign_tagged(scene.victim.identity.data_key, wire.HELLO_TAG, hello)

    await scene.attack(wire.framed(wire.Kind.HELLO, signed), code)


async def test_an_envelope_of_another_hubs_topic(scene: Scene) -> None:
    """Sealed by the victim for its own topic, moved to another's: the seal is bound to the hub."""
    other = await scene.living.add_hub()
    held, refusals = await scene.holds(), await scene.refusals()

    await scene.wire.up(other.identity.hub, scene.message)

    await scene.refused_to(other.identity.hub, "batch-not-decryptable", refusals)
    assert await scene.holds() == held


async def test_a_hub_that_sends_anothers_batch_is_told_in_a_signed_answer(scene: Scene) -> None:
    """With its own real credential, under its own topic: the refusal names the very message."""
    other = await scene.living.add_hub()
    identity = other.identity
    stolen = sealed(scene.signed, scene.living.config, identity.hub)
    held, refusals = await scene.holds(), await scene.refusals()

    async with mqtt_client(identity) as client:
        answer = await answer_to(client, identity, stolen)

    body = verify_tagged(_receipt_key(scene).public_key(), wire.REFUSAL_TAG, answer[1:])
    refusal = wire.decode_refusal(body)
    assert (answer[0], refusal.hub, refusal.code) == (
        wire.Kind.REFUSAL,
        identity.hub,
        "batch-signature-wrong",
    )
    await scene.refused_to(identity.hub, "batch-signature-wrong", refusals)
    assert await scene.holds() == held


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x11receipt", b"\x01", b"\x02hello", b"\x03"])
async def test_nonsense(scene: Scene, payload: bytes) -> None:
    """Bytes that are no message at all, or one that only the site sends."""
    code = {
        b"\x01": "batch-not-decryptable",
        b"\x02": "batch-signature-wrong",
        b"\x03": "heartbeat-not-believed",
    }

    await scene.attack(payload, code.get(payload[:1], "batch-malformed"))


def _hello(scene: Scene) -> wire.Hello:
    header, _ = leans_on(scene.body)
    return wire.Hello(SITE, scene.hub, header.epoch, bytes(16), bytes(32), bytes(16), (0, 0))


def _hello_without_heads(scene: Scene) -> bytes:
    hello = _spoilt(wire.encode_hello(_hello(scene)), 7, 5)
    return wire.framed(wire.Kind.HELLO, sign_tagged(scene.victim.identity.data_key, wire.HELLO_TAG, hello))


def _signed_by_victim(change: Callable[[bytes], bytes]) -> Callable[[Scene], bytes]:
    def forge(scene: Scene) -> bytes:
        signed = sign_inside(scene.victim.identity.data_key, change(scene.body), SITE, scene.hub)
        return sealed(signed, scene.living.config, scene.hub)

    return forge


@pytest.mark.parametrize(
    "forge",
    [
        _hello_without_heads,
        _signed_by_victim(lambda body: body[:12]),
        _signed_by_victim(lambda body: flipped(body, body.index(leans_on(body)[1] or b""))),
    ],
    ids=["hello without heads", "body cut short", "manifest damaged"],
)
async def test_signed_nonsense_does_not_end_the_intake(scene: Scene, forge: Callable[[Scene], bytes]) -> None:
    """A hub that was taken over signs what it likes: refused, and the intake goes on for all others."""
    intake = scene.living.process("intake").pid

    await scene.attack(forge(scene), "batch-malformed")

    assert scene.living.process("intake").pid == intake


# Connections


async def test_another_hubs_client_id(scene: Scene) -> None:
    """Refused by name; the victim's session goes on as if nothing had been."""
    attacker = (await scene.living.add_hub()).identity
    held, refusals = await scene.holds(), await scene.refusals()
    sessions = len(scene.wire.messages(scene.hub, wire.Kind.HELLO))

    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        async with mqtt_client(attacker, client_id=scene.hub):
            pass

    await scene.refused_to(attacker.hub, "client-id-not-yours", refusals)
    assert await scene.holds() == held
    assert scene.victim.status()["uplink"] == "online"
    assert len(scene.wire.messages(scene.hub, wire.Kind.HELLO)) == sessions


async def test_a_voice_on_another_hubs_topic_is_not_heard(scene: Scene) -> None:
    """What an enrolled hub publishes for another never reaches the site."""
    attacker = (await scene.living.add_hub()).identity
    held, refusals = await scene.holds(), await scene.refusals()

    async with mqtt_client(attacker) as client:
        await client.publish(up_topic(scene.hub), flipped(scene.message, 60))
        await answer_to(client, attacker, b"\xff")  # its own voice is heard, after the forged one

    assert (await scene.refusals(), await scene.holds()) == (refusals + 1, held)


# Heartbeats


async def test_a_forged_heartbeat(scene: Scene) -> None:
    """Nobody but this session's hub can say that it lives; the true one is still believed afterwards."""
    forged = wire.encode_heartbeat(wire.Heartbeat(1_000_000, 1, 0, (0, 0)), b"k" * 32)

    await scene.attack(forged, "heartbeat-not-believed")

    assert _session_counter(scene) < 1_000_000


async def test_a_replayed_heartbeat(scene: Scene) -> None:
    """A true heartbeat, said again: a dead hub cannot be made to look alive."""
    beat = await eventually(lambda: scene.wire.messages(scene.hub, wire.Kind.HEARTBEAT), "a heartbeat")

    await scene.attack(beat[-1], "heartbeat-not-believed")


# Answers


def _forged_receipt(scene: Scene, head: wire.Head) -> bytes:
    return _receipt(generate_key(), _as_receipt(scene, head))


def _receipt_for_another_hub(scene: Scene, head: wire.Head) -> bytes:
    return _receipt(_receipt_key(scene), replace(_as_receipt(scene, head), hub="a" * 13))


def _receipt_of_another_epoch(scene: Scene, head: wire.Head) -> bytes:
    return _receipt(_receipt_key(scene), replace(_as_receipt(scene, head), epoch=bytes(8)))


def _forged_cursor(scene: Scene, head: wire.Head) -> bytes:
    """As the site would answer a hello, under the site's own certificate and an attacker's key."""
    header, _ = leans_on(scene.body)
    [certificate, *_] = load_certificates(scene.living.config.paths.intake / "receipt.crt")
    cursor = wire.Cursor(
        SITE,
        scene.hub,
        header.epoch,
        bytes(wire.NONCE_BYTES),
        bytes(8),
        (head, head),
        bytes(32),
        certificate_bytes(certificate),
    )
    signed = sign_tagged(generate_key(), wire.CURSOR_TAG, wire.encode_cursor(cursor))
    return wire.framed(wire.Kind.CURSOR, signed)


def _cursor_without_heads(scene: Scene, head: wire.Head) -> bytes:
    """What a hub must not stumble over before it has checked who says it."""
    cursor = _forged_cursor(scene, head)[1:-SIGNATURE_BYTES]
    return wire.framed(wire.Kind.CURSOR, _spoilt(cursor, 6, 5) + bytes(SIGNATURE_BYTES))


@pytest.mark.parametrize(
    "forge",
    [
        _forged_receipt,
        _receipt_for_another_hub,
        _receipt_of_another_epoch,
        _forged_cursor,
        _cursor_without_heads,
    ],
)
async def test_an_answer_that_is_not_the_sites(
    scene: Scene, forge: Callable[[Scene, wire.Head], bytes]
) -> None:
    """While the intake is held up a batch waits: what claims to be its receipt moves nothing."""
    intake = scene.living.process("intake")
    before = scene.victim.status()
    intake.suspend()
    try:
        scene.victim.press()
        await eventually(lambda: scene.victim.status()["waiting"] == 1, "a batch waits")
        sent = scene.wire.messages(scene.hub, wire.Kind.BATCH)[-1]
        await scene.wire.down(scene.hub, forge(scene, _head_after(scene, sent)))
        await eventually(
            lambda: scene.victim.status()["disbelieved"] == before["disbelieved"] + 1, "disbelieved"
        )
        assert scene.victim.status()["waiting"] == 1
        assert scene.victim.status()["receipts"] == before["receipts"]
    finally:
        intake.resume()
    await scene.victim.emptied()


# Revocation: last, for it takes a hub out


async def test_a_revoked_hub(scene: Scene) -> None:
    """Its connection ends, it keeps recording and says why, also after a restart; restored, it hands all over."""
    living = scene.living
    turned_out = await living.add_hub(BUTTON, home="other")
    hub, site = turned_out.identity.hub, ("--dir", str(living.site.directory))
    await living.stack.enter_async_context(turned_out.radio)
    await turned_out.start()
    held, refusals = await scene.holds(), await scene.refusals()
    revoked = await ended("lum-trust", "revoke", hub, "--reason", "moved house", *site)
    assert revoked.status == 0
    assert "its connection has been ended" in revoked.out

    turned_out.press()

    await scene.refused_to(hub, "hub-revoked", refusals)
    await eventually(lambda: turned_out.status()["uplink"] == "offline", "its connection is gone")
    assert (await turned_out.alarm("credential"))["code"] == "hub-revoked"
    told = f"{reason('hub-revoked').sentence.removesuffix('.')} (moved house)."
    assert told in await turned_out.said()
    await eventually(lambda: turned_out.status()["waiting"] == 1, "it keeps what it hears")
    await turned_out.hub.kill()
    await turned_out.hub.start()
    assert (await turned_out.alarm("credential"))["code"] == "hub-revoked"
    assert told in await turned_out.said()
    turned_out.press()
    await eventually(lambda: turned_out.status().get("waiting") == 2, "it keeps what it hears")
    assert await scene.holds() == held
    assert scene.victim.status()["uplink"] == "online"

    assert (await ended("lum-trust", "restore", hub, *site)).status == 0

    await eventually(lambda: turned_out.status()["uplink"] == "online", "it comes back alone", 90)
    await turned_out.emptied()
    assert not turned_out.alarms()
    again = await ended("lum-trust", "restore", hub, *site)
    assert (again.status, "hub-not-revoked" in again.complaint) == (65, True)
    await turned_out.hub.kill()


def _spoilt(packed: bytes, field: int, value: object) -> bytes:
    fields = msgpack.unpackb(packed)
    fields[field] = value
    spoilt: bytes = msgpack.packb(fields)
    return spoilt


def _head_after(scene: Scene, message: bytes) -> wire.Head:
    """The head a true receipt for that batch would name: an attacker may know all of the chain."""
    body = opened(message, scene.living.config, scene.hub)[:-SIGNATURE_BYTES]
    header, _ = leans_on(body)
    with sqlite3.connect(scene.living.config.paths.store) as db:
        [(chain,)] = db.execute(
            "SELECT chain FROM account WHERE hub = ? AND stream = ?", (scene.hub, header.stream)
        )
    return wire.Head(header.seq, chain_next(chain, content_digest(body)))


def _as_receipt(scene: Scene, head: wire.Head) -> wire.Receipt:
    header, _ = leans_on(scene.body)
    return wire.Receipt(SITE, scene.hub, header.epoch, Stream.URGENT, head, (), bytes(8))


def _receipt(key: PrivateKey, receipt: wire.Receipt) -> bytes:
    return wire.framed(wire.Kind.RECEIPT, sign_tagged(key, wire.RECEIPT_TAG, wire.encode_receipt(receipt)))


def _receipt_key(scene: Scene) -> PrivateKey:
    return load_key(scene.living.config.paths.intake / "receipt.key")


def _session_counter(scene: Scene) -> int:
    with sqlite3.connect(scene.living.config.paths.store) as db:
        [(counter,)] = db.execute("SELECT counter FROM session WHERE hub = ?", (scene.hub,))
    return int(counter)
