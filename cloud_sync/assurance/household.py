"""What is known of the people in one home, from its events as they come. Pure.

Movements become proofs only where they back each other (``activity.py``). A silence is learned as usual only if
somebody was at home and we watched all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from cloud_sync.assurance.activity import KEPT_MS, Activity, Proof, Sign, Spell
from cloud_sync.assurance.cold import Cold
from cloud_sync.assurance.habits import Habits
from cloud_sync.assurance.local_time import MINUTE_MS, local, minutes
from cloud_sync.assurance.plan import ACTIVE, Plan, Sensor
from cloud_sync.assurance.rising import Rising
from device_profiles.role import Role

SPELL_MS: Final = 15 * MINUTE_MS  # signs of so long are told as one
SPELL_PAUSE_MS: Final = 5 * MINUTE_MS
GONE_AFTER_MS: Final = 10 * MINUTE_MS  # nobody moved for so long after the door: she went out
AT_THE_DOOR_MS: Final = MINUTE_MS  # what moves within it may be the one who leaves
SILENCE_LEARNED_MAX: Final = 1.25  # of what is usual; else one emergency would teach us to be patient

_CONTACTS = frozenset({"door", "opening", "window", "contact"})
_SIGNS = _CONTACTS | {
    "motion",
    "moving",
    "occupancy",
    "presence",
    "power_on",
}  # a detector's temperature is none
_HAZARDS = frozenset(
    {"smoke", "gas", "carbon_monoxide", "leak", "leak_top", "moisture", "water", "heat", "problem"}
)


class Event(NamedTuple):
    """One reading that questions ask about.

    Attributes:
        at_ms: when it happened, wall clock.
        sensor: its address.
        kind: what was measured, such as ``motion``.
        value: in the unit people read: °C, 1 or 0; a button's text counts as 1.
    """

    at_ms: int
    sensor: str
    kind: str
    value: float


class Household:
    """The people of one home, as far as its sensors tell."""

    __slots__ = (
        "_activity",
        "_door_ms",
        "_ends",
        "_gone_ms",
        "_inside_ms",
        "_late",
        "_on",
        "_plan",
        "_quiet_room",
        "_rising",
        "came_in",
        "cold",
        "doors",
        "habits",
        "hazards",
        "night",
        "pressed",
        "quiet_ms",
        "seen_ms",
        "spell",
        "spells",
        "untracked",
        "unwatched_ms",
        "zone",
    )

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.zone = plan.parameters.clock
        self.habits = Habits(a for a, sensor in plan.sensors.items() if sensor.role in ACTIVE)
        self._activity, self._late = Activity(), Activity()
        self._on: set[tuple[str, str]] = set()  # what was on when it last spoke
        self._ends: set[tuple[str, str]] = set()  # what also says when it ends; others just repeat themselves
        self._door_ms: int | None = None  # the last time somebody used an entrance
        self._gone_ms: int | None = None  # she was out when it was used, and was not seen inside since
        self.came_in = False  # when an entrance was last used, nobody was at home
        self._inside_ms = 0  # the last proof of somebody inside
        self.seen_ms: int | None = None  # the last proof
        self.quiet_ms: int | None = None  # since when there was none though somebody may be at home
        self.untracked = False  # we could not see for a while, and have seen nobody since
        self._quiet_room = ""  # where the last sign was
        self.unwatched_ms = 0  # until when we last did not watch
        self.spell: Spell | None = None
        self.spells: list[Spell] = []  # ended since they were last taken
        self.night: Spell | None = None  # movement through the home without a pause
        self._rising = Rising()
        self.doors: dict[str, int] = {}  # entrances that stand open, since when
        self.hazards: dict[str, int] = {}
        self.pressed: dict[str, int] = {}
        self.cold = Cold(plan.parameters.warm)

    def hear(self, event: Event) -> None:
        """Take in one reading; one of a sensor that no question knows is no news."""
        sensor = self._plan.sensors.get(event.sensor)
        if sensor is None:
            return
        if event.kind == "temperature" and sensor.role is Role.CLIMATE:
            self.cold.feel(event.sensor, event.value, event.at_ms)
            return
        if sensor.role is Role.HELP and event.kind.startswith("button"):
            self.pressed[event.sensor] = event.at_ms
        elif sensor.role is Role.HAZARD and event.kind in _HAZARDS:
            self._set(self.hazards, event)
        elif sensor.role in ACTIVE and event.kind in _SIGNS and self._changed(sensor, event):
            self._sign(sensor, event)

    def out_since(self, now_ms: int) -> int | None:
        """Since when nobody seems to be at home; None if somebody may be."""
        if self._gone_ms is not None:
            return self._gone_ms
        door_ms = self._door_ms
        if door_ms is None or self._inside_ms > door_ms + AT_THE_DOOR_MS:
            return None
        return door_ms if now_ms - door_ms >= GONE_AFTER_MS else None

    def rose(self, day: int, now_ms: int) -> Spell | None:
        """How she was seen to rise on a day; None if she was not, or has gone back to bed since."""
        return self._rising.on(day, now_ms, self.habits.usual_rising(day))

    @property
    def used_door_ms(self) -> int | None:
        """When an entrance was last used."""
        return self._door_ms

    def patience_min(self, since_ms: int, lost: frozenset[str]) -> float | None:
        """After how many minutes a silence that began then is unusual; None if that cannot be said.

        While we cannot hear a sensor, silences are longer: as long as they were without it.
        """
        p, habits = self._plan.parameters, self.habits
        learned = habits.days >= p.learn_days
        if not learned:
            return None if lost else p.silence_learning_h * 60
        usual = habits.patience_min(local(since_ms, self.zone), self._quiet_room) or p.silence_max_h * 60
        patience = min(max(usual, p.silence_min_h * 60), p.silence_max_h * 60)
        return max(patience, habits.patience_without_min(lost)) if lost else patience

    def answer(self, role: Role, since: Iterable[Event]) -> None:
        """A person answered the calls of such sensors: only those that became known since stand."""
        (self.pressed if role is Role.HELP else self.hazards).clear()
        for event in since:
            sensor = self._plan.sensors.get(event.sensor)
            if sensor is not None and sensor.role is role:
                self.hear(event)

    def take_spells(self) -> list[Spell]:
        """The spells of activity that ended since the last take."""
        taken, self.spells = self.spells, []
        return taken

    def _changed(self, sensor: Sensor, event: Event) -> bool:
        """Whether something was done. That it ended is news only of a door and of a bed."""
        key = (event.sensor, event.kind)
        if event.value:
            repeated = key in self._on and key in self._ends
            self._on.add(key)
            return not repeated
        was_on = key in self._on
        self._on.discard(key)
        self._ends.add(key)
        return was_on and (event.kind in _CONTACTS or sensor.role is Role.BED)

    def _sign(self, sensor: Sensor, event: Event) -> None:
        entrance = sensor.role is Role.ENTRANCE
        if entrance:
            self._use_door(event)
        sign = Sign(event.at_ms, sensor.address, sensor.room)
        late = event.at_ms < self._activity.newest_ms - KEPT_MS
        proof = (self._late if late else self._activity).hear(sign)
        if proof:
            self._prove(proof, inside=not entrance)

    def _use_door(self, event: Event) -> None:
        self._set(self.doors, event)
        self._gone_ms = self.out_since(event.at_ms)
        self.came_in = self._gone_ms is not None
        self._door_ms = max(self._door_ms or 0, event.at_ms)

    def _prove(self, proof: Proof, *, inside: bool) -> None:
        self.untracked = self.untracked and proof.at_ms < self.unwatched_ms
        gone_ms = self.out_since(proof.from_ms)
        if gone_ms is None:
            self._learn_silence(proof.from_ms)
        elif inside and proof.at_ms > (self._door_ms or 0) + AT_THE_DOOR_MS:
            self._learn_outing(gone_ms, proof.from_ms)
        if inside:
            self._inside_ms = max(self._inside_ms, proof.at_ms)
        self.habits.proven(proof.sensors, proof.from_ms, proof.at_ms)
        self.seen_ms = max(self.seen_ms or 0, proof.at_ms)
        if proof.at_ms >= (self.quiet_ms or 0):
            self.quiet_ms, self._quiet_room = proof.at_ms, proof.room
        self._extend(proof)
        self._rise(proof)

    def _extend(self, proof: Proof) -> None:
        """Grow the spell that lasts, or begin one."""
        spell = self.spell
        if spell and proof.at_ms < spell.from_ms:
            return  # a late one: it has its own place in the past
        if (
            spell
            and proof.from_ms - spell.to_ms <= SPELL_PAUSE_MS
            and proof.at_ms - spell.from_ms <= SPELL_MS
        ):
            spell.to_ms = max(spell.to_ms, proof.at_ms)
            spell.rooms |= proof.rooms
        else:
            if spell:
                self.spells.append(spell)
            self.spell = Spell(proof.from_ms, proof.at_ms, set(proof.rooms))
        night = self.night
        if night and proof.from_ms - night.to_ms <= 2 * SPELL_PAUSE_MS:
            night.to_ms = max(night.to_ms, proof.at_ms)
            night.rooms |= proof.rooms
        else:
            rested_ms = proof.from_ms - night.to_ms if night else 0
            self.night = Spell(proof.from_ms, proof.at_ms, set(proof.rooms), rested_ms)

    def _rise(self, proof: Proof) -> None:
        at = local(proof.from_ms, self.zone)
        if at.minute < minutes(self._plan.parameters.up_from):
            return
        if began := self._rising.see(proof, at, self.habits.usual_rising(at.day)):
            self.habits.rose(began)

    def _learn_silence(self, to_ms: int) -> None:
        from_ms = self.quiet_ms
        if from_ms is None or to_ms - from_ms < MINUTE_MS or from_ms < self.unwatched_ms:
            return
        began = local(from_ms, self.zone)
        length_min = (to_ms - from_ms) / MINUTE_MS
        if self.habits.days >= self._plan.parameters.learn_days:
            usual = max(
                self.habits.patience_min(began, self._quiet_room) or 0,
                self._plan.parameters.silence_min_h * 60,
            )
            length_min = min(length_min, usual * SILENCE_LEARNED_MAX)
        self.habits.silence(began, self._quiet_room, length_min)

    def _learn_outing(self, from_ms: int, to_ms: int) -> None:
        """She is back, so a silence can begin anew."""
        self._gone_ms, self.quiet_ms = None, to_ms
        self.habits.begin_anew(from_ms, to_ms)
        if from_ms >= self.unwatched_ms:
            self.habits.outing(local(from_ms, self.zone), (to_ms - from_ms) / MINUTE_MS)

    def unwatch(self, until_ms: int) -> None:
        """Until then we did not watch all of it: no silence that reaches back before it is learned."""
        self.unwatched_ms = until_ms
        self.habits.begin_anew(until_ms, until_ms)

    def lose_track(self, until_ms: int) -> None:
        """Until then we did not see who came and went; nobody knows who is at home before the next proof."""
        self.unwatch(until_ms)
        self._gone_ms = self._door_ms = None
        self.untracked = True

    @staticmethod
    def _set(since: dict[str, int], event: Event) -> None:
        """Remember since when something is open or on; forget it when it no longer is."""
        if event.value:
            since.setdefault(event.sensor, event.at_ms)
        else:
            since.pop(event.sensor, None)
