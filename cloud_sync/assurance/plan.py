"""What is asked about a home, of which sensors, with which parameters. Pure.

Parameters are one TOML document per home; ``README.md`` ("Parameters") is the definition.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from device_profiles.role import Role

VERSION: Literal[1] = 1

Hours = Annotated[float, msgspec.Meta(gt=0, le=72)]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Celsius = Annotated[float, msgspec.Meta(ge=-20, le=40)]


class Question(enum.Enum):
    """What a family asks of a home."""

    UP = "up"
    MOVING = "moving"
    OUT = "out"
    WARM = "warm"
    DOOR = "door"
    WANDERING = "wandering"
    HELP = "help"
    HAZARD = "hazard"


QUESTION_WORDS: Mapping[Question, str] = {
    Question.UP: "Up by the usual time",
    Question.MOVING: "Moving about as usual",
    Question.OUT: "Back from going out",
    Question.WARM: "Warm enough",
    Question.DOOR: "Door shut at night",
    Question.WANDERING: "Calm at night",
    Question.HELP: "A call for help",
    Question.HAZARD: "Smoke, gas or water",
}
# Whose events may show that somebody is alive in the home.
ACTIVE = frozenset({Role.PRESENCE, Role.ENTRANCE, Role.INNER_DOOR, Role.BED, Role.APPLIANCE})
# The sensors a question leans on; without one of the first role it cannot be asked. Asked in this order: whether anybody
# is known to be at home is found out with the first.
NEEDS: Mapping[Question, tuple[Role, ...]] = {
    Question.MOVING: (Role.PRESENCE, Role.INNER_DOOR, Role.BED, Role.APPLIANCE, Role.ENTRANCE),
    Question.UP: (Role.PRESENCE, Role.INNER_DOOR, Role.APPLIANCE, Role.ENTRANCE),
    Question.OUT: (Role.ENTRANCE, Role.PRESENCE),
    Question.WARM: (Role.CLIMATE,),
    Question.DOOR: (Role.ENTRANCE,),
    Question.WANDERING: (Role.PRESENCE, Role.ENTRANCE, Role.BED),
    Question.HELP: (Role.HELP,),
    Question.HAZARD: (Role.HAZARD,),
}
# Those whose loss alone leaves an absence unexplained: she may have gone, risen or come back past a sensor that is silent.
VITAL: Mapping[Question, frozenset[Role]] = {
    Question.UP: frozenset(NEEDS[Question.UP]),
    Question.MOVING: frozenset({Role.ENTRANCE}),
    Question.OUT: frozenset(NEEDS[Question.OUT]),
}


class ParametersError(Exception):
    """The parameters of a home cannot be used; the sentence names the key."""

    exit_code = 78  # sysexits: EX_CONFIG

    def __init__(self, sentence: str, *, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


class SensorWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[sensors.NAME]``: for recordings, which do not say where a sensor is and what it is there for."""

    room: str
    role: Role


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[warm]``: the steps of cold, in °C; 18 is the UK's health guidance for living rooms."""

    advise_below: Celsius = 18.0
    raise_below: Celsius = 16.0
    urgent_below: Celsius = 12.0
    emergency_below: Celsius = 9.0
    lasting_min: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 120

    def __post_init__(self) -> None:
        if not self.advise_below >= self.raise_below >= self.urgent_below >= self.emergency_below:
            raise ValueError("the steps of cold must fall from advise_below to emergency_below")

    @property
    def steps(self) -> tuple[float, float, float, float]:
        """Mildest first."""
        return self.advise_below, self.raise_below, self.urgent_below, self.emergency_below


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One home's parameters; each default is what most homes need."""

    version: Literal[1] = VERSION
    zone: str = "Europe/London"
    questions: tuple[Question, ...] | None = None  # all that its sensors can answer
    inactivity_fixed_h: Hours | None = None  # also ask "moving" by this plain rule, whoever seems to be out
    silence_min_h: Hours = 2.5  # no shorter silence is ever an incident
    silence_max_h: Hours = 12.0  # any longer one is
    silence_learning_h: Hours = 12.0  # and this one while habits are being learned
    learn_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7
    up_by: Clock = "10:30"  # until habits are learned
    up_from: Clock = "04:00"
    night_from: Clock = "22:30"
    night_until: Clock = "06:00"
    door_open_max_min: Annotated[int, msgspec.Meta(ge=1, le=720)] = 15
    wander_min: Annotated[int, msgspec.Meta(ge=5, le=240)] = 40
    out_max_h: Hours = 8.0
    warm: Ladder = Ladder()
    sensors: dict[str, SensorWords] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.silence_min_h > self.silence_max_h:
            raise ValueError("silence_min_h must not be above silence_max_h")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"there is no time zone {self.zone!r}; write one such as Europe/London"
            ) from error

    @property
    def clock(self) -> ZoneInfo:
        """The home's time zone."""
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as questions see it.

    Attributes:
        address: its radio address, or its name in a recording.
        room: where it is.
        role: what it is there for.
    """

    address: str
    room: str
    role: Role


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of one home.

    Attributes:
        question: which.
        leaning: addresses of the sensors it leans on.
        vital: those of them without which it cannot be answered.
    """

    question: Question
    leaning: tuple[str, ...]
    vital: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of one home.

    Attributes:
        home: its id.
        sensors: by address.
        parameters: as written for this home.
    """

    home: str
    sensors: Mapping[str, Sensor]
    parameters: Parameters = field(default_factory=Parameters)

    def asked(self) -> tuple[Asked, ...]:
        """The questions of this home: those that were chosen, else those that its sensors can answer."""
        roles = {sensor.role for sensor in self.sensors.values()}
        able = tuple(question for question, needs in NEEDS.items() if needs[0] in roles)
        chosen = self.parameters.questions
        return tuple(self._asked(q) for q in NEEDS if q in (able if chosen is None else chosen))

    def _asked(self, question: Question) -> Asked:
        leaning = tuple(a for a, sensor in self.sensors.items() if sensor.role in NEEDS[question])
        vital = VITAL.get(question, frozenset())
        return Asked(question, leaning, frozenset(a for a in leaning if self.sensors[a].role in vital))


def parameters(text: str, *, where: str) -> Parameters:
    """Read parameters from TOML.

    Raises:
        ParametersError: no TOML, an unknown key, or a value out of range; names ``where`` and the key.
    """
    try:
        return msgspec.toml.decode(text, type=Parameters)
    except msgspec.DecodeError as error:  # a ValidationError is one; its text names the key
        raise ParametersError(f"{where}: {error}", hint="Correct this key in the file.") from error
