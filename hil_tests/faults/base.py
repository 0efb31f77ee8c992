"""What every fault is: a row of a scenario's timeline that is done, perhaps undone, and leaves evidence."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from hil_tests.evidence import Evidence

if TYPE_CHECKING:
    from hil_tests.strategy import Bench

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]  # of one processor
Moment = Annotated[float, msgspec.Meta(ge=0)]  # also refuses nan


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """One fault of a timeline; its ``do`` names the class.

    Attributes:
        at_s: When, in seconds of the story.
        for_s: For how long; 0 for what is over at once.
        needs: What must be there for it: ``hci``, ``bluez``, ``line``, ``lossy-disk``, ``small-disk``, ``clock``, or
            ``process``: a hub that is a process of this machine, with files on its disk. Empty: nothing.
        runs: What a sensor must be for it, ``script`` or ``firmware``; empty if it does not matter.
        needs: What must stand around the hub, or be its radio; empty if nothing.
        of_the_site: Its ``on``, if it has one, names a process of the site, not a sensor.
    """

    runs: ClassVar[str] = ""
    needs: ClassVar[str] = ""
    of_the_site: ClassVar[bool] = False
    at_s: Moment
    for_s: Moment = 0.0

    @property
    def verb(self) -> str:
        """Its name in a scenario."""
        return str(self.__struct_config__.tag)

    async def begin(self, bench: Bench) -> None:
        """Do it."""
        raise NotImplementedError

    async def end(self, bench: Bench) -> None:
        """Undo it, where that means anything."""

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """Whether it fired, what was seen, what was measured; asked at its end."""
        raise NotImplementedError

    async def play(self, bench: Bench) -> Evidence:
        """Do it, wait, undo it; what is then known of it."""
        at = time.time()
        await self.begin(bench)
        if self.for_s:
            await asyncio.sleep(self.for_s)
        await self.end(bench)
        until = time.time()
        fired, sentence, facts = self.proof(bench)
        return Evidence(self.verb, at, until, fired, sentence, facts)
