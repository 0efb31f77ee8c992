"""A capture of the radio, read back by a reader of its own: the header, the records, the bound."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import pytest
from bumble.snoop import Snooper
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.rig.air import Air
from hil_tests.rig.capture import Capture, Captured
from hil_tests.rig.controller import VirtualController
from tests.helpers.btsnoop import COMMAND_OR_EVENT, RECEIVED, SENT, read

COMMAND = bytes.fromhex("01030c00")  # HCI Reset: H4 type 1, opcode 0x0C03, no parameters
COMPLETE = bytes.fromhex("040e0401030c00")
TO_CONTROLLER, TO_HOST = Snooper.Direction.HOST_TO_CONTROLLER, Snooper.Direction.CONTROLLER_TO_HOST

packets = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.sampled_from([TO_CONTROLLER, TO_HOST])), max_size=20
)


@given(packets)
def test_what_went_in_comes_out(said: list[tuple[bytes, Snooper.Direction]]) -> None:
    """Each packet, its direction, in order, with the time of now."""
    before = time.time()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "new" / "run.btsnoop"
        with Capture(file) as capture:
            for packet, direction in said:
                capture.snoop(packet, direction)
        records = read(file)
    assert [(one.packet, one.flags & RECEIVED) for one in records] == said
    assert capture.captured == Captured("run.btsnoop", len(said), 0)
    assert all(before - 0.001 <= one.at <= time.time() for one in records)


@given(packets, st.integers(16, 2000))
def test_a_full_capture_keeps_its_beginning_whole(
    said: list[tuple[bytes, Snooper.Direction]], bytes_max: int
) -> None:
    """No packet is missing in the middle, and what came later is counted."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "run.btsnoop"
        with Capture(file, bytes_max) as capture:
            for packet, direction in said:
                capture.snoop(packet, direction)
        records = read(file)
        assert file.stat().st_size <= bytes_max
    assert [one.packet for one in records] == [packet for packet, _ in said[: len(records)]]
    assert capture.captured == Captured("run.btsnoop", len(records), len(said) - len(records))


class _Host:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def on_packet(self, packet: bytes) -> None:
        self.given.append(packet)


@pytest.mark.parametrize("station", ["hub", "another"])
async def test_a_controller_shows_both_ways_of_its_station_only(tmp_path: Path, station: str) -> None:
    """Commands and events are told apart from data, and the host gets what it got before."""
    air, host = Air(1), _Host()
    with Capture(tmp_path / "run.btsnoop") as capture:
        air.snoopers["hub"] = capture
        controller = VirtualController(station, air, host_sink=host)
        controller.on_packet(COMMAND)
        await asyncio.sleep(0)
        controller.stop()
    assert host.given == [COMPLETE]
    told = [(one.flags, one.packet) for one in read(tmp_path / "run.btsnoop")]
    both = [(SENT | COMMAND_OR_EVENT, COMMAND), (RECEIVED | COMMAND_OR_EVENT, COMPLETE)]
    assert told == (both if station == "hub" else [])
