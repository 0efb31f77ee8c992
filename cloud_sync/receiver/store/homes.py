"""Homes as the watch judges them and the portal shows them (SQLite).

Reads what the intake and the authority wrote; writes the verdicts of the watch and when it looked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import HubFacts, SensorFacts, State, Verdict
from cloud_sync.assurance.hindsight import Explanation
from cloud_sync.assurance.incident import Audience, Incident
from cloud_sync.assurance.pausing import Agreed, leaving_out
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.assured import Asked, Assured
from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.hindsight import Hindsight
from cloud_sync.receiver.store.notices import Notices, Telling
from cloud_sync.receiver.store.settings import NONE as NO_STAND
from cloud_sync.receiver.store.settings import Settings, Stand
from cloud_sync.wire.batch import Contract, Quality
from device_profiles.reading import Form
from zero_trust.policy import Standing

_EVALUATED = "evaluated_ms"
_TIME_BYTES = 8
LEARNED_SHOWN_MS = 86_400_000
_ENDED_SHOWN_MS = 86_400_000
_HELD = {Standing.QUARANTINED.value, Standing.SUSPENDED.value}


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """A home and what is known of its sensors."""

    home: str
    sensors: tuple[SensorFacts, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on one sensor of one home."""

    home: str
    address: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Value:
    """The newest value of one kind from one sensor.

    Attributes:
        kind: what was measured, such as ``temperature``.
        value: as in a reading: NUMBER: ``value * 10**exponent``; BOOLEAN: 0 or 1; TEXT: the text.
        exponent: decimal exponent of a NUMBER.
        unit: the unit as people write it, or empty.
        form: how ``value`` is to be read.
        flags: what makes it less than it seems, bits of ``Flag``, perhaps some that it does not know yet.
        happened_ms: when, as placed on the wall clock.
        quality: how well it could be placed; UNSET: at the latest then.
        received_ms: when it reached us.
    """

    kind: str
    value: int | str
    exponent: int
    unit: str
    form: Form
    flags: int
    happened_ms: int
    quality: Quality
    received_ms: int


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as a page shows it.

    Attributes:
        address: of its radio.
        name: as whoever installed it calls it.
        room: where it is.
        role: what it is there for, such as ``entrance``; may be empty.
        model: its profile's id.
        heard_ms: wall clock, as placed; None: never.
        verdict: of the watch, if it has looked.
        values: the newest of each kind.
        doubted: the newest of each kind whose flags forbid to go by it.
    """

    address: str
    name: str
    room: str
    role: str
    model: str
    heard_ms: int | None
    verdict: Verdict | None
    values: tuple[Value, ...]
    doubted: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """A home as a page shows it.

    Attributes:
        home: its id.
        evaluated_ms: when the watch last looked at all homes.
        sensors: by room and name.
        asked: its questions.
        incidents: those that are open and for the family.
        explanations: what was learned late.
        ended: what ended in the day before ``evaluated_ms``.
        tellings: who was reached with an incident.
        agreed: what it agreed to and asked for.
        hubs: how each of its hubs stands with its setting.
    """

    home: str
    evaluated_ms: int | None
    sensors: tuple[Sensor, ...]
    asked: tuple[Asked, ...] = ()
    incidents: tuple[Incident, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    ended: tuple[Incident, ...] = ()
    tellings: tuple[Telling, ...] = ()
    agreed: Agreed = field(default_factory=Agreed)
    hubs: tuple[Stand, ...] = ()


class Homes:
    """Rows of one SQLite file, by home."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def evaluated_ms(self) -> int | None:
        """When the watch last looked at all homes; None: never."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (_EVALUATED,)).fetchone()
        return int.from_bytes(row["value"]) if row else None

    def facts(self) -> list[HomeFacts]:
        """All homes that have sensors, with what the rules ask."""
        hubs, stands = self._hubs(), Settings(self._db).all()
        sensors: dict[str, list[SensorFacts]] = {}
        for row in self._db.execute(
            "SELECT sensor.*, state, cause, since_ms FROM sensor LEFT JOIN coverage USING (home, address)"
            " ORDER BY home, address"
        ):
            sensors.setdefault(row["home"], []).append(
                _sensor_facts(row, hubs, stands.get(row["hub"], NO_STAND))
            )
        return [HomeFacts(home, tuple(known)) for home, known in sensors.items()]

    def verdicts(self) -> dict[str, dict[str, Verdict]]:
        """The verdict on each sensor as last written, by home and address."""
        found: dict[str, dict[str, Verdict]] = {}
        for row in self._db.execute("SELECT * FROM coverage"):
            if verdict := _verdict(row):
                found.setdefault(row["home"], {})[row["address"]] = verdict
        return found

    def write(self, changed: Iterable[Judged], evaluated_ms: int) -> None:
        """Store changed verdicts and that all homes were looked at, both or neither."""
        with transaction(self._db):
            self._db.executemany(
                # Only of sensors that are still known: a home may have been forgotten since they were read.
                "INSERT OR REPLACE INTO coverage SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS"
                " (SELECT 1 FROM sensor WHERE home = ?1 AND address = ?2)",
                [
                    (
                        judged.home,
                        judged.address,
                        judged.verdict.state.value,
                        judged.verdict.cause.value,
                        judged.verdict.since_ms,
                    )
                    for judged in changed
                ],
            )
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                (_EVALUATED, evaluated_ms.to_bytes(_TIME_BYTES)),
            )

    def home(self, home: str) -> Home:
        """One home as a page shows it, by room and name; a home we know nothing of has no sensors."""
        evaluated_ms = self.evaluated_ms()  # first: a page must not call older verdicts newer than they are
        values: dict[tuple[str, bool], list[Value]] = {}
        for row in self._db.execute("SELECT * FROM last WHERE home = ? ORDER BY address, kind", (home,)):
            values.setdefault((row["address"], bool(row["doubted"])), []).append(_value(row))
        rows = self._db.execute(
            "SELECT sensor.*, state, cause, since_ms FROM sensor LEFT JOIN coverage USING (home, address)"
            " WHERE home = ? ORDER BY room, name, address",
            (home,),
        )
        sensors = tuple(
            Sensor(
                row["address"],
                row["name"],
                row["room"],
                row["role"],
                row["model"],
                row["heard_ms"],
                _verdict(row),
                tuple(values.get((row["address"], False), ())),
                tuple(values.get((row["address"], True), ())),
            )
            for row in rows
        )
        assured = Assured(self._db)
        until_ms = (evaluated_ms or 0) + 1
        learned = Hindsight(self._db).explanations(home, until_ms - LEARNED_SHOWN_MS, until_ms, now_ms=None)
        ended = assured.closed_incidents(home, (evaluated_ms or 0) - _ENDED_SHOWN_MS)
        return Home(
            home,
            evaluated_ms,
            sensors,
            tuple(assured.asked(home)),
            _for_family(assured.open_incidents(home)),
            explanations=tuple(learned),
            ended=_for_family(reversed(ended)),
            tellings=tuple(Notices(self._db).tellings(home)),
            agreed=Agreements(self._db, needed=False).of(home),
            hubs=self._stands(home),
        )

    def _stands(self, home: str) -> tuple[Stand, ...]:
        settings = Settings(self._db)
        hubs = self._db.execute("SELECT id FROM hub WHERE home = ? AND standing <> 'revoked'", (home,))
        return tuple(settings.stand(row["id"]) for row in hubs)

    def _hubs(self) -> dict[tuple[str, str], HubFacts]:
        """All hubs, by home and id: a hub proves nothing about another home's sensors."""
        return {
            (row["home"], row["id"]): HubFacts(
                enrolled_ms=row["enrolled_at_ms"],
                revoked_ms=row["standing_at_ms"] if row["standing"] == Standing.REVOKED.value else None,
                beat_ms=row["beat_ms"],
                frame_age_s=row["frame_age_s"],
                held_ms=row["standing_at_ms"] if row["standing"] in _HELD else None,
            )
            for row in self._db.execute("SELECT * FROM hub LEFT JOIN session ON session.hub = hub.id")
        }


def _for_family(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(one for one in incidents if one.audience >= Audience.FAMILY)


def _sensor_facts(row: sqlite3.Row, hubs: Mapping[tuple[str, str], HubFacts], stand: Stand) -> SensorFacts:
    return SensorFacts(
        address=row["address"],
        contract=Contract(row["contract"]),
        heard_ms=row["heard_ms"],
        kept=bool(row["kept"]),
        told_ms=row["told_ms"],
        hub=hubs.get((row["home"], row["hub"])),
        before=_verdict(row),
        left_out=leaving_out(row["role"], stand.pauses) if stand.pauses else (),
        left_out_ms=stand.since_ms or 0,
    )


def _verdict(row: sqlite3.Row) -> Verdict | None:
    if row["state"] is None:
        return None
    return Verdict(State(row["state"]), Cause(row["cause"]), row["since_ms"])


def _value(row: sqlite3.Row) -> Value:
    return Value(
        kind=row["kind"],
        value=row["value"],
        exponent=row["exponent"],
        unit=row["unit"],
        form=Form(row["form"]),
        flags=row["flags"],
        happened_ms=row["happened_ms"],
        quality=Quality(row["quality"]),
        received_ms=row["received_ms"],
    )
