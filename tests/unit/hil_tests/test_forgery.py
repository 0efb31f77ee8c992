"""A forged receipt says all that a real one would, and proves none of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream
from hil_tests.rig.forgery import forged_receipts
from hil_tests.rig.site import SITE_NAME
from zero_trust.envelope import verify_tagged
from zero_trust.errors import SignatureError
from zero_trust.keys import generate_key

EPOCH, GENERATION = b"epoch-01", b"store-01"
CHAINS = {Stream.URGENT: bytes(range(32)), Stream.ROUTINE: bytes(range(32, 64))}


def _store(file: Path, *statements: tuple[str, tuple[object, ...]]) -> Path:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
        db.execute("CREATE TABLE head (stream INTEGER PRIMARY KEY, cut_seq INTEGER, cut_chain BLOB)")
        for statement in statements:
            db.execute(*statement)
        db.commit()
    return file


def test_it_covers_all_that_the_hub_has_cut_and_its_signature_is_none(tmp_path: Path) -> None:
    """One for each stream."""
    heads = [("INSERT INTO head VALUES (?, ?, ?)", (stream, 7 + stream, CHAINS[stream])) for stream in Stream]
    outbox = _store(tmp_path / "outbox.db", ("INSERT INTO meta VALUES ('epoch', ?)", (EPOCH,)), *heads)
    store = _store(tmp_path / "lum.db", ("INSERT INTO meta VALUES ('generation', ?)", (GENERATION,)))

    forged = forged_receipts("hub-a", outbox, store)

    assert [wire.kind_of(message) for message in forged] == [wire.Kind.RECEIPT] * 2
    for stream, message in zip(Stream, forged, strict=True):
        head = wire.Head(7 + stream, CHAINS[stream])
        body = message[1 : -wire.SIGNATURE_BYTES]
        assert wire.decode_receipt(body) == wire.Receipt(
            SITE_NAME, "hub-a", EPOCH, stream, head, (), GENERATION
        )
        with pytest.raises(SignatureError):
            verify_tagged(generate_key().public_key(), wire.RECEIPT_TAG, message[1:])
