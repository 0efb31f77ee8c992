"""The hub's configuration: strict, and each mistake is one sentence that names file and key."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from edge_agent.config import HubConfig, load
from edge_agent.errors import ConfigError
from zero_trust import hub_keys


def test_an_empty_file_is_a_configuration_with_defaults(tmp_path: Path) -> None:
    """Every key has a default that a real hub can run on."""
    file = tmp_path / "hub.toml"
    file.write_text("")

    assert load(file) == HubConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ("[radio]\nspeed = 1", "$.radio"),
        ("status_period_s = 'often'", "$.status_period_s"),
        ("[outbox]\nbatch_age_max_s = 99999", "batch_age_max_s"),
        ("not toml", "TOML"),
        ("[keys]\naddress = 'device:/dev/tpmrm0'", "$.keys"),
        ("[keys]\nstore = 'cupboard'", "$.keys.store"),
        ("[keys]\nstore = 'file'\naddress = 'device:/dev/tpmrm0'", "address"),
        ("[keys]\nstore = 'tpm'\naddress = ''", "$.keys.address"),
        ("[keys]\nstore = 'tpm'\nmodule = 'x.so'", "module"),
        ("[keys]\nstore = 'pkcs11'\nmodule = 'x.so'\ntoken = 'hub'", "pin_file"),
        ("[keys]\nstore = 'pkcs11'\nmodule = 'x.so'\ntoken = 'hub'\npin_file = 'p'\npin = '1234'", "pin"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    """The installer reads which key of which file is wrong."""
    file = tmp_path / "hub.toml"
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(file)

    assert named in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", hub_keys.FileKeys()),
        ("store = 'file'", hub_keys.FileKeys()),
        ("store = 'tpm'", hub_keys.TpmKeys(address="device:/dev/tpmrm0")),
        ("store = 'tpm'\naddress = 'tabrmd'", hub_keys.TpmKeys(address="tabrmd")),
        (
            "store = 'pkcs11'\nmodule = 'x.so'\ntoken = 'hub'\npin_file = 'p'",
            hub_keys.Pkcs11Keys(module="x.so", token="hub", pin_file="p"),
        ),
    ],
)
def test_where_the_keys_are_kept_is_chosen(tmp_path: Path, text: str, kept: hub_keys.Settings) -> None:
    """Files unless a chip is named; of a chip only what that chip has."""
    file = tmp_path / "hub.toml"
    file.write_text(f"[keys]\n{text}" if text else "")

    assert load(file).keys == kept


@pytest.mark.parametrize("store", ["file", "tpm", "pkcs11"])
def test_a_store_takes_its_own_keys_and_no_others(tmp_path: Path, store: str) -> None:
    """Every other set of keys is an error that names one of them."""
    every = ("address", "module", "token", "pin_file", "pin")
    needed, allowed = {
        "file": (set(), set()),
        "tpm": (set(), {"address"}),
        "pkcs11": ({"module", "token", "pin_file"},) * 2,
    }[store]
    file = tmp_path / "hub.toml"
    for said in itertools.chain.from_iterable(
        itertools.combinations(every, n) for n in range(len(every) + 1)
    ):
        file.write_text("\n".join(["[keys]", f"store = '{store}'", *(f"{key} = 'x'" for key in said)]))
        if needed <= set(said) <= allowed:
            assert isinstance(load(file), HubConfig)
            continue
        with pytest.raises(ConfigError) as caught:
            load(file)
        assert any(f"`{key}`" in str(caught.value) for key in every)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """No configuration is the first thing a newcomer meets."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "hub.toml")

    assert "--config" in caught.value.hint


def test_sensors_are_not_configured_here(tmp_path: Path) -> None:
    """Whoever tries is told how they are added."""
    file = tmp_path / "hub.toml"
    file.write_text("[[sensors]]\nname = 'x'\n")

    with pytest.raises(ConfigError, match="sensors") as caught:
        load(file)

    assert caught.value.hint == "Sensors are added with: lum-hub sensors add"
