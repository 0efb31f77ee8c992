"""Known answers of settings: the bytes beside the specification are still made, read, and signed as it says.

``python tests/contract/test_setting_vectors.py`` writes them anew: after a change of the format only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from cloud_sync.sync.session import session_name
from cloud_sync.wire.setting import (
    NO_END_MS,
    SETTING_TAG,
    TAKEN_TAG,
    VERSION,
    Pause,
    Setting,
    Taken,
    decode_setting,
    decode_taken,
    encode_setting,
    encode_taken,
)
from zero_trust.envelope import sign_tagged, verify_tagged
from zero_trust.keys import public_bytes, public_key

FILE = Path(__file__).parents[2] / "cloud_sync/wire/vectors/settings.json"
KEY = bytes(range(32))
SITE, HUB = "demo", "abcdefghijklm"
NIGHT = Pause(1_800_000_000_000, 1_800_014_400_000, ("help", "hazard"))
AGREED_NO_LONGER = Pause(1_800_100_000_000, NO_END_MS, ("climate", "help", "hazard"))

Vector = dict[str, Any]


def made_anew() -> list[Vector]:
    """The vectors, from the encoder; a signature differs each time."""
    key = ec.derive_private_key(int.from_bytes(KEY), ec.SECP256R1())
    session = session_name(KEY)
    settings = [
        ("nothing is left out", Setting(VERSION, SITE, HUB, session, 1, 1_800_000_000_000, ())),
        (
            "four hours, and what is agreed no longer",
            Setting(VERSION, SITE, HUB, session, 2**32 - 1, 1_800_000_000_123, (NIGHT, AGREED_NO_LONGER)),
        ),
    ]
    accounts = [
        ("a new hub", Taken(VERSION, SITE, HUB, session, 1, 0, (), (), "")),
        (
            "one refused, one of its own",
            Taken(VERSION, SITE, HUB, session, 7, 3, (AGREED_NO_LONGER,), (NIGHT,), "setting-replayed"),
        ),
    ]
    signed: list[tuple[str, bytes, bytes, Setting | Taken]] = [
        *((title, SETTING_TAG, encode_setting(one), one) for title, one in settings),
        *((title, TAKEN_TAG, encode_taken(one), one) for title, one in accounts),
    ]
    return [
        {
            "title": title,
            "tag": tag.hex(),
            "public_key": public_bytes(key.public_key()).hex(),
            "body": body.hex(),
            "signed": sign_tagged(key, tag, body).hex(),
            "session_key": KEY.hex(),
            "holds": _shown(one),
        }
        for title, tag, body, one in signed
    ]


def _shown(one: Setting | Taken) -> list[Any]:
    """Its fields in order, as JSON has them; bytes in hex."""
    fields = [getattr(one, name) for name in one.__struct_fields__]
    plain = [field.hex() if isinstance(field, bytes) else msgspec.to_builtins(field) for field in fields]
    shown: list[Any] = json.loads(json.dumps(plain))
    return shown


def committed() -> list[Vector]:
    """The vectors as they stand beside the specification."""
    vectors: list[Vector] = json.loads(FILE.read_text())
    return vectors


def test_the_encoder_still_makes_the_vectors() -> None:
    """All but the signatures, which are never the same twice."""
    assert [one | {"signed": ""} for one in made_anew()] == [one | {"signed": ""} for one in committed()]


def test_the_vectors_verify_and_are_read_as_they_say() -> None:
    """Signature, tag, session and every field."""
    for vector in committed():
        tag, signed = bytes.fromhex(vector["tag"]), bytes.fromhex(vector["signed"])
        body = verify_tagged(public_key(bytes.fromhex(vector["public_key"])), tag, signed)
        one = decode_setting(body) if tag == SETTING_TAG else decode_taken(body)

        assert body.hex() == vector["body"]
        assert _shown(one) == vector["holds"]
        assert one.session == session_name(bytes.fromhex(vector["session_key"]))


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(one) for one in made_anew()) + "\n]\n")
