"""Faults of the cloud's side: broker, intake, authority, store."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hil_tests.chaos import StoreRestored, identities
from hil_tests.faults.base import Fault, Share
from hil_tests.rig.errors import RigError
from hil_tests.rig.pace import slow

if TYPE_CHECKING:
    from hil_tests.strategy import Bench

Role = Literal["broker", "intake", "authority", "watch", "guard", "notify", "portal"]


class SiteKill(Fault, frozen=True, kw_only=True, tag="site.kill"):
    """One of the site's processes is killed; the site starts it again by itself."""

    of_the_site: ClassVar[bool] = True
    on: Role

    async def begin(self, bench: Bench) -> None:
        """Kill it."""
        bench.notes[self] = bench.site.kill(self.on)

    async def end(self, bench: Bench) -> None:
        """Wait until another one runs."""
        await bench.until(
            lambda: bench.site.pid(self.on) not in {None, bench.notes[self]}, f"another {self.on}'s start"
        )

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if there was one, and another took its place."""
        pid, now = bench.notes[self], bench.site.pid(self.on)
        return pid is not None, f"{self.on} {pid} was killed, {now} took its place", {"pid": pid, "now": now}


class SiteRestart(Fault, frozen=True, kw_only=True, tag="site.restart"):
    """One of the site's processes is asked to stop; the site starts it again by itself."""

    of_the_site: ClassVar[bool] = True
    on: Role

    async def begin(self, bench: Bench) -> None:
        """Ask it."""
        bench.notes[self] = bench.site.signal(self.on, signal.SIGTERM)

    async def end(self, bench: Bench) -> None:
        """Wait until another one runs."""
        await bench.until(
            lambda: bench.site.pid(self.on) not in {None, bench.notes[self]}, f"another {self.on}'s start"
        )

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if there was one, and another took its place."""
        pid, now = bench.notes[self], bench.site.pid(self.on)
        return (
            pid is not None and now not in {None, pid},
            f"{self.on} {pid} was asked to stop, {now} took its place",
            {"pid": pid, "now": now},
        )


class SiteSlow(Fault, frozen=True, kw_only=True, tag="site.slow"):
    """One of the site's processes gets only a share of one processor."""

    of_the_site: ClassVar[bool] = True
    on: Role
    share: Share = 0.1

    async def begin(self, bench: Bench) -> None:
        """Hold it back."""
        pid = bench.site.pid(self.on)
        if pid is None:
            raise RigError(f"There is no {self.on} to be held back.")
        stack = bench.notes[self, "held"] = contextlib.AsyncExitStack()
        bench.notes[self] = await stack.enter_async_context(slow(pid, self.share))

    async def end(self, bench: Bench) -> None:
        """Let it run."""
        await bench.notes[self, "held"].aclose()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it was stopped, and used no more than its share."""
        paced = bench.notes[self].evidence()
        words = f"{self.on} stood still for {paced.stopped_s:.1f} of {paced.wall_s:.1f} s, in {paced.stops} pieces"
        return paced.fired(), words, {"stops": paced.stops}


class SiteFreeze(Fault, frozen=True, kw_only=True, tag="site.freeze"):
    """One of the site's processes hangs for a while."""

    of_the_site: ClassVar[bool] = True
    on: Role

    async def begin(self, bench: Bench) -> None:
        """Stop it where it stands."""
        bench.notes[self] = bench.site.signal(self.on, signal.SIGSTOP)

    async def end(self, bench: Bench) -> None:
        """Note that it stood still, and let it go on."""
        bench.notes[self, "state"] = bench.site.state(self.on)
        bench.site.signal(self.on, signal.SIGCONT)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the system says that it stood still."""
        state = bench.notes[self, "state"]
        return state == "stopped", f"{self.on} was {state}", {"pid": bench.notes[self]}


class StoreRestore(Fault, frozen=True, kw_only=True, tag="store.restore"):
    """The store is backed up now, and the backup put back after ``for_s``."""

    async def begin(self, bench: Bench) -> None:
        """Back it up while it runs."""
        bench.notes[self] = time.time()
        await bench.site.backup(bench.directory / "store.backup")

    async def end(self, bench: Bench) -> None:
        """Put the backup back; what it lacks must come from the hub."""
        held = await bench.site.readings()
        await bench.site.restore(bench.directory / "store.backup")
        left = await bench.site.readings()
        forgotten = identities(held) - identities(left)
        bench.restores.append(StoreRestored(bench.notes[self], time.time(), forgotten))
        bench.notes[self, "forgotten"] = forgotten.total()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the store lost something by it."""
        lacked = bench.notes[self, "forgotten"]
        return lacked > 0, f"the restored store lacked {lacked} readings", {"lacked": lacked}
