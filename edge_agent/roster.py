"""The sensors of this home: who they are, and what may be changed about them. Pure; ``adapters/sensor_store.py`` keeps them.

``sensors.json`` is ``{"version": 1, "sensors": [...]}`` with an :class:`Entry` each; unknown keys are errors.
Keys are not in it: an entry only says that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from cloud_sync.wire.limits import SENSORS_MAX
from device_profiles.errors import ProfilesError
from device_profiles.profile import parse_contract
from device_profiles.role import Role
from edge_agent.errors import ConfigError, RosterError

VERSION: Literal[1] = 1
TEXT_MAX_CHARS = 60
KEY_BYTES = (16, 12)  # AES-128; the older MiBeacon versions leave four bytes of it fixed

_KEPT: Mapping[str, Any] = {"model": "", "contract": None, "encrypted": False}  # where nothing else is said
_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


MEANINGS: Mapping[Role, str] = {
    Role.PRESENCE: "Notices that somebody is in a room or moves there.",
    Role.ENTRANCE: "On a door or window that leads out of the home.",
    Role.INNER_DOOR: "On a door inside the home: bathroom, fridge, medicine cabinet.",
    Role.BED: "Notices that somebody lies in the bed or sits in the chair.",
    Role.HELP: "A button that calls for help.",
    Role.CLIMATE: "Measures the air: temperature, humidity, CO2.",
    Role.HAZARD: "Warns of smoke, gas, water or heat.",
    Role.APPLIANCE: "Tells that something is in use: kettle, stove, television.",
    Role.VITALS: "Measures a person: weight, pulse, blood pressure.",
    Role.OTHER: "Anything else; it is kept, and no question leans on it.",
}


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys are errors."""


class Entry(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sensor.

    Attributes:
        address: Upper case, ``"AA:BB:CC:DD:EE:FF"``.
        name: As people call it; unique in the home, whatever its case.
        room: Where it is; may be empty.
        role: What it is for.
        model: Its profile.
        contract: How it proves that it is alive, such as ``periodic 60 s``; None: as its model does.
        encrypted: The secret store holds its key, and only encrypted frames are believed.
    """

    address: str
    name: str
    room: str
    role: Role
    model: str
    contract: str | None = None
    encrypted: bool = False

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"{self.address!r} is no Bluetooth address in upper case")
        if not self.name or not _is_plain(self.name) or _ADDRESS.fullmatch(self.name.upper()):
            raise ValueError(
                f"{self.name!r} cannot be a sensor's name: it needs 1 to {TEXT_MAX_CHARS} printable characters,"
                " no space at either end, and must not be an address"
            )
        if not _is_plain(self.room):
            raise ValueError(
                f"{self.room!r} cannot be a room: it may have {TEXT_MAX_CHARS} printable characters,"
                " no space at either end"
            )


class Roster(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of them, in the order they were added."""

    version: Literal[1]
    sensors: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        if len(self.sensors) > SENSORS_MAX:
            raise ValueError(f"there are more than {SENSORS_MAX} sensors")
        for what in ("address", "name"):
            said = [str(getattr(sensor, what)).casefold() for sensor in self.sensors]
            if twice := next((text for text in said if said.count(text) > 1), None):
                raise ValueError(f"two sensors have the {what} {twice!r}")

    def at(self, address: str) -> Entry | None:
        """The sensor with this address (upper case), if there is one."""
        return next((sensor for sensor in self.sensors if sensor.address == address), None)

    def named(self, text: str) -> Entry:
        """The sensor with this name or address, whatever its case.

        Raises:
            RosterError: there is none.
        """
        for sensor in self.sensors:
            if text.casefold() in {sensor.name.casefold(), sensor.address.casefold()}:
                return sensor
        names = ", ".join(sensor.name for sensor in self.sensors)
        raise RosterError(
            f"No sensor of this home is called {text}.",
            hint=f"There are: {names}." if names else "There are none yet; see lum-hub sensors add --help.",
        )

    def taking(self, said: Mapping[str, Any], *, replace: bool) -> tuple[Roster, Entry]:
        """The roster with a sensor added, or with ``replace`` described anew, and its entry.

        Args:
            said: Fields of an :class:`Entry`. Model, contract and key that are not given stay what they
                were; the model of a new sensor is then empty.
            replace: Whether there may be one with this address already.

        Raises:
            RosterError: the address or the name is taken, a field cannot be used, or there are too many.
        """
        old = self.at(said["address"])
        if old and not replace:
            raise RosterError(
                f"{old.address} is already added: {old.name}.",
                hint="Say --replace to describe it anew, or remove it first.",
            )
        entry = _entry(said, old)
        others = [sensor for sensor in self.sensors if sensor is not old]
        for other in others:
            if other.name.casefold() == entry.name.casefold():
                raise RosterError(
                    f"The name {entry.name} is taken, by {other.address}.", hint="Give it another name."
                )
        if len(others) >= SENSORS_MAX:
            raise RosterError(f"A hub has {SENSORS_MAX} sensors at most.", hint="Remove one first.")
        kept = tuple(entry if sensor is old else sensor for sensor in self.sensors)
        return Roster(version=VERSION, sensors=kept if old else (*kept, entry)), entry

    def without(self, entry: Entry) -> Roster:
        """The roster with ``entry`` removed."""
        return Roster(
            version=VERSION, sensors=tuple(sensor for sensor in self.sensors if sensor is not entry)
        )


EMPTY = Roster(version=VERSION)


def parsed(raw: bytes, where: str) -> Roster:
    """Read ``sensors.json``; ``where`` names it in errors.

    Raises:
        ConfigError: it is no roster; names file and key.
    """
    try:
        return msgspec.json.decode(raw, type=Roster)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{where} cannot be used: {error}.",
            hint="Put back a copy of it, or remove it and add the sensors again.",
        ) from error


def packed(roster: Roster) -> bytes:
    """Inverse of :func:`parsed`."""
    return msgspec.json.format(msgspec.json.encode(roster)) + b"\n"


def address_in(text: str) -> str:
    """An address as typed, in upper case.

    Raises:
        RosterError: it is none.
    """
    address = text.strip().upper()
    if not _ADDRESS.fullmatch(address):
        raise RosterError(
            f"{text!r} is no Bluetooth address.",
            hint="It is six pairs of hex digits, such as C0:1A:00:00:00:05; lum-hub sensors scan shows it.",
        )
    return address


def key_in(text: str, where: str) -> bytes:
    """A sensor's key from its hex digits; ``where`` names its source in errors, which never show the key.

    Raises:
        ConfigError: it is not 32 hex digits, or 24 (the older MiBeacon versions).
    """
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        raise ConfigError(  # without its cause, which quotes a part of the text
            f"The sensor key in {where} is not hex digits.", hint="It must be 32 of 0-9 and a-f."
        ) from None
    if len(key) not in KEY_BYTES:
        raise ConfigError(
            f"The sensor key in {where} has {len(key)} bytes; it must have 16 (32 hex digits), or 12 for older MiBeacon."
        )
    return key


def _entry(said: Mapping[str, Any], old: Entry | None) -> Entry:
    kept = {field: said.get(field) or getattr(old, field, default) for field, default in _KEPT.items()}
    try:
        entry = Entry(**{**said, **kept})
        if entry.contract:
            parse_contract(entry.contract)
    except ProfilesError as error:
        raise RosterError(str(error), hint=error.hint) from error
    except ValueError as error:
        raise RosterError(f"{error}.") from error
    return entry


def _is_plain(text: str) -> bool:
    return text.isprintable() and text == text.strip() and len(text) <= TEXT_MAX_CHARS
