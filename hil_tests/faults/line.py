"""Faults of the line between hub and site."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from hil_tests.faults.base import Fault
from hil_tests.rig.resolver import Mood

if TYPE_CHECKING:
    from hil_tests.rig.network import FaultyLink, Spell
    from hil_tests.strategy import Bench

Part = Annotated[float, msgspec.Meta(gt=0, le=1)]
Positive = Annotated[int, msgspec.Meta(gt=0)]
Delay = Annotated[float, msgspec.Meta(gt=0, le=60)]


class _Line(Fault, frozen=True, kw_only=True):
    """Another condition of the line, for a while; the last one to end makes it good again."""

    needs: ClassVar[str] = "line"

    def condition(self, line: FaultyLink) -> Spell:
        """What the line is meanwhile."""
        raise NotImplementedError

    async def begin(self, bench: Bench) -> None:
        """It goes wrong."""
        bench.notes[self] = self.condition(bench.equipment.line)

    async def end(self, bench: Bench) -> None:
        """It is good again."""
        bench.equipment.line.pass_through()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if any connection met it."""
        seen = bench.notes[self].seen()
        facts = {name: value for name, value in asdict(seen).items() if value and name != "verb"}
        met = ", ".join(f"{name} {value}" for name, value in facts.items() if name != "wall_s")
        return seen.fired(), f"the line saw {met or 'nobody'}", facts


class LinePartition(_Line, frozen=True, kw_only=True, tag="line.partition"):
    """Silence both ways; connections that stand are not ended, new ones not refused."""

    def condition(self, line: FaultyLink) -> Spell:
        """Nothing passes."""
        return line.partition()


class LineHalfOpen(_Line, frozen=True, kw_only=True, tag="line.half-open"):
    """What the hub says goes nowhere; what it is told still comes."""

    def condition(self, line: FaultyLink) -> Spell:
        """Nothing passes up."""
        return line.half_open()


class LineRefused(_Line, frozen=True, kw_only=True, tag="line.refused"):
    """Every connection is reset: a firewall."""

    def condition(self, line: FaultyLink) -> Spell:
        """RST for all."""
        return line.refuse()


class LineSlow(_Line, frozen=True, kw_only=True, tag="line.slow"):
    """Everything takes so much longer, each way."""

    delay_s: Delay = 1.0
    jitter_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0

    def condition(self, line: FaultyLink) -> Spell:
        """Late, in order."""
        return line.delay(self.delay_s, self.jitter_s)


class LineLossy(_Line, frozen=True, kw_only=True, tag="line.lossy"):
    """A part of the packets is lost and sent again: TCP loses nothing, it waits."""

    part: Part = 0.3

    def condition(self, line: FaultyLink) -> Spell:
        """Stalls."""
        return line.stall(self.part)


class LineThin(_Line, frozen=True, kw_only=True, tag="line.thin"):
    """So many bytes a second, each way."""

    bytes_per_s: Positive = 500

    def condition(self, line: FaultyLink) -> Spell:
        """A thin line."""
        return line.throttle(self.bytes_per_s)


class LineReset(_Line, frozen=True, kw_only=True, tag="line.reset"):
    """All connections are reset now, and the next one to the broker again, after exactly so many bytes."""

    byte: Positive

    async def begin(self, bench: Bench) -> None:
        """End what stands, so that there is a next connection."""
        line = bench.equipment.line
        line.refuse()
        bench.notes[self] = line.reset_at(self.byte, bench.site.ports["mqtt"])


class LinePortal(_Line, frozen=True, kw_only=True, tag="line.captive-portal"):
    """Somebody's login page answers in place of the site."""

    def condition(self, line: FaultyLink) -> Spell:
        """A page for all."""
        return line.captive_portal()


class LineIntercepted(_Line, frozen=True, kw_only=True, tag="line.intercepted"):
    """A box ends TLS with a certificate of its own authority, and would read along."""

    def condition(self, line: FaultyLink) -> Spell:
        """Whoever believes it is read."""
        return line.intercept()


class LineNameless(Fault, frozen=True, kw_only=True, tag="line.nameless"):
    """The name server is gone: it says nothing, or that there is no such name."""

    needs: ClassVar[str] = "names"
    how: Literal["silent", "denying"] = "silent"

    async def begin(self, bench: Bench) -> None:
        """No name is known any more."""
        bench.equipment.names.turn(Mood(self.how))

    async def end(self, bench: Bench) -> None:
        """They are known again, once somebody has asked in vain."""
        names = bench.equipment.names
        await bench.until(lambda: names.asked(Mood(self.how)).fired(), "a question for a name")
        bench.notes[self] = names.asked(Mood(self.how))
        names.turn(Mood.ANSWERING)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if anybody asked meanwhile."""
        asked = bench.notes[self]
        return asked.fired(), f"it was asked {asked.questions} times in vain", {"questions": asked.questions}
