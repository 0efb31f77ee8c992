"""Faults of the hub's disk."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from hil_tests.faults.base import Fault
from hil_tests.rig.disk import Rot, corrupt

if TYPE_CHECKING:
    from hil_tests.strategy import Bench

OUTBOX = "outbox.db"


class _Refusing(Fault, frozen=True, kw_only=True):
    """A disk that takes no changes for a while."""

    needs: ClassVar[str] = "lossy-disk"
    error: ClassVar[int]

    async def end(self, bench: Bench) -> None:
        """It takes them again."""
        bench.notes[self] = await bench.equipment.lossy_disk.heal()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub met it, and not another fault of the disk that came in between."""
        refused = bench.notes[self]
        name = errno.errorcode.get(refused.error, str(refused.error))
        fired = refused.fired() and refused.error == self.error
        return fired, f"{refused.calls} calls got {name}", {"calls": refused.calls, "error": name}


class DiskReadOnly(_Refusing, frozen=True, kw_only=True, tag="disk.read-only"):
    """The file system has met an error and takes no changes."""

    error: ClassVar[int] = errno.EROFS

    async def begin(self, bench: Bench) -> None:
        """EROFS."""
        await bench.equipment.lossy_disk.turn_read_only()


class DiskWornOut(_Refusing, frozen=True, kw_only=True, tag="disk.worn-out"):
    """Every change, and every fsync, fails."""

    error: ClassVar[int] = errno.EIO

    async def begin(self, bench: Bench) -> None:
        """EIO."""
        await bench.equipment.lossy_disk.wear_out()


class DiskFull(Fault, frozen=True, kw_only=True, tag="disk.full"):
    """Nothing more fits."""

    needs: ClassVar[str] = "small-disk"

    async def begin(self, bench: Bench) -> None:
        """Fill it."""
        bench.notes[self] = bench.equipment.small_disk.fill()

    async def end(self, bench: Bench) -> None:
        """Make room again."""
        bench.equipment.small_disk.empty()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the disk refused a byte more."""
        filled = bench.notes[self]
        return filled.fired(), f"{filled.free_bytes} bytes were free", {"bytes": filled.bytes}


class DiskPowerCut(Fault, frozen=True, kw_only=True, tag="disk.power-cut"):
    """The power goes: the hub is gone, and so is everything that was never synced; back after ``for_s``."""

    needs: ClassVar[str] = "lossy-disk"

    async def begin(self, bench: Bench) -> None:
        """Kill the hub, and let the disk forget."""
        await bench.kill_hub()
        bench.equipment.lose_power()
        bench.notes[self] = await bench.equipment.lossy_disk.cut()

    async def end(self, bench: Bench) -> None:
        """Power again."""
        await bench.start_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the disk forgot something."""
        lost = bench.notes[self]
        return (
            lost.fired(),
            f"{lost.bytes} bytes of {len(lost.files)} files were never synced",
            {"files": list(lost.files)},
        )


class DiskLying(Fault, frozen=True, kw_only=True, tag="disk.lying"):
    """A cheap card: it confirms every sync, carries out none, and after ``for_s`` the power goes."""

    needs: ClassVar[str] = "lossy-disk"

    async def begin(self, bench: Bench) -> None:
        """From now on it lies; what lies there already is safe."""
        disk = bench.equipment.lossy_disk

        async def begin_to_lie() -> None:
            await disk.sync()
            await disk.lie()

        await bench.mark_card(begin_to_lie)

    async def end(self, bench: Bench) -> None:
        """The power goes, once all that only the card knows is handed over; and comes back."""

        async def cut() -> None:
            bench.notes[self, "lost"] = await bench.equipment.lossy_disk.cut()

        bench.notes[self] = await bench.turn_back_card(cut)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it broke its word, and readings went with that; the new epoch is asked for at the end of the run."""
        newer, lost = bench.notes[self], bench.notes[self, "lost"]
        words = (
            f"it had confirmed {lost.lies} syncs and kept none; {newer} readings were newer than what it kept"
        )
        return lost.lies > 0 and newer > 0, words, {"lies": lost.lies, "newer": newer}


class DiskRot(Fault, frozen=True, kw_only=True, tag="disk.rot"):
    """The card rots: pages of the outbox are damaged while the hub is stopped."""

    needs: ClassVar[str] = "process"

    pages: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3

    async def begin(self, bench: Bench) -> None:
        """Stop the hub in good order, damage its outbox."""
        await bench.stop_hub()
        bench.notes[self] = corrupt(
            bench.hub.state / OUTBOX, bench.scenario.seed, pages=self.pages, rot=Rot.ZEROED
        )

    async def end(self, bench: Bench) -> None:
        """Start the hub on it; whether it comes up is for the ledger to say."""
        await bench.start_hub(surely=False)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the file is another one."""
        rotten = bench.notes[self]
        return (
            rotten.fired(),
            f"pages {', '.join(map(str, rotten.pages))} are zeros",
            {"pages": list(rotten.pages)},
        )
