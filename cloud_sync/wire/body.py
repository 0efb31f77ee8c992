"""The body of a batch, which is what a hub signs: header, manifest where it is new, coded payload.

A payload can be read only with its manifest, which an earlier batch may hold; so opening a body has
two steps: :func:`parse_body`, then :func:`decode_payload` with the layout that the header asks for.
``SPEC.md`` ("Body") is the definition.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud_sync.wire.blocks import FRESH
from cloud_sync.wire.coder import Reader, Writer
from cloud_sync.wire.columns import Layout, Row, latest_ms, read_columns, write_columns
from cloud_sync.wire.coverage import Coverage, read_coverage, write_coverage
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import ENVELOPE_MAX_BYTES, READINGS_MAX, VALUE_MAX
from cloud_sync.wire.manifest import MANIFEST_MAX_BYTES

VERSION: Final = 3
EPOCH_BYTES: Final = 8
CHAIN_BYTES: Final = 32
SEQ_MAX: Final = 0xFFFFFFFF

_ORIGIN, _CHECKPOINT, _ANCHOR, _ROUTINE = 0x01, 0x02, 0x04, 0x08
_WALL_BYTES: Final = 6


class Stream(enum.IntEnum):
    """Two streams a hub, each with its own sequence, so that an alarm overtakes a backlog."""

    URGENT = 0
    ROUTINE = 1


class Quality(enum.IntEnum):
    """How far the wall clock behind an anchor can be believed."""

    UNSET = 0  # plainly wrong: before this software existed
    COARSE = 1  # plausible, not synchronised
    SYNCED = 2  # the kernel says it is disciplined, to within the accuracy stated


@dataclass(frozen=True, slots=True)
class Anchor:
    """``wall_ms`` since 1970 was read when the boot clock stood at ``boot_ms``."""

    wall_ms: int
    boot_ms: int
    quality: Quality
    accuracy_ms: int = 0  # 0: not known


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch stood before its hub had to begin a new epoch: the same content must not count twice."""

    epoch: bytes
    seq: int
    digest: bytes  # of its body there


@dataclass(frozen=True, slots=True)
class Header:
    """What the batch is, before any of it is decoded.

    Attributes:
        epoch: of the hub, 8 bytes.
        stream: that ``seq`` counts in.
        seq: from 1 on.
        distance: 0: the manifest is inside; else it is in batch ``seq - distance`` of this stream and epoch.
        count: readings.
        made_ms: boot clock when the batch was cut.
        start_ms: boot clock, a whole second from which times are counted, not after ``made_ms``.
        anchor: when it has changed; else the last one sent in this boot holds on.
        chain: in checkpoints, the chain hash before this batch.
        origin: if the same content was numbered in an earlier epoch.
    """

    epoch: bytes
    stream: Stream
    seq: int
    distance: int
    count: int
    made_ms: int
    start_ms: int
    anchor: Anchor | None = None
    chain: bytes | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A body taken apart; ``manifest`` is packed, ``payload`` still coded."""

    header: Header
    manifest: bytes | None
    payload: bytes


def start_of(rows: Sequence[Row], made_ms: int) -> int:
    """The latest whole second (boot clock, ms) that is after none of the rows."""
    return min([made_ms, *(row[2] for row in rows)]) // 1000 * 1000


def encode_body(
    header: Header,
    layout: Layout,
    coverage: Coverage,
    rows: Sequence[Row],
    manifest: bytes | None = None,
) -> bytes:
    """The bytes that are signed, stored and sent.

    Args:
        header: its ``count`` must be the number of rows.
        layout: of the manifest that the header names.
        coverage: what was listened to.
        rows: ``(sensor, quantity, at_ms, value)``, in any order.
        manifest: packed; exactly if the header's ``distance`` is 0.

    Raises:
        WireError: header and content disagree, or a limit is broken.
    """
    if header.count != len(rows) or (header.distance == 0) != (manifest is not None):
        raise WireError("the header tells of other readings or another manifest than the body has")
    _check(header)
    writer = Writer(FRESH)
    write_columns(writer, layout, rows, header.start_ms)
    latest = latest_ms(layout, rows)
    write_coverage(writer, coverage, len(layout.quantities), header.made_ms, latest)
    inside = b"" if manifest is None else _uvarint(len(manifest)) + manifest
    return _header_bytes(header) + inside + writer.finish()


def parse_body(data: bytes) -> Body:
    """Take a body apart. Call it only on bytes whose signature has been verified.

    Raises:
        WireError: the bytes break the format or a limit; ``batch-version-unknown`` if they are of
            another version.
    """
    if len(data) > ENVELOPE_MAX_BYTES:
        raise WireError(f"the batch is longer than {ENVELOPE_MAX_BYTES} bytes")
    if not data or data[0] >> 4 != VERSION:
        raise WireError("the batch is of a version this receiver does not know", "batch-version-unknown")
    flags = data[0] & 0x0F
    cursor = _Cursor(data, 1)
    epoch, stream = cursor.take(EPOCH_BYTES), Stream(bool(flags & _ROUTINE))
    seq, distance, count, made_ms, back_s = (cursor.uvarint() for _ in range(5))
    start_ms = (made_ms // 1000 - back_s) * 1000
    anchor = _read_anchor(cursor, made_ms) if flags & _ANCHOR else None
    chain = cursor.take(CHAIN_BYTES) if flags & _CHECKPOINT else None
    origin = _read_origin(cursor) if flags & _ORIGIN else None
    header = Header(epoch, stream, seq, distance, count, made_ms, start_ms, anchor, chain, origin)
    _check(header)
    manifest = cursor.take(cursor.uvarint()) if distance == 0 else None
    if manifest is not None and len(manifest) > MANIFEST_MAX_BYTES:
        raise WireError(f"the manifest is longer than {MANIFEST_MAX_BYTES} bytes")
    return Body(header, manifest, data[cursor.at :])


def decode_payload(body: Body, layout: Layout) -> tuple[Coverage, list[Row]]:
    """Coverage and readings of a body, in time order.

    Args:
        body: of :func:`parse_body`.
        layout: of the manifest that its header names.

    Raises:
        WireError: the payload does not hold what the header says, or breaks a limit.
    """
    header, reader = body.header, Reader(FRESH, body.payload)
    rows = read_columns(reader, layout, header.count, header.start_ms)
    latest = {sensor: at_ms for sensor, _, at_ms, _ in rows}
    return read_coverage(reader, len(layout.quantities), header.made_ms, latest), rows


def _check(header: Header) -> None:
    if not 1 <= header.seq <= SEQ_MAX or not 0 <= header.distance < header.seq:
        raise WireError("the batch has no possible number, or names a manifest before the first batch")
    if not 0 <= header.count <= READINGS_MAX:
        raise WireError(f"the batch claims {header.count} readings; the most is {READINGS_MAX}")
    if not 0 <= header.start_ms <= header.made_ms < VALUE_MAX or header.start_ms % 1000:
        raise WireError("the batch starts before the boot, or after it was made")
    if len(header.epoch) != EPOCH_BYTES or len(header.chain or bytes(CHAIN_BYTES)) != CHAIN_BYTES:
        raise WireError("the epoch or the chain hash of the batch has the wrong length")
    anchor = header.anchor
    if anchor and not (0 <= anchor.boot_ms <= header.made_ms and 0 <= anchor.wall_ms < 1 << 48):
        raise WireError("the anchor of the batch lies outside this boot so far, or beyond all calendars")


def _header_bytes(header: Header) -> bytes:
    flags = (
        (_ROUTINE if header.stream is Stream.ROUTINE else 0)
        | (_ANCHOR if header.anchor else 0)
        | (_CHECKPOINT if header.chain is not None else 0)
        | (_ORIGIN if header.origin else 0)
    )
    back_s = (header.made_ms // 1000) - header.start_ms // 1000
    numbers = (header.seq, header.distance, header.count, header.made_ms, back_s)
    return b"".join(
        (
            bytes([VERSION << 4 | flags]),
            header.epoch,
            *map(_uvarint, numbers),
            _anchor_bytes(header.anchor, header.made_ms) if header.anchor else b"",
            header.chain or b"",
            _origin_bytes(header.origin) if header.origin else b"",
        )
    )


def _origin_bytes(origin: Origin) -> bytes:
    return origin.epoch + _uvarint(origin.seq) + origin.digest


def _read_origin(cursor: _Cursor) -> Origin:
    return Origin(cursor.take(EPOCH_BYTES), cursor.uvarint(), cursor.take(CHAIN_BYTES))


def _anchor_bytes(anchor: Anchor, made_ms: int) -> bytes:
    age, wall = _uvarint(made_ms - anchor.boot_ms), anchor.wall_ms.to_bytes(_WALL_BYTES, "big")
    return bytes([anchor.quality]) + age + wall + _uvarint(anchor.accuracy_ms)


def _read_anchor(cursor: _Cursor, made_ms: int) -> Anchor:
    [quality] = cursor.take(1)
    if quality > max(Quality):
        raise WireError("the anchor of the batch is of unknown quality")
    boot_ms = made_ms - cursor.uvarint()
    wall_ms = int.from_bytes(cursor.take(_WALL_BYTES), "big")
    return Anchor(wall_ms, boot_ms, Quality(quality), cursor.uvarint())


class _Cursor:
    """Reads a body from the front, and never past its end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def take(self, length: int) -> bytes:
        """The next so many bytes."""
        taken = self._data[self.at : self.at + length]
        if len(taken) != length:
            raise WireError("the batch is cut short")
        self.at += length
        return taken

    def uvarint(self) -> int:
        """The next number, LEB128: seven bits a byte, low ones first, in the fewest bytes, below 2**63."""
        value = 0
        for place in range(0, 63, 7):
            [octet] = self.take(1)
            value |= (octet & 127) << place
            if octet < 128:
                if place and not octet:
                    break
                return value
        raise WireError("a number in the batch's header is not in its shortest form, or too long")


def _uvarint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)
