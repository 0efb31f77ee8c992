"""Whatever the order of its lines, and however often they are repeated: a recording is the same home."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.assurance.plan import Parameters
from hil_tests.assuring import recording
from hil_tests.assuring.play import play

START_MS = 1_772_409_600_000
rows = st.lists(
    st.tuples(
        st.integers(0, 7 * 86_400_000),
        st.sampled_from(["HallA", "KitchenA", "FrontDoor", "M001", "D002", "th0"]),
        st.sampled_from(["motion", "door", "temperature", "battery", "light"]),
        st.integers(-50, 3000),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[:3],
)


def _load(folder: Path, lines: list[str]) -> recording.Recording:
    file = folder / "trace.csv"
    file.write_text("\n".join(["ts,sensor_id,kind,value", *lines, ""]), encoding="utf-8")
    return recording.load(file, Parameters())


@given(rows, st.integers())
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_change_nothing(drawn: list[tuple[int, str, str, int]], seed: int) -> None:
    """But for the sentence that says how many lines were repeated."""
    lines = [f"{START_MS + at},{sensor},{kind},{value}" for at, sensor, kind, value in drawn]
    mixed = [*lines, *lines[: len(lines) // 2]]
    random.Random(seed).shuffle(mixed)
    with tempfile.TemporaryDirectory() as folder:
        plain, other = _load(Path(folder), lines), _load(Path(folder), mixed)
    assert sorted(plain.events) == sorted(other.events)
    assert dict(plain.sensors) == dict(other.sensors)
    assert (plain.from_ms, plain.to_ms) == (other.from_ms, other.to_ms)


@given(rows)
@settings(max_examples=10, deadline=None)
def test_any_recording_can_be_played(drawn: list[tuple[int, str, str, int]]) -> None:
    """Nonsense is no proof of life and no reason to stop."""
    lines = [f"{START_MS + at},{sensor},{kind},{value}" for at, sensor, kind, value in drawn]
    with tempfile.TemporaryDirectory() as folder:
        told = play(_load(Path(folder), lines), Parameters())
    assert all(spell.from_ms <= spell.to_ms for spell in told.proofs)
