"""Attacks by people: curious staff, partners beyond what was agreed, glass broken too late or without a cause."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields as fields_of
from dataclasses import replace

from hil_tests.attack.answers import answered
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.book import (
    AMY,
    BOB,
    CARED,
    FAMILY,
    OTHER,
    PARTNER,
    PAST_PARTNER,
    PAST_PURPOSE,
    PURPOSE,
    agreements,
)
from hil_tests.attack.pen import now_ms, sealed
from hil_tests.attack.target import Target
from zero_trust.decision import Book, decide
from zero_trust.grants import parse_grants
from zero_trust.reasons import reason, tag
from zero_trust.request import Action, DataClass, Proof, Request, Role
from zero_trust.rules import parse_policy

attack = Family("decisions")
HOUR_MS = 3_600_000
OPENED_BEFORE = 900_000  # numbers of openings that no row of the audit has


async def _reads(site: Target, subject: str, home: str, purpose: str) -> Said:
    """Somebody at the site's console reads a home's data."""
    await site.agreed()
    site.begin()
    asked = ("readings", "--home", home, "--as", subject, "--purpose", purpose)
    return Said((await site.receiver(*asked)).told)


@attack("staff-outside-their-caseload", "not-your-home", place="decision")
async def curious(site: Target) -> Said:
    """A curious member of staff looks into a home that she does not care for."""
    return await _reads(site, f"staff:{AMY}", OTHER, "care")


@attack("staff-as-family", "proof-not-enough", place="decision")
async def as_family(site: Target) -> Said:
    """Somebody at the console says that he is family."""
    return await _reads(site, f"family:{CARED}/son", CARED, "family")


@attack("family-of-another-home", "not-your-home")
async def other_family(site: Target) -> Said:
    """Family of one home would look into another: asked beforehand, for no page of ours would ask so."""
    await site.agreed()
    site.begin()
    asked = (
        "--subject",
        f"family:{CARED}/link-1",
        "--home",
        FAMILY,
        "--purpose",
        "family",
        "--proof",
        "link",
    )
    return Said((await site.trust("what-if", *asked)).told, "nothing was read, so nothing was written down")


@attack("staff-for-another-purpose", "no-rule", place="decision")
async def staff_purpose(site: Target) -> Said:
    """She cares for the home, and looks for the press."""
    return await _reads(site, f"staff:{AMY}", CARED, "press")


@attack("emergency-without-breaking-the-glass", "glass-not-broken", place="decision")
async def no_glass(site: Target) -> Said:
    """Somebody on duty says "emergency" and reads, without going on record first."""
    return await _reads(site, f"staff:{BOB}", OTHER, "emergency")


@attack("glass-after-an-hour", "glass-hour-over", place="decision")
async def hour_over(site: Target) -> Said:
    """The glass was broken 61 minutes ago."""
    opened_ms = now_ms() - HOUR_MS - 60_000
    site.past(
        "INSERT INTO break_glass (number, who, home, cause, opened_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?)",
        OPENED_BEFORE, f"staff:{BOB}", "late-home", "no-answer", opened_ms, opened_ms + HOUR_MS,
    )  # fmt: skip
    return await _reads(site, f"staff:{BOB}", "late-home", "emergency")


@attack("glass-of-a-colleague", "glass-not-broken", place="decision")
async def colleagues_glass(site: Target) -> Said:
    """A colleague has broken the glass for this home; she looks along."""
    site.past(
        "INSERT INTO break_glass (number, who, home, cause, opened_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?)",
        OPENED_BEFORE + 1, f"staff:{BOB}", "open-home", "no-answer", now_ms(), now_ms() + HOUR_MS,
    )  # fmt: skip
    return await _reads(site, f"staff:{AMY}", "open-home", "emergency")


@attack("glass-broken-off-duty", "not-on-duty", place="decision")
async def off_duty(site: Target) -> Said:
    """Somebody who is not on duty breaks the glass."""
    await site.agreed()
    site.begin()
    opened = await site.trust("break-glass", "open", "--who", AMY, "--home", OTHER, "--cause", "alarm")
    return Said(opened.told)


@attack("glass-without-a-cause", "glass-cause-missing")
async def no_cause(site: Target) -> Said:
    """Somebody on duty breaks the glass and does not say why."""
    await site.agreed()
    site.begin()
    opened = await site.trust("break-glass", "open", "--who", BOB, "--home", OTHER)
    return Said(opened.told, "nothing was opened")


@attack("glass-reviewed-by-its-breaker", "review-of-own")
async def own_review(site: Target) -> Said:
    """Whoever broke the glass finds it justified himself."""
    await site.agreed()
    opening = await asyncio.to_thread(site.operator.break_glass, BOB, OTHER, "alarm")
    site.begin()
    reviewed = await site.trust(
        "break-glass", "review", str(opening["number"]), "--who", BOB, "--finding", "justified"
    )
    return Said(reviewed.told, "it still waits for its review")


@attack("partner-for-another-purpose", "no-grant", place="decision")
async def partner_purpose(site: Target) -> Said:
    """A partner with an agreement on falls reads for research."""
    return await _reads(site, f"partner:{PARTNER}/bob", CARED, "research")


@attack("partner-without-an-agreement", "no-grant", place="decision")
async def unknown_partner(site: Target) -> Said:
    """An organisation that nobody agreed with reads under another one's purpose."""
    return await _reads(site, "partner:insurance/eve", CARED, PURPOSE)


@attack("partner-after-the-last-day", "grant-expired", place="decision")
async def grant_ended(site: Target) -> Said:
    """An agreement ended yesterday."""
    return await _reads(site, f"partner:{PAST_PARTNER}/bob", CARED, PAST_PURPOSE)


@attack("partner-into-another-home", "grant-other-homes", place="decision")
async def partner_home(site: Target) -> Said:
    """The agreement is on other homes; this one has left."""
    return await _reads(site, f"partner:{PARTNER}/bob", OTHER, PURPOSE)


@attack("partner-beyond-its-classes", "grant-not-for-this", place="decision", heard="no reading at all")
async def partner_class(site: Target) -> Said:
    """The agreement is on alarms; the partner would like to see the doors as well."""
    pen = await site.pen(CARED)
    await answered(site, pen.hub, sealed(pen.batch(), site.site_public, pen.hub))
    said = await _reads(site, f"partner:{PARTNER}/bob", CARED, PURPOSE)
    return replace(said, attacker=said.attacker or "no reading at all")


@attack("partner-takes-the-evidence", "class-not-allowed", place="decision")
async def partner_evidence(site: Target) -> Said:
    """A partner exports the signed batches, in which there is everything."""
    await site.agreed()
    site.begin()
    file = site.directory / "taken.jsonl"
    who = ("--home", CARED, "--as", f"partner:{PARTNER}/bob", "--purpose", PURPOSE)
    tried = await site.receiver("evidence", str(file), *who)
    if file.exists():
        raise BrokenError("It was written all the same.")
    return Said(tried.told)


@attack("nobody-in-particular", "subject-malformed")
async def nobody(site: Target) -> Said:
    """Somebody asks without saying who he is."""
    tried = await site.receiver("readings", "--home", CARED, "--as", "staff:/", "--purpose", "care")
    return Said(tried.told, "nothing was decided")


@attack("evidence-left-out", "evidence-missing")
async def left_out(site: Target) -> Said:
    """Each of the ten facts of an allowed look is left out in turn: what is not known is a no."""
    policy = (site.site.directory / "policy.toml").read_text()
    book = Book(parse_policy(policy, "policy.toml"), parse_grants(agreements(version=2), "grants.toml"))
    employer, person = AMY.split("/")
    allowed = Request(
        role=Role.STAFF,
        group=employer,
        person=person,
        proof=Proof.CONSOLE,
        proof_ends_ms=now_ms() + HOUR_MS,
        home=CARED,
        data=DataClass.STATE,
        action=Action.READ,
        purpose="care",
        now_ms=now_ms(),
    )
    if not decide(allowed, book).allow:
        raise BrokenError("The whole request is not allowed either.")
    refused = [decide(replace(allowed, **{one.name: None}), book).refused for one in fields_of(Request)]
    codes = {one.code if one else "allowed" for one in refused}
    told = ", ".join(f"{reason(code).sentence} {tag(code)}" if code != "allowed" else code for code in codes)
    return Said(told, f"{len(refused)} requests decided: {json.dumps(sorted(codes))}")
