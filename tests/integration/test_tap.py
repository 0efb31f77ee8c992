"""Commands that listen along with a hub, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from device_profiles.advert import Advert
from edge_agent.adapters import tap
from edge_agent.adapters.tap import CLIENTS_MAX, UNREAD_MAX_BYTES, Tap
from edge_agent.errors import NoHubError, PauseError, RosterError, TapError
from tests.helpers.site import eventually

DOOR = "C0:1A:00:00:00:05"
SERVICE = "0000fcd2-0000-1000-8000-00805f9b34fb"


def advert(number: int = 0) -> Advert:
    """One advert with everything that there can be."""
    return Advert(
        DOOR, "Tür", (SERVICE,), {SERVICE: b"\x40\x1a\x01"}, {0x0499: number.to_bytes(4, "big")}, -71, 4711
    )


class Home:
    """A tap on a socket of its own; what was confirmed, what it refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.confirmed: list[str] = []
        self.paused: list[int] = []
        self.tap = Tap(path, self.confirm, self.pause)

    def confirm(self, address: str) -> None:
        """Take note, if it is the door."""
        if address != DOOR:
            raise RosterError("No such sensor.", hint="Look again.")
        self.confirmed.append(address)

    async def pause(self, for_s: int) -> None:
        """Take note, if it is not for a minute."""
        if for_s == 60:
            raise PauseError("Not now.", hint="Later.")
        self.paused.append(for_s)

    async def ask(self, *lines: bytes) -> dict[str, object]:
        """Send bytes and return the first answer."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.writelines(lines)
        answer: dict[str, object] = json.loads(await reader.readline())
        writer.close()
        return answer

    @contextlib.asynccontextmanager
    async def listener(self, heard: list[Advert]) -> AsyncIterator[asyncio.Task[None]]:
        """Somebody who listens along, from the first advert that reaches them."""
        task = asyncio.create_task(tap.listen(self.path, heard.append, lambda: 99))
        try:
            await eventually(lambda: self._reaches(heard) or task.done(), "it listens")
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _reaches(self, heard: list[Advert]) -> bool:
        self.tap.hear(advert())
        return bool(heard)


@contextlib.asynccontextmanager
async def served(home: Home) -> AsyncIterator[asyncio.Task[None]]:
    """The hub's end runs."""
    task = asyncio.create_task(home.tap.run())
    try:
        await eventually(home.path.exists, "it serves")
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """A hub that lets commands listen along."""
    home = Home(tmp_path / "run" / "hub.sock")
    async with served(home):
        yield home


async def test_a_listener_gets_every_advert_as_it_was_heard(home: Home) -> None:
    """All its fields; the time is the listener's own."""
    heard: list[Advert] = []
    async with home.listener(heard):
        before = len(heard)
        for number in range(1, 4):
            home.tap.hear(advert(number))
        await eventually(lambda: heard[-1].manufacturer_data[0x0499][-1] == 3, "all have come")

    assert [one.manufacturer_data[0x0499][-1] for one in heard][-3:] == [1, 2, 3]
    assert before >= 1
    assert heard[-1] == Advert(
        DOOR, "Tür", (SERVICE,), {SERVICE: b"\x40\x1a\x01"}, {0x0499: b"\0\0\0\3"}, -71, 99
    )


async def test_the_socket_is_for_its_owner_alone(home: Home) -> None:
    """What the neighbours' sensors say is nobody else's business."""
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o600


async def test_what_cannot_be_done_is_answered_with_a_sentence(home: Home) -> None:
    """Bad requests, and those that the hub refuses."""
    for line in (
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b'{"do": "dance"}\n',
        b'{"do": "listen", "to": 1}\n',
        b"x" * 5000,
    ):
        assert await home.ask(line) == {"error": "The hub does not understand this request."}
    with pytest.raises(TapError, match=r"No such sensor\. Look again\."):
        await tap.confirm(home.path, "C0:1A:00:00:00:09")


async def test_a_confirmation_reaches_the_hub(home: Home) -> None:
    """Exactly once, for that sensor."""
    await tap.confirm(home.path, DOOR)

    assert home.confirmed == [DOOR]


async def test_a_pause_reaches_the_hub_or_its_refusal_the_command(home: Home) -> None:
    """So many seconds, none to end it; nothing else is a span."""
    await tap.pause(home.path, 3600)
    await tap.pause(home.path, 0)
    with pytest.raises(TapError, match=r"Not now\. Later\."):
        await tap.pause(home.path, 60)
    for span in ("true", "-1", "1.5", '"1h"', "null", "2592001"):
        asked = b'{"do": "pause", "for_s": %s}\n' % span.encode()
        assert await home.ask(asked) == {"error": "The hub does not understand this request."}

    assert home.paused == [3600, 0]


async def test_only_so_many_listen_at_once(home: Home) -> None:
    """One more is told so; when one leaves, there is room again, also while nothing is heard."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(CLIENTS_MAX - 1):
            await stack.enter_async_context(home.listener([]))
        async with home.listener([]):
            with pytest.raises(TapError, match="listen already"):
                await tap.confirm(home.path, DOOR)

        async def has_room() -> bool:
            with contextlib.suppress(TapError):
                await tap.confirm(home.path, DOOR)
            return bool(home.confirmed)

        async with asyncio.timeout(10):
            while not await has_room():
                pass


async def test_a_client_that_does_not_read_slows_nobody(home: Home) -> None:
    """It loses adverts beyond a bound; another hears them all."""
    _, idle = await asyncio.open_unix_connection(home.path, limit=1)
    idle.write(b'{"do": "listen"}\n')
    heard: list[Advert] = []
    async with home.listener(heard):
        sent = 2 * UNREAD_MAX_BYTES // 250
        for number in range(1, sent + 1):
            home.tap.hear(advert(number))
            if not number % 500:
                await eventually(lambda: number == _last(heard), "the other keeps up")  # noqa: B023 - asked at once

        (waiting,) = (
            client.transport.get_write_buffer_size()
            for client in home.tap._listening
            if client.transport.get_write_buffer_size()
        )
        assert waiting < UNREAD_MAX_BYTES + 1000
    idle.close()


def _last(heard: list[Advert]) -> int:
    return int.from_bytes(heard[-1].manufacturer_data[0x0499], "big")


async def test_without_a_hub_there_is_nobody_to_ask(tmp_path: Path) -> None:
    """No socket, or one that a killed hub left: the same sentence."""
    with pytest.raises(NoHubError, match="No hub is running"):
        await tap.confirm(tmp_path / "hub.sock", DOOR)
    home = Home(tmp_path / "run" / "hub.sock")
    async with served(home):
        left = home.path.rename(tmp_path / "left.sock")
    with pytest.raises(NoHubError, match="No hub is running"):
        await tap.listen(left, lambda _: None, lambda: 0)


async def test_a_hub_that_ends_ends_the_listening(tmp_path: Path) -> None:
    """Without an error: it may come back. And it leaves no socket."""
    home = Home(tmp_path / "run" / "hub.sock")
    async with served(home) as serving:
        async with home.listener([]) as listening:
            serving.cancel()
            await asyncio.wait([listening], timeout=10)
            assert listening.done()
            assert listening.exception() is None
        assert not home.path.exists()


async def test_a_socket_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """The hub goes on without it."""
    home = Home(tmp_path / ("x" * 120) / "hub.sock")
    with pytest.raises(TapError, match="cannot be made"):
        await home.tap.run()
