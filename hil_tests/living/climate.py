"""The living room's temperature: heating hours, a wall that stores heat, the weather, a boiler that fails."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from hil_tests.living.chance import DAY_MS, HOUR_MS, lognormal, normal, summer
from hil_tests.living.equipment import TEMPERATURE_S, THERMOMETER
from hil_tests.living.habits import Habits
from hil_tests.living.home import BEATS_LOST, Cause, Fault, FaultKind, Row

_STEP_MS = TEMPERATURE_S * 1000
_YEAR_MEAN_C, _YEAR_SWING_C, _DAY_SWING_C = 9.0, 6.5, 3.0


def temperature_rows(
    habits: Habits, defects: Sequence[Fault], start_ms: int, end_ms: int, rng: random.Random
) -> Iterator[Row]:
    """One reading every five minutes, hundredths of a degree."""
    warm_c, night_c = normal(rng, 18.6, 2.2, 12, 24), normal(rng, 15, 2, 8, 19)
    loses_h, gains_h = lognormal(rng, 16, 0.4, 5, 50), lognormal(rng, 1.5, 0.4, 0.5, 4)
    gain_c = rng.uniform(1, 5)  # sun, cooking, a person
    weather_c = 0.0
    stuck: int | None = None
    inside_c = night_c
    for at_ms in range(start_ms + rng.randrange(_STEP_MS), end_ms, _STEP_MS):
        weather_c += -weather_c * _STEP_MS / (2 * DAY_MS) + rng.gauss(0, 0.25)
        outside_c = _outside(at_ms) + weather_c
        hour = at_ms % DAY_MS / HOUR_MS
        day = habits.rise_min / 60 - 0.5 <= hour < 22
        heated = not _fails(defects, FaultKind.HEATING, "", at_ms)
        aim_c = max(outside_c + gain_c, (warm_c if day else night_c) if heated else -99)
        pace_h = gains_h if aim_c > inside_c else loses_h
        inside_c += (aim_c - inside_c) * (1 - math.exp(-_STEP_MS / HOUR_MS / pace_h))
        if rng.random() < 0.002:
            inside_c -= rng.uniform(0.5, 3)  # a window
        told = round((inside_c + rng.gauss(0, 0.03)) * 100)
        stuck = (
            (told if stuck is None else stuck)
            if _fails(defects, FaultKind.STUCK, THERMOMETER, at_ms)
            else None
        )
        if rng.random() >= BEATS_LOST:
            yield Row(at_ms, THERMOMETER, "temperature", told if stuck is None else stuck, Cause.SENSOR)


def _outside(at_ms: int) -> float:
    of_day = math.cos(2 * math.pi * (at_ms % DAY_MS / DAY_MS - 15 / 24))
    return _YEAR_MEAN_C + _YEAR_SWING_C * summer(at_ms) + _DAY_SWING_C * of_day


def _fails(defects: Sequence[Fault], kind: FaultKind, sensor_id: str, at_ms: int) -> bool:
    return any(
        fault.kind is kind and fault.sensor_id == sensor_id and fault.start_ms <= at_ms < fault.end_ms
        for fault in defects
    )
