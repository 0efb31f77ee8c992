"""Attacks on a hub's time: somebody between hub and authority, with the authority's stolen server key, tells the time.

The server key alone is not enough: the time is signed over the hub's nonce by a key for time alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.door import Answer
from hil_tests.attack.families.enrolment import installed
from hil_tests.attack.forge import foreign_authority
from hil_tests.attack.impostor import Impostor, impostor
from hil_tests.attack.pen import now_ms
from hil_tests.attack.target import Target
from hil_tests.rig.errors import RigError
from hil_tests.rig.hub import Hub
from hil_tests.rig.process import until
from hil_tests.rig.site import SITE_NAME
from zero_trust import fields, keys
from zero_trust.authority import SERIAL_BYTES, Issuer, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.keystore import load_certificates, load_key, write_private
from zero_trust.lineage import DAY_MS
from zero_trust.names import ServiceName
from zero_trust.timekeeping import tell_time
from zero_trust.tls import server_context
from zero_trust.trust_set import TIME_SERVICE

attack = Family("time")
TIME, BUNDLE = "/v1/time", "/v1/bundle"
HOUR_MS = 3_600_000
WAIT_S = 20.0
TOLD = "the hub was told so, and goes no further"

Tell = Callable[[bytes, bytes], Awaitable[bytes]]


@contextlib.asynccontextmanager
async def _between(site: Target, tell: Tell) -> AsyncIterator[Impostor]:
    """Passes everything on, but for the time: ``tell`` gets the nonce and the true answer."""
    authority = site.site.directory / "authority"
    context = server_context(authority / "https.crt", authority / "https.key")

    async def answers(path: str, body: bytes) -> Answer:
        honest = await (site.door.bundle() if path == BUNDLE else site.door.ask(path, body))
        return Answer(honest.status, await tell(body, honest.content)) if path == TIME else honest

    async with impostor(context, answers) as himself:
        yield himself


async def _new_hub(site: Target, tell: Tell) -> Said:
    """A new hub asks for the time before it enrols."""
    voucher = await site.voucher()
    site.begin()
    async with _between(site, tell) as himself:
        tried = await installed(site, replace(voucher, port=himself.port).text)
    if "/v1/enrol" in himself.asked:
        raise BrokenError("The hub believed the time that it was told.")
    return Said(TOLD, tried.told)


async def _running_hub(site: Target, tell: Tell, floor_ms: int = 0) -> Said:
    """An enrolled hub starts and asks for the time; ``floor_ms``: what it has believed before."""
    directory = site.directory / f"clock-{len(list(site.directory.glob('clock-*')))}"
    hub = Hub(directory, directory.with_suffix(".log"), f"unix-client:{directory / 'no-radio'}")
    await hub.configure([], batch_age_max_s=900, commit_window_max_s=15)
    honest = True

    async def told(nonce: bytes, answer: bytes) -> bytes:
        return answer if honest else await tell(nonce, answer)

    async with _between(site, told) as himself:
        await hub.enrol(replace(await site.voucher(), port=himself.port).text)
        if floor_ms:
            write_private(hub.state / "time-floor", fields.pack(floor_ms))
        honest = False
        site.begin()
        await hub.start()
        try:
            await until(lambda: _time_alarm(hub) != "", "The hub's saying what it thinks of that", WAIT_S)
            return Said(TOLD, _time_alarm(hub))
        except RigError as error:
            raise BrokenError(f"{error} Its uplink is {hub.status().get('uplink')}.") from error
        finally:
            await hub.process.stop()


def _time_alarm(hub: Hub) -> str:
    alarms = hub.status().get("alarms", [])
    return next(
        (f"{one['sentence']} [{one['code']}]" for one in alarms if one.get("code", "").startswith("time-")),
        "",
    )


def _time_certificate(issuer: Issuer, key: keys.PrivateKey, at_ms: int, service: str = TIME_SERVICE) -> bytes:
    """A certificate for telling the time, as whoever has that issuing key makes it."""
    certificate = issue(
        issuer,
        key.public_key(),
        name=ServiceName(SITE_NAME, service),
        use=Use.TIME,
        now_ms=at_ms,
        serial=os.urandom(SERIAL_BYTES),
    )
    return certificate_bytes(certificate)


@attack("time-replayed", "time-nonce-mismatch", heard=TOLD)
async def replayed(site: Target) -> Said:
    """A true answer from earlier is given to a hub that asks now."""
    recorded = (await site.door.ask(TIME, os.urandom(16))).content

    async def tell(_nonce: bytes, _honest: bytes) -> bytes:
        return bytes(recorded)

    return await _new_hub(site, tell)


@attack("time-signed-by-a-stranger", "time-not-believed", heard=TOLD)
async def stranger(site: Target) -> Said:
    """Another time under the site's own certificate, signed by somebody else."""

    async def tell(nonce: bytes, honest: bytes) -> bytes:
        _, certificate = fields.unpack(honest, (bytes, bytes))
        return tell_time(keys.generate_key(), certificate, nonce, now_ms() + DAY_MS)

    return await _new_hub(site, tell)


@attack("time-altered", "time-not-believed", heard=TOLD)
async def altered(site: Target) -> Said:
    """The time in a true answer is changed, its signature left as it was."""

    async def tell(nonce: bytes, honest: bytes) -> bytes:
        signed, certificate = fields.unpack(honest, (bytes, bytes))
        forged = fields.pack(1, nonce, now_ms() + DAY_MS) + signed[-keys.SIGNATURE_BYTES :]
        return fields.pack(forged, certificate)

    return await _new_hub(site, tell)


@attack("time-by-a-foreign-authority", "certificate-untrusted", heard=TOLD)
async def foreign(site: Target) -> Said:
    """The time is signed by a key that somebody's own authority has certified for it."""
    key = keys.generate_key()
    certificate = _time_certificate(foreign_authority(SITE_NAME, now_ms()), key, now_ms())

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(key, certificate, nonce, now_ms())

    return await _new_hub(site, tell)


@attack("time-by-the-receipt-key", "certificate-wrong-use", heard=TOLD)
async def receipt_key(site: Target) -> Said:
    """A thief of the intake's receipt key tells the time with it."""
    intake = site.site.directory / "intake"
    key, leaf = load_key(intake / "receipt.key"), load_certificates(intake / "receipt.crt")[0]

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(key, certificate_bytes(leaf), nonce, now_ms())

    return await _new_hub(site, tell)


@attack("time-by-a-hub", "certificate-wrong-use", heard=TOLD)
async def by_hub(site: Target) -> Said:
    """An enrolled hub tells another one the time, with its data key."""
    pen = await site.bystander()
    [(der,)] = site.rows("SELECT data_certificate FROM hub WHERE id = ?", pen.hub)

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(pen.data, der, nonce, now_ms())

    return await _new_hub(site, tell)


@attack("time-by-another-service", "certificate-name-wrong", heard=TOLD)
async def other_service(site: Target) -> Said:
    """A certificate for time, rightly issued, to a service whose duty it is not."""
    key = keys.generate_key()
    certificate = _time_certificate(site.stolen("data-ca"), key, now_ms(), "portal")

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(key, certificate, nonce, now_ms())

    return await _new_hub(site, tell)


@attack("time-beyond-its-certificate", "certificate-expired", heard=TOLD)
async def beyond(site: Target) -> Said:
    """A time key of today tells a day on which its own certificate has long ended."""
    key = keys.generate_key()
    certificate = _time_certificate(site.stolen("data-ca"), key, now_ms())

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(key, certificate, nonce, now_ms() + 500 * DAY_MS)

    return await _new_hub(site, tell)


@attack("time-set-back", "time-went-back", heard=TOLD)
async def set_back(site: Target) -> Said:
    """The site's clock is set back by two hours, so that what has ended would be good again."""

    async def tell(_nonce: bytes, honest: bytes) -> bytes:
        return honest

    return await _running_hub(site, tell, now_ms() + 2 * HOUR_MS)


@attack("time-far-ahead", "time-implausible", heard=TOLD)
async def ahead(site: Target) -> Said:
    """A thief of the data authority tells a hub a day in two years, so that all its certificates have ended."""
    key, at_ms = keys.generate_key(), now_ms() + 410 * DAY_MS
    certificate = _time_certificate(site.stolen("data-ca"), key, at_ms)

    async def tell(nonce: bytes, _honest: bytes) -> bytes:
        return tell_time(key, certificate, nonce, at_ms)

    return await _running_hub(site, tell)


@attack("time-asked-with-a-short-nonce", "request-malformed", place="time")
async def short_nonce(site: Target) -> Said:
    """Somebody collects signed times over a nonce that he could meet again."""
    return Said((await site.door.ask(TIME, b"1")).told)
