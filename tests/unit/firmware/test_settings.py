"""Settings: what a file and an installer may say, and one sentence for what they may not."""

from __future__ import annotations

import pytest

from tests.helpers.firmware import load

settings = load("settings")

KEY = bytes(range(16))


def test_a_file_holds_what_was_set() -> None:
    """All of it comes back, the key too: it must outlive a power cut."""
    told = settings.Settings({"fitted": ["door", "climate"], "deep_sleep": True, "window_s": 5})
    for what, value in (("name", "Küche".encode()), ("period", b"\x2c\x01"), ("key", KEY)):
        assert told.take(what, value) == f"ok: {what}"
    read = settings.load(told.dump())

    assert vars(read) == vars(told)
    assert (read.name, read.period_s, read.key) == ("Küche", 300, KEY)


def test_a_new_node_has_defaults() -> None:
    """Without a file it watches for movement and says so each minute, unencrypted."""
    new = settings.load(None)

    assert (new.fitted, new.period_s, new.key) == (["motion"], 60, None)


def test_a_key_is_set_once() -> None:
    """Who comes later cannot replace it, and is told what would."""
    told = settings.Settings()
    told.take("key", KEY)

    assert told.take("key", bytes(16)) == "refused: the key is set; hold BOOT for 10 s to forget it"
    assert told.key == KEY


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("name", b""),
        ("name", b"x" * 21),
        ("name", b"\xff"),
        ("period", b"\x05"),
        ("period", b"\x00\x00"),
        ("key", b"short"),
    ],
)
def test_what_is_written_wrongly_changes_nothing(what: str, value: bytes) -> None:
    """The answer begins with a refusal."""
    told = settings.Settings()
    before = told.dump()

    assert told.take(what, value).startswith("refused: ")
    assert told.dump() == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"colour": 1}', "unknown key colour"),
        (b'{"period_s": 0}', "period_s"),
        (b'{"period_s": "often"}', "not a whole number"),
        (b'{"key": "00"}', "32 hex digits"),
        (b'{"fitted": ["nose"]}', "knows no nose"),
        (b'{"fitted": []}', "fitted"),
        (b'{"name": "a name that is far too long"}', "at most 20 bytes"),
    ],
)
def test_a_file_that_cannot_be_used(text: bytes, words: str) -> None:
    """Names what is wrong; a node does not guess what is wired to it."""
    with pytest.raises(ValueError, match=words):
        settings.load(text)
