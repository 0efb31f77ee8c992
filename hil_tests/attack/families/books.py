"""Attacks on what a site decides by, and with links to its pages: files that open a door, links that are no longer good."""

from __future__ import annotations

import asyncio
import base64
import urllib.error
import urllib.request
from collections.abc import Callable

from cloud_sync.portal.links import make_link
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.book import CARED, FAMILY
from hil_tests.attack.pen import now_ms
from hil_tests.attack.target import Target

attack = Family("decisions")
HOUR_MS = 3_600_000
MAC_BYTES = 32
NO_PAGE = "There is no page here"
RUN_OUT = "This link has run out"


async def _written(site: Target, name: str, change: Callable[[str], str]) -> Said:
    """Somebody writes the file; the site says what is wrong with it, and what was in force stays in force."""
    await site.agreed()
    file = site.site.directory / name
    good = file.read_text()
    before = await asyncio.to_thread(site.operator.book)
    site.begin()
    try:
        file.write_text(change(good))
        checked = await site.trust("grants", "check")
        after = await asyncio.to_thread(site.operator.book)
    finally:
        file.write_text(good)
    await asyncio.to_thread(site.operator.book)
    if (before["policy"], before["grants"]) != (after["policy"], after["grants"]):
        raise BrokenError(f"It is in force: {after}.")
    [(facts,)] = site.rows(
        "SELECT facts FROM audit WHERE kind = 'book-refused' AND number > ?", site.audited
    ) or [("nothing in the audit",)]
    return Said(checked.told, f"book-refused {facts}", changes=("+ incident site",))


@attack("grants-with-an-unknown-key", "policy-file-wrong")
async def unknown_key(site: Target) -> Said:
    """A file with a key that nobody knows, perhaps of a newer version with other rules."""
    return await _written(site, "grants.toml", lambda text: _raised(text) + "\n[everybody]\nmay = true\n")


@attack("grants-changed-in-silence", "policy-version-old")
async def silent(site: Target) -> Said:
    """An agreement is widened, and the version left as it was."""
    return await _written(
        site, "grants.toml", lambda text: text.replace('["alert"]', '["alert", "activity"]', 1)
    )


@attack("grant-for-ten-years", "policy-file-wrong")
async def ten_years(site: Target) -> Said:
    """An agreement that would outlive everybody who has agreed to it."""
    return await _written(
        site, "grants.toml", lambda text: _raised(text).replace("until = 20", "until = 21", 3)
    )


@attack("grant-on-everything", "policy-file-wrong")
async def everything(site: Target) -> Said:
    """An agreement on "all" data, whatever there will be."""
    return await _written(site, "grants.toml", lambda text: _raised(text).replace('["alert"]', '["all"]', 1))


@attack("policy-without-consent", "policy-file-wrong")
async def no_consent(site: Target) -> Said:
    """A rule that lets family see a home that has agreed to nothing."""
    return await _written(
        site, "policy.toml", lambda text: _raised(text).replace('["own-home", "consent"]', "[]")
    )


@attack("policy-partner-without-grant", "policy-file-wrong")
async def no_grant(site: Target) -> Said:
    """A rule that lets partners read without an agreement."""
    return await _written(site, "policy.toml", lambda text: _raised(text).replace('["grant"]', "[]"))


@attack("link-forged", "", heard=NO_PAGE)
async def forged(site: Target) -> Said:
    """A link is made with a secret of somebody's own."""
    return await _opened(site, make_link(bytes(32), FAMILY, now_ms() + HOUR_MS))


@attack("link-bent-to-another-home", "", heard=NO_PAGE)
async def bent(site: Target) -> Said:
    """A good link of one home is rewritten for another."""
    good = base64.urlsafe_b64decode(_link(site, FAMILY, HOUR_MS) + "==")
    content, mac = good[:-MAC_BYTES].replace(FAMILY.encode(), CARED.encode()), good[-MAC_BYTES:]
    return await _opened(site, base64.urlsafe_b64encode(content + mac).rstrip(b"=").decode())


@attack("link-after-its-end", "proof-ended", place="decision", heard=RUN_OUT)
async def run_out(site: Target) -> Said:
    """A link is found in an old message, an hour after its end."""
    await site.agreed()
    return await _opened(site, _link(site, FAMILY, -HOUR_MS))


@attack("link-to-a-home-that-agreed-to-nothing", "home-not-agreed", place="decision")
async def not_agreed(site: Target) -> Said:
    """A link from before the resident withdrew what she had agreed to."""
    await site.agreed()
    return await _opened(site, _link(site, CARED, HOUR_MS))


@attack("family-beyond-what-was-agreed", "class-not-agreed", place="decision", heard="200")
async def class_not_agreed(site: Target) -> Said:
    """The home agreed to warmth; the family's page must tell nothing of doors."""
    await site.agreed()
    said = await _opened(site, f"{_link(site, FAMILY, HOUR_MS)}/page.json")
    if '"door"' in said.attacker:
        raise BrokenError(f"It does: {said.attacker}.")
    return said


def _raised(text: str) -> str:
    """The same under the next version."""
    return (
        text.replace("version = 1\n", "version = 2\n")
        if "version = 1\n" in text
        else text.replace("version = 2\n", "version = 3\n")
    )


def _link(site: Target, home: str, from_now_ms: int) -> str:
    """A link as the site once gave it."""
    secret = (site.site.directory / "portal" / "secret").read_bytes()
    return make_link(secret, home, now_ms() + from_now_ms)


async def _opened(site: Target, token: str) -> Said:
    site.begin()
    page = await asyncio.to_thread(_get, f"http://127.0.0.1:{site.site.ports['portal']}/h/{token}")
    return Said(page, "the page told nothing of a home" if NO_PAGE in page else "")


def _get(address: str) -> str:
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(address, timeout=10) as page:  # noqa: S310 - the rig's own site
            return f"{page.status} {page.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {' '.join(error.read().decode().split())}"
