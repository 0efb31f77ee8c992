"""Bytes from the other end: what was encoded comes back, and anything else is refused in one way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.wire import batch, message
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.message import (
    Ask,
    Cursor,
    Gone,
    Head,
    Heartbeat,
    Hello,
    Previous,
    Reason,
    Receipt,
    Refusal,
)

text = st.text(max_size=64)
count = st.integers(0, 2**32 - 1)
moment = st.integers(0, 2**63 - 1)
streams = st.sampled_from(list(Stream))


def exactly(size: int) -> st.SearchStrategy[bytes]:
    """Bytes of one length."""
    return st.binary(min_size=size, max_size=size)


heads = st.builds(Head, count, exactly(32))
pairs = st.tuples(count, count)
ranges = st.lists(pairs.map(lambda pair: (min(pair), max(pair))), max_size=32).map(tuple)
hellos = st.builds(
    Hello,
    text,
    text,
    exactly(8),
    exactly(16),
    exactly(32),
    exactly(16),
    pairs,
    st.none() | st.builds(Previous, exactly(8), pairs, pairs),
)
cursors = st.builds(
    Cursor, text, text, exactly(8), exactly(16), exactly(8), st.tuples(heads, heads), exactly(32), st.binary()
)
receipts = st.builds(Receipt, text, text, exactly(8), streams, heads, ranges, exactly(8))
refusals = st.builds(Refusal, text, text, text, exactly(32))
gones = st.builds(
    Gone,
    site=text,
    hub=text,
    epoch=exactly(8),
    stream=streams,
    first=st.integers(1, 1000),
    head=st.builds(Head, st.integers(1000, 2000), exactly(32)),
    reason=st.sampled_from(list(Reason)),
    readings=moment,
    from_ms=moment,
    to_ms=moment,
)
asks = st.builds(Ask, text, text, exactly(8), streams, st.integers(1, 10), st.integers(10, 20))

CODECS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "hello": (hellos, message.encode_hello, message.decode_hello),
    "cursor": (cursors, message.encode_cursor, message.decode_cursor),
    "receipt": (receipts, message.encode_receipt, message.decode_receipt),
    "refusal": (refusals, message.encode_refusal, message.decode_refusal),
    "gone": (gones, message.encode_gone, message.decode_gone),
    "ask": (asks, message.encode_ask, message.decode_ask),
}
DECODERS = [decode for _, _, decode in CODECS.values()]

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@pytest.mark.parametrize("kind", CODECS)
@given(data=st.data())
def test_what_was_encoded_comes_back(kind: str, data: st.DataObject) -> None:
    """Each message survives its own encoding unchanged."""
    values, encode, decode = CODECS[kind]
    value = data.draw(values)

    assert decode(encode(value)) == value


@pytest.mark.parametrize("decode", DECODERS)
@given(fields=st.lists(anything, max_size=14))
def test_signed_nonsense_is_refused_and_nothing_else(
    decode: Callable[[bytes], Any], fields: list[Any]
) -> None:
    """A hub with a good key may send anything: the answer is a refusal or a value, never a crash."""
    with contextlib.suppress(WireError):
        decode(msgpack.packb([message.VERSION, *fields]))


@pytest.mark.parametrize("kind", CODECS)
@given(data=st.data(), position=st.integers(0, 20), nonsense=anything)
def test_one_field_of_the_wrong_type_is_refused(
    kind: str, data: st.DataObject, position: int, nonsense: object
) -> None:
    """Everything right but one field: still a refusal or a value."""
    values, encode, decode = CODECS[kind]
    fields = list(msgpack.unpackb(encode(data.draw(values))))
    fields[position % len(fields)] = nonsense
    with contextlib.suppress(WireError):
        decode(msgpack.packb(fields))


@given(octets=st.binary(max_size=300))
def test_any_bytes_are_refused_or_understood(octets: bytes) -> None:
    """Nothing but our own error leaves a decoder."""
    for decode in [*DECODERS, batch.leans_on, message.kind_of]:
        with contextlib.suppress(WireError):
            decode(octets)


@given(
    beat=st.builds(Heartbeat, count, moment, st.integers(0, 0xFFFF), pairs),
    key=exactly(32),
    other=exactly(32),
)
def test_a_heartbeat_is_believed_in_its_session_only(beat: Heartbeat, key: bytes, other: bytes) -> None:
    """It is small, survives its encoding, and means nothing under another session's key."""
    packed = message.encode_heartbeat(beat, key)

    assert len(packed) <= 32
    assert message.decode_heartbeat(packed, key) == beat
    if key != other:
        with pytest.raises(WireError):
            message.decode_heartbeat(packed, other)


@given(position=st.integers(0, 30), bit=st.integers(0, 7))
def test_a_heartbeat_with_one_flipped_bit_is_refused(position: int, bit: int) -> None:
    """Liveness is authenticated, every bit of it."""
    key = bytes(32)
    packed = bytearray(message.encode_heartbeat(Heartbeat(1, 2, 3, (4, 5)), key))
    packed[position] ^= 1 << bit

    with pytest.raises(WireError):
        message.decode_heartbeat(bytes(packed), key)
