"""Faults of the air between sensors and hub."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from hil_tests.faults.base import Fault

if TYPE_CHECKING:
    from hil_tests.rig.air import Link
    from hil_tests.strategy import Bench

Part = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Link(Fault, frozen=True, kw_only=True):
    """Another link between one sensor (or all) and the hub, for a while."""

    on: str = "all"

    def changed(self, link: Link) -> Link:
        """What the link is meanwhile."""
        raise NotImplementedError

    async def begin(self, bench: Bench) -> None:
        """Change the links, and remember how they were."""
        for address in bench.addresses(self.on):
            link = bench.air.link_between(address, "hub")
            bench.notes[self, address] = link, bench.delivered_from(address)
            bench.air.arrange(address, "hub", self.changed(link))

    async def end(self, bench: Bench) -> None:
        """Put the links back, and count what came through meanwhile."""
        for address in bench.addresses(self.on):
            link, before = bench.notes[self, address]
            bench.air.arrange(address, "hub", link)
            bench.notes[self, address] = bench.delivered_from(address) - before

    def _came_through(self, bench: Bench) -> int:
        return sum(bench.notes[self, address] for address in bench.addresses(self.on))


class RadioLoss(_Link, frozen=True, kw_only=True, tag="radio.loss"):
    """A part of the adverts is lost."""

    part: Part

    def changed(self, link: Link) -> Link:
        """The same link, lossier."""
        return dataclasses.replace(link, loss=self.part)

    async def begin(self, bench: Bench) -> None:
        """Note how many were lost before."""
        await super().begin(bench)
        bench.notes[self, "lost"] = bench.air.counts.lost

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if something was lost."""
        lost = bench.air.counts.lost - bench.notes[self, "lost"]
        return lost > 0, f"{lost} adverts were lost", {"lost": lost}


class RadioCut(_Link, frozen=True, kw_only=True, tag="radio.cut"):
    """Nothing comes through: out of reach, or a wall of foil."""

    def changed(self, link: Link) -> Link:
        """No link at all."""
        return dataclasses.replace(link, cut=True)

    async def begin(self, bench: Bench) -> None:
        """Note how many were lost before."""
        await super().begin(bench)
        bench.notes[self, "lost"] = bench.air.counts.lost

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if something was lost, and nothing came through, while it lasted."""
        through = self._came_through(bench)
        lost = bench.air.counts.lost - bench.notes[self, "lost"]
        return (
            through == 0 and lost > 0,
            f"{through} adverts came through meanwhile, {lost} were lost",
            {"through": through, "lost": lost},
        )


class RadioWeak(_Link, frozen=True, kw_only=True, tag="radio.weak"):
    """The signal is as weak as this: a full bathtub, a new fridge."""

    signal_dbm: int = -95

    def changed(self, link: Link) -> Link:
        """The same link, fainter."""
        return dataclasses.replace(link, signal_dbm=self.signal_dbm, sigma_db=0)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if adverts came through that weak."""
        through = self._came_through(bench)
        return through > 0, f"{through} adverts came through at {self.signal_dbm} dBm", {"through": through}


class RadioUnplug(Fault, frozen=True, kw_only=True, tag="radio.unplug"):
    """The dongle is pulled; for ``for_s`` no other is there."""

    needs: ClassVar[str] = "hci"

    async def begin(self, bench: Bench) -> None:
        """Pull it."""
        bench.notes[self, "attached"] = bench.equipment.hci.attached
        await bench.equipment.hci.absent()
        bench.blind("no dongle")

    async def end(self, bench: Bench) -> None:
        """Plug it in again, and wait until the hub uses it."""
        await bench.equipment.hci.present()
        await bench.until(
            lambda: bench.equipment.hci.attached > bench.notes[self, "attached"], "the hub's using the dongle"
        )
        bench.sighted("no dongle")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub had to open the dongle anew."""
        again = bench.equipment.hci.attached - bench.notes[self, "attached"]
        return again > 0, f"the hub opened the dongle {again} times anew", {"opened": again}


class RadioDeaf(Fault, frozen=True, kw_only=True, tag="radio.deaf"):
    """The controller says that it scans, and delivers nothing."""

    async def begin(self, bench: Bench) -> None:
        """Deafen it; the host is told nothing."""
        counts = bench.air.counts
        bench.notes[self, "before"] = counts.delivered, counts.not_taken
        bench.air.deaf.add("hub")
        bench.blind("deaf")

    async def end(self, bench: Bench) -> None:
        """Let it hear again."""
        counts = bench.air.counts
        delivered, not_taken = bench.notes[self, "before"]
        bench.notes[self] = counts.delivered - delivered, counts.not_taken - not_taken
        bench.air.deaf.discard("hub")
        bench.sighted("deaf")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if adverts reached it, and the hub was given none."""
        through, unheard = bench.notes[self]
        return (
            through == 0 and unheard > 0,
            f"{through} adverts were delivered meanwhile, {unheard} were not heard",
            {"through": through, "unheard": unheard},
        )
