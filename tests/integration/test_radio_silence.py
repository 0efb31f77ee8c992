"""A radio that hears nothing at all, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bumble import hci

from device_profiles.advert import Advert
from edge_agent.adapters.radio import Radio
from edge_agent.core.coverage import SILENCE_MAX_MS
from edge_agent.errors import RadioError, RadioTrouble
from hil_tests.rig.air import Air, Pdu
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.virtual_loop import run_virtually

BEACON = "C0:00:00:00:00:01"
SILENCE_MAX_S = SILENCE_MAX_MS / 1000


class _Quiet:
    """A hub's radio on an air where nobody talks unless told to."""

    def __init__(self, path: Path) -> None:
        self.air = Air(1)
        self.server = HciServer(self.air, path)
        self.heard: list[Advert] = []
        self.radio = Radio(
            self.heard.append,
            boot_ms=lambda: round(asyncio.get_running_loop().time() * 1000),
            transport=f"unix-client:{path}",
        )

    def send(self) -> None:
        """Let a stranger's beacon be heard."""
        self.air.broadcast(BEACON, Pdu(hci.Address(BEACON), bytes.fromhex("0416d2fc40")))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the radio; its task is given."""
        async with self.server:
            run = asyncio.create_task(self.radio.run())
            try:
                yield run
            finally:
                run.cancel()
                await asyncio.wait([run])


def test_a_radio_that_hears_nothing_says_so(tmp_path: Path) -> None:
    """After 90 s without a frame it ends as deaf, so that it is started anew."""

    async def story() -> None:
        quiet, began_s = _Quiet(tmp_path / "hci.sock"), asyncio.get_running_loop().time()
        async with quiet.listening() as run:
            await asyncio.wait([run], timeout=10 * SILENCE_MAX_S)
            error = run.exception()
        assert isinstance(error, RadioError)
        assert error.reason is RadioTrouble.DEAF
        assert error.code == "radio-deaf"
        assert error.hint
        assert 0 <= asyncio.get_running_loop().time() - began_s - SILENCE_MAX_S < 1

    run_virtually(story())


def test_any_frame_proves_that_it_hears(tmp_path: Path) -> None:
    """A stranger's beacon, heard once, gives the radio another 90 s; silence after that is counted from there."""

    async def story() -> None:
        quiet = _Quiet(tmp_path / "hci.sock")
        async with quiet.listening() as run:
            await asyncio.wait([run], timeout=SILENCE_MAX_S - 10)
            quiet.send()
            await asyncio.wait([run], timeout=SILENCE_MAX_S - 1)
            assert not run.done()
            await asyncio.wait([run], timeout=2)
            assert isinstance(run.exception(), RadioError)
        assert len(quiet.heard) == 1

    run_virtually(story())


def test_a_deaf_radio_can_be_started_anew(tmp_path: Path) -> None:
    """The same radio runs again after it was deaf, and hears."""

    async def story() -> None:
        quiet = _Quiet(tmp_path / "hci.sock")
        async with quiet.server:
            for _ in range(2):
                run = asyncio.create_task(quiet.radio.run())
                await asyncio.wait([run], timeout=10 * SILENCE_MAX_S)
                assert isinstance(run.exception(), RadioError)
            run = asyncio.create_task(quiet.radio.run())
            await asyncio.wait([run], timeout=10)
            quiet.send()
            await asyncio.wait([run], timeout=1)
            run.cancel()
            await asyncio.wait([run])
        assert len(quiet.heard) == 1

    run_virtually(story())
