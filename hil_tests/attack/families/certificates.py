"""Attacks with certificates, at the broker's door: self-signed, foreign, out of date, for another use, with other names.

A certificate that is wrong for everybody ends the broker's own handshake: an alert at the attacker, a line in the
site's log. One that looks good is judged by the authority: a refusal with its code.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.forge import CLIENT, Forged, foreign_authority, self_signed, uri
from hil_tests.attack.mqtt import knock
from hil_tests.attack.pen import Certified, Pen, now_ms
from hil_tests.attack.target import Target
from hil_tests.rig.site import SITE_NAME
from zero_trust.authority import Issuer, issue
from zero_trust.credential import Use, load_certificate, verify
from zero_trust.errors import CredentialError
from zero_trust.keys import generate_key
from zero_trust.keystore import load_certificates, load_key
from zero_trust.names import ServiceName
from zero_trust.reasons import tag

attack = Family("certificates")
ALERT = "TLS alert .*(ALERT|alert)"
REFUSED = "not authorized"


async def _turned_away(site: Target, shown: Certified, client_id: str) -> Said:
    """The broker's own handshake ends it."""
    site.begin()
    heard = await knock(site.site.ports["mqtt"], shown.context(site.root), client_id)
    return Said(heard, await site.log_says("TLS handshake error"))


async def _judged(site: Target, shown: Certified, client_id: str, hub: str | None = None) -> Said:
    """The authority judges it."""
    site.begin()
    heard = await knock(site.site.ports["mqtt"], shown.context(site.root), client_id)
    return Said(heard, hub=client_id if hub is None else hub)


async def _forged(site: Target, pen: Pen, *more: x509.GeneralName, **other: object) -> Certified:
    """As a thief of the TLS authority's key makes one for that hub, wrong in one way."""
    return Forged([uri(pen.name.uri), *more], label=pen.hub, **other).by(  # type: ignore[arg-type]
        site.stolen("tls-ca")
    )


@attack("certificate-self-signed", "", heard=ALERT)
async def alone(site: Target) -> Said:
    """A certificate with a hub's name that vouches for itself."""
    pen = await site.bystander()
    return await _turned_away(site, self_signed([uri(pen.name.uri)]), pen.hub)


@attack("certificate-of-another-root", "", heard=ALERT)
async def other_root(site: Target) -> Said:
    """A site of the same name under another root has issued it."""
    pen = await site.bystander()
    issuer = foreign_authority(SITE_NAME, now_ms())
    return await _turned_away(site, Forged([uri(pen.name.uri)], label=pen.hub).by(issuer), pen.hub)


@attack("certificate-expired", "", heard=ALERT)
async def expired(site: Target) -> Said:
    """A hub's certificate from last week, found on a copy of its memory."""
    pen = await site.bystander()
    return await _turned_away(site, await _forged(site, pen, starts=-170.0, ends=-98.0), pen.hub)


@attack("certificate-of-tomorrow", "", heard=ALERT)
async def not_yet(site: Target) -> Said:
    """A certificate that begins tomorrow, made while the authority's clock was wrong."""
    pen = await site.bystander()
    return await _turned_away(site, await _forged(site, pen, starts=24.0, ends=96.0), pen.hub)


@attack("server-certificate-as-client", "", heard=ALERT)
async def server_as_client(site: Target) -> Said:
    """The broker's own stolen server certificate is shown by a client."""
    broker = site.site.directory / "broker"
    stolen = Certified(load_key(broker / "server.key"), load_certificates(broker / "server.crt"))
    return await _turned_away(site, stolen, (await site.bystander()).hub)


@attack("data-certificate-as-client", "", heard=ALERT)
async def data_as_client(site: Target) -> Said:
    """A hub's lasting data key, which signs batches for 400 days, is to open a connection."""
    pen = await site.bystander()
    [(der,)] = site.rows("SELECT data_certificate FROM hub WHERE id = ?", pen.hub)
    return await _turned_away(site, Certified(pen.data, (load_certificate(der), pen.trust.data)), pen.hub)


@attack("certificate-issued-by-a-hub", "", heard=ALERT)
async def leaf_of_leaf(site: Target) -> Said:
    """A hub issues a certificate for another one with its own."""
    victim, thief = await site.bystander(), await (await site.pen()).renewed(site.door)
    own = Issuer(thief.chain[0], thief.key)
    shown = Forged([uri(victim.name.uri)], label=victim.hub).by(own, *thief.chain[1:])
    return await _turned_away(site, shown, victim.hub)


@attack("certificate-with-an-unknown-critical-part", "", heard=ALERT)
async def unknown(site: Target) -> Said:
    """It has a critical extension that nobody knows: what cannot be understood is not believed."""
    pen = await site.bystander()
    return await _turned_away(site, await _forged(site, pen, unknown=True), pen.hub)


@attack("certificate-with-two-names", "certificate-name-wrong", place="broker", heard=REFUSED)
async def two_names(site: Target) -> Said:
    """It holds the names of two hubs, to be either."""
    pen, other = await site.bystander(), await site.pen()
    return await _judged(site, await _forged(site, pen, uri(other.name.uri)), pen.hub)


@attack("certificate-with-a-person", "certificate-name-wrong", place="broker", heard=REFUSED)
async def person(site: Target) -> Said:
    """Beside the hub's name it holds a resident's address: nothing about a person belongs there."""
    pen = await site.bystander()
    return await _judged(site, await _forged(site, pen, x509.RFC822Name("ada@example.org")), pen.hub)


@attack("certificate-of-another-site-by-name", "certificate-name-wrong", place="broker", heard=REFUSED)
async def other_site(site: Target) -> Said:
    """Rightly issued, with the name of a hub of another site."""
    pen = await site.bystander()
    shown = Forged([uri(pen.name.uri.replace(f"//{SITE_NAME}/", "//elsewhere/"))]).by(site.stolen("tls-ca"))
    return await _judged(site, shown, pen.hub)


@attack("certificate-without-a-name", "certificate-name-wrong", place="broker", heard=REFUSED)
async def nameless(site: Target) -> Said:
    """It holds no name but the common name, as old ones did."""
    pen = await site.bystander()
    return await _judged(site, Forged([], label=pen.hub).by(site.stolen("tls-ca")), pen.hub)


@attack("service-certificate-as-hub", "certificate-name-wrong", place="broker", heard=REFUSED)
async def service_as_hub(site: Target) -> Said:
    """The intake's stolen certificate is to be a hub's."""
    intake = site.site.directory / "intake"
    stolen = Certified(load_key(intake / "client.key"), load_certificates(intake / "client.crt"))
    return await _judged(site, stolen, (await site.bystander()).hub)


@attack("certificate-for-two-uses", "certificate-wrong-use", place="broker", heard=REFUSED)
async def two_uses(site: Target) -> Said:
    """It is for clients and for servers: with it a hub could be the site as well."""
    pen = await site.bystander()
    shown = await _forged(site, pen, usages=(*CLIENT, ExtendedKeyUsageOID.SERVER_AUTH))
    return await _judged(site, shown, pen.hub)


@attack("certificate-for-no-use", "certificate-wrong-use", place="broker", heard=REFUSED)
async def no_use(site: Target) -> Said:
    """It does not say what it is for, which libraries take for "anything"."""
    pen = await site.bystander()
    return await _judged(site, await _forged(site, pen, usages=()), pen.hub)


@attack("certificate-that-may-issue", "certificate-untrusted", place="broker", heard=REFUSED)
async def authority(site: Target) -> Said:
    """A hub's certificate that says it may issue others."""
    pen = await site.bystander()
    return await _judged(site, await _forged(site, pen, authority=True), pen.hub)


@attack("issuing-authority-as-client", "certificate-untrusted", place="broker", heard=REFUSED)
async def issuing(site: Target) -> Said:
    """The stolen issuing authority itself comes to the door."""
    stolen = site.stolen("tls-ca")
    shown = Certified(stolen.key, (stolen.certificate,))
    return await _judged(site, shown, (await site.bystander()).hub)


@attack("certificate-by-an-authority-for-other-uses", "certificate-untrusted")
async def other_uses(site: Target) -> Said:
    """The stolen TLS authority certifies a key for receipts, which only the data authority may."""
    stolen = site.stolen("tls-ca")
    name = ServiceName(SITE_NAME, "intake")
    key = generate_key()
    leaf = issue(stolen, key.public_key(), name=name, use=Use.RECEIPT, now_ms=now_ms(), serial=b"1" * 16)
    try:
        verify([leaf, stolen.certificate], root=site.root, site=SITE_NAME, use=Use.RECEIPT, now_ms=now_ms())
    except CredentialError as error:
        return Said(f"{error} {tag(error.code)}", "whoever checks it says so: auditor, hub, intake")
    raise BrokenError("It was believed.")


@attack("certificate-by-a-stolen-authority", "certificate-superseded", place="broker", heard=REFUSED)
async def stolen_authority(site: Target) -> Said:
    """Whoever stole the issuing key makes a flawless one for a hub: it is not the one that this hub got last."""
    pen = await site.pen()
    await pen.renewed(site.door)
    return await _judged(site, await _forged(site, pen), pen.hub, pen.hub)


@attack("certificate-superseded", "certificate-superseded", place="broker", heard=REFUSED)
async def superseded(site: Target) -> Said:
    """A copy of a hub's memory: its certificate is good for days, and a newer one was seen in use."""
    pen = await site.pen()
    old = await pen.renewed(site.door)
    await pen.renewed(site.door, old.serial)
    site.past("UPDATE lineage SET seen = 1 WHERE hub = ?", pen.hub)
    return await _judged(site, old, pen.hub, pen.hub)
