"""What a hub leaves out: from when until when, by whose clock, and which sensors stay."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.sync.heeding import Heeding
from cloud_sync.wire.setting import VERSION, Pause, Setting
from edge_agent.core.pausing import Pausing
from tests.helpers.trust import NOW_MS

SITE, HUB, SESSION = "demo", "h" * 13, bytes(16)
ROLES = {"hall": "presence", "pendant": "help", "smoke": "hazard", "odd": "robot"}
HOUR = 3_600_000
WHOLE = ("help", "hazard")


@dataclass
class Home:
    """A hub's pauses, and a clock that the site may have told."""

    offset_ms: int | None = NOW_MS
    floor_ms: int = NOW_MS - HOUR

    def __post_init__(self) -> None:
        self.heeding = Heeding(SITE, HUB)
        self.pausing = Pausing(ROLES, self.heeding, self._placed, self.floor_ms)

    def _placed(self, boot_ms: int) -> int | None:
        return None if self.offset_ms is None else self.offset_ms + boot_ms

    def go_by(self, *pauses: Pause, made_ms: int = NOW_MS) -> None:
        """A setting was taken."""
        self.heeding.setting = setting(1, *pauses, made_ms=made_ms)


def setting(number: int, *pauses: Pause, made_ms: int = NOW_MS, session: bytes = SESSION) -> Setting:
    """One for this hub."""
    return Setting(VERSION, SITE, HUB, session, number, made_ms, pauses)


def test_a_pause_leaves_out_all_but_what_stays_from_its_first_moment_to_its_last() -> None:
    """A role that its maker did not know is left out, not heard by mistake."""
    home = Home()
    home.go_by(Pause(NOW_MS + 1_000, NOW_MS + 5_000, WHOLE))

    assert home.pausing.paused(999) == frozenset()
    assert home.pausing.paused(1_000) == home.pausing.paused(4_999) == {"hall", "odd"}
    assert home.pausing.paused(5_000) == frozenset()


def test_what_one_of_two_pauses_leaves_out_is_left_out() -> None:
    """The hub's own counts like the site's."""
    home = Home()
    home.go_by(Pause(NOW_MS, NOW_MS + HOUR, ("presence", "help")))
    home.heeding.own = (Pause(NOW_MS, NOW_MS + HOUR, ("help", "hazard", "presence")),)

    assert home.pausing.paused(0) == {"smoke", "odd"}


def test_without_the_sites_time_what_had_begun_goes_on_and_nothing_else_begins() -> None:
    """A machine's clock of 1970 or 2031 neither ends a pause nor begins one."""
    home = Home(offset_ms=None)
    home.go_by(Pause(NOW_MS - 10, NOW_MS + 10), made_ms=NOW_MS)
    assert "hall" in home.pausing.paused(10 * HOUR)

    home.go_by(Pause(NOW_MS + 10, NOW_MS + 20), made_ms=NOW_MS)
    assert home.pausing.paused(10 * HOUR) == frozenset()

    home.offset_ms = NOW_MS
    assert "hall" in home.pausing.paused(15)
    assert home.pausing.paused(20) == frozenset()


def test_a_pause_that_had_ended_before_the_last_known_time_is_over() -> None:
    """So a power cut after its end does not bring it back."""
    home = Home(offset_ms=None, floor_ms=NOW_MS + 10)
    home.go_by(Pause(NOW_MS - 10, NOW_MS + 10), made_ms=NOW_MS - 10)

    assert home.pausing.paused(0) == frozenset()


def test_only_a_newer_setting_of_this_session_is_taken() -> None:
    """The same one again is no news; another content under its number, or an older one, is refused."""
    heeding = Heeding(SITE, HUB)
    long, short = Pause(NOW_MS, NOW_MS + HOUR), Pause(NOW_MS, NOW_MS + 1)
    assert heeding.refusal(setting(2, long), SESSION) == ""
    heeding.setting = setting(2, long)

    assert heeding.refusal(setting(2, long, made_ms=NOW_MS + 9), SESSION) == ""
    assert heeding.refusal(setting(2, short), SESSION) == "setting-replayed"
    assert heeding.refusal(setting(1, short), SESSION) == "setting-replayed"
    assert heeding.refusal(setting(3, short, session=b"\1" * 16), SESSION) == "setting-not-believed"
    assert heeding.refusal(setting(3, short), SESSION) == ""


pauses = st.builds(
    lambda start, length, stays: Pause(NOW_MS + start, NOW_MS + start + length, tuple(stays)),
    st.integers(0, 1_000),
    st.integers(1, 1_000),
    st.sets(st.sampled_from(sorted(ROLES.values()))),
)


@given(st.lists(pauses, max_size=5), st.integers(-10, 2_010))
def test_a_sensor_is_left_out_just_when_a_pause_in_force_does_not_name_its_role(
    asked: list[Pause], at_ms: int
) -> None:
    """Whatever was asked before or after at another moment."""
    home = Home()
    home.go_by(*asked)
    home.pausing.paused(at_ms - 7)

    for sensor, role in ROLES.items():
        left_out = any(p.from_ms <= NOW_MS + at_ms < p.until_ms and role not in p.stays for p in asked)
        assert (sensor in home.pausing.paused(at_ms)) is left_out
