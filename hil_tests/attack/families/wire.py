"""Attacks on batches, with the broker in the attacker's hands: it says anything in anybody's name, and hears the answers."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Anchor, Quality, leans_on
from hil_tests.attack.answers import answered
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.pen import BOOT_MS, Pen, now_ms, sealed
from hil_tests.attack.target import Target
from hil_tests.rig.certificates import ending
from zero_trust import keys
from zero_trust.credential import certificate_bytes, load_certificate
from zero_trust.envelope import sign_inside
from zero_trust.lineage import DAY_MS

attack = Family("wire")
BOMB_BYTES = 64 * 2**20
OVERSIZED_BYTES = 256_001  # the limit is 256,000
COUNT_AT = 11  # version and flags, epoch (8), seq, distance: one byte each
HOUR_MS = 3_600_000


def flipped(octets: bytes, at: int) -> bytes:
    """The same with one bit changed; ``at`` counts from the end if negative."""
    changed = bytearray(octets)
    changed[at] ^= 0x01
    return bytes(changed)


def stored(pen: Pen) -> tuple[str, ...]:
    """What is written of one new batch of that hub."""
    kept = (f"+ {what} {pen.hub}" for what in ("batch", "account", "manifest"))
    return (*kept, f"+ last {pen.name.home}")


async def spoken(site: Target, pen: Pen, payload: bytes, *changes: str) -> Said:
    """Say it in that hub's name."""
    await site.hostile()
    site.begin()
    return Said(await answered(site, pen.hub, payload), hub=pen.hub, changes=changes)


async def _inside(site: Target, change: Callable[[bytes], bytes]) -> Said:
    """A hub that was taken over signs a body that no honest one would."""
    pen = await site.pen()
    body = pen.batch()[: -wire.SIGNATURE_BYTES]
    return await spoken(site, pen, sealed(pen.signed(change(body)), site.site_public, pen.hub))


@attack("batch-altered-on-the-way", "batch-not-decryptable", place="intake")
async def altered(site: Target) -> Said:
    """One bit of a sealed batch is changed on the way."""
    pen = await site.pen()
    return await spoken(site, pen, flipped(sealed(pen.batch(), site.site_public, pen.hub), 60))


@attack("batch-altered-inside", "batch-signature-wrong", place="intake")
async def altered_inside(site: Target) -> Said:
    """One bit of the signed inside is changed, and it is sealed anew, as anybody can."""
    pen = await site.pen()
    return await spoken(site, pen, sealed(flipped(pen.batch(), 30), site.site_public, pen.hub))


@attack("batch-signed-by-another-hub", "batch-signature-wrong", place="intake")
async def other_key(site: Target) -> Said:
    """A neighbour's hub signs a batch that names the victim."""
    pen, other = await site.pen(), await site.bystander()
    body = pen.batch()[: -wire.SIGNATURE_BYTES]
    forged = sign_inside(other.data, body, pen.site, pen.hub)
    return await spoken(site, pen, sealed(forged, site.site_public, pen.hub))


@attack("batch-under-another-name", "batch-signature-wrong", place="intake")
async def other_name(site: Target) -> Said:
    """A batch of another hub, rightly signed, is said in the victim's name, sealed anew for it."""
    pen, other = await site.pen(), await site.pen()
    return await spoken(site, pen, sealed(other.batch(), site.site_public, pen.hub))


@attack("batch-for-another-site", "batch-signature-wrong", place="intake")
async def other_site(site: Target) -> Said:
    """A batch that the hub signed for a site of another name is brought here."""
    pen = await site.pen()
    body = pen.batch()[: -wire.SIGNATURE_BYTES]
    return await spoken(
        site, pen, sealed(sign_inside(pen.data, body, "elsewhere", pen.hub), site.site_public, pen.hub)
    )


@attack("batch-on-another-hubs-topic", "batch-not-decryptable", place="intake")
async def other_topic(site: Target) -> Said:
    """A sealed batch is moved to another hub's topic: the seal is bound to the hub."""
    pen, other = await site.pen(), await site.pen()
    return await spoken(site, other, sealed(pen.batch(), site.site_public, pen.hub))


@attack("batch-sealed-to-a-foreign-key", "batch-not-decryptable", place="intake")
async def foreign_key(site: Target) -> Said:
    """A batch is sealed to a key that somebody else made for the site."""
    pen = await site.pen()
    return await spoken(site, pen, sealed(pen.batch(), X25519PrivateKey.generate().public_key(), pen.hub))


@attack("batch-by-a-stolen-data-authority", "batch-signature-wrong", place="intake")
async def stolen_authority(site: Target) -> Said:
    """Whoever stole the data authority certifies a key of his own: the intake goes by the registry's alone."""
    pen = await site.pen()
    thief = replace(pen, data=keys.generate_key())
    return await spoken(site, pen, sealed(thief.batch(), site.site_public, pen.hub))


@attack("batch-replayed", "batch-replayed", place="intake")
async def replayed(site: Target) -> Said:
    """A recorded batch is said again, to count twice."""
    pen = await site.pen()
    message = sealed(pen.batch(), site.site_public, pen.hub)
    await answered(site, pen.hub, message)
    return await spoken(site, pen, message)


@attack("batch-forked", "batch-forked", place="intake")
async def forked(site: Target) -> Said:
    """A copied card signs other content under a number that is taken: both are kept, the second counts nothing."""
    pen = await site.pen()
    await answered(site, pen.hub, sealed(pen.batch(value=1), site.site_public, pen.hub))
    other = sealed(pen.batch(value=0, seq=1), site.site_public, pen.hub)
    return await spoken(site, pen, other, f"+ fork {pen.hub}")


@attack("batch-swallowed", "", heard=r"receipt up to 1, held above it: \[\(3, 3\)\]")
async def swallowed(site: Target) -> Said:
    """The broker keeps the second of three batches: no receipt passes over the gap, so the hub sends it again."""
    pen = await site.pen()
    await answered(site, pen.hub, sealed(pen.batch(), site.site_public, pen.hub))
    pen.batch()
    said = await spoken(site, pen, sealed(pen.batch(), site.site_public, pen.hub))
    changes = (f"+ batch {pen.hub}", f"+ manifest {pen.hub}", f"~ last {pen.name.home}")
    [(head,)] = site.rows("SELECT head FROM account WHERE hub = ?", pen.hub)
    return Said(said.attacker, f"the account stands at {head}", pen.hub, changes)


@attack("batch-oversized", "batch-too-large", place="intake")
async def oversized(site: Target) -> Said:
    """A message larger than any honest one."""
    pen = await site.pen()
    return await spoken(site, pen, wire.framed(wire.Kind.BATCH, bytes(OVERSIZED_BYTES)))


@attack("batch-that-unpacks-to-megabytes", "batch-malformed", place="intake")
async def bomb(site: Target) -> Said:
    """A hub that was taken over signs a manifest that unpacks to 64 MB."""

    def loaded(body: bytes) -> bytes:
        manifest = leans_on(body)[1] or b""
        at = body.index(manifest)
        squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"\x01" + squeezer.compress(bytes(BOMB_BYTES)) + squeezer.flush()
        return (
            body[: at - len(_uvarint(len(manifest)))]
            + _uvarint(len(packed))
            + packed
            + body[at + len(manifest) :]
        )

    return await _inside(site, loaded)


@attack("batch-of-an-unknown-version", "batch-version-unknown", place="intake")
async def version(site: Target) -> Said:
    """A batch of a version that no rule here was written for."""
    return await _inside(site, lambda body: bytes([0xF0 | body[0] & 0x0F]) + body[1:])


@attack("batch-that-lies-about-its-count", "batch-malformed", place="intake")
async def count(site: Target) -> Said:
    """The header claims a hundred readings, and there is one."""
    return await _inside(site, lambda body: body[:COUNT_AT] + bytes([100]) + body[COUNT_AT + 1 :])


@attack("batch-of-nobody", "hub-unknown", place="intake")
async def nobody(site: Target) -> Said:
    """A batch under the name of a hub that was never enrolled."""
    pen = await site.pen()
    other = replace(pen, name=replace(pen.name, hub="z" * 13))
    return await spoken(site, other, sealed(other.batch(), site.site_public, other.hub))


@attack("batch-of-a-revoked-hub", "hub-revoked", place="intake")
async def revoked(site: Target) -> Said:
    """A stolen hub was revoked; its broker lets its batches pass all the same."""
    pen = await site.pen()
    site.operator.revoke(pen.hub, "stolen")
    return await spoken(site, pen, sealed(pen.batch(), site.site_public, pen.hub))


@attack("batch-under-an-ended-certificate", "certificate-expired", place="intake")
async def ended_certificate(site: Target) -> Said:
    """A hub's data key is used after the 400 days of its certificate."""
    pen = await site.pen()
    [(der,)] = site.rows("SELECT data_certificate FROM hub WHERE id = ?", pen.hub)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    over = ending(load_certificate(der), site.stolen("data-ca").key, yesterday)
    site.past("UPDATE hub SET data_certificate = ? WHERE id = ?", certificate_bytes(over), pen.hub)
    return await spoken(site, pen, sealed(pen.batch(), site.site_public, pen.hub))


@attack("batch-that-claims-tomorrow", "clock-fault", place="intake")
async def tomorrow(site: Target) -> Said:
    """A batch says that it was made tomorrow: it is kept, and its clock is not believed."""
    pen = await site.pen()
    claimed = pen.batch(anchor=Anchor(now_ms() + DAY_MS, BOOT_MS, Quality.SYNCED))
    said = await spoken(site, pen, sealed(claimed, site.site_public, pen.hub), *stored(pen))
    [(happened_ms,)] = site.rows("SELECT happened_ms FROM last WHERE home = ?", pen.name.home)
    if happened_ms > now_ms() + HOUR_MS:
        raise BrokenError("What it claims was placed in the future.")
    return said


@attack("copied-card-to-silence-a-home", "", heard="receipt up to 1")
async def quarantined(site: Target) -> Said:
    """A thief copies a card so that both holders are held: a hub in quarantine is still heard and receipted."""
    pen = await site.pen()
    site.past("UPDATE hub SET standing = 'quarantined', reason = 'two holders' WHERE id = ?", pen.hub)
    said = await spoken(site, pen, sealed(pen.batch(), site.site_public, pen.hub), *stored(pen))
    alarms = [one for one in site.operator.alarms() if one["hub"] == pen.hub]
    return Said(said.attacker, alarms[0]["sentence"] if alarms else "", pen.hub, said.changes)


def _uvarint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])
