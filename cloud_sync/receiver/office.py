"""What the authority works with, as it lies in its directory: bundles, and the issuing keys that the newest names."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import structlog

from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.registrar import Office, Registrar
from cloud_sync.receiver.store.registry import Registry
from zero_trust.authority import Issuer
from zero_trust.bundle import read_bundle
from zero_trust.credential import certificate_key
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.evidence import site_facts
from zero_trust.keystore import load_certificates, load_key
from zero_trust.site_files import load_bundles, newest_version
from zero_trust.trust_set import TrustSet

LOOK_PERIOD_S = 5.0

_log = structlog.get_logger()


def open_office(config: ReceiverConfig) -> Office:
    """Read the site's bundles and issuing keys.

    Raises:
        TrustError: one of them cannot be used.
    """
    directory = config.paths.authority
    bundles = load_bundles(directory)
    trust = read_bundle(bundles[max(bundles)]).trust
    return Office(
        host=config.host,
        authority_port=config.ports.authority,
        broker_port=config.ports.mqtt,
        trust=trust,
        bundles=bundles,
        tls=_issuer(directory, "tls-ca", trust),
        data=_issuer(directory, "data-ca", trust),
    )


def record_bundles(registrar: Registrar, registry: Registry) -> None:
    """Write down each bundle that is not on record yet, so that an auditor can follow."""
    last = registry.audit.newest(1, "site")
    recorded = last[0].facts["version"] if last else 0
    for version, packed in registrar.bundles.items():
        if version > recorded:
            registry.audit.record_change(time.time_ns() // 1_000_000, "site", site_facts(packed))


async def follow_bundles(config: ReceiverConfig, registrar: Registrar, registry: Registry) -> None:
    """Go on with a new bundle as soon as it is there; one that cannot be used changes nothing."""
    while True:
        await asyncio.sleep(LOOK_PERIOD_S)
        if newest_version(config.paths.authority) == registrar.trust.version:
            continue
        try:
            registrar.use(open_office(config))
        except TrustError as error:
            _log.error("bundle.refused", reason_code=error.code, trouble=str(error))
            continue
        record_bundles(registrar, registry)
        _log.info("bundle.taken_up", version=registrar.trust.version)


def _issuer(directory: Path, kind: str, trust: TrustSet) -> Issuer:
    """The issuing authority of a kind that the bundle names as the newest, wherever its files are."""
    named = {"tls-ca": trust.tls, "data-ca": trust.data}[kind]
    for file in sorted(directory.glob(f"{kind}*.crt")):
        certificate = load_certificates(file)[0]
        if certificate_key(certificate) == certificate_key(named):
            return Issuer(certificate, load_key(file.with_suffix(".key")))
    raise KeyStoreError("key-missing", f"{directory}: {kind} of bundle {trust.version}")
