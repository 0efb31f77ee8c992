"""The broker's question and our answer, as JWTs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sync.receiver.admission import answer, read_knock
from cloud_sync.receiver.broker import callout_pair
from tests.helpers.trust import HUB, Site
from zero_trust import keys
from zero_trust.credential import Use
from zero_trust.errors import CredentialError
from zero_trust.keystore import certificates_pem
from zero_trust.policy import Decision, deny

SITE = Site()
LEAF = SITE.leaf(keys.generate_key(), HUB, Use.HUB_TLS)
PEMS = [certificates_pem((one,)).decode() for one in (LEAF, SITE.tls.certificate)]
KEY = Ed25519PrivateKey.generate()
ASKED: dict[str, Any] = {
    "user_nkey": "UUSER",
    "server_id": {"id": "NSERVER"},
    "client_info": {"mqtt_id": HUB.hub},
    "client_tls": {"verified_chains": [PEMS]},
}


def token(asked: object) -> bytes:
    """A question as the broker writes it."""
    return b"header." + base64.urlsafe_b64encode(json.dumps({"nats": asked}).encode()).rstrip(b"=") + b".sig"


def read(part: str) -> dict[str, Any]:
    """One part of a JWT."""
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "==="))
    return content


def test_a_question_gives_certificates_and_client_id() -> None:
    """The chain comes leaf first; without MQTT there is no client id."""
    knock = read_knock(token(ASKED))

    assert (knock.user, knock.server, knock.client_id) == ("UUSER", "NSERVER", HUB.hub)
    assert knock.chain == (LEAF, SITE.tls.certificate)
    assert read_knock(token({**ASKED, "client_info": {}})).client_id is None
    assert read_knock(token({**ASKED, "client_tls": {}})).chain == ()
    assert read_knock(token({**ASKED, "client_tls": {"certs": PEMS}})).chain == knock.chain


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"a.b.c",
        token(5),
        token({}),
        token({**ASKED, "client_info": None}),
        token({**ASKED, "client_tls": 5}),
    ],
)
def test_whatever_is_no_question_is_refused(question: bytes) -> None:
    """In our own words."""
    with pytest.raises(CredentialError) as refused:
        read_knock(question)

    assert refused.value.code == "request-malformed"


def test_an_unreadable_certificate_is_refused() -> None:
    """In our own words."""
    with pytest.raises(CredentialError) as refused:
        read_knock(token({**ASKED, "client_tls": {"certs": ["nonsense"]}}))

    assert refused.value.code == "certificate-malformed"


def test_a_yes_holds_rights_an_end_and_mqtt_alone() -> None:
    """Signed by the key that the broker believes."""
    decision = Decision(allow=True, publish=("hubs.h.up",), subscribe=("cmd.h",), until_ms=1_800_000_000_999)
    outer = answer(read_knock(token(ASKED)), decision, pair=callout_pair(KEY), now_s=5).decode()
    header, body, signature = outer.split(".")
    response = read(body)
    user = read(response["nats"]["jwt"].split(".")[1])

    KEY.public_key().verify(base64.urlsafe_b64decode(signature + "==="), f"{header}.{body}".encode())
    assert (response["sub"], response["aud"]) == ("UUSER", "NSERVER")
    assert (user["sub"], user["aud"], user["exp"]) == ("UUSER", "SITE", 1_800_000_000)
    assert "name" not in user  # or the session would not outlive a reload of the broker
    assert (user["nats"]["pub"], user["nats"]["sub"]) == ({"allow": ["hubs.h.up"]}, {"allow": ["cmd.h"]})
    assert user["nats"]["allowed_connection_types"] == ["MQTT"]


def test_a_no_holds_its_code_and_no_user() -> None:
    """Nothing in it could be mistaken for a right."""
    knock = read_knock(token(ASKED))
    outer = answer(knock, deny("hub-revoked"), pair=callout_pair(KEY), now_s=5).decode()
    response = read(outer.split(".")[1])["nats"]

    assert response["error"] == "hub-revoked"
    assert "jwt" not in response
