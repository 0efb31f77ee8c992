"""How a command line is wrapped so that its process meets a fault: tools in front of it, its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hil_tests.rig.errors import RigError

_LISTS = {"LD_PRELOAD": ":"}  # variables that hold more than one value


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What stands before a command, and what its environment adds; an empty one changes nothing.

    Attributes:
        prefix: command words put in front. Each tool must exec the rest, so that the process keeps its pid.
        environment: variables to set beside those of the rig.
    """

    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def around(self, inner: Wrapping) -> Wrapping:
        """Both: this one's tools start first, then the inner one's.

        Raises:
            RigError: both set one variable, to different values.
        """
        merged = dict(self.environment)
        for name, value in inner.environment.items():
            if (separator := _LISTS.get(name)) and name in merged:
                merged[name] += separator + value
            elif merged.setdefault(name, value) != value:
                raise RigError(f"Two faults set {name}: to {merged[name]!r} and to {value!r}.")
        return Wrapping(self.prefix + inner.prefix, merged)

    def command(self, command: Sequence[str]) -> list[str]:
        """The whole command line; the variables reach the command alone, not the tools before it."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return [*self.prefix, *(("env", *variables) if variables else ()), *command]


def together(*wrappings: Wrapping) -> Wrapping:
    """All of them, the first outermost.

    Raises:
        RigError: two set one variable, to different values.
    """
    combined = Wrapping()
    for wrapping in wrappings:
        combined = combined.around(wrapping)
    return combined
