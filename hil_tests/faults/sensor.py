"""Faults of one sensor, and what an attacker says in its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from device_profiles.encode import encode, reading
from hil_tests.faults.base import Fault
from hil_tests.rig.advertising import advert_bytes

if TYPE_CHECKING:
    from device_profiles.advert import Advert
    from hil_tests.scenario import SensorPlan
    from hil_tests.strategy import Bench

ATTACKER = "attacker"  # a station of its own on the air
HUB = "hub"  # as the air knows it
ATTACKERS_KEY = bytes(range(16))


async def _heard_thrice(bench: Bench, address: str, data: bytes) -> None:
    """Once somebody listens, three copies as of one transmission, in the name of that address."""
    await bench.until(lambda: bench.air.listens(HUB), "the hub's listening")
    for _ in range(3):
        bench.air.say(ATTACKER, address, data)


class _OnSensor(Fault, frozen=True, kw_only=True):
    """A fault of the sensor with this name."""

    on: str


class SensorDead(_OnSensor, frozen=True, kw_only=True, tag="sensor.dead"):
    """Its battery is empty; after ``for_s`` it has a new one, and its counters go on."""

    runs: ClassVar[str] = "script"

    async def begin(self, bench: Bench) -> None:
        """Silence."""
        bench.home.beacon(self.on).stop()
        bench.notes[self] = bench.delivered_from(bench.address(self.on))

    async def end(self, bench: Bench) -> None:
        """A new battery."""
        bench.notes[self] = bench.delivered_from(bench.address(self.on)) - bench.notes[self]
        if self.for_s:
            bench.home.beacon(self.on).start()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it was silent for so long that it was due to say something."""
        sent, due = bench.notes[self], int(self.for_s // bench.plan(self.on).period_s)
        return (
            sent == 0 and due > 0,
            f"{sent} adverts of it meanwhile, and {due} times it was due to say something",
            {"adverts": sent, "due": due},
        )


class SensorPowerCut(_OnSensor, frozen=True, kw_only=True, tag="sensor.power-cut"):
    """A node's power is cut in the middle of whatever it does, and comes back after ``for_s``."""

    runs: ClassVar[str] = "firmware"

    async def begin(self, bench: Bench) -> None:
        """Kill its process."""
        bench.notes[self] = await bench.nodes.node(self.on).lose_power()

    async def end(self, bench: Bench) -> None:
        """Give it power again, and wait until it has spoken."""
        await bench.nodes.node(self.on).start()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if its process was killed, and it went on counting afterwards."""
        outage, now = bench.notes[self], bench.nodes.node(self.on).last_number
        went_on = now > outage.last_number
        return (
            outage.fired() and went_on,
            f"process {outage.pid} ended with {outage.exit_status}; it counted on from {outage.last_number} to {now}",
            {"pid": outage.pid, "before": outage.last_number, "after": now},
        )


class SensorReset(_OnSensor, frozen=True, kw_only=True, tag="sensor.reset"):
    """It forgets its counters: packet id and encryption counter begin anew."""

    runs: ClassVar[str] = "script"

    async def begin(self, bench: Bench) -> None:
        """Begin to count anew."""
        bench.notes[self] = bench.home.beacon(self.on).restart_counters()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if there was something to forget."""
        before = bench.notes[self]
        return before > 1, f"it had counted to {before}", {"counter": before}


class SensorStuck(_OnSensor, frozen=True, kw_only=True, tag="sensor.stuck"):
    """It says the very same value from now on."""

    runs: ClassVar[str] = "script"

    async def begin(self, bench: Bench) -> None:
        """Freeze what it senses."""
        bench.home.beacon(self.on).stick()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if it can be stuck at all."""
        stuck = bench.home.beacon(self.on).stuck
        return stuck, "it is stuck" if stuck else "it has no value to be stuck at", {}


class SensorGhost(_OnSensor, frozen=True, kw_only=True, tag="sensor.ghost"):
    """One lone pulse: it says that somebody moved where nobody is."""

    runs: ClassVar[str] = "script"

    async def begin(self, bench: Bench) -> None:
        """One pulse."""
        before = bench.transmissions_of(bench.address(self.on))
        bench.home.do(self.on, "move")
        bench.notes[self] = bench.transmissions_of(bench.address(self.on)) - before

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the pulse was sent."""
        return bench.notes[self] > 0, f"{bench.notes[self]} pulses were sent", {"pulses": bench.notes[self]}


class SensorReplayed(_OnSensor, frozen=True, kw_only=True, tag="sensor.replayed"):
    """An attacker recorded the first event that it told, encrypted, and plays it again."""

    async def begin(self, bench: Bench) -> None:
        """Play it again."""
        recorded = bench.first_event_of(bench.address(self.on))
        bench.notes[self] = bench.counted("flag:counter-reset")
        bench.ledger.replayed(recorded)
        await _heard_thrice(bench, recorded.sensor, recorded.data)

    async def end(self, bench: Bench) -> None:
        """Wait until the hub has said that it doubts it."""
        await bench.until(lambda: self._seen(bench) > 0, "the hub's doubting the replay")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub doubted it; that it dropped repeats proves nothing, as every copy is one."""
        seen = self._seen(bench)
        return seen > 0, f"the hub doubted {seen} of its readings", {"seen": seen}

    def _seen(self, bench: Bench) -> int:
        return bench.counted("flag:counter-reset") - int(bench.notes[self])


class _InItsName(_OnSensor, frozen=True, kw_only=True):
    """An attacker without its key says in its name that the door is open, or that somebody moves."""

    refused_as: ClassVar[str]  # as the hub counts it
    kind: str = "door"

    def frame(self, plan: SensorPlan) -> Advert:
        """What is said."""
        raise NotImplementedError

    async def begin(self, bench: Bench) -> None:
        """Say it."""
        bench.notes[self] = bench.counted(self.refused_as)
        plan = bench.plan(self.on)
        await _heard_thrice(bench, plan.address, advert_bytes(self.frame(plan)))

    async def end(self, bench: Bench) -> None:
        """Wait until the hub has refused it."""
        await bench.until(lambda: self._refused(bench) > 0, "the hub's refusing the forged frame")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub refused it by name."""
        refused = self._refused(bench)
        return refused > 0, f"the hub refused {refused} forged frames", {"refused": refused}

    def _refused(self, bench: Bench) -> int:
        return bench.counted(self.refused_as) - int(bench.notes[self])


class SensorSpoofed(_InItsName, frozen=True, kw_only=True, tag="sensor.spoofed"):
    """In the clear, as if the sensor had never had a key."""

    refused_as: ClassVar[str] = "rejected:not-encrypted"

    def frame(self, plan: SensorPlan) -> Advert:
        """A plain one."""
        return encode(plan.model, plan.address, [reading(plan.model, self.kind, 1)], repeat=77)


class SensorForged(_InItsName, frozen=True, kw_only=True, tag="sensor.forged"):
    """Encrypted, with a key of the attacker's own."""

    refused_as: ClassVar[str] = "wrong_key_or_corrupt:wrong-key"

    def frame(self, plan: SensorPlan) -> Advert:
        """One that only its maker can open; its counter is ahead of all that the sensor has sent."""
        said = [reading(plan.model, self.kind, 1)]
        return encode(plan.model, plan.address, said, repeat=77, key=ATTACKERS_KEY, counter=1_000_000)
