"""The walk test: does each sensor, where it hangs now, tell what it is there to tell? Pure.

An installer makes each sensor speak, and sees that the hub understood. What was said before the
test began does not count.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfileError
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.reading import Form, Reading
from device_profiles.role import Role
from edge_agent.sightings import Known
from edge_agent.words import WEAK_DBM, signal_words

_OPENINGS = frozenset({"door", "window", "opening", "garage_door"})
_MOVEMENTS = frozenset({"motion", "moving", "occupancy", "presence", "vibration"})
_DANGERS = frozenset({"smoke", "leak", "gas", "carbon_monoxide", "heat", "problem", "safety", "tamper"})
_BUTTONS = frozenset({"button"})
_OPEN, _CLOSED = "open", "closed"


class Proof(enum.Enum):
    """What must be heard."""

    BOTH = "both"  # open and closed
    TRUE = "true"  # a state that is on
    EVENT = "event"  # something happened
    ANY = "any"  # any reading


@dataclass(frozen=True, slots=True)
class Task:
    """What the installer does for one sensor, and what it must then say."""

    instruction: str  # with {name}
    proof: Proof
    kinds: frozenset[str] = frozenset()
    lacking: str = "said anything of what it measures"  # "it never ..."


TASKS: Mapping[Role, Task] = {
    Role.PRESENCE: Task("Walk past {name}.", Proof.TRUE, _MOVEMENTS, "said motion"),
    Role.ENTRANCE: Task("Open and close the {name}.", Proof.BOTH, _OPENINGS),
    Role.INNER_DOOR: Task("Open and close the {name}.", Proof.BOTH, _OPENINGS),
    Role.BED: Task("Lie or sit down on {name}.", Proof.TRUE, _MOVEMENTS, "said that somebody is there"),
    Role.HELP: Task("Press {name}.", Proof.EVENT, _BUTTONS, "said that it was pressed"),
    Role.CLIMATE: Task("Nothing to do for {name}: wait.", Proof.ANY),
    Role.HAZARD: Task(
        "Press the test button of {name} (or wet a leak sensor).", Proof.TRUE, _DANGERS, "warned"
    ),
    Role.APPLIANCE: Task("Switch on what {name} watches.", Proof.ANY),
    Role.VITALS: Task("Measure once with {name}.", Proof.ANY),
    Role.OTHER: Task("Make {name} speak: press it, move it, or wait.", Proof.ANY),
}
_WAIT = TASKS[Role.CLIMATE]

_TROUBLES = {
    Status.NEEDS_KEY: "heard, but it encrypts and no key was given",
    Status.WRONG_KEY_OR_CORRUPT: "heard, but encrypted with another key",
}


@dataclass(frozen=True, slots=True)
class Step:
    """How far one sensor is: what to do, whether it passed, and why not or how well."""

    address: str
    name: str
    instruction: str
    passed: bool
    words: str

    def facts(self) -> dict[str, Any]:
        """The step for machines."""
        return {"name": self.name, "address": self.address, "passed": self.passed, "words": self.words}


class _Check:
    """One sensor under test."""

    def __init__(self, catalogue: Catalogue, known: Known) -> None:
        self.known = known
        self.task = _task(catalogue, known)
        self._title = _title(catalogue, known)
        self._best_dbm: int | None = None
        self._trouble: Outcome | None = None
        self._understood = False
        self._connects = False
        self._said: set[str] = set()

    def hear(self, outcome: Outcome, signal_dbm: int) -> None:
        self._best_dbm = signal_dbm if self._best_dbm is None else max(signal_dbm, self._best_dbm)
        self._connects |= outcome.reason == Reason.CONNECT
        if outcome.status in {Status.DECODED, Status.NO_VALUES}:
            self._understood = True
        else:
            self._trouble = outcome
        for reading in outcome.readings:
            self._said |= _proven(self.task, reading)

    def step(self) -> Step:
        trouble = self._words()
        entry = self.known.entry
        heard = f"heard at {self._best_dbm} dBm ({signal_words(self._best_dbm or 0)})"
        told = "" if self._said else "; what it measures is read over a connection"
        instruction = self.task.instruction.format(name=entry.name)
        return Step(entry.address, entry.name, instruction, not trouble, trouble or heard + told)

    def _words(self) -> str:
        """Why it has not passed; empty if it has."""
        if self._best_dbm is None:
            return "not heard at all: is it in reach, has it a battery?"
        if not self._understood and self._trouble:
            return self._trouble_words(self._trouble)
        if lacking := self._lacking():
            return f"heard, but it never {lacking}"
        if self._best_dbm < WEAK_DBM:
            return f"heard only at {self._best_dbm} dBm: too weak to rely on"
        return ""

    def _trouble_words(self, outcome: Outcome) -> str:
        if outcome.reason == Reason.NOT_ENCRYPTED:
            return "heard, but it does not encrypt, although it has a key"
        return _TROUBLES.get(outcome.status, f"heard, but not as a {self._title}: is the model right?")

    def _lacking(self) -> str:
        if self.task.proof is Proof.BOTH:
            missing = [state for state in (_OPEN, _CLOSED) if state not in self._said]
            return f"said {' or '.join(missing)}" if missing else ""
        if self._said or (self._connects and self.task.proof is Proof.ANY):
            return ""
        return self.task.lacking


class WalkTest:
    """The sensors under test, from now on."""

    def __init__(self, catalogue: Catalogue, sensors: Iterable[Known]) -> None:
        self._catalogue = catalogue
        self._checks = {known.entry.address: _Check(catalogue, known) for known in sensors}

    def hear(self, advert: Advert) -> None:
        """Take in one advert; others' are not looked at."""
        if check := self._checks.get(advert.address):
            check.hear(check.known.decode(self._catalogue, advert), advert.signal_dbm)

    def steps(self) -> list[Step]:
        """How far each sensor is."""
        return [check.step() for check in self._checks.values()]

    @property
    def passed(self) -> bool:
        """Whether every sensor has passed."""
        return all(step.passed for step in self.steps())


def _task(catalogue: Catalogue, known: Known) -> Task:
    """The task of its role, or to wait where its model cannot say what the role asks for."""
    task = TASKS[known.entry.role]
    try:
        can_say = {field.kind for field in catalogue.codec(known.entry.model).fields}
    except ProfileError:
        return _WAIT
    return task if not task.kinds or task.kinds & can_say else _WAIT


def _title(catalogue: Catalogue, known: Known) -> str:
    try:
        return catalogue.profile(known.entry.model).title
    except ProfileError:
        return known.entry.model


def _proven(task: Task, reading: Reading) -> set[str]:
    """What a reading contributes to the proof of a task."""
    if task.proof is Proof.ANY:
        return {reading.kind}
    base = reading.kind.rstrip("0123456789").rstrip("_")
    if base not in task.kinds:
        return set()
    if task.proof is Proof.BOTH:
        return {_OPEN if reading.value else _CLOSED}
    return {base} if reading.form is not Form.BOOLEAN or reading.value else set()
