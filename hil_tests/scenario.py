"""Scenario files: one home, its sensors and what happens there, in strict TOML.

A scenario and its seed fix everything that is random. ``scenarios/demo.toml`` is an example.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from cloud_sync.assurance.plan import Parameters
from device_profiles.encode import reading
from device_profiles.errors import ProfilesError
from device_profiles.toml_lines import line_of
from hil_tests import at_home
from hil_tests.at_home import Moment as MomentAtHome
from hil_tests.faults import AnyFault
from hil_tests.faults.radio import RadioCut, RadioLoss, RadioWeak
from hil_tests.home_clock import DAY_S, ClockError, put_in_seconds
from hil_tests.rig.behaviour import ACTIONS, FIRMWARE_BEHAVIOURS, FIRMWARE_MODEL, Action, Behaviour
from hil_tests.rig.errors import RigError
from hil_tests.tier import Radio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HOMES = Path(__file__).with_name("scenarios") / "homes"
_PLACE = re.compile(r" - at `(?:\$\.?)?([^`]+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
KEY_BYTES = 16  # AES-128, as BTHome and the ATC formats use it

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
Contract = Annotated[str, msgspec.Meta(pattern=r"^((periodic|heartbeat) [1-9][0-9]* s|event-only)$")]
Key = Annotated[str, msgspec.Meta(pattern=r"^(derived|[0-9a-f]{32})$")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31 * 86_400)]
Moment = Annotated[float, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=600)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=50)]
Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Decibels = Annotated[float, msgspec.Meta(ge=0, le=30)]
SignalDbm = Annotated[int, msgspec.Meta(ge=-127, le=20)]
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
    """The household.

    Attributes:
        name: What it is called.
        furnished: A file of ``scenarios/homes`` whose sensors it has beside its own.
        parameters: By what the site watches it; None: by the defaults.
    """

    name: Name
    furnished: Name | None = None
    parameters: Parameters | None = None


class SensorPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor: where it is, what it is, how it behaves, how well the hub hears it.

    Attributes:
        name: Unique within the home.
        room: Where it hangs, as people call it.
        address: Bluetooth address, upper case with colons.
        behaviour: What it senses.
        model: Name of its profile.
        runs: Whether it is scripted, or its firmware really runs (``device_profiles/firmware``).
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
    runs: Literal["script", "firmware"] = "script"
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
    """Something that happens at a given second of the scenario, and at the same time on the ``days`` from then on."""

    at_s: Moment
    sensor: Name
    do: Action
    days: Annotated[int, msgspec.Meta(ge=1, le=31)] = 1


class _Furnishing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of ``scenarios/homes``."""

    sensors: tuple[SensorPlan, ...]


class HubPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By what it hears, and how patient it is; short, so that a story of seconds shows what takes minutes in a home.

    Attributes:
        radio: An HCI dongle of its own, BlueZ as in a home, or BlueZ in a virtual machine.
        reboots_at: What the machine's clock shows when it is switched on again; None: the time of now.
        commit_window_max_s: How long a routine reading may wait for the disk.
        batch_age_max_s: How long it may wait to be sent.
    """

    radio: Radio = "hci"
    reboots_at: datetime | None = None
    commit_window_max_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 3.0
    batch_age_max_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 5.0


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be true beside the invariants, which hold in every scenario.

    Attributes:
        alarms: Alarms that the hub must have raised meanwhile (their names, or the beginning of them).
        cleared: Alarms that must be gone at the end.
        counts: Reasons that the hub must have counted (``counts`` in its status), at least once.
        flags: Flags that a stored reading must carry.
        refusals: Codes that the site must have written down.
        incidents: Codes of incidents that the site must have raised.
        online: The hub must be online at the end.
        silent: It must not be able to hand anything over any more (revoked): what waits is no loss.
        moments: What the site must have said of the home, and when.
    """

    alarms: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    online: bool = True
    silent: bool = False
    moments: tuple[MomentAtHome, ...] = ()


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scripted story. ``SCENARIOS.md`` is the specification of the file.

    Attributes:
        title: What it shows, in plain words.
        seed: Fixes everything random.
        duration_s: How long it lasts.
        time: ``virtual``: it takes days, so it is played in virtual time only.
        home: The household.
        sensors: Its sensors.
        events: What happens for certain, besides what happens by chance.
        neighbours: How many beacons of other people are in reach; never to be stored.
        promise: Which of the six promises it tries to break.
        hub: By what it hears, and how patient it is.
        faults: What is done to the chain, and when.
        expect: What must then be true.
        expected_failure: Why it is known to fail, in one line; a run that passes all the same is a failure.
    """

    title: str
    seed: int
    duration_s: Seconds
    home: Home
    sensors: tuple[SensorPlan, ...] = ()
    events: tuple[Event, ...] = ()
    neighbours: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    promise: Literal["P1", "P2", "P3", "P4", "P5", "P6"] | None = None
    hub: HubPlan = HubPlan()
    faults: tuple[AnyFault, ...] = ()
    expect: Expect = Expect()
    expected_failure: str = ""
    time: Literal["real", "virtual"] = "real"

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
        text = path.read_text("utf-8")
        raw = msgspec.toml.decode(text)
        more = put_in_seconds(raw)
        scenario = msgspec.convert(raw, Scenario)
    except OSError as error:
        raise ScenarioError(
            f"Scenario {path} cannot be read: {error.strerror}.", hint="Check the file's name."
        ) from error
    except msgspec.ValidationError as error:
        raise _error(path, str(error), text) from error
    except ClockError as error:
        raise _error(path, f"{error} - at `{error.place}`", text) from error
    except UnicodeDecodeError as error:
        raise _error(path, "not written in UTF-8") from error
    except (
        msgspec.DecodeError,
        ValueError,
        RecursionError,
    ) as error:  # the last two: numbers, nesting too long
        raise _error(path, f"not TOML: {error}") from error
    furnishing = _furnishing(scenario, path, text)
    scenario = msgspec.structs.replace(scenario, sensors=furnishing + scenario.sensors)
    for complaint in contradictions(scenario, len(furnishing)):
        raise _error(path, complaint, text)
    return msgspec.structs.replace(scenario, events=tuple(_happening(scenario.events, more)))


def _happening(events: Sequence[Event], more: Mapping[int, Sequence[float]]) -> Iterable[Event]:
    """Each event as often as it happens."""
    for number, event in enumerate(events):
        for at_s in (event.at_s, *more.get(number, ())):
            for day in range(event.days):
                yield msgspec.structs.replace(event, at_s=at_s + day * DAY_S, days=1)


def _furnishing(scenario: Scenario, path: Path, text: str) -> tuple[SensorPlan, ...]:
    """The sensors that the home is furnished with."""
    if scenario.home.furnished is None:
        return ()
    file = HOMES / f"{scenario.home.furnished}.toml"
    try:
        return msgspec.toml.decode(file.read_bytes(), type=_Furnishing).sensors
    except OSError as error:
        there = ", ".join(sorted(one.stem for one in HOMES.glob("*.toml")))
        raise _error(
            path,
            f"no home is furnished {scenario.home.furnished!r} (there are: {there}) - at `home.furnished`",
            text,
        ) from error
    except msgspec.ValidationError as error:
        raise _error(file, str(error)) from error


def _error(path: Path, complaint: str, text: str = "") -> ScenarioError:
    complaint = complaint.replace("`$.", "`").rstrip(".")
    place = _PLACE.search(complaint)
    unknown = _UNKNOWN.search(complaint)
    where = ".".join(part[1] for part in (place, unknown) if part)
    line = line_of(text, where) if where else 0
    at = f", line {line}" if line else ""
    return ScenarioError(
        f"Scenario {path}{at}: {complaint}.",
        hint="Correct that key; hil_tests/SCENARIOS.md says what may stand there.",
    )


def contradictions(scenario: Scenario, furnished: int = 0) -> Iterable[str]:
    """Find what no single key shows: names used twice, events that cannot happen.

    Each is a clause, and where it stands. The first ``furnished`` sensors stand in another file.
    """
    if not scenario.sensors:
        yield "the home has no sensors - at `home`"
    behaviours: dict[str, Behaviour] = {}
    addresses: set[str] = set()
    for index, sensor in enumerate(scenario.sensors, start=-furnished):
        place = f"sensors[{index}]" if index >= 0 else "home.furnished"
        if sensor.name in behaviours:
            yield f"two sensors are called {sensor.name!r} - at `{place}.name`"
        if sensor.address in addresses:
            yield f"two sensors have the address {sensor.address} - at `{place}.address`"
        if (unable := _unable(sensor)) is not None:
            yield f"{unable} - at `{place}.model`"
        behaviours[sensor.name] = sensor.behaviour
        addresses.add(sensor.address)
    if scenario.hub.reboots_at and scenario.hub.radio != "vm":
        yield "only a hub in a virtual machine has a clock of its own - at `hub.reboots_at`"
    if scenario.time == "virtual" and scenario.hub.radio != "hci":
        yield "in virtual time a hub has a dongle of its own - at `hub.radio`"
    if scenario.time == "real" and (scenario.expect.moments or scenario.home.parameters):
        yield 'a home is watched in virtual time only; write time = "virtual" - at `expect.moments`'
    yield from at_home.complaints(scenario.expect.moments, scenario.duration_s)
    yield from _fault_contradictions(scenario, behaviours)
    yield from _event_contradictions(scenario, behaviours)


def _fault_contradictions(scenario: Scenario, behaviours: Mapping[str, Behaviour]) -> Iterable[str]:
    runs = {sensor.name: sensor.runs for sensor in scenario.sensors}
    if {"lossy-disk", "small-disk"} <= {fault.needs for fault in scenario.faults}:
        yield "a disk that is full cannot fail in other ways too; make two scenarios of it - at `faults`"
    for index, fault in enumerate(scenario.faults):
        on = getattr(fault, "on", None)
        of_the_home = on is not None and not fault.of_the_site
        everybody = on == "all" and isinstance(fault, RadioLoss | RadioCut | RadioWeak)
        if of_the_home and not everybody and on not in behaviours:
            yield f"no sensor is called {on!r} - at `faults[{index}].on`"
        if scenario.hub.radio == "vm" and fault.needs:
            yield f"{fault.verb} cannot be done to a hub in a virtual machine - at `faults[{index}].do`"
        elif fault.needs in {"hci", "bluez"} and fault.needs != scenario.hub.radio:
            yield f"{fault.verb} needs a hub whose `hub.radio` is {fault.needs} - at `faults[{index}].do`"
        if fault.runs and runs.get(str(on), fault.runs) != fault.runs:
            yield f"{fault.verb} needs a sensor that runs {fault.runs} - at `faults[{index}].on`"
        if fault.at_s + fault.for_s > scenario.duration_s:
            yield f"{fault.verb} ends after the story, {scenario.duration_s:g} s - at `faults[{index}].at_s`"


def _event_contradictions(scenario: Scenario, behaviours: Mapping[str, Behaviour]) -> Iterable[str]:
    for index, event in enumerate(scenario.events):
        behaviour = behaviours.get(event.sensor)
        if behaviour is None:
            yield f"no sensor is called {event.sensor!r} - at `events[{index}].sensor`"
        elif event.do not in ACTIONS[behaviour]:
            yield f"a {behaviour} sensor cannot {event.do!r} - at `events[{index}].do`"
        elif event.at_s + (event.days - 1) * DAY_S > scenario.duration_s:
            yield f"{event.at_s + (event.days - 1) * DAY_S:g} s is after the end, {scenario.duration_s:g} s - at `events[{index}].at_s`"


def _unfit(sensor: SensorPlan) -> str | None:
    """Tell why the firmware cannot be this sensor; None if it can."""
    if sensor.behaviour not in FIRMWARE_BEHAVIOURS or sensor.model != FIRMWARE_MODEL:
        wanted = ", ".join(FIRMWARE_BEHAVIOURS)
        return f"the firmware is {FIRMWARE_MODEL} and can be one of {wanted}"
    return None if sensor.period_s.is_integer() else "the firmware counts whole seconds of `period_s`"


def _unable(sensor: SensorPlan) -> str | None:
    """Tell why the model cannot do what the behaviour needs; None if it can."""
    try:
        for kind in _KINDS[sensor.behaviour]:
            reading(sensor.model, kind, "press" if kind == "button" else 1)
    except ProfilesError as error:
        return str(error).rstrip(".")
    return None
