"""This home's sensors as the hub uses them: from the roster, their keys and their profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cloud_sync.wire.batch import Contract, Sensor
from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfilesError
from device_profiles.profile import ContractKind, Profile, parse_contract
from device_profiles.role import Role
from edge_agent.core.coverage import Liveness
from edge_agent.core.hearing import Assigned
from edge_agent.core.quality import Rules
from edge_agent.core.visiting import Courtesy, Visiting
from edge_agent.errors import ConfigError
from edge_agent.roster import Entry, Roster

_CONTRACTS = {
    ContractKind.EVENT_ONLY: Contract.EVENT_ONLY,
    ContractKind.PERIODIC: Contract.PERIODIC,
    ContractKind.HEARTBEAT: Contract.HEARTBEAT,
}


@dataclass(frozen=True, slots=True)
class HomeSensor:
    """One sensor: how to believe it, how it proves that it is alive, how the cloud is told of it."""

    assigned: Assigned
    liveness: Liveness
    described: Sensor
    profile: Profile


def sensors(
    roster: Roster, key_of: Callable[[Entry], bytes | None], catalogue: Catalogue
) -> dict[str, HomeSensor]:
    """The sensors by address; ``key_of`` gives the key of one that encrypts.

    Raises:
        ConfigError: one names an unknown model or a wrong contract, or its key cannot be used.
    """
    return {entry.address: _sensor(entry, key_of(entry), catalogue) for entry in roster.sensors}


def told_of(sensors: Mapping[str, HomeSensor], speakers: Iterable[str]) -> dict[str, Sensor]:
    """How the cloud is told of each sensor, and of ``speakers`` (addresses) that are no longer of this home.

    One that was removed while the hub did not run may have readings that are committed and not yet cut.
    """
    nobody = {
        address: Sensor(address, address, "", "", Contract.EVENT_ONLY, 0, Role.OTHER.value)
        for address in speakers
    }
    return nobody | {address: sensor.described for address, sensor in sensors.items()}


def visiting(sensors: Mapping[str, HomeSensor], chance: Callable[[], float]) -> Visiting:
    """The schedule of the sensors that must be connected to."""
    wanted = {address: sensor.profile.connection for address, sensor in sensors.items()}
    return Visiting(
        {address: Courtesy(spec.every_s, spec.on_advert) for address, spec in wanted.items() if spec}, chance
    )


def _sensor(entry: Entry, key: bytes | None, catalogue: Catalogue) -> HomeSensor:
    try:
        profile = catalogue.profile(entry.model)
        contract = parse_contract(entry.contract or profile.liveness["default"])
    except ProfilesError as error:
        raise ConfigError(f"Sensor {entry.name}: {error}", hint=error.hint) from error
    alive = Liveness(_CONTRACTS[contract.kind], contract.period_s)
    return HomeSensor(
        Assigned(
            entry.address, entry.name, entry.room, entry.model, key, Rules(profile.jump, profile.stuck_s)
        ),
        alive,
        Sensor(
            entry.address,
            entry.name,
            entry.room,
            entry.model,
            alive.contract,
            alive.period_s,
            entry.role.value,
        ),
        profile,
    )
