"""The one table from kinds of trouble to what the agent does about them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from cloud_sync.errors import EpochOverError, LinkError, SyncError
from edge_agent.errors import (
    AgentError,
    ConfigError,
    CredentialError,
    OutboxError,
    RadioError,
    UplinkError,
    VisitError,
)
from zero_trust.errors import KeyStoreError


class Action(enum.Enum):
    """What happens to the task that met the trouble."""

    RETRY = "retry"  # raise an alarm, back off, start it again
    STOP = "stop"  # end the process with the error's exit code: only a person can mend it


@dataclass(frozen=True, slots=True)
class Treatment:
    """What to do, and under which alarm it shows."""

    action: Action
    alarm: str


TREATMENTS: dict[type[Exception], Treatment] = {
    ConfigError: Treatment(Action.STOP, "configuration"),
    CredentialError: Treatment(Action.RETRY, "credential"),  # refused now may be released tomorrow
    RadioError: Treatment(Action.RETRY, "radio"),
    VisitError: Treatment(Action.RETRY, "sensor"),
    OutboxError: Treatment(Action.RETRY, "outbox"),
    KeyStoreError: Treatment(Action.RETRY, "keys"),  # a chip that does not answer now may do so again
    UplinkError: Treatment(Action.RETRY, "uplink"),
    EpochOverError: Treatment(Action.STOP, "sync"),  # the agent begins a new epoch and starts afresh
    LinkError: Treatment(Action.RETRY, "uplink"),
    SyncError: Treatment(Action.RETRY, "sync"),
}


def treatment(error: Exception) -> Treatment | None:
    """The treatment of the error's nearest class; None for what nobody foresaw (a defect: let it be seen)."""
    return next((TREATMENTS[kind] for kind in type(error).__mro__ if kind in TREATMENTS), None)


def sentence(error: Exception) -> str:
    """The error in words, with its hint."""
    hint = getattr(error, "hint", "")
    ours = isinstance(error, AgentError | SyncError | KeyStoreError)
    return f"{error} {hint}".strip() if ours else str(error)


def first_of(error: BaseException) -> BaseException:
    """The error inside: task groups wrap even a single one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
