"""A home under the assurance model, driven by hand: events and looks at named times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.pausing import Closed
from cloud_sync.assurance.plan import Parameters, Plan, Sensor
from cloud_sync.assurance.response import Act, Response
from cloud_sync.assurance.watching import Stretch
from device_profiles.role import Role

ZONE = ZoneInfo("Europe/London")
SENSORS = {
    "hall": Sensor("hall", "Hall", Role.PRESENCE),
    "kitchen": Sensor("kitchen", "Kitchen", Role.PRESENCE),
    "living": Sensor("living", "Living room", Role.PRESENCE),
    "bedroom": Sensor("bedroom", "Bedroom", Role.PRESENCE),
    "front": Sensor("front", "Hall", Role.ENTRANCE),
    "thermometer": Sensor("thermometer", "Living room", Role.CLIMATE),
    "pendant": Sensor("pendant", "Living room", Role.HELP),
    "smoke": Sensor("smoke", "Kitchen", Role.HAZARD),
}


def at(text: str) -> int:
    """``2026-03-02 07:50`` in London, as ms since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@dataclass
class WatchedHome:
    """A home, what it told, and who of its sensors can be heard."""

    parameters: Parameters = field(default_factory=Parameters)
    sensors: dict[str, Sensor] = field(default_factory=lambda: dict(SENSORS))

    def __post_init__(self) -> None:
        self.watch = HomeWatch(Plan("h-1", self.sensors, self.parameters))
        self.waiting: list[Event] = []
        self.verdicts = {address: Verdict(State.WATCHING, Cause.PROVEN, 0) for address in self.sensors}
        self.stretches: list[Stretch] = []
        self.incidents: list[Incident] = []
        self.now_ms = 0
        self.closed = Closed()
        self.notes: dict[str, str] = {}

    def say(self, when: str | int, sensor: str, kind: str = "motion", value: float = 1) -> None:
        """A reading that the next look gets."""
        at_ms = at(when) if isinstance(when, str) else when
        self.waiting.append(Event(at_ms, sensor, kind, value))
        if kind == "motion":
            self.waiting.append(Event(at_ms + 2_000, sensor, kind, 0))

    def about(self, when: str | int, *rooms: str) -> None:
        """Somebody walks through rooms, twenty seconds each."""
        at_ms = at(when) if isinstance(when, str) else when
        for number, room in enumerate(rooms or ("kitchen", "living")):
            self.say(at_ms + number * 20_000, room)

    def leave(self, when: str | int) -> None:
        """Hall, door open, door shut."""
        at_ms = at(when) if isinstance(when, str) else when
        self.say(at_ms, "hall")
        self.say(at_ms + 5_000, "front", "door", 1)
        self.say(at_ms + 15_000, "front", "door", 0)

    def lose(self, since: str, *sensors: str, cause: Cause = Cause.HUB_SILENT) -> None:
        """These, or all, cannot be heard since then."""
        lost = Verdict(State.BLIND, cause, at(since))
        self.verdicts |= dict.fromkeys(sensors or self.sensors, lost)

    def find(self, *sensors: str) -> None:
        """These, or all, are heard again."""
        self.verdicts |= dict.fromkeys(
            sensors or self.sensors, Verdict(State.WATCHING, Cause.PROVEN, self.now_ms)
        )

    def until(self, when: str, *, step_min: int = 5) -> None:
        """Look every few minutes until then."""
        end_ms = at(when)
        self.now_ms = self.now_ms or end_ms - step_min * MINUTE_MS
        while self.now_ms < end_ms:
            self.now_ms = min(self.now_ms + step_min * MINUTE_MS, end_ms)
            due = [event for event in self.waiting if event.at_ms <= self.now_ms]
            self.waiting = [event for event in self.waiting if event.at_ms > self.now_ms]
            look = self.watch.look(self.now_ms, self.verdicts, due, self.closed, self.notes)
            self.stretches += look.stretches
            self.incidents += look.incidents

    def respond(self, subject: str, act: Act, said: str = "") -> Incident | None:
        """Ewan says something now of what is open."""
        raised_ms = self.watch.incidents[subject].raised_ms
        return self.watch.respond(
            Response(subject, raised_ms, act, "staff:council/ewan", said, self.now_ms, self.now_ms),
            self.now_ms,
        )

    def live(self, first: str, days: int) -> None:
        """Some ordinary days from that midnight: up at 07:30, about each hour, to bed at 22:30."""
        midnight_ms = at(f"{first} 00:00")
        for day in range(days):
            for minute in range(450, 1351, 60):
                self.about(midnight_ms + (day * 1440 + minute) * MINUTE_MS)

    def of(self, subject: str) -> list[Incident]:
        """What was told of one subject."""
        return [one for one in self.incidents if one.subject == subject]
