"""Faults of the hub's process and of its card."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from hil_tests.faults.base import Fault, Share
from hil_tests.rig.injection import Injection
from hil_tests.rig.pace import slow
from hil_tests.rig.wrapping import Wrapping

if TYPE_CHECKING:
    from hil_tests.strategy import Bench


class HubKill(Fault, frozen=True, kw_only=True, tag="hub.kill"):
    """SIGKILL, as a power cut ends a process; the service manager starts it again after ``for_s``."""

    async def begin(self, bench: Bench) -> None:
        """Kill it."""
        bench.notes[self] = bench.hub.process.pid, await bench.kill_hub()

    async def end(self, bench: Bench) -> None:
        """Start it again."""
        await bench.start_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the process died of SIGKILL."""
        pid, status = bench.notes[self]
        return status == -signal.SIGKILL, f"process {pid} ended with {status}", {"pid": pid, "status": status}


class HubRestart(Fault, frozen=True, kw_only=True, tag="hub.restart"):
    """It is asked to stop, and started again: an update, an orderly reboot."""

    async def begin(self, bench: Bench) -> None:
        """Ask it to stop."""
        bench.notes[self] = await bench.stop_hub()

    async def end(self, bench: Bench) -> None:
        """Start it again."""
        await bench.start_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the process ended in good order."""
        return bench.notes[self] == 0, f"it ended with {bench.notes[self]}", {"status": bench.notes[self]}


class HubFreeze(Fault, frozen=True, kw_only=True, tag="hub.freeze"):
    """SIGSTOP: it hangs, and knows nothing of it."""

    needs: ClassVar[str] = "process"

    async def begin(self, bench: Bench) -> None:
        """Stop it where it stands."""
        bench.notes[self] = bench.hub.status().get("written_ms")
        bench.blind("frozen")
        os.kill(bench.hub.process.pid, signal.SIGSTOP)

    async def end(self, bench: Bench) -> None:
        """Let it go on."""
        bench.notes[self, "meanwhile"] = bench.hub.status().get("written_ms")
        os.kill(bench.hub.process.pid, signal.SIGCONT)
        bench.sighted("frozen")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it said nothing of itself meanwhile."""
        before, meanwhile = bench.notes[self], bench.notes[self, "meanwhile"]
        if before is None or meanwhile is None:
            return False, "it had said nothing of itself that could have stood still", {}
        silent_ms = meanwhile - before
        return (
            silent_ms < self.for_s * 1000 / 2,
            f"its status moved by {silent_ms} ms in {self.for_s:g} s",
            {},
        )


class HubSlow(Fault, frozen=True, kw_only=True, tag="hub.slow"):
    """It gets only a share of one processor: an old board, or a process that ran wild beside it."""

    needs: ClassVar[str] = "process"

    share: Share = 0.2

    async def begin(self, bench: Bench) -> None:
        """Hold it back."""
        stack = bench.notes[self, "held"] = contextlib.AsyncExitStack()
        bench.notes[self] = await stack.enter_async_context(slow(bench.hub.process.pid, self.share))

    async def end(self, bench: Bench) -> None:
        """Let it run."""
        await bench.notes[self, "held"].aclose()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it was stopped, and used no more than its share."""
        paced = bench.notes[self].evidence()
        words = (
            f"it used {paced.cpu_s:.1f} s of processor in {paced.wall_s:.1f} s, stopped {paced.stops} times"
        )
        return paced.fired(), words, {"stops": paced.stops}


class _KillAt(Fault, frozen=True, kw_only=True):
    """It is started anew, and killed as it makes its n-th call; started again after ``for_s``, which must be enough."""

    needs: ClassVar[str] = "process"
    call: ClassVar[str]
    nth: Annotated[int, msgspec.Meta(ge=1, le=10_000)]

    async def begin(self, bench: Bench) -> None:
        """Begin a life that will end so."""
        log = bench.directory / f"calls-{self.at_s:g}"
        fault = bench.notes[self] = Injection((self.call,), log, when=str(self.nth))
        await bench.stop_hub()
        bench.hub.wrap(fault.wrapping())
        await bench.start_hub()
        bench.notes[self, "death"] = asyncio.create_task(self._death(bench))

    async def end(self, bench: Bench) -> None:
        """See that it has ended, and begin an ordinary life."""
        await bench.notes[self, "death"]
        bench.hub.wrap(Wrapping())
        await bench.start_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if that call never returned."""
        seen = bench.notes[self].evidence()
        return seen.fired(), f"it died in call {seen.seen} of {', '.join(seen.calls) or 'none'}", {}

    async def _death(self, bench: Bench) -> None:
        """Note the moment at which it dies: what was delivered just before may be lost."""
        await bench.until(lambda: not bench.hub.process.running, f"the hub's death in {self.call} {self.nth}")
        await bench.kill_hub(mid_write=True)


class HubKillAtSync(_KillAt, frozen=True, kw_only=True, tag="hub.kill-at-sync"):
    """As it asks the disk to make sure of something."""

    call: ClassVar[str] = "fdatasync"


class HubKillAtWrite(_KillAt, frozen=True, kw_only=True, tag="hub.kill-at-write"):
    """As it writes a page of its outbox; nothing else of it writes so."""

    call: ClassVar[str] = "pwrite64"


class HubImage(Fault, frozen=True, kw_only=True, tag="hub.old-image"):
    """Its card is copied now, and put back after ``for_s``: an old disk image, restored by somebody who meant well."""

    needs: ClassVar[str] = "process"

    async def begin(self, bench: Bench) -> None:
        """Copy the card of a hub that was stopped in good order."""
        await bench.copy_card()

    async def end(self, bench: Bench) -> None:
        """Put it back, once all that only the newer card knows is handed over."""
        bench.notes[self] = await bench.put_back_card()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the card had gone on in between; the new epoch is asked for at the end of the run."""
        newer = bench.notes[self]
        return newer > 0, f"{newer} readings were newer than the card", {"newer": newer}
