"""A hub whose keys are in a chip lives as any other; a copy of its card does not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.adapters import authority
from edge_agent.adapters.enrol import enrol
from edge_agent.adapters.identity import HubIdentity, load_identity
from edge_agent.errors import CredentialError
from tests.helpers.chips import Chip, chip_of_kind
from tests.helpers.disk_image import any_private_key_in, private_keys_in
from tests.helpers.site import BUTTON, ended, eventually, living_home
from tests.helpers.site_process import SiteProcess, site_process
from tests.helpers.trust import DAY_MS
from zero_trust import hub_keys, keys
from zero_trust.keystore import IN_FILES
from zero_trust.reasons import reason

TOKEN = pytest.param("pkcs11", marks=pytest.mark.needs("softhsm2-util"))
TPM = pytest.param("tpm", marks=pytest.mark.long)  # its driver is compiled on the spot: make test-long
STORES, CHIPS = ["file", TOKEN, TPM], [TOKEN, TPM]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


@pytest.fixture
def chip(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    """A new one of the kind that the test asks for."""
    with chip_of_kind(request.param, tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("chip", CHIPS, indirect=True)
def test_a_hub_enrols_renews_and_recovers_with_its_keys_in_a_chip(site: SiteProcess, chip: Chip) -> None:
    """Also after 25 days off, and nothing it says of itself holds a secret."""
    directory, voucher = site.hub_directory(), site.voucher()
    enrolled = enrol(voucher, directory, chip.settings)
    first = authority.renew(enrolled)
    chip.restart()
    with sqlite3.connect(site.config.paths.store) as db:
        db.execute("UPDATE lineage SET renewed_ms = renewed_ms - ?", (25 * DAY_MS,))

    loaded = load_identity(directory, chip.settings)
    again = authority.renew(loaded)

    assert (loaded.name, loaded.words) == (enrolled.name, enrolled.words)
    assert (again.held, authority.standing(loaded).good) == ("", True)
    assert first.serial != again.serial
    assert enrol(voucher, directory, chip.settings).name == enrolled.name  # asked again: no mistake
    assert IN_FILES not in loaded.key_place


@pytest.mark.parametrize("chip", CHIPS, indirect=True)
def test_a_copy_of_the_card_without_the_chip_is_nobody(site: SiteProcess, chip: Chip, tmp_path: Path) -> None:
    """Its own keys it cannot use, and with keys of the thief's the authority does not know it."""
    identity = enrol(site.voucher(), site.hub_directory(), chip.settings)
    card = shutil.copytree(identity.state_dir, tmp_path / "copy")
    forged = replace(identity, identity_key=keys.generate_key(), state_dir=card)
    with pytest.raises(CredentialError) as refused:
        authority.renew(forged)
    assert refused.value.code == site.last_refusal().code == "identity-proof-wrong"

    chip.exchange()
    with pytest.raises(CredentialError) as refused:
        load_identity(card, chip.settings)
    assert (refused.value.code, refused.value.exit_code) == ("key-not-in-chip", 77)
    with pytest.raises(CredentialError) as refused:
        load_identity(card)
    assert refused.value.code == "key-missing"


@pytest.mark.parametrize("chip", STORES, indirect=True)
def test_a_disk_image_of_a_hub(site: SiteProcess, chip: Chip) -> None:
    """No TLS key ever; the two lasting keys only where there is no chip."""
    identity = enrol(site.voucher(), site.hub_directory(), chip.settings)
    credentials = [authority.renew(identity) for _ in range(2)]
    lasting = _lasting(identity)
    passing = [credential.key.public_key() for credential in credentials]
    without_chip = isinstance(chip.settings, hub_keys.FileKeys)

    found = private_keys_in(identity.state_dir, lasting + passing)

    assert found == (lasting if without_chip else [])
    assert any_private_key_in(identity.state_dir) == (["data.key", "identity.key"] if without_chip else [])


@pytest.mark.parametrize(
    "chip", ["file", pytest.param("pkcs11", marks=[*TOKEN.marks, pytest.mark.long]), TPM], indirect=True
)
async def test_the_disk_of_a_hub_that_has_lived(tmp_path: Path, chip: Chip) -> None:
    """The real process, its outbox, its status and its log: it says where its keys are, and shows none."""
    async with living_home(tmp_path / "home") as living:
        hub = await living.add_hub(BUTTON, enrolled=False)
        hub.hub.config.write_text(hub.hub.config.read_text() + _written(chip.settings))
        await living.stack.enter_async_context(hub.radio)
        await hub.hub.enrol(await living.site.voucher("home"))
        await hub.start()
        receipts = hub.status()["receipts"]
        hub.press()
        await eventually(lambda: hub.status()["receipts"] > receipts, "the reading's receipt")
        place = chip.settings.open(hub.hub.state).place
        assert f"The keys of this hub are {place}." in await hub.said()

        await hub.hub.stop()
        chip.restart()
        lasting = _lasting(load_identity(hub.hub.state, chip.settings))
        chip.restart()

        without_chip = isinstance(chip.settings, hub_keys.FileKeys)
        assert private_keys_in(hub.hub.directory, lasting) == (lasting if without_chip else [])
        assert any_private_key_in(hub.hub.directory) == (["data.key", "identity.key"] if without_chip else [])


@pytest.mark.long
@pytest.mark.parametrize("chip", ["tpm"], indirect=True)
async def test_a_running_hub_outlives_its_chips_absence(tmp_path: Path, chip: Chip) -> None:
    """An alarm says what is wrong; what is heard meanwhile is signed and handed over once the chip is back."""
    async with living_home(tmp_path / "home") as living:
        hub = await living.add_hub(BUTTON, enrolled=False)
        hub.hub.config.write_text(hub.hub.config.read_text() + _written(chip.settings))
        await living.stack.enter_async_context(hub.radio)
        await hub.hub.enrol(await living.site.voucher("home"))
        await hub.start()
        chip.unplug()
        hub.press()
        alarm = await hub.alarm("keys")
        assert (alarm["code"], reason("chip-absent").hint in alarm["sentence"]) == ("chip-absent", True)
        receipts = hub.status()["receipts"]

        chip.plug()

        await eventually(lambda: hub.status()["receipts"] > receipts, "the reading's receipt")
        await eventually(lambda: "keys" not in hub.alarms(), "the alarm is cleared")
        await hub.hub.stop()


@pytest.mark.parametrize("chip", CHIPS, indirect=True)
async def test_a_hub_without_its_chip_ends_with_one_sentence(
    site: SiteProcess, chip: Chip, tmp_path: Path
) -> None:
    """At enrolment and at the start: exit code 77, what to do, and four letters for the telephone."""
    config = tmp_path / "hub.toml"
    places = f'state_dir = "{tmp_path}/state"\nruntime_dir = "{tmp_path}/run"\n'
    config.write_text(places + _written(chip.settings))
    enrol(site.voucher(), tmp_path / "state", chip.settings)
    chip.restart()
    chip.unplug()

    for words in (["enrol", site.voucher()], ["run"]):
        refused = await ended("lum-hub", words[0], "--config", str(config), *words[1:])
        assert (refused.status, refused.out) == (77, "")
        assert refused.complaint.startswith("The chip that holds this hub's keys does not answer (")
        assert refused.complaint.endswith("may open it. [CABS, chip-absent]\n")
        assert refused.complaint.count("\n") == 1


def _lasting(identity: HubIdentity) -> list[keys.PublicKey]:
    return [identity.identity_key.public_key(), identity.data_key.public_key()]


def _written(settings: hub_keys.Settings) -> str:
    """As it stands in ``hub.toml``."""
    match settings:
        case hub_keys.TpmKeys(address=address):
            return f'[keys]\nstore = "tpm"\naddress = "{address}"\n'
        case hub_keys.Pkcs11Keys(module=module, token=token, pin_file=pin_file):
            return (
                f'[keys]\nstore = "pkcs11"\nmodule = "{module}"\ntoken = "{token}"\npin_file = "{pin_file}"\n'
            )
        case _:
            return '[keys]\nstore = "file"\n'
