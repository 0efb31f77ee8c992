"""The throwaway site that attacks are tried on: its processes, its commands, hubs in the attacker's hands.

Most attacks share it. What they need beside the site (a hub that runs, a broker that has turned hostile) is made
when the first of them asks for it. What an attack would spoil for others it does to a hub of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from hil_tests.attack.book import agreements
from hil_tests.attack.command import Ended, ended
from hil_tests.attack.door import Answer, Door
from hil_tests.attack.hostile import Hostile
from hil_tests.attack.pen import Pen, enrolled, now_ms, request_of
from hil_tests.attack.state import State, state
from hil_tests.attack.victim import Victim, living
from hil_tests.rig.errors import RigError
from hil_tests.rig.site import Site
from zero_trust import keys
from zero_trust.authority import Issuer
from zero_trust.keystore import load_certificates, load_key, load_site_key
from zero_trust.operator import Operator
from zero_trust.tls import pinned_context
from zero_trust.voucher import Voucher, parse_voucher

NONCE_AGE_MAX_S = 4
LIMITS = f"\n[limits]\nnonce_age_max_s = {NONCE_AGE_MAX_S}\n"  # an attack outwaits it
WAIT_S = 10.0
EVERY_S = 0.02
HOME = "h-1"
LOG = "receiver.log"

T = TypeVar("T")


class Target:
    """One running site, seen by somebody who attacks it and by somebody who looks whether that had an effect."""

    def __init__(self, directory: Path, site: Site, stack: contextlib.AsyncExitStack) -> None:
        self.directory = directory
        self.site = site
        self.log = directory / LOG
        self.store = site.directory / "store" / "lum.db"
        self.root: x509.Certificate = load_certificates(site.directory / "root" / "root.crt")[0]
        self.door = Door(site.ports["authority"], pinned_context([self.root]))
        self.operator = Operator(site.directory)
        self._stack = stack
        self._pens = 0
        self._shared: dict[str, Pen] = {}
        self._victim: Victim | None = None
        self._hostile: Hostile | None = None
        self._old_nonce = (b"", 0.0)
        self._agreed = False
        self.before: State = {}
        self.since_ms = 0
        self.audited = 0
        self._logged = 0

    # What the attacker has.

    async def voucher(self, home: str = HOME) -> Voucher:
        """A voucher, as operations give one to an installer."""
        made = await asyncio.to_thread(self.operator.new_voucher, home)
        return parse_voucher(made["voucher"])

    async def ask_to_enrol(
        self, voucher: Voucher, identity: keys.PrivateKey, data: keys.PrivateKey
    ) -> Answer:
        """Ask for enrolment by all rules."""
        request = await asyncio.to_thread(request_of, voucher, identity, data)
        return await self.door.ask("/v1/enrol", request)

    async def pen(self, home: str = "") -> Pen:
        """A hub of its own, newly enrolled, in a home of its own unless one is named."""
        self._pens += 1
        identity, data = keys.generate_key(), keys.generate_key()
        voucher = await self.voucher(home or f"pen-{self._pens}")
        return enrolled(await self.ask_to_enrol(voucher, identity, data), identity, data)

    async def pen_of(self, home: str) -> Pen:
        """The hub of that home, which several attacks share: for those that leave it as it is."""
        if home not in self._shared:
            self._shared[home] = await self.pen(home)
        return self._shared[home]

    async def bystander(self) -> Pen:
        """Any hub that is left as it is."""
        return await self.pen_of("bystander")

    async def victim(self) -> Victim:
        """A real hub, running and online, with a button and one batch handed over."""
        if self._victim is None:
            voucher = await self.site.voucher("victim")
            self._victim = await self._stack.enter_async_context(living(self.directory / "victim", voucher))
        return self._victim

    async def hostile(self) -> Hostile:
        """The broker in the attacker's hands: hears everything, says anything in anybody's name."""
        if self._hostile is None:
            self._hostile = await self._stack.enter_async_context(Hostile(self.site))
        await self._hostile.turn()
        return self._hostile

    async def honest(self) -> None:
        """The broker as it ought to be."""
        if self._hostile is not None:
            await self._hostile.turn_back()

    async def agreed(self) -> None:
        """What ``book.py`` says is in force."""
        if not self._agreed:
            (self.site.directory / "grants.toml").write_text(agreements(version=2))
            await asyncio.to_thread(self.operator.book)
            self._agreed = True

    def stolen(self, name: str) -> Issuer:
        """An issuing authority's key, ``tls-ca`` or ``data-ca``, as a thief of the authority has it."""
        directory = self.site.directory / "authority"
        return Issuer(load_certificates(directory / f"{name}.crt")[0], load_key(directory / f"{name}.key"))

    @property
    def site_public(self) -> X25519PublicKey:
        """To which batches are sealed; every hub is told it."""
        return load_site_key(self.site.directory / "intake" / "site.key").public_key()

    async def old_nonce(self) -> bytes:
        """A nonce that was given out, never used, and is too old."""
        nonce, given_at = self._old_nonce
        await asyncio.sleep(max(0.0, given_at + NONCE_AGE_MAX_S + 0.2 - time.monotonic()))
        return nonce

    async def keep_a_nonce(self) -> None:
        """Have one given out, for :meth:`old_nonce`."""
        self._old_nonce = await self.door.nonce(), time.monotonic()

    # What was before, for attacks that come late.

    def past(self, statement: str, *values: Any) -> None:
        """Have it that this happened earlier: a row of the store is changed."""
        with closing(sqlite3.connect(self.store, timeout=WAIT_S)) as db, db:
            db.execute(statement, values)

    def rows(self, query: str, *values: Any) -> list[Any]:
        """What stands in the store."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()

    # What the attacked end says.

    async def trust(self, *arguments: str) -> Ended:
        """``lum-trust`` at this site."""
        return await ended("lum-trust", *arguments, "--dir", str(self.site.directory))

    async def receiver(self, *arguments: str) -> Ended:
        """``lum-receiver`` at this site."""
        return await ended("lum-receiver", *arguments, "--config", str(self.site.config))

    async def refusals(self) -> list[dict[str, Any]]:
        """What operations see of what was refused since the attack began, newest first."""
        rows = await asyncio.to_thread(self.operator.refusals)
        return [row for row in rows if row["at_ms"] >= self.since_ms]

    async def log_says(self, words: str) -> str:
        """A line of the site's own output that holds ``words``, written since the attack began."""

        async def line() -> str:
            text = self.log.read_text(errors="replace")[self._logged :]
            return next((line for line in text.splitlines() if words in line), "")

        return await self.until(line, f"a line with {words!r} in the site's log")

    async def until(self, ask: Callable[[], Awaitable[T]], what: str, wait_s: float = WAIT_S) -> T:
        """Ask until the answer is true.

        Raises:
            TimeoutError: names ``what``.
        """
        deadline = time.monotonic() + wait_s
        while not (answer := await ask()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {wait_s:.0f} s: {what}")
            await asyncio.sleep(EVERY_S)
        return answer

    # Whether anything changed.

    def begin(self) -> None:
        """From here on nothing may change: what came before was preparation."""
        self.before = self.state()
        self.since_ms = now_ms()
        self.audited = self.rows("SELECT coalesce(max(number), 0) FROM audit")[0][0]
        self._logged = len(self.log.read_text(errors="replace"))

    def state(self) -> State:
        """What must not change, as it is now."""
        return state(self.store, self.site.directory)


@contextlib.asynccontextmanager
async def throwaway(directory: Path) -> AsyncIterator[Target]:
    """A site in ``directory`` that runs until the block ends.

    Raises:
        RigError: it did not start.
    """
    site = Site(directory / "site", directory / LOG)
    await site.create()
    with site.config.open("a") as file:
        file.write(LIMITS)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(site.stop)
        await site.start()
        target = Target(directory, site, stack)
        await _ready(target)
        target.begin()
        yield target


async def _ready(target: Target) -> None:
    """Wait until the authority admits hubs at the broker and the intake hears them."""

    async def settled() -> bool:
        text = target.log.read_text(errors="replace")
        return "broker.answering" in text and "intake.started" in text

    try:
        await target.until(settled, "the site's settling", 30.0)
    except TimeoutError as error:
        raise RigError(f"The site did not settle: {error}.") from error
    await target.keep_a_nonce()
