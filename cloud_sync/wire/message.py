"""The small messages beside the batch: hello, cursor, receipt, gone, ask, refusal, heartbeat (settings: ``setting.py``).

Up (``hubs/<hub>/up``)           Down (``cmd/<hub>``)
  0x01 batch      signed, sealed   0x11 receipt  signed by a receipt key
  0x02 hello      signed           0x12 cursor   signed by a receipt key, answers a hello
  0x03 heartbeat  MAC              0x13 ask      signed by a receipt key
  0x04 gone       signed, sealed   0x14 refusal  signed by a receipt key
  0x05 taken      signed           0x15 setting  signed by a receipt key
The first byte tells which; signatures and MACs are over bytes with their own tag.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Any

import msgpack

from cloud_sync.wire.batch import Stream
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import RANGES_MAX

VERSION = 1
NONCE_BYTES = 16
SIGNATURE_BYTES = 64


class Kind(enum.IntEnum):
    """First byte of every message."""

    BATCH = 0x01
    HELLO = 0x02
    HEARTBEAT = 0x03
    GONE = 0x04
    TAKEN = 0x05
    RECEIPT = 0x11
    CURSOR = 0x12
    ASK = 0x13
    REFUSAL = 0x14
    SETTING = 0x15


HELLO_TAG = b"lum-hello-1\0"
CURSOR_TAG = b"lum-cursor-1\0"
RECEIPT_TAG = b"lum-receipt-1\0"
GONE_TAG = b"lum-gone-1\0"
ASK_TAG = b"lum-ask-1\0"
REFUSAL_TAG = b"lum-refusal-1\0"


@dataclass(frozen=True, slots=True)
class Previous:
    """Why an epoch was begun: in the one before, the hub stood at ``own`` and was told ``told`` (by stream)."""

    epoch: bytes
    own: tuple[int, int]
    told: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hello:
    """A hub opens a session: who, with which fresh nonce, how far it has got, and whence its epoch."""

    site: str
    hub: str
    epoch: bytes
    nonce: bytes
    session_public: bytes  # X25519, one session only
    boot_id: bytes
    heads: tuple[int, int]  # highest sequence number cut, by stream
    previous: Previous | None = None  # None: the epoch of enrolment


@dataclass(frozen=True, slots=True)
class Head:
    """How far the cloud holds one stream without a gap, and the chain hash there."""

    seq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Cursor:
    """The answer to a hello: what the cloud holds, and the site's current encryption key."""

    site: str
    hub: str
    epoch: bytes
    nonce: bytes
    generation: bytes  # of the store: a restored store has a new one
    heads: tuple[Head, Head]
    site_public: bytes
    certificate: bytes  # DER, of the receipt key that signs this and later receipts


@dataclass(frozen=True, slots=True)
class Receipt:
    """The cloud's word that all up to ``head`` is durable, and what it holds above that."""

    site: str
    hub: str
    epoch: bytes
    stream: Stream
    head: Head
    held: tuple[tuple[int, int], ...]  # ranges first..last above the head
    generation: bytes


class Reason(enum.IntEnum):
    """Why a hub no longer holds a span."""

    EXPIRED = 1  # receipted once, and older than what is retained
    SHED = 2  # the disk was full
    UNREADABLE = 3  # the card does not give it back


@dataclass(frozen=True, slots=True)
class Gone:
    """A span that the hub no longer holds: it closes the gap in the cloud's account by name.

    ``head`` is the last number with the chain hash after it; readings and times (boot clock, ms, 0 if
    not known) say what is missing.
    """

    site: str
    hub: str
    epoch: bytes
    stream: Stream
    first: int
    head: Head
    reason: Reason
    readings: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Ask:
    """The cloud wants a range again that it had receipted."""

    site: str
    hub: str
    epoch: bytes
    stream: Stream
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message was not believed: why, and which one (digest of the bytes as received)."""

    site: str
    hub: str
    code: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Liveness only, never evidence: the hub runs, and when it last decoded any frame."""

    counter: int
    boot_ms: int
    frame_age_s: int  # capped at 65,535
    heads: tuple[int, int]


def framed(kind: Kind, content: bytes) -> bytes:
    """A message: its kind, then its content."""
    return bytes([kind]) + content


def kind_of(message: bytes) -> Kind:
    """Which message this is.

    Raises:
        WireError: empty, or of a kind we do not know.
    """
    try:
        return Kind(message[0])
    except (IndexError, ValueError) as error:
        raise WireError("the message is of no known kind") from error


def encode_hello(hello: Hello) -> bytes:
    """The bytes a hub signs to open a session."""
    previous = hello.previous and (hello.previous.epoch, hello.previous.own, hello.previous.told)
    who = (hello.site, hello.hub, hello.epoch)
    return _pack(*who, hello.nonce, hello.session_public, hello.boot_id, hello.heads, previous)


def decode_hello(body: bytes) -> Hello:
    """Inverse of :func:`encode_hello`; raises WireError."""
    site, hub, epoch, nonce, session_public, boot_id, heads, previous = _unpack(body, 8)
    _need(_texts(site, hub) and _sizes((epoch, 8), (nonce, NONCE_BYTES), (session_public, 32), (boot_id, 16)))
    _need(_pair(heads))
    return Hello(site, hub, epoch, nonce, session_public, boot_id, heads, _previous(previous))


def encode_cursor(cursor: Cursor) -> bytes:
    """The bytes a receipt key signs to answer a hello."""
    return _pack(
        cursor.site,
        cursor.hub,
        cursor.epoch,
        cursor.nonce,
        cursor.generation,
        [(head.seq, head.chain) for head in cursor.heads],
        cursor.site_public,
        cursor.certificate,
    )


def decode_cursor(body: bytes) -> Cursor:
    """Inverse of :func:`encode_cursor`; raises WireError."""
    site, hub, epoch, nonce, generation, heads, site_public, certificate = _unpack(body, 8)
    _need(_texts(site, hub) and isinstance(certificate, bytes) and _several(heads, 2))
    _need(_sizes((epoch, 8), (nonce, NONCE_BYTES), (generation, 8), (site_public, 32)))
    return Cursor(
        site, hub, epoch, nonce, generation, (_head(heads[0]), _head(heads[1])), site_public, certificate
    )


def encode_receipt(receipt: Receipt) -> bytes:
    """The bytes a receipt key signs."""
    return _pack(
        receipt.site,
        receipt.hub,
        receipt.epoch,
        int(receipt.stream),
        (receipt.head.seq, receipt.head.chain),
        list(receipt.held)[:RANGES_MAX],
        receipt.generation,
    )


def decode_receipt(body: bytes) -> Receipt:
    """Inverse of :func:`encode_receipt`; raises WireError."""
    site, hub, epoch, stream, head, held, generation = _unpack(body, 7)
    _need(_texts(site, hub) and _sizes((epoch, 8), (generation, 8)) and _stream(stream))
    _need(isinstance(held, tuple) and len(held) <= RANGES_MAX)
    _need(all(_several(r, 2) and all(map(_count, r)) and r[0] <= r[1] for r in held))
    return Receipt(site, hub, epoch, Stream(stream), _head(head), held, generation)


def encode_gone(gone: Gone) -> bytes:
    """The bytes a hub signs to name what it no longer holds."""
    where = (gone.site, gone.hub, gone.epoch, int(gone.stream), gone.first, (gone.head.seq, gone.head.chain))
    return _pack(*where, int(gone.reason), gone.readings, gone.from_ms, gone.to_ms)


def decode_gone(body: bytes) -> Gone:
    """Inverse of :func:`encode_gone`; raises WireError."""
    site, hub, epoch, stream, first, head, reason, *counts = _unpack(body, 10)
    _need(_texts(site, hub) and _sizes((epoch, 8)) and _stream(stream))
    _need(_count(reason) and reason in {1, 2, 3})
    _need(all(type(count) is int and 0 <= count < 1 << 63 for count in counts))
    gone = Gone(site, hub, epoch, Stream(stream), first, _head(head), Reason(reason), *counts)
    _need(_count(first) and 1 <= first <= gone.head.seq)
    return gone


def encode_ask(ask: Ask) -> bytes:
    """The bytes a receipt key signs to have a range again."""
    return _pack(ask.site, ask.hub, ask.epoch, int(ask.stream), ask.first, ask.last)


def decode_ask(body: bytes) -> Ask:
    """Inverse of :func:`encode_ask`; raises WireError."""
    site, hub, epoch, stream, first, last = _unpack(body, 6)
    _need(_texts(site, hub) and _sizes((epoch, 8)) and _stream(stream))
    _need(_count(first) and _count(last) and 1 <= first <= last)
    return Ask(site, hub, epoch, Stream(stream), first, last)


def encode_refusal(refusal: Refusal) -> bytes:
    """The bytes a receipt key signs to say no."""
    return _pack(refusal.site, refusal.hub, refusal.code, refusal.digest)


def decode_refusal(body: bytes) -> Refusal:
    """Inverse of :func:`encode_refusal`; raises WireError."""
    site, hub, code, digest = _unpack(body, 4)
    _need(_texts(site, hub, code) and _sizes((digest, 32)))
    return Refusal(site, hub, code, digest)


_BEAT = struct.Struct(">BIQHII")  # kind, counter, boot ms, frame age s, two heads: 23 bytes
_BEAT_MAC_BYTES = 8  # forging one online takes 2^63 tries; it proves liveness of one session only


def encode_heartbeat(beat: Heartbeat, session_key: bytes) -> bytes:
    """31 bytes: the fields and a truncated HMAC under the key of this session."""
    fields = _BEAT.pack(
        Kind.HEARTBEAT, beat.counter, beat.boot_ms, min(beat.frame_age_s, 0xFFFF), *beat.heads
    )
    return fields + _beat_mac(fields, session_key)


def decode_heartbeat(message: bytes, session_key: bytes) -> Heartbeat:
    """Inverse of :func:`encode_heartbeat`.

    Raises:
        WireError: wrong length, or not made with this session's key.
    """
    if len(message) != _BEAT.size + _BEAT_MAC_BYTES:
        raise WireError("the heartbeat has the wrong length", "heartbeat-not-believed")
    fields, mac = message[: _BEAT.size], message[_BEAT.size :]
    if not hmac.compare_digest(mac, _beat_mac(fields, session_key)):
        raise WireError("the heartbeat is not of this session", "heartbeat-not-believed")
    _, counter, boot_ms, frame_age_s, urgent, routine = _BEAT.unpack(fields)
    return Heartbeat(counter, boot_ms, frame_age_s, (urgent, routine))


def _beat_mac(fields: bytes, session_key: bytes) -> bytes:
    return hmac.new(session_key, b"lum-heartbeat-1\0" + fields, hashlib.sha256).digest()[:_BEAT_MAC_BYTES]


def _pack(*fields: Any) -> bytes:
    packed: bytes = msgpack.packb((VERSION, *fields))
    return packed


def _unpack(body: bytes, count: int) -> tuple[Any, ...]:
    try:
        fields = msgpack.unpackb(body, use_list=False, max_array_len=64, max_map_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError("the message is not msgpack within its limits") from error
    if not isinstance(fields, tuple) or not fields or fields[0] != VERSION:
        raise WireError("the message is of a version we do not know", "batch-version-unknown")
    _need(len(fields) == count + 1)
    return fields[1:]


def _previous(value: Any) -> Previous | None:
    if value is None:
        return None
    _need(_several(value, 3))
    epoch, own, told = value
    _need(_sizes((epoch, 8)) and _pair(own) and _pair(told))
    return Previous(epoch, own, told)


def _pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_count, value))


def _head(value: Any) -> Head:
    _need(isinstance(value, tuple) and len(value) == 2 and _count(value[0]) and _sizes((value[1], 32)))
    return Head(value[0], value[1])


def _need(ok: bool) -> None:  # noqa: FBT001 - reads as "need this"
    if not ok:
        raise WireError("a field of the message is missing or of the wrong type")


def _texts(*values: object) -> bool:
    return all(isinstance(value, str) and len(value) <= 64 for value in values)


def _sizes(*pairs: tuple[object, int]) -> bool:
    return all(isinstance(value, bytes) and len(value) == size for value, size in pairs)


def _stream(value: object) -> bool:
    return _count(value) and value in {0, 1}


def _several(value: object, count: int) -> bool:
    return isinstance(value, tuple) and len(value) == count


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 32
