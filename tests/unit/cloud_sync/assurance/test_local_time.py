"""Wall clock in a home's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from cloud_sync.assurance.local_time import local, spoken

LONDON = ZoneInfo("Europe/London")
SPRING_MS = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) * 1000
AUTUMN_MS = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()) * 1000


@given(st.integers(0, 4_102_444_800_000))
@example(SPRING_MS - 1)
@example(SPRING_MS)
@example(AUTUMN_MS - 1)
@example(AUTUMN_MS)
def test_a_moment_lies_where_the_calendar_puts_it(at_ms: int) -> None:
    """To the second, and over both changes of the clock."""
    at = datetime.fromtimestamp(at_ms // 1000, LONDON) + timedelta(milliseconds=at_ms % 1000)
    found = local(at_ms, LONDON)
    assert found.day == at.toordinal()
    assert abs(found.minute - (at.hour * 60 + at.minute + at.second / 60)) <= 1 / 60
    assert spoken(at_ms, LONDON) == f"{at.hour:02}:{at.minute:02}"
