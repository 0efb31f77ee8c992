"""Faults of the hub's process and of its credential."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from hil_tests.faults.base import Fault

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


class HubImage(Fault, frozen=True, kw_only=True, tag="hub.old-image"):
    """Its card is copied now, and put back after ``for_s``: an old disk image, restored by somebody who meant well."""

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


class HubRevoked(Fault, frozen=True, kw_only=True, tag="credential.revoked"):
    """Its credential is revoked by an operator."""

    async def begin(self, bench: Bench) -> None:
        """Revoke it."""
        bench.notes[self] = await bench.revoke_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the registry says so."""
        return "revoked" in bench.notes[self].lower(), bench.notes[self], {}
