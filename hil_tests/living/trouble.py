"""What fails in a home, from a seed of its own: outages that silence, and defects that no contract tells of."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from hil_tests.living.chance import HOUR_MS, instants, lognormal
from hil_tests.living.home import Fault, FaultKind, Row, Sensor, deaf_spans

WHOLE_HOME = (FaultKind.HUB, FaultKind.RADIO, FaultKind.LINE)
# How many a day, how many hours in the middle, how widely spread.
_HOME_OUTAGES = {
    FaultKind.HUB: (1 / 40, 0.8, 1.6),
    FaultKind.RADIO: (1 / 60, 2.0, 1.4),
    FaultKind.LINE: (1 / 20, 1.2, 1.6),
}
_DEAD_PER_DAY, _DEAD_H = 1 / 400, 60.0  # of each sensor
_STUCK_PER_DAY, _STUCK_H = 1 / 1500, 20.0
_OBSTRUCTED_PER_DAY, _OBSTRUCTED_H = 1 / 300, 40.0
_COLD_PER_DAY, _COLD_H = 1 / 150, 14.0
_LEAST_H, _MOST_H = 0.02, 240.0


def draw_outages(
    sensors: Sequence[Sensor], start_ms: int, end_ms: int, rng: random.Random
) -> tuple[Fault, ...]:
    """Of the whole home and of single sensors, in order of time; those of one kind and sensor never overlap."""
    faults = [
        fault
        for kind, (per_day, hours, sigma) in _HOME_OUTAGES.items()
        for fault in _draw(kind, "", per_day, (hours, sigma), (start_ms, end_ms), rng)
    ]
    for sensor in sensors:
        faults += _draw(
            FaultKind.DEAD, sensor.sensor_id, _DEAD_PER_DAY, (_DEAD_H, 1.0), (start_ms, end_ms), rng
        )
    return _in_order(faults)


def draw_defects(
    sensors: Sequence[Sensor], start_ms: int, end_ms: int, rng: random.Random
) -> tuple[Fault, ...]:
    """Stuck values, obstructed motion sensors, a cold boiler; in order of time."""
    window = (start_ms, end_ms)
    faults = list(_draw(FaultKind.HEATING, "", _COLD_PER_DAY, (_COLD_H, 0.7), window, rng))
    for sensor in sensors:
        if sensor.kind in {"motion", "door", "temperature"}:
            faults += _draw(FaultKind.STUCK, sensor.sensor_id, _STUCK_PER_DAY, (_STUCK_H, 1.0), window, rng)
        if sensor.kind == "motion":
            faults += _draw(
                FaultKind.OBSTRUCTED, sensor.sensor_id, _OBSTRUCTED_PER_DAY, (_OBSTRUCTED_H, 1.0), window, rng
            )
    return _in_order(faults)


def _draw(
    kind: FaultKind,
    sensor_id: str,
    per_day: float,
    hours: tuple[float, float],
    window: tuple[int, int],
    rng: random.Random,
) -> Iterator[Fault]:
    free_ms = window[0]
    for at_ms in instants(rng, per_day, *window):
        length_ms = round(lognormal(rng, *hours, _LEAST_H, _MOST_H) * HOUR_MS)
        if at_ms > free_ms:
            free_ms = min(at_ms + length_ms, window[1])
            yield Fault(kind, at_ms, free_ms, sensor_id)


def _in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: (fault.start_ms, fault.kind.value, fault.sensor_id)))


def heard(rows: Iterable[Row], outages: Sequence[Fault]) -> tuple[Row, ...]:
    """The rows that reached the hub, in order of time; what a line outage delays is among them."""
    kept: list[Row] = []
    by_sensor = sorted(rows, key=lambda row: (row.sensor_id, row.ts_ms))
    for sensor_id, told in groupby(by_sensor, key=lambda row: row.sensor_id):
        silent = deaf_spans(outages, sensor_id)
        for row in told:
            while silent and silent[0][1] <= row.ts_ms:
                silent.pop(0)
            if not (silent and silent[0][0] <= row.ts_ms):
                kept.append(row)
    return tuple(sorted(kept, key=lambda row: row[:2]))
