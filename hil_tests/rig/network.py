"""The line between a hub and its site, with everything that goes wrong on lines.

A site is made with ``--host 127.0.0.2``, the address that vouchers and credentials name, and
listens on 127.0.0.1 (:func:`listen_inside`). A :class:`FaultyLink` stands at the former, and passes
each port on to the same port of the latter: nothing that the hub or the site knows is changed.

TCP cannot lose bytes: lost packets show as waits until they are sent again, so loss is modelled as
stalls.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from hil_tests.rig.errors import RigError
from hil_tests.rig.interception import Interceptor
from hil_tests.rig.line import Answer, Condition, Crossing, Door, Way, reset

ADVERTISED_HOST = "127.0.0.2"  # all of 127.0.0.0/8 is this machine
SITE_HOST = "127.0.0.1"
RESEND_S = 0.2  # what one lost packet costs: the least time after which Linux sends again
WATCH_PERIOD_S = 0.1
CHUNK_BYTES = 65_536
PORTAL_PAGE = b"<html><body>Welcome! Please accept our terms to use the Internet.</body></html>"
PORTAL_ANSWER = (
    b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Type: text/html\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(PORTAL_PAGE), PORTAL_PAGE)
)

_PROOFS: Mapping[str, tuple[str, ...]] = {  # verb -> what shows that it had an effect: any of these
    "pass_through": ("passed_bytes",),
    "partition": ("knocks", "held_bytes"),
    "half_open": ("held_bytes",),
    "refuse": ("resets",),
    "delay": ("slowed_bytes",),
    "stall": ("slowed_bytes",),
    "throttle": ("slowed_bytes",),
    "reset_at": ("resets",),
    "captive_portal": ("portal_pages",),
    "intercept": ("alerts", "believed"),
}


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """What a link did under one condition.

    Attributes:
        verb: which condition.
        wall_s: how long it held.
        connections: taken.
        knocks: connections that were tried and met nothing but silence.
        passed_bytes: in both directions.
        held_bytes: that wait, or waited when the condition ended, in a direction that was stopped.
        slowed_bytes: that were passed on later than they came.
        resets: connections ended by RST.
        portal_pages: connections answered with a page of somebody else.
        alerts: by which the hub refused the interceptor, named as OpenSSL does.
        believed: connections on which somebody took the interceptor for the site; for an enrolled hub a failure.
    """

    verb: str
    wall_s: float = 0.0
    connections: int = 0
    knocks: int = 0
    passed_bytes: int = 0
    held_bytes: int = 0
    slowed_bytes: int = 0
    resets: int = 0
    portal_pages: int = 0
    alerts: tuple[str, ...] = ()
    believed: int = 0

    def fired(self) -> bool:
        """Whether the condition had an effect on anything."""
        return any(getattr(self, proof) for proof in _PROOFS[self.verb])


@dataclass(slots=True)
class Spell:
    """One condition from its beginning to its end; counts what happens under it."""

    condition: Condition
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    connections: int = 0
    passed_bytes: int = 0
    held_bytes: int = 0
    slowed_bytes: int = 0
    resets: int = 0
    portal_pages: int = 0
    believed: int = 0
    alerts: list[str] = field(default_factory=list)
    aimed: bool = False  # the connection to be reset has come
    knocked: set[int] = field(default_factory=set)  # ports of the hub's side

    def trust(self) -> None:
        """Somebody took the interceptor for the site."""
        self.believed += 1

    def seen(self) -> LinkSeen:
        """What it did so far, or in all."""
        until = time.monotonic() if self.ended is None else self.ended
        counts = {one.name for one in fields(LinkSeen)} & {one.name for one in fields(self)} - {"alerts"}
        return LinkSeen(
            self.condition.verb,
            until - self.began,
            knocks=len(self.knocked),
            alerts=tuple(self.alerts),
            **{name: getattr(self, name) for name in counts},
        )


class FaultyLink:
    """Joins ``listen_host`` to ``target_host`` on the given ports; use as an async context manager.

    Each verb begins a condition that holds until the next one, and returns its :class:`Spell`:
    ``spell.seen()`` is the evidence. It begins with ``pass_through``.

    Raises:
        RigError: a port is in use.
    """

    def __init__(
        self,
        ports: Iterable[int],
        *,
        listen_host: str = ADVERTISED_HOST,
        target_host: str = SITE_HOST,
        seed: int = 0,
    ) -> None:
        self._doors = [Door(listen_host, port) for port in ports]
        self._target_host = target_host
        self._chance = random.Random(seed)
        self._crossings: set[Crossing] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._interceptor: Interceptor | None = None
        self._spell = Spell(Condition("pass_through"))

    async def __aenter__(self) -> Self:
        for door in self._doors:
            door.open(lambda hub, port: self._start(self._meet(hub, port)))
        self._start(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for door in self._doors:
            door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def joined(self) -> int:
        """Connections that stand now, from end to end."""
        return len(self._crossings)

    # Conditions

    def pass_through(self) -> Spell:
        """A good line; what was held back flows on."""
        return self._begin(Condition("pass_through"))

    def partition(self) -> Spell:
        """Silence: new connections are not even refused, those that stand carry nothing and are not ended."""
        return self._begin(Condition("partition", stopped=frozenset(Way), deaf=True))

    def half_open(self, stopped: Way = Way.UP) -> Spell:
        """One direction carries nothing, the other goes on."""
        return self._begin(Condition("half_open", stopped=frozenset({stopped})))

    def refuse(self) -> Spell:
        """RST on every connection, standing or new."""
        return self._begin(Condition("refuse", answer=Answer.RESET))

    def delay(self, delay_s: float, jitter_s: float = 0.0) -> Spell:
        """Everything takes so much longer, each way; the jitter is uniform and never changes the order."""
        return self._begin(Condition("delay", delay_s=delay_s, jitter_s=jitter_s))

    def stall(self, chance: float, stall_s: float = RESEND_S) -> Spell:
        """A lossy line: each piece waits for ``stall_s`` with that chance, as after a lost packet."""
        return self._begin(Condition("stall", stall_chance=chance, stall_s=stall_s))

    def throttle(self, bytes_per_s: int) -> Spell:
        """A thin line: so many bytes per second for each connection and direction."""
        return self._begin(Condition("throttle", bytes_per_s=bytes_per_s))

    def reset_at(self, byte: int, port: int | None = None) -> Spell:
        """The next connection (to ``port``) is reset once exactly so many bytes have gone up; others pass."""
        return self._begin(Condition("reset_at", reset_at=byte, reset_port=port))

    def captive_portal(self) -> Spell:
        """Somebody's login page answers in place of the site; standing connections are reset."""
        return self._begin(Condition("captive_portal", answer=Answer.PORTAL))

    def intercept(self) -> Spell:
        """A box ends TLS with a certificate of its own authority, and reads along if it is believed."""
        self._interceptor = self._interceptor or Interceptor([door.host for door in self._doors])
        return self._begin(Condition("intercept", answer=Answer.INTERCEPT))

    def _begin(self, condition: Condition) -> Spell:
        self._note_held()
        self._spell.ended = time.monotonic()
        self._spell = Spell(condition)
        if condition.answer is not Answer.JOIN:  # who is in the middle now knows nothing of what stood before
            for crossing in self._crossings:
                crossing.break_off()
            self._spell.resets += len(self._crossings)
        for door in self._doors:
            (door.shut if condition.deaf else door.unshut)()
        self._changed.set()
        self._changed = asyncio.Event()
        return self._spell

    def lose_hub(self) -> None:
        """The hub's machine is without power: what it had sent and is still on the line does not arrive."""
        for crossing in self._crossings:
            crossing.break_off()

    # Connections

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _meet(self, hub: socket.socket, port: int) -> None:
        """A new connection from the hub's side."""
        self._spell.connections += 1
        answer = self._spell.condition.answer
        with contextlib.closing(hub), contextlib.suppress(OSError):
            if answer is Answer.RESET:
                self._spell.resets += 1
                reset(hub)
            elif answer is Answer.PORTAL:
                await self._show_portal(hub)
            elif answer is Answer.INTERCEPT:
                await self._intercept(hub, port)
            else:
                await self._join(hub, port)

    async def _show_portal(self, hub: socket.socket) -> None:
        """Whatever was asked, and in whatever protocol."""
        spell, loop = self._spell, asyncio.get_running_loop()
        await loop.sock_recv(hub, CHUNK_BYTES)
        await loop.sock_sendall(hub, PORTAL_ANSWER)
        spell.portal_pages += 1
        hub.shutdown(socket.SHUT_WR)
        await loop.sock_recv(hub, CHUNK_BYTES)  # until the hub has read it and hangs up

    async def _intercept(self, hub: socket.socket, port: int) -> None:
        spell, interceptor = self._spell, self._interceptor
        assert interceptor is not None  # noqa: S101 - the verb has made it
        alert = await interceptor.meet(hub, (self._target_host, port), spell.trust)
        if alert is not None:
            spell.alerts.append(alert)

    async def _join(self, hub: socket.socket, port: int) -> None:
        """Pass bytes on in both directions until both ends have ended, or one is reset."""
        site = socket.socket()
        site.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(site, (self._target_host, port))
        except OSError:
            reset(hub)  # as the site's own kernel would have refused it
            return
        crossing = Crossing(hub, site, self._reset_at(port), asyncio.current_task())
        self._crossings.add(crossing)
        try:
            await self._both_ways(crossing)
        except asyncio.CancelledError:
            if not crossing.broken:
                raise
            crossing.reset()
        finally:
            self._crossings.discard(crossing)
            crossing.close()

    async def _both_ways(self, crossing: Crossing) -> None:
        try:
            async with asyncio.TaskGroup() as ways:
                for way in Way:
                    ways.create_task(self._carry(crossing, way))
        except* OSError:
            crossing.reset()  # one end was reset: so is the other

    def _reset_at(self, port: int) -> int | None:
        """The byte at which this connection is to be reset, if it is the one."""
        condition = self._spell.condition
        if condition.reset_at is None or self._spell.aimed or condition.reset_port not in {None, port}:
            return None
        self._spell.aimed = True
        return condition.reset_at

    async def _carry(self, crossing: Crossing, way: Way) -> None:
        """Pass on what comes in one direction, until its source has ended.

        Raises:
            OSError: one end was reset, or this connection's byte has come.
        """
        loop = asyncio.get_running_loop()
        source, sink = crossing.ends(way)
        while True:
            await self._flowing(way)
            piece = await loop.sock_recv(source, self._piece_bytes())
            crossing.in_hand[way] = len(piece)
            await self._hold_up(piece)
            await self._flowing(way)
            room = crossing.room(way)
            await loop.sock_sendall(sink, piece[:room])
            self._spell.passed_bytes += len(piece[:room])
            crossing.in_hand[way] = 0
            if room is not None and len(piece) >= room:
                self._spell.resets += 1
                raise ConnectionResetError
            if not piece:
                sink.shutdown(socket.SHUT_WR)
                return
            crossing.gone[way] += len(piece)

    async def _flowing(self, way: Way) -> None:
        while way in self._spell.condition.stopped:
            await self._changed.wait()

    async def _hold_up(self, piece: bytes) -> None:
        spell, condition = self._spell, self._spell.condition
        wait_s = condition.delay_s + condition.jitter_s * self._chance.random()
        if self._chance.random() < condition.stall_chance:
            wait_s += condition.stall_s
        if condition.bytes_per_s is not None:
            wait_s += len(piece) / condition.bytes_per_s
        if piece and wait_s > 0:
            await asyncio.sleep(wait_s)
            spell.slowed_bytes += len(piece)

    def _piece_bytes(self) -> int:
        """At once; on a thin line what it carries in a tenth of a second."""
        thin = self._spell.condition.bytes_per_s
        return CHUNK_BYTES if thin is None else max(1, min(CHUNK_BYTES, thin // 10))

    # Evidence

    async def _watch(self) -> None:
        """Who knocks at a silent door leaves no other trace than the kernel's table."""
        while True:
            if self._spell.condition.deaf:
                self._spell.knocked.update(*(door.knocking() for door in self._doors))
            self._note_held()
            await asyncio.sleep(WATCH_PERIOD_S)

    def _note_held(self) -> None:
        stopped = self._spell.condition.stopped
        held = sum(crossing.held_bytes(way) for crossing in self._crossings for way in stopped)
        self._spell.held_bytes = max(self._spell.held_bytes, held)


def listen_inside(receiver_toml: Path) -> None:
    """Let a site that was made for :data:`ADVERTISED_HOST` listen on :data:`SITE_HOST`, and leave the former to a link.

    Raises:
        RigError: the file names no address to listen on.
    """
    text, count = re.subn(r'(?m)^bind = "[^"]*"', f'bind = "{SITE_HOST}"', receiver_toml.read_text())
    if not count:
        raise RigError(f"{receiver_toml} does not say where the site listens (bind).")
    receiver_toml.write_text(text)
