"""The faulty line: each condition has the effect it claims and leaves proof of it; the hub lives with all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.rig.errors import RigError
from hil_tests.rig.line import Way, knocking
from hil_tests.rig.network import (
    ADVERTISED_HOST,
    PORTAL_PAGE,
    SITE_HOST,
    FaultyLink,
    LinkSeen,
    Spell,
    listen_inside,
)
from hil_tests.rig.ports import free_ports
from hil_tests.rig.process import call
from hil_tests.rig.resolver import Mood, Resolver, reply
from tests.helpers.site import eventually

WAIT_S = 5.0
SILENCE_S = 0.3  # long for loopback: what has not come by then was held back


# The line itself, before an echo server


class Echo:
    """A server that says everything back, and how to call it through a line."""

    def __init__(self, link: FaultyLink, port: int) -> None:
        self.link = link
        self.port = port

    @contextlib.asynccontextmanager
    async def called(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to it."""
        reader, writer = await asyncio.open_connection(ADVERTISED_HOST, self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while said := await reader.read(65_536):
            writer.write(said)
            await writer.drain()
    writer.close()


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Echo]:
    """An echo server behind a line."""
    [port] = free_ports(1)
    server = await asyncio.start_server(_say_back, SITE_HOST, port)
    async with server, FaultyLink([port]) as link:
        yield Echo(link, port)


async def _answer(reader: asyncio.StreamReader, count: int, wait_s: float = WAIT_S) -> bytes:
    async with asyncio.timeout(wait_s):
        return await reader.readexactly(count)


async def _silent(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        await _answer(reader, 1, SILENCE_S)


async def _proven(spell: Spell) -> LinkSeen:
    await eventually(lambda: spell.seen().fired(), spell.condition.verb, WAIT_S)
    return spell.seen()


async def test_a_good_line_passes_everything_on(echo: Echo) -> None:
    """Both ways, in order, to the end of the stream."""
    spell, text = echo.link.pass_through(), bytes(range(256)) * 4000
    async with echo.called() as (reader, writer):
        writer.write(text)
        writer.write_eof()
        assert await _answer(reader, len(text)) == text
        assert await reader.read() == b""
    seen = spell.seen()
    assert (seen.connections, seen.passed_bytes, seen.resets) == (1, 2 * len(text), 0)


async def test_a_condition_that_met_nobody_has_not_fired(echo: Echo) -> None:
    """No verb claims an effect by having been called."""
    link = echo.link
    spells = [
        link.pass_through(),
        link.partition(),
        link.half_open(),
        link.refuse(),
        link.delay(0.1),
        link.stall(1.0),
        link.throttle(1000),
        link.reset_at(3),
        link.captive_portal(),
        link.intercept(),
    ]
    assert [spell.condition.verb for spell in spells if spell.seen().fired()] == []


async def test_what_a_hub_without_power_had_sent_never_arrives(echo: Echo) -> None:
    """Its machine's buffers are gone with it, unlike those of a process that was killed."""
    async with echo.called() as (reader, writer):
        spell = echo.link.partition()
        writer.write(b"waiting")
        await eventually(lambda: spell.seen().held_bytes == 7, "it is held back", WAIT_S)
        echo.link.lose_hub()
        with pytest.raises(ConnectionError):
            await _answer(reader, 7)
        healed = echo.link.pass_through()
        assert (echo.link.joined, healed.seen().passed_bytes) == (0, 0)
    async with echo.called() as (reader, writer):
        writer.write(b"new")
        assert await _answer(reader, 3) == b"new"


async def test_a_partition_is_silent_and_what_waits_comes_when_it_heals(echo: Echo) -> None:
    """A standing connection freezes without being ended; a new one is not even refused; both go on afterwards."""
    async with echo.called() as (reader, writer):
        spell = echo.link.partition()
        writer.write(b"waiting")
        await _silent(reader)
        newcomer = asyncio.create_task(asyncio.open_connection(ADVERTISED_HOST, echo.port))
        await eventually(lambda: spell.seen().knocks == 1, "the knock is seen", WAIT_S)
        assert not newcomer.done()

        echo.link.pass_through()
        assert await _answer(reader, 7) == b"waiting"
        other_reader, other_writer = await asyncio.wait_for(newcomer, 10)  # the kernel knocks again
        other_writer.write(b"new")
        assert await _answer(other_reader, 3) == b"new"
        other_writer.close()
    seen = spell.seen()
    assert (seen.held_bytes, seen.passed_bytes, seen.fired()) == (7, 0, True)


@pytest.mark.parametrize("stopped", Way)
async def test_a_half_open_line_carries_one_direction(echo: Echo, stopped: Way) -> None:
    """What was said waits on its way up, or its echo on the way down."""
    async with echo.called() as (reader, writer):
        spell = echo.link.half_open(stopped)
        writer.write(b"hello")
        await _silent(reader)
        seen = await _proven(spell)
        assert (seen.held_bytes, seen.passed_bytes) == (5, 0 if stopped is Way.UP else 5)
        echo.link.pass_through()
        assert await _answer(reader, 5) == b"hello"


async def test_refusal_resets_what_stands_and_what_comes(echo: Echo) -> None:
    """Both ends learn it at once."""
    async with echo.called() as (reader, _):
        await eventually(lambda: echo.link.joined == 1, "it is joined", WAIT_S)
        spell = echo.link.refuse()
        with pytest.raises(ConnectionResetError):
            await _answer(reader, 1)
    with pytest.raises(ConnectionResetError):
        async with echo.called() as (reader, _):
            await _answer(reader, 1)
    assert spell.seen().resets == 2


@pytest.mark.parametrize("verb", ["delay", "stall", "throttle"])
async def test_a_slow_line_is_slow_by_so_much(echo: Echo, verb: str) -> None:
    """There and back in no less than the time asked for, and in order."""
    link, clock = echo.link, asyncio.get_running_loop().time
    text = bytes(range(250))
    async with echo.called() as (reader, writer):
        if verb == "delay":
            spell = link.delay(0.1, 0.05)
        elif verb == "stall":
            spell = link.stall(1.0, 0.1)
        else:
            spell = link.throttle(2500)
        began = clock()
        writer.write(text)
        assert await _answer(reader, len(text)) == text
        assert 0.2 <= clock() - began < WAIT_S
    assert spell.seen().slowed_bytes == 2 * len(text)


async def test_stalls_follow_from_the_seed() -> None:
    """The same seed stalls the same pieces."""
    [port] = free_ports(1)

    async def slowed(seed: int) -> list[int]:
        server = await asyncio.start_server(_say_back, SITE_HOST, port)
        async with (
            server,
            FaultyLink([port], seed=seed) as link,
            Echo(link, port).called() as (reader, writer),
        ):
            spell, counts = link.stall(0.3, 0.001), []
            for _ in range(20):
                writer.write(b".")
                await _answer(reader, 1)
                counts.append(spell.seen().slowed_bytes)
            return counts

    assert await slowed(1) == await slowed(1) != await slowed(2)


async def test_a_reset_at_a_byte_lets_exactly_that_many_through(echo: Echo) -> None:
    """The next connection loses what comes after; the one after it is whole."""
    spell = echo.link.reset_at(10)
    async with echo.called() as (reader, writer):
        writer.write(bytes(4))
        assert await _answer(reader, 4) == bytes(4)
        writer.write(bytes(range(100)))
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await _answer(reader, 100)
    async with echo.called() as (reader, writer):
        writer.write(b"again, and more than ten")
        assert await _answer(reader, 24) == b"again, and more than ten"
    seen = spell.seen()
    assert (seen.resets, seen.connections) == (1, 2)
    assert 4 + 10 + 48 <= seen.passed_bytes <= 2 * 10 + 48


async def test_a_portal_answers_in_the_site_s_place(echo: Echo) -> None:
    """Whoever asks gets a page; TLS fails on it at once."""
    spell = echo.link.captive_portal()
    async with echo.called() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(PORTAL_PAGE)
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        await asyncio.open_connection(ADVERTISED_HOST, echo.port, ssl=ssl.create_default_context())
    await eventually(lambda: spell.seen().portal_pages == 2, "both were answered", WAIT_S)


async def test_an_interceptor_is_refused_by_name_and_knows_when_it_is_believed(echo: Echo) -> None:
    """An honest client sends an alert; a careless one is caught."""
    spell = echo.link.intercept()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(_call_by_tls, echo.port)
    await eventually(lambda: spell.seen().alerts != (), "the alert came", WAIT_S)
    assert (spell.seen().alerts, spell.seen().believed) == (("TLSV1_ALERT_UNKNOWN_CA",), 0)

    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(ADVERTISED_HOST, echo.port, ssl=careless)
    await eventually(lambda: spell.seen().believed == 1, "it was believed", WAIT_S)
    writer.close()


def _call_by_tls(port: int) -> None:
    """As the hub asks its authority; asyncio's own TLS would hang up without sending the alert."""
    with socket.create_connection((ADVERTISED_HOST, port)) as plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname=ADVERTISED_HOST).close()


async def test_a_taken_address_is_one_sentence() -> None:
    """Which address, and what to do."""
    with socket.create_server((ADVERTISED_HOST, 0)) as taken, pytest.raises(RigError) as error:
        FaultyLink([taken.getsockname()[1]])
    assert ADVERTISED_HOST in str(error.value)
    assert "listen_inside" in error.value.hint


def test_the_kernel_s_table_names_those_who_knock() -> None:
    """Only sockets to that address and port that have no answer yet."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
    (number,) = (int.from_bytes(socket.inet_aton("127.0.0.2"), "little"),)
    rows = [(f"{number:08X}:22B3", "02"), (f"{number:08X}:22B3", "01"), (f"{number:08X}:22B4", "02")]
    lines = [
        f"   0: 0100007F:A0{at}0 {remote} {state} 0:0 0:0 0\n" for at, (remote, state) in enumerate(rows)
    ]
    assert knocking(head + "".join(lines), "127.0.0.2", 0x22B3) == {0xA000}


def test_a_site_without_an_address_to_listen_on(tmp_path: Path) -> None:
    """Names the file."""
    file = tmp_path / "receiver.toml"
    file.write_text('site = "demo"\n')
    with pytest.raises(RigError, match=r"receiver\.toml"):
        listen_inside(file)


# Names

_root = pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")
NAME = "site.lum.test"
LOOK_UP = "import socket, sys; print(socket.getaddrinfo(sys.argv[1], 1, type=socket.SOCK_STREAM)[0][4][0])"


@_root
async def test_one_process_has_names_of_its_own(tmp_path: Path) -> None:
    """It finds the name, and does not when the server is silent or denies it; the machine's own names stay."""
    before = await asyncio.to_thread(Path("/etc/resolv.conf").read_text)
    async with Resolver(tmp_path, {NAME: ADVERTISED_HOST}) as resolver:
        look_up = resolver.wrapping().command([sys.executable, "-c", LOOK_UP, NAME])
        assert (await call(*look_up)).strip() == ADVERTISED_HOST
        for mood, words in ((Mood.DENYING, "not known"), (Mood.SILENT, "Temporary failure")):
            resolver.turn(mood)
            assert not resolver.asked(mood).fired()
            with pytest.raises(RigError, match=words):
                await call(*look_up)
            assert resolver.asked(mood).fired()
        resolver.turn(Mood.ANSWERING)
        assert (await call(*look_up)).strip() == ADVERTISED_HOST
    assert await asyncio.to_thread(Path("/etc/resolv.conf").read_text) == before


@pytest.mark.parametrize("junk", [b"", b"short", bytes(12), bytes(5) + b"\x01" + bytes(6) + b"\x3fname"])
def test_junk_is_not_answered(junk: bytes) -> None:
    """What is no question stays without an answer."""
    assert reply(junk, {NAME: ADVERTISED_HOST}) is None
