"""Settings and accounts of them on the wire: what was encoded comes back, and anything else is refused in one way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.wire.errors import WireError
from cloud_sync.wire.setting import (
    NO_END_MS,
    PAUSES_MAX,
    VERSION,
    Pause,
    Setting,
    Taken,
    decode_setting,
    decode_taken,
    encode_setting,
    encode_taken,
    pack_pauses,
    unpack_pauses,
)

names = st.text(min_size=1, max_size=64)
sessions = st.binary(min_size=16, max_size=16)
numbers = st.integers(0, 2**32 - 1)
moments = st.integers(0, NO_END_MS)
roles = st.from_regex(r"\A[a-z-]{1,32}\Z")
pauses = st.builds(
    lambda two, stays: Pause(min(two), max(two), tuple(stays)),
    st.tuples(moments, moments).filter(lambda two: two[0] != two[1]),
    st.lists(roles, max_size=4),
)
lists = st.lists(pauses, max_size=5).map(tuple)
settings = st.builds(
    Setting, st.just(VERSION), names, names, sessions, st.integers(1, 2**32 - 1), moments, lists
)
accounts = st.builds(
    Taken,
    st.just(VERSION),
    names,
    names,
    sessions,
    numbers,
    numbers,
    lists,
    lists,
    st.text(max_size=64),
)


@given(settings)
def test_a_setting_comes_back_as_it_was(setting: Setting) -> None:
    """Every field."""
    assert decode_setting(encode_setting(setting)) == setting


@given(accounts, lists)
def test_an_account_comes_back_as_it_was(taken: Taken, kept: tuple[Pause, ...]) -> None:
    """Every field; and what either end keeps."""
    assert decode_taken(encode_taken(taken)) == taken
    assert unpack_pauses(pack_pauses(kept)) == kept


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No other exception leaves a decoder."""
    for decode in (decode_setting, decode_taken, unpack_pauses):
        with contextlib.suppress(WireError):
            decode(body)


@given(settings, st.data())
def test_a_setting_with_a_field_that_does_not_fit_is_refused(setting: Setting, data: st.DataObject) -> None:
    """Another type, too many pauses, one field more or less: none of it is read as something else."""
    fields = msgpack.unpackb(encode_setting(setting))
    number = data.draw(st.integers(0, len(fields) - 1))
    wrong: list[Callable[[], list[Any]]] = [
        lambda: [*fields[:number], *fields[number + 1 :]],
        lambda: [*fields, 0],
        lambda: [*fields[:number], {"a": 1}, *fields[number + 1 :]],
        lambda: [*fields[:-1], [[5, 5, []]]],
        lambda: [*fields[:-1], [[0, 5, ["Help"]]]],
        lambda: [*fields[:-1], [[0, 5, []]] * (PAUSES_MAX + 1)],
        lambda: [2, *fields[1:]],
    ]
    with pytest.raises(WireError):
        decode_setting(msgpack.packb(data.draw(st.sampled_from(wrong))()))
