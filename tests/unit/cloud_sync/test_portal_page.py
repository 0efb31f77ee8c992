"""The portal's pages: what they say, to whom, and what they never give away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from starlette.types import ASGIApp, Message

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Answer as Found
from cloud_sync.assurance.finding import Finding, Severity
from cloud_sync.assurance.home import Look
from cloud_sync.assurance.incident import About, Audience, Incident, close, take
from cloud_sync.assurance.notice import due
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.watching import Stretch
from cloud_sync.portal.links import Link, make_link
from cloud_sync.portal.server import Shown, app, show
from cloud_sync.receiver.desk import Desk, by
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.notices import Notices
from cloud_sync.receiver.watch import look
from cloud_sync.wire.batch import Contract, Quality, Quantity
from device_profiles.reading import Flag
from tests.helpers.desk import EVERYTHING, Clock, consent, make_desk
from tests.helpers.seeded_home import (
    DOUBTED,
    MINUTE,
    NEVER,
    ORDINARY,
    SILENT,
    TEMPERATURE,
    UNCERTAIN,
    SeededHome,
    Told,
    sensor,
    state,
)
from zero_trust.reasons import Refused
from zero_trust.request import Action, Proof, Role, Subject

NOW = 1_800_000_000_000
SECRET = bytes(range(32))
LINK = make_link(SECRET, "margaret", NOW + MINUTE)
AGREED = "version = 1\n" + "".join(consent(home, *EVERYTHING) for home in ("margaret", "flat-3"))
AGREED += """
[[duty]]
who = "council/bob"
from = 2027-01-15T06:00:00Z
until = 2027-01-15T18:00:00Z
"""


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, messages: list[Message]) -> None:
        start, *rest = messages
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.text = b"".join(part.get("body", b"") for part in rest).decode()

    @property
    def words(self) -> str:
        """The text that a reader sees, tags dropped and spaces joined."""
        return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", self.text))


async def ask(site: ASGIApp, path: str, method: str = "GET") -> Answer:
    """One request, straight into the application."""
    messages: list[Message] = []
    coming: list[Message] = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return coming.pop(0) if len(coming) > 1 else coming[0]

    async def send(message: Message) -> None:
        messages.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    await site(scope, receive, send)
    return Answer(messages)


@pytest.fixture
def seeded(tmp_path: Path) -> SeededHome:
    """A home whose hub beats, with nothing told yet."""
    home = SeededHome(tmp_path / "lum.db", NOW)
    home.beat()
    return home


def desk_of(seeded: SeededHome, now_ms: int, grants: str = AGREED) -> Desk:
    """The desk over ``seeded`` at ``now_ms``."""
    return make_desk(seeded.db, seeded.path.parent, Clock(now_ms), grants)


def site_of(seeded: SeededHome, *, now_ms: int = NOW, grants: str = AGREED) -> ASGIApp:
    """The portal over ``seeded`` at ``now_ms``."""
    desk = desk_of(seeded, now_ms, grants)

    async def opened(link: Link) -> Shown | Refused:
        return show(desk, seeded.homes, link)

    return app(opened, SECRET, lambda: now_ms)


async def page_of(seeded: SeededHome, *, now_ms: int = NOW) -> Answer:
    """The home's page, the watch having looked at NOW."""
    look(seeded.homes, lambda: NOW)
    return await ask(site_of(seeded, now_ms=now_ms), f"/h/{LINK}")


async def test_a_watched_home_says_so(seeded: SeededHome) -> None:
    """Headline, state word, each sensor's room and values, and the mark on what came in the clear."""
    seeded.tell(ORDINARY)

    words = (await page_of(seeded)).words

    assert "We are watching this home." in words
    assert "Thermometer Living room Watched since" in words
    assert "Temperature 21.6\N{NO-BREAK SPACE}°C" in words
    assert "Door closed" in words
    assert "Help button Bedroom Partly watched since" in words
    assert "Button pressed yesterday" in words
    assert "not encrypted" in words
    assert "time uncertain" not in words


async def test_an_unseen_sensor_says_why_and_who_can_mend_it(seeded: SeededHome) -> None:
    """A broken contract makes the home partly seen; the sensor stands first, with what it said last."""
    seeded.tell([*ORDINARY, SILENT, NEVER])

    words = (await page_of(seeded)).words

    assert "We see only part of this home." in words
    assert "4 of 7 sensors are watched." in words
    assert "Window Bedroom Not seen since" in words
    assert "Somebody in the home can check its battery" in words
    assert "What it said last: Window open" in words
    assert "Smoke alarm Kitchen Not seen yet" in words
    assert words.index("What we cannot see") < words.index("What we are watching")


async def test_a_value_of_uncertain_time_is_marked(seeded: SeededHome) -> None:
    """A hub without a clock gives bounds only; the page says so."""
    seeded.tell([UNCERTAIN], quality=Quality.UNSET)

    assert "time uncertain" in (await page_of(seeded)).words


async def test_what_is_not_believed_stands_beside_what_is(seeded: SeededHome) -> None:
    """A copied or restarted sensor's word does not open the door, and is not hushed up either."""
    seeded.tell([DOUBTED])

    words = (await page_of(seeded)).words

    assert "Door closed" in words
    assert re.search(
        r"not believed: open [\w: ]+ not encrypted this sensor restarted, or somebody copied it", words
    )
    assert "not believed It is kept, but we do not go by it." in words


@pytest.mark.parametrize(
    ("believed_ago_h", "doubted_ago_h", "shown"),
    [(None, 27, True), (26, 25, True), (1, 23, True), (20, 25, False)],
)
async def test_what_is_not_believed_is_shown_for_a_day(
    seeded: SeededHome, believed_ago_h: int | None, doubted_ago_h: int, shown: bool
) -> None:
    """And for as long as nothing newer is believed."""
    readings = [(state("door", Flag.COUNTER_RESET), 1, doubted_ago_h * 60 * MINUTE)]
    if believed_ago_h is not None:
        readings.append((state("door"), 0, believed_ago_h * 60 * MINUTE))
    seeded.tell([Told(sensor(3, "Front door", "Hall"), readings)])

    words = (await page_of(seeded)).words

    assert ("reported, not believed: open" in words) is shown
    assert ("we do not go by it" in words) is shown


async def test_what_a_sensor_lacks_is_said_once_and_in_plain_words(seeded: SeededHome) -> None:
    """Battery and signal are the sensor's; what is odd about one value stands with that value."""
    low, stuck = int(Flag.BATTERY_LOW | Flag.WEAK_SIGNAL), int(Flag.STUCK | 1 << 9)
    values = [
        (replace(TEMPERATURE, flags=low), 2100, 20_000),
        (replace(TEMPERATURE, kind="dew_point", flags=low | stuck), 900, 20_000),
    ]
    seeded.tell([Told(sensor(1, "Thermometer", "Hall"), values)])

    words = (await page_of(seeded)).words

    assert words.count("battery low: please change it very weak signal") == 1
    assert words.count("battery low") == words.count("very weak signal") == 1
    assert words.count("has not changed for a long time unusual in a way that this page does not know") == 1


async def test_a_signal_that_is_good_again_is_not_called_weak(seeded: SeededHome) -> None:
    """The last frame tells; of the battery also the last word on it, which may have come before."""
    weak = int(Flag.WEAK_SIGNAL | Flag.BATTERY_LOW)
    values = [(state("motion"), 1, MINUTE), (state("light", weak), 1, 2 * MINUTE)]
    seeded.tell([Told(sensor(1, "Movement", "Hall"), values)])
    seeded.tell([DOUBTED])

    words = (await page_of(seeded)).words

    assert words.count("very weak signal") == 1
    assert words.count("battery low: please change it") == 1


async def test_a_silent_hub_leaves_nothing_watched(seeded: SeededHome) -> None:
    """Its last heartbeat dates the blindness; the page says that this is no bad news of the person."""
    seeded.tell(ORDINARY)
    seeded.beat(ago_ms=4 * MINUTE)

    words = (await page_of(seeded)).words

    assert "We have not seen this home since" in words
    assert "This does not mean that something is wrong." in words
    assert "We hear nothing from the hub in the home." in words
    assert "Watched since" not in words


@pytest.mark.parametrize("told", [ORDINARY, []])
async def test_a_silent_watch_leaves_nothing_watched(seeded: SeededHome, told: list[Told]) -> None:
    """31 s after the last look nothing reads as watched, and the fault is said to be ours."""
    seeded.tell(told)

    words = (await page_of(seeded, now_ms=NOW + 31_000)).words

    assert "Our own watch has stopped looking" in words
    assert "Watched since" not in words
    assert "Partly watched" not in words


async def test_a_home_without_sensors_is_not_watched(seeded: SeededHome) -> None:
    """Nothing known is nothing watched."""
    assert "We do not watch this home yet." in (await page_of(seeded)).words


async def test_names_from_a_hub_are_text_not_markup(seeded: SeededHome) -> None:
    """A hub's words are escaped wherever they stand."""
    bad = "<script>alert(1)</script>"
    seeded.tell([Told(sensor(1, bad, bad), [(Quantity(bad, bad, 0, "text"), bad, 0)])])

    page = await page_of(seeded)

    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_the_page_is_small_and_needs_no_script(seeded: SeededHome) -> None:
    """A home of forty sensors stays under 50 kB, renews itself, and refers to nothing but its own files."""
    seeded.tell([Told(sensor(n, "Thermometer", "Room"), ORDINARY[0].readings) for n in range(40)])

    page = await page_of(seeded)

    assert len(page.text.encode()) < 50_000
    assert '<meta http-equiv="refresh" content="15">' in page.text
    assert "<script" not in page.text
    assert set(re.findall(r'(?:href|src)="(/[^"]*)"', page.text)) == {"/static/lum.css", "/static/lum.svg"}


async def test_json_gives_the_same_facts(seeded: SeededHome) -> None:
    """State, cause and since of home and sensors; values as JSON numbers at the sensor's resolution."""
    seeded.tell([*ORDINARY, SILENT, DOUBTED])
    look(seeded.homes, lambda: NOW)

    facts = json.loads((await ask(site_of(seeded), f"/h/{LINK}/page.json")).text)

    assert (facts["home"], facts["state"], facts["cause"]) == ("margaret", "partly", "mixed")
    assert facts["evaluated_ms"] == NOW
    assert facts["watch_silent"] is False
    window = next(s for s in facts["sensors"] if s["name"] == "Window")
    assert (window["state"], window["cause"], window["who"]) == ("blind", "sensor-silent", "home")
    assert window["since_ms"] == window["heard_ms"] == NOW - 299 * MINUTE
    door = next(s for s in facts["sensors"] if s["name"] == "Back door")
    assert door["role"] == "entrance"
    assert [(v["kind"], v["value"], v["flags"]) for v in door["values"]] == [
        ("battery", 3, ["battery-low"]),
        ("door", False, ["weak-signal"]),
    ]
    assert [(v["value"], v["flags"]) for v in door["doubted"]] == [
        (True, ["plain", "weak-signal", "counter-reset"])
    ]
    thermometer = next(s for s in facts["sensors"] if s["name"] == "Thermometer")
    assert {v["kind"]: v["value"] for v in thermometer["values"]} == {
        "battery": 88,
        "humidity": 47.1,
        "temperature": 21.64,
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/h/", 404),
        ("/h/nothing", 404),
        ("/h/nothing/page.json", 404),
        (f"/h/{LINK[:-1]}", 404),
        (f"/h/{make_link(bytes(32), 'margaret', NOW + MINUTE)}", 404),
        (f"/h/{make_link(SECRET, 'margaret', NOW)}", 403),
        (f"/h/{make_link(SECRET, 'margaret', NOW)}/page.json", 403),
        ("/static/../server.py", 404),
    ],
)
async def test_refusals_are_sentences_that_give_nothing_away(
    seeded: SeededHome, path: str, status: int
) -> None:
    """A wrong address and a wrong link look the same; none names a home or a cause."""
    seeded.tell(ORDINARY)

    page = await ask(site_of(seeded), path)

    assert page.status == status
    assert ("This link has run out." if status == 403 else "There is no page here.") in page.words
    assert "margaret" not in page.text.lower()


async def test_a_link_opens_its_own_home_only(seeded: SeededHome) -> None:
    """Another home's link shows nothing of this one."""
    seeded.tell(ORDINARY)
    link = make_link(SECRET, "flat-3", NOW + MINUTE)

    words = (await ask(site_of(seeded), f"/h/{link}")).words

    assert "We do not watch this home yet." in words
    assert "Thermometer" not in words


@pytest.mark.parametrize("path", [f"/h/{LINK}", f"/h/{LINK}/page.json", "/nothing", "/static/lum.css"])
async def test_every_answer_carries_the_security_headers(seeded: SeededHome, path: str) -> None:
    """No script, no frame, no referrer, no cache: on pages, files and refusals alike."""
    headers = (await ask(site_of(seeded), path)).headers

    assert headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self'; img-src 'self'"
    )
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_a_page_can_only_be_read(seeded: SeededHome) -> None:
    """POST is refused with a sentence."""
    answer = await ask(site_of(seeded), f"/h/{LINK}", "POST")

    assert answer.status == 405
    assert "can only be read" in answer.words


async def test_event_only_homes_are_partly_watched(seeded: SeededHome) -> None:
    """A home of nothing but buttons is never called watched."""
    seeded.tell([Told(sensor(5, "Help button", "Bedroom", Contract.EVENT_ONLY), kept=False)])

    words = (await page_of(seeded)).words

    assert "We see only part of this home." in words
    assert "their silence tells us nothing" in words


async def test_family_sees_what_the_home_agreed_to_and_no_more(seeded: SeededHome) -> None:
    """Values of other classes are not on the page, nor in its facts; the state is."""
    seeded.tell(ORDINARY)
    look(seeded.homes, lambda: NOW)
    site = site_of(seeded, grants="version = 1\n" + consent("margaret", "state", "climate"))

    words = (await ask(site, f"/h/{LINK}")).words
    facts = (await ask(site, f"/h/{LINK}/page.json")).text

    assert "We are watching this home." in words
    assert "Temperature" in words
    assert "Door closed" not in words
    assert "battery" not in facts


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ("version = 1\n", "Nothing is written down of what this home agreed that family may see."),
        (
            "version = 1\n" + consent("margaret", "climate"),
            "The home has not agreed that family see this kind of data.",
        ),
    ],
)
async def test_a_home_that_has_not_agreed_is_not_shown(seeded: SeededHome, grants: str, said: str) -> None:
    """No agreement, or none to seeing its state: a sentence, and nothing of the home."""
    seeded.tell(ORDINARY)

    page = await ask(site_of(seeded, grants=grants), f"/h/{LINK}")

    assert page.status == 403
    assert said in page.words
    assert "Thermometer" not in page.text


async def test_the_page_tells_who_looked(seeded: SeededHome) -> None:
    """Links by name, staff in an emergency with the cause, refusals too; a page's renewals are one look."""
    seeded.tell(ORDINARY)
    site, desk = site_of(seeded), desk_of(seeded, NOW)
    bob = Subject(Role.STAFF, "council", "bob")
    desk.break_glass(bob, "margaret", "no-answer")
    desk.look(
        by(Subject(Role.PARTNER, "nhs-falls", "eve"), Proof.CONSOLE, "margaret", Action.READ, "research")
    )
    for _ in range(3):
        await ask(site, f"/h/{LINK}")

    words = (await ask(site, f"/h/{LINK}/looks")).words

    assert "Staff (council/bob)" in words
    assert "in an emergency, for an hour: nobody answered. This will be reviewed." in words
    assert "Partner (nhs-falls/eve)" in words
    assert "Wanted to look (research) and was refused." in words
    assert words.count("Family, by link") == 1


async def test_the_page_says_who_has_it_in_hand_and_how_it_ended(seeded: SeededHome) -> None:
    """In words, since when; and once it is over, what was found, for a day."""
    incident = Incident(
        "help",
        About.PERSON,
        NOW - 9 * MINUTE,
        NOW - 9 * MINUTE,
        NOW,
        "The help button was pressed at 07:51.",
        Severity.EMERGENCY,
        Audience.FAMILY,
    )
    assured = Assured(seeded.db)
    look(seeded.homes, lambda: NOW)
    open_, taken, over = (
        incident,
        take(incident, "staff:council/amy", NOW, NOW - MINUTE),
        close(incident, "By mistake.", NOW, "staff:council/amy"),
    )
    said = []
    for one in (open_, taken, over):
        assured.note("margaret", [], [one])
        said.append((await ask(site_of(seeded), f"/h/{LINK}")).words)

    assert "Help was asked for The help button was pressed at 07:51." in said[0]
    assert "Nobody has said yet that they have it in hand." in said[0]
    assert re.search(
        r"Staff \(council/amy\) has had it in hand since \d\d:\d\d ?\.", said[1].replace(" .", ".")
    )
    assert "What needs somebody now" not in said[2]
    assert re.search(r"Over since \d\d:\d\d \. Staff \(council/amy\) found: By mistake\.", said[2])


@pytest.mark.parametrize(
    ("about", "severity", "first"),
    [
        (About.PERSON, Severity.EMERGENCY, True),
        (About.PERSON, Severity.RAISE, False),
        (About.US, Severity.EMERGENCY, False),
    ],
)
async def test_a_call_from_the_person_comes_before_everything(
    seeded: SeededHome, *, about: About, severity: Severity, first: bool
) -> None:
    """The eye rests on the banner, which may well be green; what is ours to mend does not push it down."""
    said_at = (NOW - MINUTE, NOW - MINUTE, NOW)
    incident = Incident("help", about, *said_at, "So it was.", severity, Audience.FAMILY)
    look(seeded.homes, lambda: NOW)
    Assured(seeded.db).note("margaret", [], [incident])
    answer = await ask(site_of(seeded), f"/h/{LINK}")

    assert (answer.text.index("What needs somebody now") < answer.text.index("<h1>")) is first
    assert ("<title>Help was asked for: " in answer.text) is first


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("", "The family was not told by message: nobody has set up how. It stands on this page."),
        ("due", "The family was not reached yet; we keep trying."),
        ("withheld", "The family was not told: this home has not agreed to it."),
        ("delivered", "The family was told at "),
    ],
)
async def test_the_page_says_who_was_reached(seeded: SeededHome, state: str, said: str) -> None:
    """And never more than is known."""
    incident = Incident("help", About.PERSON, NOW, NOW, NOW, "", Severity.EMERGENCY, Audience.FAMILY)
    notices = list(due("margaret", incident, ZoneInfo("Europe/London"), NOW))
    Assured(seeded.db).note("margaret", [], [incident], notices)
    look(seeded.homes, lambda: NOW)
    Notices(seeded.db).hand_out({Audience.OPERATIONS: [], Audience.FAMILY: ["sms"] if state else []}, NOW)
    seeded.db.execute("UPDATE delivery SET state = ?, done_ms = ?", (state, NOW))

    words = (await page_of(seeded)).words

    assert said in words
    assert "The people who run this service were not told by message" in words


async def test_questions_stand_in_the_order_of_what_matters(seeded: SeededHome) -> None:
    """A call for help before warmth, however the store keeps them."""
    stretches = [Stretch(question, State.WATCHING, Cause.PROVEN, NOW, NOW) for question in reversed(Question)]
    found = {question: Finding(Found.OPEN) for question in Question}
    Assured(seeded.db).write("margaret", Look(tuple(stretches), ()), found, NOW)

    words = (await page_of(seeded)).words

    titles = (
        "A call for help",
        "Smoke, gas",
        "Up by",
        "Moving about",
        "Back from",
        "Warm",
        "Door shut",
        "Calm",
    )
    assert sorted(titles, key=words.index) == list(titles)


async def test_a_look_that_cannot_be_written_down_is_not_taken(seeded: SeededHome) -> None:
    """No record, no page."""
    seeded.tell(ORDINARY)
    seeded.db.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")

    page = await ask(site_of(seeded), f"/h/{LINK}")

    assert page.status == 503
    assert "Thermometer" not in page.text
