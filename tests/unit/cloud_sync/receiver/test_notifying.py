"""From an incident to somebody outside, over a real store and real connections; what stands in the way becomes an alarm."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.assurance.incident import Audience
from cloud_sync.receiver.address import Address
from cloud_sync.receiver.channels import Channel, LinesFile, Webhook
from cloud_sync.receiver.config import Paths, ReceiverConfig
from cloud_sync.receiver.notifying import Notifier
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.notices import Notices
from cloud_sync.receiver.store.responses import Responses
from tests.helpers.desk import EVERYTHING, consent
from tests.helpers.incident_site import HOME, PENDANT, SMOKE, Site
from tests.helpers.outside import Outside, outside
from tests.helpers.seeded_home import MINUTE, Told
from zero_trust.keystore import write_private

SECRET = b"0123456789abcdef0123456789abcdef"
AGREED = "version = 1\n" + consent(HOME, *EVERYTHING)
NOT_AGREED = "version = 1\n" + consent(HOME, "state", "climate")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A home whose button was just pressed, and whose family may know all."""
    site = Site(tmp_path, AGREED)
    site.tell(Told(PENDANT), Told(SMOKE))
    site.look()
    write_private(tmp_path / "channel.key", SECRET + b"\n")
    yield site
    site.home.db.close()


def webhook(site: Site, there: Outside, to: str = "operations", name: str = "duty") -> Webhook:
    """A channel to somebody who listens here."""
    address = Address(f"http://127.0.0.1:{there.port}/hook")
    return Webhook(name, to, address, site.directory / "channel.key")  # type: ignore[arg-type]


def lines(site: Site, to: str = "operations", name: str = "file") -> LinesFile:
    """A channel to a file."""
    return LinesFile(name, to, site.directory / f"{name}.jsonl")  # type: ignore[arg-type]


def written(site: Site, name: str = "file") -> list[dict[str, Any]]:
    """What stands in a channel's file."""
    file = site.directory / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def notifier(site: Site, *channels: Channel) -> Notifier:
    """The process's object, over the site's store and clock."""
    paths = Paths(policy=site.directory / "policy.toml", grants=site.directory / "grants.toml")
    config = ReceiverConfig("site", "h", "127.0.0.1", paths=paths, channels=channels)
    return Notifier(site.home.db, config, lambda: site.now_ms)


async def round_(one: Notifier, *, dies: bool = False) -> None:
    """What the process does each second; it may die between sending and writing down that it did."""
    due = one.due()
    outcomes = [(each, await one.tell(each)) for each in due]
    if not dies:
        one.note(outcomes)


async def test_a_press_reaches_operations_and_family_in_few_words(site: Site) -> None:
    """Once each; no name of a room, no evidence; signed, so that nobody else can say it."""
    async with outside() as duty, outside() as family:
        telling = notifier(site, webhook(site, duty), webhook(site, family, "family", "sms"))
        site.press()
        site.look()
        for _ in range(3):
            await round_(telling)
            site.look()

    [asked] = duty.asked
    facts = json.loads(asked.body)
    assert (facts["home"], facts["to"], facts["subject"], facts["severity"]) == (
        HOME,
        "operations",
        "help",
        "emergency",
    )
    assert facts["words"] == f"{HOME}: Help was asked for, since 08:00."
    signed = asked.headers["lum-time"].encode() + b"." + asked.body
    expected = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert asked.headers["lum-signature"] == f"sha256={expected}"
    assert asked.headers["idempotency-key"] == facts["id"]
    assert [json.loads(one.body)["to"] for one in family.asked] == ["family"]


async def test_in_hand_and_over_are_told_too(site: Site) -> None:
    """And while nobody has it in hand, it is said again."""
    telling = notifier(site, lines(site))
    site.press()
    for _ in range(3):
        site.look(6 * MINUTE)
        await round_(telling)
    assert [one["occasion"] for one in written(site)] == ["raised", "reminded"]

    respond(site, "take")
    site.look()
    site.look(60 * MINUTE)
    await round_(telling)
    respond(site, "close")
    site.look()
    await round_(telling)
    occasions = [one["occasion"] for one in written(site) if one["subject"] == "help"]
    assert occasions == ["raised", "reminded", "taken", "closed"]


async def test_it_is_tried_again_until_it_is_taken_and_never_told_twice(site: Site) -> None:
    """Refused, then unreachable, then taken; a new process goes on where the last one was."""
    async with outside(503) as there:
        channel = webhook(site, there)
        site.press()
        site.look()
        await round_(notifier(site, channel))
        await round_(notifier(site, channel))
        assert len(there.asked) == 1  # not at once
        site.look(MINUTE)
        there.status = 204
        for _ in range(3):
            await round_(notifier(site, channel))
            site.look(MINUTE)
        assert len(there.asked) == 2
    assert there.asked[0].body == there.asked[1].body
    deliveries = [one for row in Notices(site.home.db).newest(5) for one in row["deliveries"]]
    assert [(one["channel"], one["state"], one["tries"]) for one in deliveries] == [("duty", "delivered", 2)]


async def test_whoever_dies_before_writing_it_down_says_it_again_under_the_same_id(site: Site) -> None:
    """So that the other end can tell."""
    async with outside() as there:
        site.press()
        site.look()
        await round_(notifier(site, webhook(site, there)), dies=True)
        await round_(notifier(site, webhook(site, there)))
    first, second = (one.headers["idempotency-key"] for one in there.asked)
    assert first == second


async def test_family_are_not_told_what_the_home_has_not_agreed_to(site: Site) -> None:
    """It is withheld for good, operations are told all the same, and the page can say so."""
    (site.directory / "grants.toml").write_text(NOT_AGREED.replace("version = 1", "version = 2"))
    telling = notifier(site, lines(site), lines(site, "family", "sms"))
    site.press()
    site.look()
    await round_(telling)
    await round_(telling)
    assert [one["to"] for one in written(site)] == ["operations"]
    assert written(site, "sms") == []
    told = {one.audience: one for one in site.home.homes.home(HOME).tellings}
    assert told[Audience.OPERATIONS].delivered_ms == site.now_ms
    assert told[Audience.FAMILY].withheld


async def test_what_cannot_be_delivered_is_an_alarm_and_goes_out_by_another_channel(site: Site) -> None:
    """Once for a channel that is down, however many notices wait; and the page says that nobody was reached."""
    async with outside(500) as there:
        telling = notifier(site, webhook(site, there), lines(site))
        site.press()
        for _ in range(6):
            site.look(MINUTE)
            await round_(telling)

    alarms = [one for one in Batches(site.home.db).incidents() if one["code"] == "notice-undelivered"]
    assert [one["detail"] for one in alarms] == ["channel duty: 127.0.0.1 answered 500"]
    ours = [one for one in written(site) if one["subject"] == "undelivered"]
    assert [one["words"] for one in ours] == [
        "Notices by the channel duty are not delivered (127.0.0.1 answered 500)."
    ]
    assert not [one for one in there.asked if b"undelivered" in one.body]


@pytest.mark.parametrize(
    ("make", "trouble"),
    [
        (lambda key: key.unlink(), "No such file"),
        (lambda key: key.chmod(0o644), "has mode 0644"),
        (lambda key: write_private(key, b"short"), "shorter than 32 bytes"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_trouble_of_that_channel(
    site: Site, make: Any, trouble: str
) -> None:
    """The process goes on, and nothing is sent unsigned."""
    make(site.directory / "channel.key")
    async with outside() as there:
        site.press()
        site.look()
        await round_(notifier(site, webhook(site, there)))
    assert there.asked == []
    [delivery] = [one for row in Notices(site.home.db).newest(5) for one in row["deliveries"]]
    assert trouble in delivery["trouble"]
    assert SECRET.decode() not in json.dumps(delivery)


async def test_without_a_channel_the_page_says_so_and_a_new_one_takes_over(site: Site) -> None:
    """And what a channel that was taken out still owed goes by the others."""
    site.press()
    site.look()
    await round_(notifier(site))
    told = {one.audience: one for one in site.home.homes.home(HOME).tellings}
    assert {(one.delivered_ms, one.waiting) for one in told.values()} == {(None, False)}
    async with outside(500) as there:
        await round_(notifier(site, webhook(site, there)))
    await round_(notifier(site, lines(site)))
    assert [one["occasion"] for one in written(site)] == ["raised"]


def test_what_was_not_committed_was_not_told(site: Site) -> None:
    """Incident and notice are written together or not at all, and the next look raises both."""
    db = site.home.db
    db.execute("CREATE TRIGGER full BEFORE INSERT ON notice BEGIN SELECT RAISE(ABORT, 'full'); END")
    site.press()
    with pytest.raises(Exception, match="full"):
        site.look()
    assert site.open() == []
    db.execute("DROP TRIGGER full")
    site.look()
    assert site.open() == ["help"]
    assert {one["audience"] for one in Notices(db).newest(9)} == set(Audience)


def respond(site: Site, act: str) -> None:
    """As the command writes it."""
    [incident] = [one for one in site.assured.open_incidents(HOME) if one.subject == "help"]
    site.home.db.execute(
        "INSERT INTO response SELECT coalesce(max(number), 0) + 1, ?, 'help', ?, ?, 'staff:council/amy', 'rang her', ?, ?,"
        " 1000, NULL FROM response",
        (HOME, incident.raised_ms, act, site.now_ms, site.now_ms),
    )
    assert Responses(site.home.db).waiting()
