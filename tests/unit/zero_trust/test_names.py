"""Names: one written form each, everything else refused."""

from __future__ import annotations

import pytest

from zero_trust.errors import BadNameError
from zero_trust.names import HubName, ServiceName, check_hub_id, check_label, new_hub_id, parse_name


def test_hub_and_service_names_survive_their_uri() -> None:
    """A name read from its own URI is the same name."""
    hub = HubName("demo", "h-17", "abcdefghijk27")
    service = ServiceName("demo", "intake")

    assert parse_name(hub.uri) == hub
    assert parse_name(service.uri) == service


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://demo",
        "spiffe://demo/home/h-17",
        "spiffe://demo/home/h-17/hub/short",
        "spiffe://demo/home/h-17/hub/abcdefghijk27/quarantine",
        "spiffe://demo/home/h-17/hub/abcdefghijk27\n",
        "spiffe://demo/home/H-17/hub/abcdefghijk27",
        "spiffe://demo/home/../hub/abcdefghijk27",
        "spiffe://demo/home/h-17/hub/abcdefghijk2*",
        "spiffe://demo/svc/",
        "SPIFFE://demo/svc/intake",
        "https://demo/svc/intake",
        "spiffe://demo.example/svc/intake",
    ],
)
def test_whatever_is_no_name_is_refused(uri: str) -> None:
    """Near misses, other schemes and trailing newlines are no names."""
    with pytest.raises(BadNameError) as refused:
        parse_name(uri)

    assert refused.value.code == "name-malformed"


def test_names_cannot_be_built_around_the_checks() -> None:
    """The constructor checks what the parser checks."""
    with pytest.raises(BadNameError):
        HubName("demo", "Mrs Smith", "abcdefghijk27")
    with pytest.raises(BadNameError):
        ServiceName("demo", "intake/../authority")


def test_new_hub_ids_are_hub_ids() -> None:
    """All-zero and all-one randomness give valid, different ids; too little randomness is refused."""
    low, high = new_hub_id(bytes(9)), new_hub_id(b"\xff" * 9)

    assert (check_hub_id(low), check_hub_id(high)) == ("a" * 13, "7" * 13)
    with pytest.raises(ValueError, match="9 random bytes"):
        new_hub_id(bytes(8))


def test_labels_have_one_to_thirty_two_symbols() -> None:
    """The limits of a label are inclusive."""
    assert check_label("a" * 32, "home") == "a" * 32
    for text in ("", "a" * 33, "a.b", "a b"):
        with pytest.raises(BadNameError):
            check_label(text, "home")
