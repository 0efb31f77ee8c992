"""The firmware, whatever it senses and whenever it loses power."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.outcome import Status
from tests.helpers.firmware import Aes, ModelFlash, PowerLostError, load

bthome, counter = load("bthome"), load("counter")

CATALOGUE = Catalogue.load()
ADDRESS = "C0:00:00:00:00:01"
VALUES = {
    "battery": st.integers(0, 100),
    "temperature": st.integers(-4500, 12_500),
    "humidity": st.integers(0, 10_000),
    "door": st.integers(0, 1),
    "motion": st.integers(0, 1),
}
STATES = st.fixed_dictionaries({}, optional=VALUES).map(lambda state: list(state.items()))
EVENTS = st.sampled_from(sorted(bthome.BUTTON_EVENTS)).map(lambda event: [("button", event)])


@given(
    readings=STATES | EVENTS,
    number=st.integers(1, 0xFFFFFFFF),
    key=st.none() | st.binary(min_size=16, max_size=16),
)
def test_what_it_says_is_what_a_hub_reads(
    readings: list[tuple[str, int | str]], number: int, key: bytes | None
) -> None:
    """Any state or event, encrypted or not, decodes to the same values, packet id and counter."""
    sealer = bthome.Sealer(Aes(key), bytes.fromhex(ADDRESS.replace(":", ""))) if key else None
    data = bthome.advert(readings, number, sealer)
    heard = Advert(ADDRESS, None, (), {full_uuid("fcd2"): data[7:]}, {}, -60, 0)
    outcome = CATALOGUE.decode(heard, key)

    assert outcome.status is Status.DECODED
    assert {one.kind: one.value for one in outcome.readings} == dict(readings)
    assert (outcome.repeat, outcome.counter) == (number & 0xFF, number if key else None)
    said = dict(word.split("=") for word in (bthome.told(kind, value) for kind, value in readings))
    assert said == {
        one.kind: one.value
        if isinstance(one.value, str)
        else f"{one.value * 10.0**one.exponent:.{-one.exponent}f}"
        for one in outcome.readings
    }


LIVES = st.lists(
    st.tuples(
        st.integers(0, 700),  # numbers it would take
        st.sampled_from(["runs", "sleeps", "dies_before", "dies_after"]),
        st.integers(0, 3),  # writes until it dies
    ),
    max_size=12,
)


@given(lives=LIVES)
def test_no_number_ever_comes_twice(lives: list[tuple[int, str, int]]) -> None:
    """Over power cuts anywhere, also in the middle of a write, and deep sleeps, numbers only grow."""
    flash, taken, kept = ModelFlash(), [0], None
    for wanted, end, writes in lives:
        if end.startswith("dies"):
            setattr(flash, end, writes)
        try:
            numbers = counter.Counter(flash, kept)
            kept = None
            for _ in range(wanted):
                taken.append(numbers.take())  # noqa: PERF401  # what was taken before the power went counts
            kept = numbers.kept if end == "sleeps" else None
        except PowerLostError:
            kept = None
        flash.dies_before = flash.dies_after = None

    assert all(one < other for one, other in pairwise(taken))
