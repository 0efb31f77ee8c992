"""What goes wrong in a demo with ``--chaos``: kills, a store and a hub put back to an earlier day.

:func:`plan` says when, from the seed alone; :class:`Chaos` does it; :func:`unproven` says at the
end which of it had no effect, because a fault that did not fire proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil_tests.ledger import Image, Ledger
from hil_tests.rig.errors import RigError
from hil_tests.rig.hub import Hub
from hil_tests.rig.process import until
from hil_tests.rig.site import Site

if TYPE_CHECKING:
    from hil_tests.rig.air import Air

SHORTEST_S = 90.0  # a run shorter than this has no room for everything
BEGIN_S = 8.0  # the hub has handed something over by then
FOLLOW_S = 8.0  # from the end of the last deed: readings must flow on
MISSED_S = 15.0  # from a copy to its return, at least: meanwhile more was stored than the copy knows
REFILL_S = 12.0  # what a restored store lacks only the hub has, so it must not lose it too soon
ONLINE_WAIT_S = 30.0
RUNNING_WAIT_S = 10.0
LAST_ADVERTS_S = 0.5  # from the last advert sent until the hub has taken it
HANDOVERS_MAX = 3
EPOCH_BEGUN = "epoch-begun"  # the incident's code


class Deed(enum.Enum):
    """One thing to do to the chain."""

    KILL_HUB = "killing the hub"
    KILL_INTAKE = "killing the intake"
    KILL_BROKER = "killing the broker"
    COPY_STORE = "backing up the store"
    RESTORE_STORE = "restoring the store"
    COPY_HUB = "copying the hub's disk"
    RESTORE_HUB = "putting back the hub's disk"


KILLED = {Deed.KILL_HUB: "hub", Deed.KILL_INTAKE: "intake", Deed.KILL_BROKER: "broker"}
DEEDS = (*KILLED, *KILLED, Deed.COPY_STORE, Deed.RESTORE_STORE, Deed.COPY_HUB, Deed.RESTORE_HUB)
ROOM_S = {  # from the start of a deed until the next may start
    Deed.KILL_HUB: 3.0,
    Deed.KILL_INTAKE: 3.0,
    Deed.KILL_BROKER: 3.0,
    Deed.COPY_STORE: 2.0,
    Deed.RESTORE_STORE: 4.0,
    Deed.COPY_HUB: 6.0,
    Deed.RESTORE_HUB: 18.0,
}
APART_S = {  # these two in this order, at least so far apart
    (Deed.COPY_STORE, Deed.RESTORE_STORE): MISSED_S,
    (Deed.COPY_HUB, Deed.RESTORE_HUB): MISSED_S,
    (Deed.RESTORE_STORE, Deed.RESTORE_HUB): REFILL_S,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """When to do what, in seconds since the story began."""

    at_s: float
    deed: Deed


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL that was carried out."""

    what: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class StoreRestored:
    """The store was put back; ``forgotten`` are the readings that it lost by that."""

    copied_at: float
    at: float
    forgotten: Counter[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class HubRestored:
    """The hub's disk was put back, when so many epochs had been begun already."""

    copied_at: float
    at: float
    epochs_before: int


def plan(seed: int, for_s: float) -> tuple[Moment, ...]:
    """Everything that is to go wrong, at seeded moments, in order; ``for_s`` is at least ``SHORTEST_S``.

    Each deed has room to take effect, and there is time to recover from the last.
    """
    chance = random.Random(f"{seed}/chaos")
    while True:  # nearly every tenth draw can be played
        moments = _drawn(chance, for_s)
        if _playable(moments):
            return moments


def unproven(
    restores: Iterable[StoreRestored | HubRestored],
    stored: Sequence[Mapping[str, Any]],
    incidents: Iterable[Mapping[str, Any]],
) -> list[str]:
    """Sentences on restores of which the evidence shows no effect, or another than it must have.

    Args:
        restores: what was done.
        stored: all readings at the end, as ``lum-receiver readings`` prints them.
        incidents: all incidents at the end, each with its ``code``.
    """
    begun = sum(incident["code"] == EPOCH_BEGUN for incident in incidents)
    return [
        sentence
        for restore in restores
        for sentence in (
            _store_unproven(restore, stored)
            if isinstance(restore, StoreRestored)
            else _hub_unproven(restore, stored, begun)
        )
    ]


@dataclass(slots=True)
class Chaos:
    """Does what is planned and keeps the evidence.

    Attributes:
        within: A directory for the copies.
        sensors: Addresses of the home's sensors.
        burst_s: How long a sensor repeats one transmission at most.
        commit_window_max_s: How long the hub may wait before it commits a routine reading.
        doubts: Sentences: what could not be done.
        forgot: Refusals and forks that the store had written down before it was put back.
    """

    hub: Hub
    site: Site
    air: Air
    ledger: Ledger
    within: Path
    sensors: Sequence[str]
    burst_s: float
    commit_window_max_s: float
    kills: list[Kill] = field(default_factory=list)
    restores: list[StoreRestored | HubRestored] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    forgot: Counter[str] = field(default_factory=Counter)
    said: str = ""  # for a screen
    _backup_at: float = 0.0
    _image: tuple[Image, float] | None = None

    @property
    def hub_kills(self) -> list[float]:
        """When the hub was killed."""
        return [kill.at for kill in self.kills if kill.what == "hub"]

    async def play(self, moments: Sequence[Moment], over: asyncio.Event) -> None:
        """Do each deed at its moment; once ``over`` is set, none is begun, and one begun is finished."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for moment in moments:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, began + moment.at_s - clock())):
                    await over.wait()
            if over.is_set():
                self.doubts.append(f"The run ended before {moment.deed.value}.")
                continue
            self.said = moment.deed.value
            try:
                await self._do(moment.deed)
            except RigError as error:
                self.doubts.append(f"{moment.deed.value.capitalize()} failed: {error}")
            self.said = ""

    async def _do(self, deed: Deed) -> None:
        match deed:
            case Deed.KILL_HUB:
                await self._kill_hub()
            case Deed.KILL_INTAKE | Deed.KILL_BROKER:
                role = KILLED[deed]
                await until(lambda: self._kill(role), f"A running {role}", RUNNING_WAIT_S)
            case Deed.COPY_STORE:
                self._backup_at = time.time()
                await self.site.backup(self._backup)
            case Deed.RESTORE_STORE:
                await self._restore_store()
            case Deed.COPY_HUB:
                await self._copy_hub()
            case Deed.RESTORE_HUB:
                await self._restore_hub()

    async def _kill_hub(self) -> None:
        pid = self.hub.process.pid
        await self.hub.kill()
        self.kills.append(Kill("hub", pid, time.time()))
        await self.hub.start()  # as the service manager would

    def _kill(self, role: str) -> bool:
        pid = self.site.kill(role)
        if pid is not None:
            self.kills.append(Kill(role, pid, time.time()))
        return pid is not None

    async def _restore_store(self) -> None:
        """As an operator would, while the site runs; what the store then lacks must come from the hub."""
        before, held = await self.site.status(), await self.site.readings()
        await self.site.restore(self._backup)
        at = time.time()
        after, left = await self.site.status(), await self.site.readings()
        for what in ("refused", "forks"):
            self.forgot[what] += max(0, before[what] - after[what])
        self.restores.append(StoreRestored(self._backup_at, at, identities(held) - identities(left)))

    async def _copy_hub(self) -> None:
        """Stopped in good order, so that no reading is half-way: the card is copied as it would be on a desk."""
        with self._out_of_hearing():
            await asyncio.sleep(LAST_ADVERTS_S)
            await self.hub.stop()
            at = time.time()
            await self.hub.copy_state(self._disk)
            self._image = self.ledger.image(), at
            await self.hub.start()

    async def _restore_hub(self) -> None:
        """Everything the card holds is handed over first: what only it knows would be lost with it.

        The image's repeat guard is as old as the image. A late copy of a transmission that was stored
        since would be new to it; so the hub stays out of hearing until every burst that it may have
        heard the beginning of is over.
        """
        if self._image is None:
            raise RigError("there is no copy.")
        with self._out_of_hearing():
            silent_at = time.time()
            await self._stop_with_nothing_left()
            epochs = [one for one in await self.site.incidents() if one["code"] == EPOCH_BEGUN]
            await asyncio.sleep(max(0.0, silent_at + self.burst_s + LAST_ADVERTS_S - time.time()))
            await self.hub.put_back_state(self._disk)
            image, copied_at = self._image
            self.ledger.put_back(image)
            self.restores.append(HubRestored(copied_at, time.time(), len(epochs)))
        await self.hub.start()

    async def _stop_with_nothing_left(self) -> None:
        """Stop the hub; if the site then lacks anything that it heard, let it try again."""
        for _ in range(HANDOVERS_MAX):
            await until(self.hub.idle, "Handing over", ONLINE_WAIT_S)
            await asyncio.sleep(LAST_ADVERTS_S)
            await self.hub.stop()
            stored = await self.site.readings()
            if not self.ledger.balance(stored, self.hub_kills, self.commit_window_max_s).lost:
                return
            await self.hub.start()
        raise RigError(f"the hub could not hand over everything in {HANDOVERS_MAX} attempts.")

    @contextlib.contextmanager
    def _out_of_hearing(self) -> Iterator[None]:
        """No sensor reaches the hub: what is delivered to a hub that is stopping is nobody's fault."""
        for sensor in self.sensors:
            self.air.cut(sensor, "hub")
        try:
            yield
        finally:
            for sensor in self.sensors:
                self.air.heal(sensor, "hub")

    @property
    def _backup(self) -> Path:
        return self.within / "store.backup"

    @property
    def _disk(self) -> Path:
        return self.within / "hub.image"


def _drawn(chance: random.Random, for_s: float) -> tuple[Moment, ...]:
    """All deeds in any order, each with its room, and the time that is left strewn between them."""
    order = chance.sample(DEEDS, len(DEEDS))
    spare_s = for_s - BEGIN_S - FOLLOW_S - sum(ROOM_S.values()) - sum(ROOM_S[deed] for deed in KILLED)
    delays_s = sorted(chance.uniform(0, spare_s) for _ in order)
    moments, room_s = [], BEGIN_S
    for deed, delay_s in zip(order, delays_s, strict=True):
        moments.append(Moment(room_s + delay_s, deed))
        room_s += ROOM_S[deed]
    return tuple(moments)


def _playable(moments: Iterable[Moment]) -> bool:
    at_s = {moment.deed: moment.at_s for moment in moments}
    return all(at_s[later] - at_s[former] >= apart for (former, later), apart in APART_S.items())


def identities(stored: Iterable[Mapping[str, Any]]) -> Counter[tuple[object, ...]]:
    """What makes a stored reading this one; its times are left out, as they are placed anew on arrival."""
    names = ("stream", "seq", "sensor", "kind", "value")
    return Counter(tuple(reading[name] for name in names) for reading in stored)


def _store_unproven(restore: StoreRestored, stored: Sequence[Mapping[str, Any]]) -> list[str]:
    if not restore.forgotten:
        return ["The restored store lacked nothing, so its refilling is not proven."]
    missing = (restore.forgotten - identities(stored)).total()
    return [f"The restored store still lacks {missing} readings that it once held."] if missing else []


def _hub_unproven(restore: HubRestored, stored: Sequence[Mapping[str, Any]], begun: int) -> list[str]:
    sentences = []
    if restore.epochs_before:
        sentences.append("The hub had begun a new epoch before its disk was put back.")
    if begun - restore.epochs_before != 1:
        new = begun - restore.epochs_before
        sentences.append(f"After the hub's disk was put back, {new} incidents tell of a new epoch, not one.")
    if not any(reading["happened_ms"] > restore.at * 1000 for reading in stored):
        sentences.append("After the hub's disk was put back no reading was stored.")
    return sentences
