"""What can go wrong on the hub, named for what must be done about it.

AgentError
├── ConfigError        the configuration cannot be used      -> exit 78, a person edits the file
├── CredentialError    not enrolled, or no longer accepted   -> exit 77, a person enrols or calls
├── RadioError         no Bluetooth, or it was lost          -> alarm, try again
├── VisitError         a sensor could not be read            -> alarm, visit it again later
├── UplinkError        broker or authority cannot be reached -> alarm, back off, try again
└── OutboxError        the disk does not keep what it should -> alarm, try again
    └── OutboxFullError  the disk is full                    -> shed by the retention rules, try again
"""

from __future__ import annotations

import enum


class AgentError(Exception):
    """Base of all: one sentence for a person, and a hint what to do."""

    exit_code = 70  # sysexits: EX_SOFTWARE

    def __init__(self, sentence: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint
        self.code = code


class ConfigError(AgentError):
    """The configuration cannot be used; names file and key."""

    exit_code = 78  # EX_CONFIG


class CredentialError(AgentError):
    """The hub holds no credential, or the authority no longer accepts it."""

    exit_code = 77  # EX_NOPERM


class RadioTrouble(enum.Enum):
    """Why the radio does not hear."""

    ABSENT = "absent"  # no adapter, no D-Bus, no such transport
    OFF = "off"  # an adapter that is powered off or blocked
    LOST = "lost"  # it was there and went away
    DEAF = "deaf"  # it claims to scan and delivers nothing


class RadioError(AgentError):
    """Bluetooth cannot be used now; ``reason`` says in which way."""

    def __init__(self, sentence: str, reason: RadioTrouble, *, hint: str = "") -> None:
        super().__init__(sentence, hint=hint, code=f"radio-{reason.value}")
        self.reason = reason


class VisitError(AgentError):
    """A sensor that has to be connected to could not be read, or not all of it; try again later."""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence, hint=hint, code="visit-failed")


class UplinkError(AgentError):
    """The broker or the authority cannot be reached, or refuses; try again later."""

    exit_code = 75  # EX_TEMPFAIL


class OutboxError(AgentError):
    """The outbox could not keep or give back what it should."""


class OutboxFullError(OutboxError):
    """The disk is full: something must be let go of."""


class RosterError(AgentError):
    """The home's sensors cannot be changed or named so; says what stands in the way."""

    exit_code = 65  # EX_DATAERR


class PauseError(AgentError):
    """The hub cannot be paused now; says why."""

    exit_code = 75  # EX_TEMPFAIL


class SensorsChangedError(AgentError):
    """The home's sensors are others than those the hub began with: it settles, and starts afresh with them."""


class TapError(AgentError):
    """Commands cannot listen along with the hub, or the hub refuses what they ask."""


class NoHubError(TapError):
    """No hub runs here, or it has just ended."""
