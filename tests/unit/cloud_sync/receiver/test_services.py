"""The site's own certificates over a real site directory: renewed, taken up, refused, and told when they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from cloud_sync.receiver.certificates import Keeper, Make, given
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.receiver.office import open_office, record_bundles
from cloud_sync.receiver.registrar import Registrar
from cloud_sync.receiver.services import Services
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import Registry
from tests.helpers.trust import DAY_MS, NOW_MS
from zero_trust import keys
from zero_trust.authority import hosts_of
from zero_trust.credential import Use
from zero_trust.keystore import load_certificates, load_key, save_key
from zero_trust.rotation import rotate
from zero_trust.rotation_file import apply
from zero_trust.site import make_site
from zero_trust.site_files import SERVICES, load_bundles, pinned
from zero_trust.trust_set import TrustSet


@dataclass
class Duty:
    """An authority over its own directory, the time by which it works, and what a service was told to reload."""

    config: ReceiverConfig
    registry: Registry
    registrar: Registrar = field(init=False)
    services: Services = field(init=False)
    now_ms: int = NOW_MS
    reloaded: list[str] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        """It starts."""
        self.registrar = Registrar(
            open_office(self.config),
            self.registry,
            self.config.limits,
            clock_ms=lambda: self.now_ms,
            entropy=os.urandom,
        )
        self.services = Services(self.registrar, self.config.paths.authority, lambda: self.now_ms)

    @property
    def site(self) -> Path:
        """The site's directory."""
        return self.config.paths.authority.parent

    def keeper(self, label: str) -> Keeper:
        """The service that keeps that certificate."""
        return Keeper(label, (self.site / label).parent, self._ask, lambda: self.reloaded.append(label))

    def certificate(self, label: str) -> x509.Certificate:
        """The one that lies there now."""
        return load_certificates(self.site / f"{label}.crt")[0]

    def believed(self, label: str) -> bool:
        """Whether it is good now, for what it is for."""
        trust: TrustSet = self.registrar.trust
        if SERVICES[label] is Use.SERVER:
            trust.believe_server(self.certificate(label), "127.0.0.1", self.now_ms)
        else:
            trust.believe(self.certificate(label), SERVICES[label], self.now_ms)
        return True

    def alarms(self) -> list[tuple[str, str]]:
        """What operations are told of services."""
        return [(alarm.code, alarm.detail.partition(",")[0]) for alarm in self.services.alarms()]

    def roll_over(self) -> None:
        """Replace the authorities, and take that up."""
        held = load_bundles(self.config.paths.authority)
        root_keys = [load_key(file) for file in (self.site / "root").glob("*.key")]
        made = rotate(held, root_keys, roots=1, threshold=None, now_ms=self.now_ms, entropy=os.urandom)
        apply(self.site, made)
        self.registrar.use(open_office(self.config))

    async def _ask(self, make: Make) -> bytes:
        if self.away:
            raise ConnectionRefusedError("away")
        return given(self.services.renew(make(self.registrar.nonce())))


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[Duty]:
    """A new site."""
    make_site(tmp_path / "site", site="demo", host="127.0.0.1", now_ms=NOW_MS, entropy=os.urandom)
    config = load_config(tmp_path / "site" / "receiver.toml")
    with closing(open_database(config.paths.store)) as db:
        yield Duty(config, Registry(db))


async def test_a_certificate_that_is_not_due_stays(duty: Duty) -> None:
    """It is asked for again and again, and nothing is written or reloaded."""
    before = {label: duty.certificate(label) for label in SERVICES}
    for label in SERVICES:
        assert await duty.keeper(label).look()

    assert {label: duty.certificate(label) for label in SERVICES} == before
    assert duty.reloaded == []


@pytest.mark.parametrize("later_days", [267, 399, 450], ids=["due", "on its last day", "after its end"])
async def test_every_service_is_renewed(duty: Duty, later_days: int) -> None:
    """By the same key, for the same names; also if it has ended already. The key stays, and it is pinned anew."""
    duty.now_ms += later_days * DAY_MS
    for label in SERVICES:
        before, keeper = duty.certificate(label), duty.keeper(label)
        await keeper.look()
        after = duty.certificate(label)
        assert after != before
        assert after.public_key() == before.public_key()
        assert after.not_valid_after_utc > before.not_valid_after_utc
        assert duty.believed(label)
        if SERVICES[label] is Use.SERVER:
            assert hosts_of(after) == hosts_of(before)

        assert pinned(duty.config.paths.authority, label) == before  # not seen in use yet
        await keeper.look()
        assert pinned(duty.config.paths.authority, label) == after == duty.certificate(label)
    assert duty.reloaded == list(SERVICES)


async def test_everything_issued_is_in_the_audit(duty: Duty) -> None:
    """Before anybody gets it."""
    duty.now_ms += 300 * DAY_MS
    for label in SERVICES:
        await duty.keeper(label).look()

    assert [row.facts["use"] for row in duty.registry.audit.newest(9, "issued")] == [
        "receipt",
        "service-tls",
        "server",
        "service-tls",
        "server",
    ]


async def test_the_same_certificate_is_given_again_until_it_is_used(duty: Duty) -> None:
    """An answer that was lost, or a disk that takes nothing, costs no new one each time."""
    duty.now_ms += 300 * DAY_MS
    keeper = duty.keeper("intake/receipt")
    old = (duty.site / "intake" / "receipt.crt").read_bytes()
    await keeper.look()
    first = duty.certificate("intake/receipt")
    (duty.site / "intake" / "receipt.crt").write_bytes(old)
    await keeper.look()

    assert duty.certificate("intake/receipt") == first


async def test_a_roll_over_renews_at_once(duty: Duty) -> None:
    """And the roots in ca.pem are taken up with it; twice, and nothing of the beginning is left."""
    record_bundles(duty.registrar, duty.registry)
    for _ in range(2):
        duty.roll_over()
        for label in SERVICES:
            keeper = duty.keeper(label)
            await keeper.look()
            await keeper.look()
            assert duty.believed(label)
        assert duty.alarms() == []
    record_bundles(duty.registrar, duty.registry)

    assert [row.facts["version"] for row in duty.registry.audit.newest(9, "site")] == [3, 2, 1]


async def test_a_service_that_does_not_get_on_is_an_alarm_long_before_the_end(duty: Duty) -> None:
    """With a hundred days left; the others are quiet."""
    duty.now_ms += 299 * DAY_MS
    assert duty.alarms() == []
    for label in SERVICES:
        if label != "broker/server":
            keeper = duty.keeper(label)
            await keeper.look()
            await keeper.look()
    duty.now_ms += DAY_MS

    assert duty.alarms() == [("service-not-renewed", "broker/server")]
    assert {row["service"]: row["due"] for row in duty.services.told()} == {
        label: label == "broker/server" for label in SERVICES
    }
    keeper = duty.keeper("broker/server")
    await keeper.look()
    assert duty.alarms() == [("service-not-renewed", "broker/server")]  # given, but not seen in use
    await keeper.look()
    assert duty.alarms() == []


async def test_a_service_whose_key_is_not_the_known_one_is_refused(duty: Duty) -> None:
    """Nor is one that nobody knows; what it has stays as it was, and both are written down."""
    duty.now_ms += 300 * DAY_MS
    save_key(duty.site / "intake" / "receipt.key", keys.generate_key())
    (duty.config.paths.authority / "services" / "authority-https.crt").unlink()
    for label in ("intake/receipt", "authority/https"):
        before = duty.certificate(label)
        await duty.keeper(label).look()
        assert duty.certificate(label) == before

    codes = [row.code for row in duty.registry.refusals()]
    assert codes == ["service-unknown", "service-proof-wrong"]
    assert ("service-unknown", "authority/https") in duty.alarms()


async def test_an_authority_that_is_away_is_asked_again(duty: Duty) -> None:
    """Sooner than otherwise."""
    duty.away = True
    assert not await duty.keeper("intake/client").look()
    duty.away = False
    assert await duty.keeper("intake/client").look()


async def test_what_ca_pem_does_not_lead_to_is_not_put_in_place(duty: Duty) -> None:
    """It would cut the service off: whoever copies its directory must bring the new roots too."""
    roots = (duty.site / "intake" / "ca.pem").read_bytes()
    duty.roll_over()
    (duty.site / "intake" / "ca.pem").write_bytes(roots)
    before = duty.certificate("intake/client")
    await duty.keeper("intake/client").look()

    assert duty.certificate("intake/client") == before


def test_a_site_says_in_time_that_its_bundle_ends(duty: Duty) -> None:
    """180 days before: as long as a hub may be off."""
    ends_ms = duty.registrar.trust.expires_ms
    duty.now_ms = ends_ms - 180 * DAY_MS - 1
    assert duty.registrar.alarms() == []
    duty.now_ms += 1

    assert [alarm.code for alarm in duty.registrar.alarms()] == ["bundle-ends"]
