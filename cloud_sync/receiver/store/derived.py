"""What is derived from batches, and can be rebuilt: sensors as described, newest values, listening spans (SQLite).

The caller has a transaction around it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from cloud_sync.sync.placing import Placing
from cloud_sync.wire.batch import Batch, Heard, Quantity, Reading, Sensor, rows
from device_profiles.reading import Flag, Form

# A reading with one of these may be wrong, or somebody's copy: told, but never what a home is judged by.
DOUBTED: Final = int(Flag.IMPLAUSIBLE | Flag.JUMP | Flag.COUNTER_RESET)
# What questions ask about; all other kinds are kept as evidence only.
_ASKED: Final = frozenset(
    {
        *("motion", "moving", "occupancy", "presence", "power_on", "temperature"),
        *("door", "window", "opening", "contact"),
        *("smoke", "gas", "carbon_monoxide", "leak", "leak_top", "moisture", "water", "heat"),
    }
)


def enter(
    db: sqlite3.Connection, home: str, batch: Batch, placing: Placing, received_ms: int, *, whole: bool
) -> None:
    """Bring sensors, newest values and listening spans up to date with a batch that counts.

    Args:
        db: the store.
        home: whose batch it is.
        batch: as decoded.
        placing: its place on the wall clock.
        received_ms: wall clock.
        whole: it carries a manifest, so all its sensors are described anew, those not heard of included.
    """
    _describe_sensors(db, home, batch, placing, whole=whole)
    _keep_newest(db, home, batch, placing, received_ms)
    _note_events(db, home, batch, placing, received_ms)
    db.executemany(
        "INSERT INTO span VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)",
        [(batch.hub, placing.at(start), placing.at(end)) for start, end in batch.spans],
    )


def _keep_newest(db: sqlite3.Connection, home: str, batch: Batch, placing: Placing, received_ms: int) -> None:
    """The newest value of each kind; the newest doubted one stands beside it, never in its place."""
    newest = {
        (sensor.address, quantity.kind, quantity.flags & DOUBTED != 0): (reading, quantity)
        for sensor, quantity, reading in sorted(rows(batch), key=lambda row: row[2].at_ms)
    }
    db.executemany(
        "INSERT INTO last VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " value = excluded.value, unit = excluded.unit, exponent = excluded.exponent, form = excluded.form,"
        " flags = excluded.flags, happened_ms = excluded.happened_ms, quality = excluded.quality,"
        " received_ms = excluded.received_ms WHERE excluded.happened_ms >= last.happened_ms",
        [
            (
                home,
                address,
                kind,
                doubted,
                reading.value,
                quantity.unit,
                quantity.exponent,
                quantity.form,
                quantity.flags,
                placing.at(reading.at_ms),
                placing.quality,
                received_ms,
            )
            for (address, kind, doubted), (reading, quantity) in newest.items()
        ],
    )


def _note_events(db: sqlite3.Connection, home: str, batch: Batch, placing: Placing, received_ms: int) -> None:
    """What questions ask about, one row each; nobody is judged by a doubted reading."""
    db.executemany(
        "INSERT INTO event (home, address, kind, value, happened_ms, received_ms) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (home, sensor.address, quantity.kind, value, placing.at(reading.at_ms), received_ms)
            for sensor, quantity, reading in rows(batch)
            if not quantity.flags & DOUBTED and (value := _asked_value(quantity, reading)) is not None
        ],
    )


def _asked_value(quantity: Quantity, reading: Reading) -> float | None:
    """A reading's value as questions take it; None if no question asks about its kind."""
    if quantity.kind.startswith("button"):
        return 1.0
    if quantity.kind not in _ASKED or isinstance(reading.value, str):
        return None
    return (
        reading.value * 10.0**quantity.exponent
        if quantity.form == Form.NUMBER.value
        else float(bool(reading.value))
    )


def _describe_sensors(
    db: sqlite3.Connection, home: str, batch: Batch, placing: Placing, *, whole: bool
) -> None:
    told = {statement.sensor: statement for statement in batch.heard}
    spoken = {*told, *(reading.sensor for reading in batch.readings)}
    for number in range(len(batch.sensors)) if whole else sorted(spoken):
        sensor = batch.sensors[number]
        _describe(db, home, batch.hub, sensor)
        if statement := told.get(number):
            _state(db, home, sensor.address, statement, placing, batch.made_ms)


def _describe(db: sqlite3.Connection, home: str, hub: str, sensor: Sensor) -> None:
    db.execute(
        "INSERT INTO sensor (home, address, hub, name, room, role, model, contract, period_s, told_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET hub = excluded.hub, name = excluded.name,"
        " room = excluded.room, role = excluded.role, model = excluded.model, contract = excluded.contract,"
        " period_s = excluded.period_s",
        (
            home,
            sensor.address,
            hub,
            sensor.name,
            sensor.room,
            sensor.role,
            sensor.model,
            sensor.contract,
            sensor.period_s,
        ),
    )


def _state(
    db: sqlite3.Connection, home: str, address: str, statement: Heard, placing: Placing, made_ms: int
) -> None:
    """Only a newer statement replaces an older one: batches may arrive in any order."""
    told_ms = placing.at(made_ms)
    heard_ms = placing.at(statement.last_ms) if statement.last_ms else None
    db.execute(
        "UPDATE sensor SET heard_ms = coalesce(?, heard_ms), kept = ?, told_ms = ?"
        " WHERE home = ? AND address = ? AND told_ms <= ?",
        (heard_ms, statement.kept, told_ms, home, address, told_ms),
    )
