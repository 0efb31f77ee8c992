"""Attacks on liveness: a dead hub is to look alive. Heartbeats forged and replayed, with and without their hello."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.sync.session import session_key
from cloud_sync.wire import message as wire
from hil_tests.attack.answers import answered
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.pen import EPOCH_BYTES, Pen
from hil_tests.attack.target import Target

attack = Family("liveness")
BEAT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A session as a broker has recorded it: its hello and its first heartbeats."""

    hello: bytes
    beats: tuple[bytes, ...]


async def _session(site: Target, pen: Pen) -> Recorded:
    """The hub opens a session and lives for three heartbeats."""
    private, nonce = X25519PrivateKey.generate(), os.urandom(wire.NONCE_BYTES)
    hello = pen.hello(session_public=private.public_key().public_bytes_raw(), nonce=nonce)
    key = session_key(private, site.site_public, nonce)
    beats = tuple(
        wire.encode_heartbeat(wire.Heartbeat(number, number * BEAT_MS, 0, (0, 0)), key)
        for number in (1, 2, 3)
    )
    broker = await site.hostile()
    if await answered(site, pen.hub, hello) != "cursor":
        raise BrokenError("The hub's own hello was not answered.")
    for beat in beats:
        await broker.up(pen.hub, beat)
    await site.until(lambda: _counter(site, pen, len(beats)), "the hub's own heartbeats' being heard")
    return Recorded(hello, beats)


async def _counter(site: Target, pen: Pen, count: int) -> bool:
    return bool(site.rows("SELECT 1 FROM session WHERE hub = ? AND counter = ?", pen.hub, count))


def _beaten(site: Target, pen: Pen) -> int:
    """When the hub was last believed to be alive."""
    return int(site.rows("SELECT coalesce(beat_ms, 0) FROM session WHERE hub = ?", pen.hub)[0][0])


async def _not_alive(site: Target, pen: Pen, *messages: bytes) -> Said:
    """None of these may make the hub look alive; the last one is answered."""
    before = _beaten(site, pen)
    site.begin()
    told = [await answered(site, pen.hub, message) for message in messages]
    if _beaten(site, pen) != before:
        raise BrokenError("The site believes that the hub has just been alive.")
    return Said(told[-1], hub=pen.hub)


@attack("heartbeat-forged", "heartbeat-not-believed", place="intake")
async def forged(site: Target) -> Said:
    """A heartbeat under a key of somebody's own."""
    pen = await site.pen()
    await _session(site, pen)
    beat = wire.encode_heartbeat(wire.Heartbeat(9, 9 * BEAT_MS, 0, (0, 0)), os.urandom(32))
    return await _not_alive(site, pen, beat)


@attack("heartbeat-replayed", "heartbeat-not-believed", place="intake")
async def replayed(site: Target) -> Said:
    """A recorded heartbeat is said again after the hub has died."""
    pen = await site.pen()
    recorded = await _session(site, pen)
    return await _not_alive(site, pen, recorded.beats[-1])


@attack("session-replayed", "heartbeat-not-believed", place="intake")
async def session(site: Target) -> Said:
    """The broker says a whole recorded session again, its hello first, so that the count begins anew."""
    pen = await site.pen()
    recorded = await _session(site, pen)
    return await _not_alive(site, pen, recorded.hello, recorded.beats[0])


@attack("older-session-replayed", "heartbeat-not-believed", place="intake")
async def older_session(site: Target) -> Said:
    """The same with a session before the hub's last one."""
    pen = await site.pen()
    older = await _session(site, pen)
    await _session(site, pen)
    return await _not_alive(site, pen, older.hello, older.beats[0])


@attack("epoch-rolled-back", "epoch-left", heard="cursor")
async def rolled_back(site: Target) -> Said:
    """A copy of a card from before the hub began anew speaks on, as if that had never been."""
    pen = await site.pen()
    await answered(site, pen.hub, pen.hello())
    previous = wire.Previous(pen.epoch, (0, 0), (1, 0))
    await answered(site, pen.hub, pen.hello(epoch=os.urandom(EPOCH_BYTES), previous=previous))
    site.begin()
    told = await answered(site, pen.hub, pen.hello())
    status = (await site.receiver("status")).out
    said = next((line for line in status.splitlines() if pen.hub in line), "")
    return Said(told, said, pen.hub, changes=(f"+ incident {pen.hub} epoch-left",))
