"""Scenario files: one home, its sensors and what happens there, in strict TOML.

A scenario and its seed fix everything that is random. ``scenarios/demo.toml`` is an example.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from device_profiles.encode import reading
from device_profiles.errors import ProfilesError
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY_BYTES = 16  # AES-128, as BTHome and the ATC formats use it

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
Contract = Annotated[str, msgspec.Meta(pattern=r"^((periodic|heartbeat) [1-9][0-9]* s|event-only)$")]
Key = Annotated[str, msgspec.Meta(pattern=r"^(derived|[0-9a-f]{32})$")]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Moment = Annotated[float, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=600)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=50)]
Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Decibels = Annotated[float, msgspec.Meta(ge=0, le=30)]
SignalDbm = Annotated[int, msgspec.Meta(ge=-127, le=20)]
Behaviour = Literal["climate", "motion", "door", "button", "environment", "thermometer"]
Action = Literal["move", "open", "close", "press", "measure"]

ACTIONS: dict[Behaviour, tuple[Action, ...]] = {
    "climate": (),
    "motion": ("move",),
    "door": ("open", "close"),
    "button": ("press",),
    "environment": (),  # these two must be connected to
    "thermometer": ("measure",),
}
# What each behaviour needs its model to be able to say.
_KINDS: dict[Behaviour, tuple[str, ...]] = {
    "climate": ("temperature", "humidity", "battery"),
    "motion": ("motion", "battery"),
    "door": ("door", "battery"),
    "button": ("button", "battery"),
    "environment": ("temperature", "humidity", "battery"),
    "thermometer": ("temperature", "battery"),
}
_CONTRACTS: dict[Behaviour, str] = {"climate": "periodic", "environment": "periodic"}


class ScenarioError(RigError):
    """A scenario cannot be used; names file and key."""

    exit_code = 78  # sysexits: EX_CONFIG


class Home(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The household."""

    name: Name


class SensorPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor: where it is, what it is, how it behaves, how well the hub hears it.

    Attributes:
        name: Unique within the home.
        room: Where it hangs, as people call it.
        address: Bluetooth address, upper case with colons.
        behaviour: What it senses.
        model: Name of its profile.
        period_s: Seconds between two climate frames, two heartbeats of an event sensor, or two visits.
        rate_per_min: How often something happens by chance, on average.
        hold_s: Stillness after which motion ends.
        key: Encryption key, 32 hex digits, or ``derived`` from seed and name.
        contract: Liveness contract; by default what the behaviour keeps.
        event_copies: How often an event is repeated on the air, within 3 s.
        periodic_copies: How often a periodic frame is.
        loss: Part of its adverts that the hub misses.
        signal_dbm: Mean signal strength at the hub.
        sigma_db: Its standard deviation.
    """

    name: Name
    room: str
    address: Address
    behaviour: Behaviour
    model: str = "bthome_v2"
    period_s: Seconds = 60.0
    rate_per_min: Rate = 0.0
    hold_s: Seconds = 5.0
    key: Key | None = None
    contract: Contract | None = None
    event_copies: Copies = 10
    periodic_copies: Copies = 3
    loss: Part = 0.0
    signal_dbm: SignalDbm = -65
    sigma_db: Decibels = 2.0

    def __repr__(self) -> str:
        """Show which sensor, and not its key."""
        return f"SensorPlan({self.name!r}, {self.address})"

    @property
    def liveness(self) -> str:
        """The liveness contract that this sensor keeps."""
        if self.behaviour == "thermometer":
            return self.contract or "event-only"
        kind = _CONTRACTS.get(self.behaviour, "heartbeat")
        return self.contract or f"{kind} {max(1, round(self.period_s))} s"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happens at a given second of the scenario."""

    at_s: Moment
    sensor: Name
    do: Action


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scripted story.

    Attributes:
        title: What it shows, in plain words.
        seed: Fixes everything random.
        duration_s: How long it lasts.
        home: The household.
        sensors: Its sensors.
        events: What happens for certain, besides what happens by chance.
        neighbours: How many beacons of other people are in reach; never to be stored.
    """

    title: str
    seed: int
    duration_s: Seconds
    home: Home
    sensors: Annotated[tuple[SensorPlan, ...], msgspec.Meta(min_length=1)]
    events: tuple[Event, ...] = ()
    neighbours: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0

    def key_of(self, sensor: SensorPlan) -> bytes | None:
        """Return a sensor's encryption key, 16 bytes; None if it sends in the clear."""
        if sensor.key is None:
            return None
        if sensor.key == "derived":
            return hashlib.sha256(f"{self.seed}/{sensor.name}/key".encode()).digest()[:KEY_BYTES]
        return bytes.fromhex(sensor.key)


def load_scenario(path: Path) -> Scenario:
    """Read and check one scenario file.

    Raises:
        ScenarioError: It cannot be read, is no TOML, has an unknown or a wrong key.
    """
    try:
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        raise ScenarioError(
            f"Scenario {path} cannot be read: {error.strerror}.", hint="Check the file's name."
        ) from error
    except msgspec.ValidationError as error:
        raise _error(path, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _error(path, f"not TOML: {error}") from error
    for complaint in _contradictions(scenario):
        raise _error(path, complaint)
    return scenario


def _error(path: Path, complaint: str) -> ScenarioError:
    return ScenarioError(
        f"Scenario {path}: {complaint.replace('`$.', '`').rstrip('.')}.",
        hint="Correct that key; hil_tests/scenarios/demo.toml is an example.",
    )


def _contradictions(scenario: Scenario) -> Iterable[str]:
    """Find what no single key shows: names used twice, events that cannot happen."""
    behaviours: dict[str, Behaviour] = {}
    addresses: set[str] = set()
    for index, sensor in enumerate(scenario.sensors):
        if sensor.name in behaviours:
            yield f"two sensors are called {sensor.name!r} - at `sensors[{index}].name`"
        if sensor.address in addresses:
            yield f"two sensors have the address {sensor.address} - at `sensors[{index}].address`"
        if (unable := _unable(sensor)) is not None:
            yield f"{unable} - at `sensors[{index}].model`"
        behaviours[sensor.name] = sensor.behaviour
        addresses.add(sensor.address)
    for index, event in enumerate(scenario.events):
        behaviour = behaviours.get(event.sensor)
        if behaviour is None:
            yield f"no sensor is called {event.sensor!r} - at `events[{index}].sensor`"
        elif event.do not in ACTIONS[behaviour]:
            yield f"a {behaviour} sensor cannot {event.do!r} - at `events[{index}].do`"
        elif event.at_s > scenario.duration_s:
            yield f"{event.at_s:g} s is after the end, {scenario.duration_s:g} s - at `events[{index}].at_s`"


def _unable(sensor: SensorPlan) -> str | None:
    """Tell why the model cannot do what the behaviour needs; None if it can."""
    try:
        for kind in _KINDS[sensor.behaviour]:
            reading(sensor.model, kind, "press" if kind == "button" else 1)
    except ProfilesError as error:
        return str(error).rstrip(".")
    return None
