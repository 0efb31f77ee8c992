"""What a profile says of its kinds, and what it takes over from another."""

from __future__ import annotations

import msgspec
import pytest

from device_profiles.errors import ProfileError
from device_profiles.model_file import parse_profile
from device_profiles.profile import Contract, ContractKind, Profile, extend, parse_contract


def profile(**more: object) -> Profile:
    """A small profile of BTHome."""
    text = """
    name = "base"
    title = "A base"
    layout = "bthome_v2"
    source = "made up"
    repeat = "packet_id"
    liveness = { default = "event-only", temperature = "periodic 60 s" }
    time_resolution_ms = { default = 1000, button = 1 }
    battery = { kind = "battery", low = 10 }
    objects = [
      { id = 2, kind = "temperature", type = "int16" },
      { id = 1, kind = "battery", type = "uint8" },
      { id = 58, kind = "button", type = "event", codes = { 1 = "press" } },
    ]
    """
    return msgspec.structs.replace(parse_profile(text, "base.toml"), **more)


def test_a_kind_has_its_own_contract_or_the_default() -> None:
    """Each kind has an answer to "how would we notice that it fell silent?"."""
    base = profile()

    assert base.contract("temperature") == Contract(ContractKind.PERIODIC, 60)
    assert base.contract("button") == Contract(ContractKind.EVENT_ONLY)
    assert (base.resolution_ms("button"), base.resolution_ms("battery")) == (1, 1000)


def test_what_extends_adds_to_the_base_and_goes_before_it() -> None:
    """A dialect names only what differs: objects by id, rules by kind."""
    dialect = parse_profile(
        """
        name = "dialect"
        title = "A dialect"
        layout = "bthome_v2"
        extends = "base"
        source = "made up"
        repeat = "packet_id"
        liveness = { button = "heartbeat 60 s" }
        battery = { kind = "battery", low = 20 }
        objects = [
          { id = 58, kind = "button", type = "event", codes = { 1 = "push" } },
          { id = 0, kind = "packet_id", type = "uint8", role = "repeat" },
        ]
        """,
        "dialect.toml",
    )

    whole = extend(dialect, profile())

    assert [field.id for field in whole.objects] == [0, 1, 2, 58]
    assert whole.objects[3].codes == {1: "push"}
    assert whole.liveness == {
        "default": "event-only",
        "temperature": "periodic 60 s",
        "button": "heartbeat 60 s",
    }
    assert whole.battery == dialect.battery
    assert whole.resolution_ms("button") == 1
    assert (whole.name, whole.recognise, whole.vectors) == ("dialect", (), ())


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("event-only", Contract(ContractKind.EVENT_ONLY)),
        ("periodic 900 s", Contract(ContractKind.PERIODIC, 900)),
        ("heartbeat 3600 s", Contract(ContractKind.HEARTBEAT, 3600)),
    ],
)
def test_the_three_contracts_are_read(text: str, contract: Contract) -> None:
    """A contract is written as people say it."""
    assert parse_contract(text) == contract


@pytest.mark.parametrize(
    "text", ["", "periodic", "periodic 0 s", "periodic 5", "heartbeat -1 s", "event-only 5 s"]
)
def test_no_other_contract_is_read(text: str) -> None:
    """A contract that nobody can keep or break is refused."""
    with pytest.raises(ProfileError, match="no liveness contract") as caught:
        parse_contract(text)

    assert caught.value.hint
