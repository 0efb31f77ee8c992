"""The broker of the throwaway site, turned hostile: it shows every message, and says anything in anybody's name.

It knows what a broker knows: topics, ciphertext, the site's public key. It has no key of site or hub.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import defaultdict
from typing import Self

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from cloud_sync.wire import message as wire
from cloud_sync.wire.topics import ALL_UP_SUBJECT, down_subject, hub_of_subject
from hil_tests.rig.errors import RigError
from hil_tests.rig.site import Site
from zero_trust.tls import service_context

# What the intake's key may publish and hear: as it ought to be, and with either direction open to it.
HONEST = 'publish: { allow: ["cmd.*"] }, subscribe: { allow: ["hubs.*.up"] }'
TURNED = 'publish: { allow: ["cmd.*", "hubs.*.up"] }, subscribe: { allow: ["hubs.*.up", "cmd.*"] }'
ALL_DOWN_SUBJECT = "cmd.*"
NOBODY = "a" * 13
WAIT_S = 10.0
EVERY_S = 0.05


class Hostile:
    """Its configuration lets one client speak as any hub while it is turned."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client: Client
        self._turned = False
        self._seen: defaultdict[str, list[bytes]] = defaultdict(list)
        self._told: defaultdict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)

    async def __aenter__(self) -> Self:
        self._client = await intake_client(self._site)
        await self._client.subscribe(ALL_UP_SUBJECT, cb=self._note)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def up(self, hub: str, payload: bytes) -> None:
        """Say something to the site as that hub."""
        await self._client.publish(f"hubs.{hub}.up", payload)
        await self._client.flush()

    async def down(self, hub: str, payload: bytes) -> None:
        """Say something to a hub as the site."""
        await self._client.publish(down_subject(hub), payload)
        await self._client.flush()

    async def told(self, hub: str, wait_s: float = WAIT_S) -> bytes:
        """The next thing that the site says to that hub.

        Raises:
            TimeoutError: it says nothing.
        """
        async with asyncio.timeout(wait_s):
            return await self._told[hub].get()

    def forget(self, hub: str) -> None:
        """What the site has said to that hub so far does not count."""
        self._told.pop(hub, None)

    def messages(self, hub: str, kind: wire.Kind) -> list[bytes]:
        """What a hub sent so far, of one kind."""
        return [payload for payload in self._seen[hub] if payload[:1] == bytes([kind])]

    async def turn(self) -> None:
        """From now on it is hostile."""
        if not self._turned:
            self._configure(HONEST, TURNED)
            await self._until(speaks=True)
            await self._client.subscribe(ALL_DOWN_SUBJECT, cb=self._hear)
            await self._client.flush()
            self._turned = True

    async def turn_back(self) -> None:
        """From now on it is what it ought to be."""
        if self._turned:
            self._configure(TURNED, HONEST)
            await self._until(speaks=False)
            self._turned = False

    def _configure(self, old: str, new: str) -> None:
        file = self._site.directory / "run" / "broker.conf"
        text = file.read_text()
        if old not in text:
            raise RigError(f"{file} does not say {old}: the attacks' broker cannot be turned.")
        file.write_text(text.replace(old, new))
        self._site.signal("broker", signal.SIGHUP)

    async def _until(self, *, speaks: bool) -> None:
        """A hub that nobody knows is spoken for: refused by name, and nothing else."""
        deadline = time.monotonic() + WAIT_S
        while True:
            self._seen[NOBODY].clear()
            await self.up(NOBODY, b"")
            await asyncio.sleep(EVERY_S)
            if bool(self._seen[NOBODY]) is speaks:
                return
            if time.monotonic() > deadline:
                raise RigError("The broker did not take its other configuration.")

    async def _note(self, message: Msg) -> None:
        self._seen[hub_of_subject(message.subject)].append(message.data)

    async def _hear(self, message: Msg) -> None:
        self._told[hub_of_subject(message.subject)].put_nowait(message.data)


async def intake_client(site: Site, troubles: list[str] | None = None) -> Client:
    """A client with the intake's own certificate; what the broker complains of is added to ``troubles``."""

    async def trouble(error: Exception) -> None:
        if troubles is not None:
            troubles.append(str(error))

    keys = site.directory / "intake"
    tls = service_context(keys / "ca.pem", keys / "client.crt", keys / "client.key")
    url = f"tls://127.0.0.1:{site.ports['nats']}"
    return await nats.connect(url, tls=tls, tls_handshake_first=True, error_cb=trouble)
