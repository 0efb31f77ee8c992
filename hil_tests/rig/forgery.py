"""Receipts from somebody who knows all that a receipt says, and has no key to sign it: a broker that lies.

What only the hub and the site know is read from their own stores: the strongest attacker that is not the site.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.topics import down_subject
from hil_tests.rig.site import SITE_NAME
from zero_trust.tls import service_context

if TYPE_CHECKING:
    from hil_tests.rig.site import Site


def forged_receipts(hub: str, outbox: Path, store: Path) -> list[bytes]:
    """A receipt for everything that the hub has cut, for each of its streams; its signature is noise."""
    [(epoch,)] = _rows(outbox, "SELECT value FROM meta WHERE key = 'epoch'")
    [(generation,)] = _rows(store, "SELECT value FROM meta WHERE key = 'generation'")
    heads = _rows(outbox, "SELECT stream, cut_seq, cut_chain FROM head")
    return [
        wire.framed(
            wire.Kind.RECEIPT,
            wire.encode_receipt(
                wire.Receipt(SITE_NAME, hub, epoch, Stream(stream), wire.Head(seq, chain), (), generation)
            )
            + os.urandom(wire.SIGNATURE_BYTES),
        )
        for stream, seq, chain in heads
    ]


async def say_down(site: Site, hub: str, messages: list[bytes]) -> None:
    """Send messages to a hub as the broker itself could; by the intake's way, for the rig has no broker of its own."""
    keys = site.directory / "intake"
    tls = service_context(keys / "ca.pem", keys / "client.crt", keys / "client.key")
    url = f"tls://127.0.0.1:{site.ports['nats']}"
    import nats  # noqa: PLC0415 - of all commands only a run that forges needs it

    connection = await nats.connect(url, tls=tls, tls_handshake_first=True)
    try:
        for message in messages:
            await connection.publish(down_subject(hub), message)
        await connection.flush()
    finally:
        await connection.close()


def _rows(store: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()
