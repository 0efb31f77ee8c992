"""This home's sensors, from the configuration and their profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud_sync.wire.batch import Sensor
from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfileError
from edge_agent.config import HubConfig, SensorConfig, liveness, read_key
from edge_agent.core.coverage import Liveness
from edge_agent.core.hearing import Assigned
from edge_agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class HomeSensor:
    """One sensor: how to believe it, how it proves that it is alive, how the cloud is told of it."""

    assigned: Assigned
    liveness: Liveness
    described: Sensor
    resolution_ms: Callable[[str], int]  # how finely the time of a kind means anything


def sensors(config: HubConfig, catalogue: Catalogue) -> dict[str, HomeSensor]:
    """The sensors by address.

    Raises:
        ConfigError: two share an address, one names an unknown model, or its key cannot be used.
    """
    found: dict[str, HomeSensor] = {}
    for entry in config.sensors:
        address = entry.address.upper()
        if address in found:
            raise ConfigError(
                f"Two sensors have the address {address}.", hint="Remove one from the configuration."
            )
        found[address] = _sensor(address, entry, catalogue)
    return found


def _sensor(address: str, entry: SensorConfig, catalogue: Catalogue) -> HomeSensor:
    try:
        profile = catalogue.profile(entry.model)
    except ProfileError as error:
        raise ConfigError(f"Sensor {entry.name}: {error}", hint=error.hint) from error
    alive = liveness(entry.contract or profile.liveness["default"])
    key = read_key(Path(entry.key_file)) if entry.key_file else None
    return HomeSensor(
        Assigned(address, entry.name, entry.room, entry.model, key),
        alive,
        Sensor(address, entry.name, entry.room, entry.model, alive.contract, alive.period_s),
        profile.resolution_ms,
    )
