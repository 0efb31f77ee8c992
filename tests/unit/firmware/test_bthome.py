"""The firmware's encoder: known answers, and what does not fit is refused."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from tests.helpers.firmware import Aes, load

bthome, ccm = load("bthome"), load("ccm")

KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
ADDRESS = bytes.fromhex("5448e68f80a5")


def test_the_published_encrypted_frame() -> None:
    """Key, address and counter of bthome.io's example give its bytes."""
    sealer = bthome.Sealer(Aes(KEY), ADDRESS)
    frame = sealer.seal(0x33221100, bytes.fromhex("02ca0903bf13"))

    assert frame == bytes.fromhex("41a47266c95f730011223378237214")


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 100])
def test_sealing_is_aes_ccm(size: int) -> None:
    """Ciphertext and tag are those of another implementation, at and around the block's length."""
    source = random.Random(size)
    key, nonce, plain = source.randbytes(16), source.randbytes(13), source.randbytes(size)

    assert ccm.seal(Aes(key), nonce, plain) == AESCCM(key, tag_length=4).encrypt(nonce, plain, None)


def test_a_plain_frame_byte_by_byte() -> None:
    """Flags, service data, version, packet id, then objects in the order of their ids."""
    readings = [("motion", 1), ("temperature", -550), ("battery", 93)]

    assert bthome.advert(readings, 0x1234) == bytes.fromhex("0201060d16d2fc400034015d02dafd2101")


def test_all_sensors_on_one_node_fit_encrypted() -> None:
    """The fullest state there can be takes 30 of 31 bytes."""
    state = [("battery", 1), ("temperature", 2), ("humidity", 3), ("door", 1), ("motion", 1)]

    assert len(bthome.advert(state, 1, bthome.Sealer(Aes(KEY), ADDRESS))) == 30


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ([("temperature", 1)] * 8, "holds 31 bytes"),
        ([("smell", 1)], "no kind smell"),
        ([("button", "smash")], "no event smash"),
        ([("door", "press")], "no event press"),
    ],
)
def test_what_cannot_be_said_is_refused(readings: list[tuple[str, int | str]], words: str) -> None:
    """One sentence says what; nothing is cut off in silence."""
    with pytest.raises(ValueError, match=words):
        bthome.advert(readings, 1)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("temperature", 2150, "temperature=21.50"),
        ("temperature", -5, "temperature=-0.05"),
        ("humidity", 4805, "humidity=48.05"),
        ("door", 1, "door=1"),
        ("button", "press", "button=press"),
    ],
)
def test_what_the_log_says(kind: str, value: int | str, said: str) -> None:
    """Values in the log are plain ones, for people and for the rig."""
    assert bthome.told(kind, value) == said
