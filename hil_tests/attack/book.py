"""What the throwaway site has agreed to: the rules that come with every site, and agreements for attacks to overstep."""

from __future__ import annotations

import datetime as dt

CARED, OTHER, FAMILY = "cared", "other", "family-1"
AMY, BOB = "council/amy", "council/bob"  # cares for CARED; is on duty
PARTNER, PURPOSE = "nhs-falls", "falls-response"
PAST_PURPOSE, PAST_PARTNER = "fire-safety", "fire-brigade"

_BOOK = """\
version = {version}

[[home]]
home = "{family}"
family = ["state", "climate"]
agreed_by = "the resident"
agreed = 2026-01-01
review = 2099-01-01

[[staff]]
who = "{amy}"
homes = ["{cared}"]

[[duty]]
who = "{bob}"
from = {begins}
until = {ends}

[[grant]]
organisation = "{partner}"
purpose = "{purpose}"
classes = ["alert"]
homes = ["{cared}"]
from = {today}
until = {later}
agreed_by = "information governance board"
dpia = "DPIA 2026-031"

[[grant]]
organisation = "{past_partner}"
purpose = "{past_purpose}"
classes = ["alert"]
homes = ["{cared}"]
from = {long_ago}
until = {yesterday}
agreed_by = "information governance board"
dpia = "DPIA 2025-007"
"""


def agreements(version: int) -> str:
    """The text of ``grants.toml``, as of now."""
    now = dt.datetime.now(dt.UTC)
    today, day = now.date(), dt.timedelta(days=1)
    return _BOOK.format(
        version=version,
        family=FAMILY,
        amy=AMY,
        bob=BOB,
        cared=CARED,
        partner=PARTNER,
        purpose=PURPOSE,
        past_partner=PAST_PARTNER,
        past_purpose=PAST_PURPOSE,
        begins=(now - dt.timedelta(hours=1)).isoformat(),
        ends=(now + dt.timedelta(hours=12)).isoformat(),
        today=today - day,
        later=today + 100 * day,
        long_ago=today - 100 * day,
        yesterday=today - day,
    )
