"""What the broker says of its sessions, read as if a stranger had said it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.receiver.sessions import Session, Sessions, read_sessions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["server", "id", "data", "cid"]), inner),
)


def test_each_session_is_known_by_its_broker_and_number() -> None:
    """As nats-server 2.15 answers CONNZ."""
    reply = {"server": {"id": "NB2F"}, "data": {"connections": [{"cid": 8, "type": "mqtt"}, {"cid": 11}]}}

    assert read_sessions(json.dumps(reply).encode()) == [Session("NB2F", 8), Session("NB2F", 11)]


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_no_session(reply: bytes) -> None:
    """Nor is it an error."""
    assert all(isinstance(session, Session) for session in read_sessions(reply))


async def test_without_a_broker_nothing_is_known() -> None:
    """Which is not the same as none."""
    sessions = Sessions(lambda _: True)

    assert await sessions.end("a" * 13) is None
