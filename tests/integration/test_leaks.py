"""No secret of anybody in logs, answers, reports, stores or reprs: everything a story produced is searched for all of them."""

from __future__ import annotations

import asyncio
import gc
import os
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import pytest

from cloud_sync.receiver.config import Limits, load_config
from cloud_sync.receiver.office import open_office
from cloud_sync.receiver.registrar import Registrar
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import Registry
from edge_agent.adapters.authority import TlsCredential
from edge_agent.adapters.bundle import TrustedBundle
from hil_tests import inprocess
from hil_tests.cli import SCENARIOS
from hil_tests.demo import ScenarioStory
from hil_tests.inprocess import run as virtual
from hil_tests.leaks import Secret, leaks, leaks_under, private_bytes, secrets_of
from hil_tests.rig.hub import SensorEntry
from hil_tests.runner import run
from hil_tests.scenario import load_scenario
from hil_tests.verdict import Verdict
from tests.helpers.site import BUTTON, LivingHub, ended, eventually, living_home
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import keys
from zero_trust.credential import Use
from zero_trust.site import make_site
from zero_trust.voucher import parse_voucher

PRODUCT = ("edge_agent", "device_profiles", "cloud_sync", "zero_trust")
LOCK = SensorEntry(
    "C0:00:00:00:00:77", "lock", "Hall", "bthome_v2", "event-only", key=bytes(range(0x80, 0x90))
)


async def test_a_whole_story_leaves_no_secret_anywhere(tmp_path: Path) -> None:
    """Enrolled with a wrong code first, heard, looked at, held, revoked: every command's words, every log, every store."""
    async with living_home(tmp_path) as living:
        hub = await living.add_hub(BUTTON, enrolled=False)
        await hub.hub.add(LOCK)
        said = Said(tmp_path, hub)
        voucher = await living.site.voucher("home")
        wrong = replace(parse_voucher(voucher), code="00000000").text
        await said.hub("enrol", wrong)
        await said.hub("enrol", voucher)
        async with hub.radio:
            await hub.start()
            receipts = hub.status()["receipts"]
            hub.press()
            await eventually(lambda: hub.status()["receipts"] > receipts, "the press's receipt")
            link = await living.site.link("home")
            (tmp_path / "page.html").write_text(await asyncio.to_thread(_page, link))
            await said.look_at_everything(living.site.directory)
            await said.trust("revoke", hub.identity.hub, "--reason", "lost", at=living.site.directory)
            await hub.alarm("credential")
            await said.hub("status")
            await hub.hub.stop()
        known = secrets_of(tmp_path, living.site.vouchers)
        found = leaks_under(tmp_path, known)
        (tmp_path / "page.html").unlink()
        found += leaks_under(tmp_path, [Secret("a link", link.rsplit("/", 1)[1].encode())])

    parties = {secret.party for secret in known}
    assert (parties, len(known) > 12) == ({"hub", "site", ""}, True)
    assert any(secret.raw == LOCK.key for secret in known)
    assert found == []


async def test_a_key_in_a_log_fails_the_scenario() -> None:
    """Every scenario looks for them: with one line too many in the hub, this one does not pass."""
    file = SCENARIOS / "p3_neighbours.toml"
    result = await run(load_scenario(file), str(file), mutant="key_logged")

    assert result.verdict is Verdict.FAILED
    assert any(line.startswith("hub.log holds the hub's data.key") for line in result.sentences)


def test_no_living_object_tells_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub and its site at work in this process, and an authority beside them: the repr of whatever they are made of."""
    scenario = load_scenario(SCENARIOS / "p3_forged_with_another_key.toml")
    sensors = [Secret(one.name, one.key) for one in ScenarioStory(scenario).sensors if one.key]
    observe, told, known = virtual._observe, list[str](), list[Secret]()

    async def watched(*arguments: Any) -> None:
        known.extend([*sensors, *_living_keys()])
        told.extend(_told(known))
        await observe(*arguments)

    monkeypatch.setattr(virtual, "_observe", watched)
    office = _authority(tmp_path)
    inprocess.run_virtual(scenario, 1)

    assert sensors
    assert {"HubIdentity.data_key", "HubIdentity.identity_key"} <= {one.what for one in known}
    assert len(known) > 5
    assert told == []
    assert office

    planted = _planted(known[-1].raw)
    assert len(list(_told(known))) == 1
    assert planted


@dataclass
class Said:
    """Runs commands, and keeps what they say as files of the story."""

    directory: Path
    living: LivingHub
    count: int = 0

    async def hub(self, *words: str) -> None:
        """One of ``lum-hub``."""
        await self._keep("lum-hub", *words, "--config", str(self.living.hub.config))

    async def trust(self, *words: str, at: Path) -> None:
        """One of ``lum-trust``."""
        await self._keep("lum-trust", *words, "--dir", str(at))

    async def look_at_everything(self, site: Path) -> None:
        """All that operations and installers look at; what is zipped is unpacked."""
        config = ("--config", str(site / "receiver.toml"))
        for words in (["status"], ["status", "--json"], ["sensors", "list"]):
            await self.hub(*words)
        for words in (["hubs", "--json"], ["refusals"], ["alarms"], ["audit", "show", "--last", "100"]):
            await self.trust(*words, at=site)
        await self.trust("audit", "export", str(self.directory / "log.jsonl"), at=site)
        for words in (["status", "--json"], ["readings"], ["coverage"], ["retention", "--verify"]):
            await self._keep("lum-receiver", *words, *config)
        batches, archive = self.directory / "batches.jsonl", self.directory / "home.zip"
        await self._keep("lum-receiver", "evidence", "--home", "home", str(batches), *config)
        await self._keep("lum-receiver", "export", "home", "--to", str(archive), *config)
        zipfile.ZipFile(archive).extractall(self.directory / "unzipped")

    async def _keep(self, *words: str) -> None:
        done = await ended(*words)
        self.count += 1
        (self.directory / f"said-{self.count}").write_text(f"{done.out}\n{done.complaint}")


def _page(link: str) -> str:
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - our own page
        return str(answer.read().decode())


def _authority(directory: Path) -> list[object]:
    """What the authority works with, a voucher, and a certificate in a hub's hands."""
    make_site(directory / "s", site="demo", host="127.0.0.1", now_ms=NOW_MS, entropy=os.urandom)
    office, db = open_office(load_config(directory / "s" / "receiver.toml")), open_database(directory / "db")
    registry = Registry(db)
    registrar = Registrar(office, registry, Limits(), clock_ms=lambda: NOW_MS, entropy=os.urandom)
    text, _ = registrar.new_voucher("h-17")
    voucher, key, site = parse_voucher(text), keys.generate_key(), Site()
    leaf = site.leaf(key, HUB, Use.HUB_TLS)
    tls = TlsCredential(
        (leaf, site.tls.certificate), key, TrustedBundle(directory, site.trust), NOW_MS, NOW_MS + 1
    )
    return [office, registrar, voucher, registry.voucher(voucher.id), tls, db]


def _living() -> list[object]:
    return [one for one in gc.get_objects() if str(type(one).__module__).partition(".")[0] in PRODUCT]


def _fields(one: object) -> Iterator[tuple[str, object]]:
    yield from getattr(one, "__dict__", {}).items()
    slots = (name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ()))
    yield from ((name, getattr(one, name)) for name in slots if hasattr(one, name))


def _living_keys() -> list[Secret]:
    """Whatever private keys, codes and MAC keys objects hold now."""
    found = dict[bytes, Secret]()
    for one in _living():
        for name, value in _fields(one):
            what = f"{type(one).__name__}.{name}"
            if name in {"mac_key", "code"} and type(one).__name__.startswith("Voucher"):
                raw = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]  # bytes
                found[raw] = Secret(what, raw)
            try:
                raw = private_bytes(value)
            except TypeError:
                continue
            found[raw] = Secret(what, raw)
    return list(found.values())


def _told(known: Iterable[Secret]) -> Iterator[str]:
    secrets = list(known)
    for one in _living():
        yield from leaks(secrets, repr(one).encode(errors="replace"), PurePath(type(one).__name__))


def _planted(raw: bytes) -> object:
    """An object of ours, as it looks when somebody forgot ``repr=False``."""

    @dataclass
    class Forgetful:
        key: bytes

    Forgetful.__module__ = "zero_trust.planted"
    return Forgetful(raw)
