"""Faults of the Bluetooth service (``org.bluez``), for a hub that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hil_tests.faults.base import Fault

if TYPE_CHECKING:
    from hil_tests.strategy import Bench


class _Bluez(Fault, frozen=True, kw_only=True):
    """A fault of the service or of its adapter, undone after ``for_s``."""

    needs: ClassVar[str] = "bluez"

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if a client of the rig's own saw it, or the hub met it."""
        seen = bench.notes[self]
        return seen.fired(), self.told(seen), {}

    def told(self, seen: Any) -> str:
        """The evidence in words."""
        raise NotImplementedError


class BluezCrash(_Bluez, frozen=True, kw_only=True, tag="bluez.crash"):
    """bluetoothd ends without a word, and is started again."""

    async def begin(self, bench: Bench) -> None:
        """End it."""
        bench.notes[self] = await bench.equipment.bluez.crash()
        bench.blind("no bluetoothd")

    async def end(self, bench: Bench) -> None:
        """Start it again."""
        await bench.equipment.bluez.restart()
        bench.sighted("no bluetoothd")

    def told(self, seen: Any) -> str:
        """How many scans ended."""
        return f"the service ended with {seen.sessions} scans and {seen.devices} devices"


class BluezBusKilled(_Bluez, frozen=True, kw_only=True, tag="bluez.bus-killed"):
    """D-Bus itself dies, and the service with it; both are started again."""

    async def begin(self, bench: Bench) -> None:
        """Kill it."""
        bench.notes[self] = await bench.equipment.bluez.kill_bus()
        bench.blind("no D-Bus")

    async def end(self, bench: Bench) -> None:
        """Start both again."""
        await bench.equipment.bluez.restart()
        bench.sighted("no D-Bus")

    def told(self, seen: Any) -> str:
        """How it ended."""
        return f"process {seen.pid} ended with {seen.status}"


class BluezPowerOff(_Bluez, frozen=True, kw_only=True, tag="bluez.power-off"):
    """Somebody switches the adapter off, and on again."""

    async def begin(self, bench: Bench) -> None:
        """Off."""
        bench.notes[self] = await bench.equipment.bluez.power_off()
        bench.blind("adapter off")

    async def end(self, bench: Bench) -> None:
        """On."""
        await bench.equipment.bluez.power_on()
        bench.sighted("adapter off")

    def told(self, seen: Any) -> str:
        """How many scans ended."""
        return f"the adapter was switched off under {seen.sessions} scans"


class BluezInProgress(_Bluez, frozen=True, kw_only=True, tag="bluez.in-progress"):
    """bluetoothd crashes, and the new one answers every scan with InProgress for a while."""

    async def begin(self, bench: Bench) -> None:
        """A scan that runs would go on, so it is ended first."""
        bluez = bench.equipment.bluez
        await bluez.stick_in_progress()
        await bluez.crash()
        await bluez.restart()
        bench.blind("scan refused")

    async def end(self, bench: Bench) -> None:
        """It takes scans again."""
        bench.notes[self] = await bench.equipment.bluez.unstick()
        bench.sighted("scan refused")

    def told(self, seen: Any) -> str:
        """How many scans it refused."""
        return f"{seen.refused} scans were refused"


class BluezEmptyAdverts(_Bluez, frozen=True, kw_only=True, tag="bluez.empty-adverts"):
    """Adverts are reported without any data."""

    async def begin(self, bench: Bench) -> None:
        """Empty."""
        await bench.equipment.bluez.empty_adverts()
        bench.blind("empty adverts")

    async def end(self, bench: Bench) -> None:
        """Full again."""
        bench.notes[self] = await bench.equipment.bluez.fill_adverts()
        bench.sighted("empty adverts")

    def told(self, seen: Any) -> str:
        """How many."""
        return f"{seen.adverts} adverts were reported empty"
