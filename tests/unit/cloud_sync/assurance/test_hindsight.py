"""What we knew at one time of another, and what we learned afterwards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.hindsight import Blindness, Explanation, as_known, blindnesses, explain, known
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Plan, Question
from cloud_sync.assurance.watching import Stretch
from tests.helpers.watched_home import SENSORS, WatchedHome, at

DAY = "2026-03-10"
BEGAN_MS = at(f"{DAY} 12:00")
SEEN = Stretch(Question.WARM, State.WATCHING, Cause.PROVEN, 0, 0, 140)
LOST = Stretch(Question.WARM, State.BLIND, Cause.HUB_SILENT, 140, 145, 200)
AGAIN = Stretch(Question.WARM, State.WATCHING, Cause.PROVEN, 200, 200)


def test_before_we_knew_we_said_what_we_could_know() -> None:
    """And after, what was so."""
    ledger = [SEEN, LOST, AGAIN]
    assert known(ledger, 143, 144) is not None
    assert [known(ledger, 143, at_ms).state for at_ms in (144, 145, 300)] == [  # type: ignore[union-attr]
        State.WATCHING,
        State.BLIND,
        State.BLIND,
    ]
    assert [one.until_ms for one in as_known(ledger, 144)] == [None]
    assert [one.until_ms for one in as_known(ledger, 150)] == [140, None]
    assert as_known(ledger, 300) == ledger


def test_a_question_that_is_asked_no_more_was_asked() -> None:
    """Until then; and nothing is known of a time before the first look."""
    dropped = [Stretch(Question.WARM, State.WATCHING, Cause.PROVEN, 100, 100, 140)]
    assert known(dropped, 120, 200) == dropped[0]
    assert known(dropped, 150, 200) is None
    assert known(dropped, 50, 200) is None


changes = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["lose", "find", "sensor"]), st.integers(0, 30)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(changes)
def test_whatever_comes_later_what_we_said_stays_said(said: list[tuple[int, str, int]]) -> None:
    """At each look the ledger's word on that minute is what the ledger gives for it ever after."""
    home, minute = WatchedHome(), 0
    then: list[tuple[int, Question, State, Cause]] = []
    for wait_min, what, ago_min in said:
        for _ in range(wait_min):
            minute += 1
            home.until(_clock(minute), step_min=1)
            then += [(home.now_ms, q, one.state, one.cause) for q, one in home.watch.ledger.items()]
        if what == "find":
            home.find()
        else:
            home.lose(_clock(minute - min(ago_min, minute)), *(["front"] if what == "sensor" else []))
    final = list({(one.question, one.from_ms, one.known_ms): one for one in home.stretches}.values())
    for now_ms, question, state, cause in then:
        found = known([one for one in final if one.question is question], now_ms, now_ms)
        assert found is not None
        assert (found.state, found.cause) == (state, cause)


def _clock(minute: int) -> str:
    return f"{DAY} {12 + minute // 60:02}:{minute % 60:02}"


def test_only_what_the_hub_may_have_heard_can_be_explained() -> None:
    """A dead sensor, or a deaf radio, is no secret of the hub's; what lasts is not over."""
    told = [
        Stretch(Question.UP, State.BLIND, Cause.HUB_SILENT, 10, 12, 20),
        Stretch(Question.WARM, State.BLIND, Cause.UNCONFIRMED, 15, 18, 30),
        Stretch(Question.WARM, State.BLIND, Cause.SENSOR_SILENT, 40, 41, 50),
        Stretch(Question.WARM, State.PARTLY, Cause.HUB_SILENT, 60, 61, 70),
        Stretch(Question.WARM, State.BLIND, Cause.HUB_SILENT, 80, 81),
    ]
    assert blindnesses(told) == [Blindness(10, 30)]


def learned(*events: Event, listened_min: int = 60) -> Explanation | None:
    """What is learned of the two hours from noon."""
    blindness = Blindness(BEGAN_MS, BEGAN_MS + 120 * MINUTE_MS)
    spans = [(BEGAN_MS - MINUTE_MS, BEGAN_MS + listened_min * MINUTE_MS)] if listened_min else []
    return explain(blindness, Plan("h-1", SENSORS), events, spans, BEGAN_MS + 200 * MINUTE_MS)


def happened(minute: float, sensor: str, kind: str = "motion", value: float = 1) -> Event:
    """So long after noon."""
    return Event(BEGAN_MS + round(minute * MINUTE_MS), sensor, kind, value)


def test_what_was_heard_is_told_in_words_and_no_trail() -> None:
    """Sure signs, ways out and calls, with their times; one pulse alone is none of them."""
    one = learned(
        happened(10, "kitchen"),
        happened(11, "living"),
        happened(30, "bedroom"),
        happened(50, "front", "door"),
        happened(51, "front", "door", 0),
        happened(70, "pendant", "button"),
    )
    assert one is not None
    assert one.sentence == (
        "The hub listened for 1 hour of 2 hours. It heard: two rooms between 12:10 and 12:11;"
        " a way out was opened at 12:50; the help button was pressed at 13:10."
    )


def test_to_have_listened_and_heard_nobody_is_an_explanation() -> None:
    """To have listened to nothing is none."""
    quiet = learned(happened(10, "kitchen"))
    assert quiet is not None
    assert quiet.evidence == "nothing that shows somebody"
    assert learned(listened_min=0) is None
    assert learned(happened(20, "pendant", "button"), listened_min=0) is not None


def test_a_long_story_is_cut_short() -> None:
    """Eight are told, and how many more there are."""
    one = learned(*(happened(minute, "front", "door") for minute in range(0, 120, 10)))
    assert one is not None
    assert one.evidence.endswith("and 4 times more")
