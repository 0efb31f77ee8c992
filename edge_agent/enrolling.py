"""Enrolling on a bad line: one plain sentence for each attempt that fails, and the next one a little later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from edge_agent.core.backoff import Backoff
from edge_agent.errors import UplinkError

FIRST_WAIT_S: Final = 2.0
WAIT_MAX_S: Final = 20.0
# What a line does. Whatever else goes wrong is somebody's doing, and the same in ten seconds.
PASSING: Final = frozenset({"authority-unreachable", "stranger-answers"})

_GOOD = "The voucher stays good"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on, and by which clock.

    Attributes:
        for_s: from the first attempt to the beginning of the last.
        now_s: a clock that nobody sets.
        sleep: waits so many seconds.
        chance: numbers in [0, 1).
        say: tells the installer.
    """

    for_s: float
    now_s: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    say: Callable[[str], None]


def persistently(attempt: Callable[[], _T], patience: Patience) -> _T:
    """Do ``attempt`` until it succeeds, is refused, or patience ends; it is the same attempt each time.

    Raises:
        UplinkError: the last one, if the line never was good enough.
        CredentialError: as ``attempt``, at once.
    """
    backoff = Backoff(FIRST_WAIT_S, WAIT_MAX_S, patience.chance)
    ends_s = patience.now_s() + patience.for_s
    while True:
        try:
            return attempt()
        except UplinkError as error:
            wait_s = backoff.next_s()
            if error.code not in PASSING:
                raise
            if patience.now_s() + wait_s > ends_s:
                hint = f"{_GOOD}: look at the network, then run lum-hub enrol again, with or without it."
                raise UplinkError(str(error), hint=hint, code=error.code) from error
            patience.say(f"{error} {_GOOD}; trying again in {wait_s:.0f} s.")
            patience.sleep(wait_s)
