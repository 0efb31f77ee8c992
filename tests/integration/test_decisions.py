"""Decisions as operators meet them: a running authority, the commands, the files, the audit."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.database import open_database
from tests.helpers.desk import EVERYTHING, consent
from tests.helpers.site_process import SiteProcess, site_process


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    text: str
    status: int


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site with a hub in h-17, whose resident agreed to everything."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        running.enrol("h-17")
        running.enrol("h-18")
        now = dt.datetime.now(dt.UTC)
        turn = f"from = {(now - dt.timedelta(hours=1)).isoformat()}\nuntil = {(now + dt.timedelta(hours=1)).isoformat()}"
        (running.directory / "grants.toml").write_text(
            "version = 2\n"
            + consent("h-17", *EVERYTHING)
            + '[[staff]]\nwho = "council/amy"\nhomes = ["h-17"]\n'
            + f'[[duty]]\nwho = "council/bob"\n{turn}\n'
        )
        yield running


def run(site: SiteProcess, command: str, *arguments: str) -> Said:
    """One of Lum's commands, at this site."""
    place = {
        "lum-trust": ("--dir", str(site.directory)),
        "lum-receiver": ("--config", str(site.directory / "receiver.toml")),
    }[command]
    ended = subprocess.run(
        [Path(sys.executable).parent / command, *arguments, *place],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Said(ended.stdout + ended.stderr, ended.returncode)


def test_what_if_and_why_tell_the_same(site: SiteProcess) -> None:
    """First asked, then done, then looked up: the rule, the versions, the words."""
    asked = run(
        site, "lum-trust", "what-if", "--subject", "staff:council/amy", "--home", "h-18", "--purpose", "care"
    )
    done = run(
        site, "lum-receiver", "readings", "--home", "h-18", "--as", "staff:council/amy", "--purpose", "care"
    )
    number = done.text.partition("decision ")[2].partition(")")[0]
    told = run(site, "lum-trust", "why", number)

    assert (asked.status, done.status, told.status) == (77, 77, 0)
    assert "Refused, by rule staff-caseload." in asked.text
    assert "This home is not one that you may look into (h-18; decision" in done.text
    assert "staff:council/amy wanted to read data of home h-18 for 'care', known by console." in told.text
    assert "Refused by rule staff-caseload (policy version 1, grants version 2)." in told.text
    assert "[YOUR, not-your-home]" in told.text
    assert "For the team lead:" in told.text


def test_what_if_supposes_that_a_link_is_good(site: SiteProcess) -> None:
    """Family come by link alone, and nobody asks beforehand by one that has run out."""
    asking = ("what-if", "--subject", "family:h-17/link-1", "--purpose", "family", "--proof", "link")
    own, other = (run(site, "lum-trust", *asking, "--home", home) for home in ("h-17", "h-18"))

    assert (own.status, own.text) == (0, "Allowed, by rule family-own-home.\n")
    assert (other.status, "[YOUR, not-your-home]" in other.text) == (77, True)


def test_a_link_is_made_for_homes_that_agreed(site: SiteProcess) -> None:
    """No agreement, no link; a link that is made is on record by its name."""
    agreed = run(site, "lum-receiver", "link", "h-17")
    refused = run(site, "lum-receiver", "link", "h-18")

    assert agreed.status == 0
    assert refused.status == 77
    assert "Nothing is written down of what this home agreed that family may see (h-18)." in refused.text
    [row] = AuditLog(open_database(site.config.paths.store)).newest(1, "link")
    assert row.facts["home"] == "h-17"
    assert agreed.text.rpartition("/")[2].strip() not in row.text


def test_the_glass_is_broken_told_and_reviewed(site: SiteProcess) -> None:
    """Staff on duty, at once; the review by a colleague; each step refused in words where it must be."""
    read = ("readings", "--home", "h-18", "--as", "staff:council/bob", "--purpose", "emergency")
    before = run(site, "lum-receiver", *read)
    no_cause = run(site, "lum-trust", "break-glass", "open", "--who", "council/bob", "--home", "h-18")
    off_duty = run(
        site, "lum-trust", "break-glass", "open", "--who", "council/amy", "--home", "h-18", "--cause", "alarm"
    )
    opened = run(
        site, "lum-trust", "break-glass", "open", "--who", "council/bob", "--home", "h-18", "--cause", "alarm"
    )
    number = opened.text.split()[1].rstrip(":")
    after = run(site, "lum-receiver", *read)
    own, colleague = (
        run(
            site,
            "lum-trust",
            "break-glass",
            "review",
            number,
            "--who",
            who,
            "--finding",
            "justified",
        )
        for who in ("council/bob", "council/amy")
    )
    listed = run(site, "lum-trust", "break-glass", "list")

    assert "[GLAS, glass-not-broken]" not in before.text  # the receiver's command prints sentences alone
    assert "The glass is not broken for this home" in before.text
    assert (no_cause.status, off_duty.status, opened.status, after.status) == (64, 77, 0, 0)
    assert "[GCAU, glass-cause-missing]" in no_cause.text
    assert "[DUTY, not-on-duty]" in off_duty.text
    assert "The resident's page says so." in opened.text
    assert "[ROWN, review-of-own]" in own.text
    assert colleague.status == 0
    assert "justified, said staff:council/amy" in listed.text


def test_a_bad_file_is_said_and_changes_nothing(site: SiteProcess) -> None:
    """``grants check`` names file and key; the old one goes on; the version that is in force is told."""
    file = site.directory / "grants.toml"
    good = file.read_text()
    try:
        file.write_text(good.replace("version = 2", "version = 3\ncolour = 1"))
        bad = run(site, "lum-trust", "grants", "check")
        link = run(site, "lum-receiver", "link", "h-17")
        file.write_text(good + "# changed\n")
        same = run(site, "lum-trust", "grants", "check")
    finally:
        file.write_text(good)
    again = run(site, "lum-trust", "grants", "check")
    listed = json.loads(run(site, "lum-trust", "grants", "list", "--json").text)

    assert bad.status == 78
    assert "grants.toml: Object contains unknown field `colour`" in bad.text
    assert link.status == 0
    assert same.status == 78
    assert "In force: policy version 1, grants version 2." in same.text
    assert "grants.toml: version 2, in force is 2" in same.text
    assert again.status == 0
    assert [home["home"] for home in listed["home"]] == ["h-17"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("why", "1"), 67, "[DUNK, decision-unknown]"),
        (("why", "999999"), 67, "[DUNK, decision-unknown]"),
        (("what-if", "--subject", "amy", "--home", "h-17", "--purpose", "care"), 64, "[SUBJ, subject-malformed]"),
        (("what-if", "--subject", "staff:a/b", "--home", "H 17", "--purpose", "care"), 64, "[NAME, name-malformed]"),
        (("break-glass", "review", "999999", "--who", "a/b", "--finding", "justified"), 67, "[GUNK, glass-unknown]"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_sentence(
    site: SiteProcess, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """With its letters and its exit code."""
    ended = run(site, "lum-trust", *arguments)

    assert ended.status == status
    assert said in ended.text
