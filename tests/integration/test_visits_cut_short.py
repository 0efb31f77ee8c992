"""Visits that are cancelled, and radios that fail while a sensor is visited: the controller stays usable."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from bumble import hci

from edge_agent.adapters.radio import Radio, Visit
from edge_agent.errors import RadioError, RadioTrouble
from hil_tests.rig import hci_server
from hil_tests.rig.controller import VirtualController
from hil_tests.rig.gatt_sensors import TEMPERATURE
from tests.helpers.visit_bench import (
    HEART_RATE,
    PULSE,
    ROOM,
    ROOM_TELLS,
    VisitBench,
    in_virtual_time,
    room,
    until,
)

CONNECT = "on_hci_le_extended_create_connection_command"


@in_virtual_time
async def test_a_visit_can_be_cancelled_at_any_moment(bench: VisitBench) -> None:
    """Wherever it is cancelled, nothing stays connected or pending, and the next visit succeeds."""
    for steps in range(0, 400, 9):
        visit = asyncio.create_task(bench.visit(room()))
        for _ in range(steps):
            await asyncio.sleep(0 if steps % 2 else 0.002)
        visit.cancel()
        await asyncio.wait([visit])
        assert visit.cancelled() or bench.told[-3:] == ROOM_TELLS
        assert bench.controller.le_connections == {}
        assert bench.controller.pending_le_connection is None
    await bench.is_well()


@in_virtual_time
async def test_a_cancelled_connect_is_taken_back(bench: VisitBench) -> None:
    """Cancelled while it waits for an advert, and twice at that, a visit leaves no connection pending."""
    bench.room.stop()
    visit = asyncio.create_task(bench.visit(room(connect_s=600)))
    await until(lambda: bench.controller.pending_le_connection is not None)
    visit.cancel()
    await asyncio.sleep(0)
    visit.cancel()
    await asyncio.wait([visit])
    assert visit.cancelled()
    await until(lambda: bench.controller.pending_le_connection is None)
    await bench.room.start()
    await bench.is_well()


@pytest.mark.parametrize("moment", ["create_le_connection", "on_hci_le_create_connection_cancel_command"])
def test_a_connection_made_while_it_is_cancelled_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Cancelled in the moment the connection is made, or connected in the moment of cancelling: hung up."""
    visits: list[asyncio.Task[None]] = []

    class Racing(VirtualController):
        def create_le_connection(self, peer_address: hci.Address) -> None:
            super().create_le_connection(peer_address)
            if moment == "create_le_connection" and visits:
                visits.pop().cancel()

        def on_hci_le_create_connection_cancel_command(
            self, command: hci.HCI_LE_Create_Connection_Cancel_Command
        ) -> hci.HCI_StatusReturnParameters:
            if moment == "on_hci_le_create_connection_cancel_command":
                self.create_le_connection(hci.Address(ROOM))
            return super().on_hci_le_create_connection_cancel_command(command)

    monkeypatch.setattr(hci_server, "VirtualController", Racing)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        visit = asyncio.create_task(bench.visit(room()))
        visits.append(visit)
        if moment != "create_le_connection":
            await until(lambda: bench.controller.pending_le_connection is not None)
            visit.cancel()
        await asyncio.wait([visit])
        assert visit.cancelled()
        await bench.is_well()

    story(tmp_path)


def test_a_refusal_while_it_is_cancelled_leaves_nothing_to_take_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while the controller refuses, a visit ends at once."""
    visits: list[asyncio.Task[None]] = []

    def refuse(controller: VirtualController, command: Any) -> None:
        visits.pop().cancel()
        controller._send_hci_command_status(
            hci.HCI_ErrorCode.CONNECTION_LIMIT_EXCEEDED_ERROR, command.op_code
        )

    monkeypatch.setattr(VirtualController, CONNECT, refuse, raising=False)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        visits.append(asyncio.create_task(bench.visit(room())))
        began_s = asyncio.get_running_loop().time()
        await asyncio.wait(visits)
        assert asyncio.get_running_loop().time() - began_s < 0.1

    story(tmp_path)


@in_virtual_time
async def test_a_radio_that_goes_away_ends_the_visit(bench: VisitBench) -> None:
    """Pulled while a sensor is read, the radio is to blame and not the sensor."""
    bench.on_read = bench.server.unplug
    with pytest.raises(RadioError) as refusal:
        await bench.visit(room())
    assert refusal.value.reason is RadioTrouble.LOST
    assert bench.told == []
    await asyncio.wait([bench.run])
    assert isinstance(bench.run.exception(), RadioError)


@in_virtual_time
async def test_a_radio_that_goes_away_ends_the_wait_for_a_sensor(bench: VisitBench) -> None:
    """Pulled while the hub waits for a connection, it does not wait on."""
    bench.room.stop()
    visit = asyncio.create_task(bench.visit(room(connect_s=600)))
    await until(lambda: bench.controller.pending_le_connection is not None)
    bench.server.unplug()
    await asyncio.wait([visit], timeout=1)
    assert isinstance(visit.exception(), RadioError)


@in_virtual_time
async def test_a_stopped_radio_ends_the_visit(bench: VisitBench) -> None:
    """When listening is cancelled, a visit under way ends with it, and later ones are refused."""
    await bench.bring(bench.pulse)
    visit = asyncio.create_task(bench.visit(Visit(PULSE, (TEMPERATURE,), (HEART_RATE,), 600, 10)))
    await until(lambda: bool(bench.controller.le_connections))
    bench.run.cancel()
    await asyncio.wait([visit, bench.run], timeout=1)
    assert isinstance(visit.exception(), RadioError)
    with pytest.raises(RadioError, match="not listening"):
        await bench.visit(room())


async def test_a_radio_that_does_not_run_visits_nobody() -> None:
    """Before ``run`` there is no radio to visit with."""
    with pytest.raises(RadioError, match="not listening") as refusal:
        await Radio(print, boot_ms=lambda: 0, transport="usb:0").visit(room(), print)
    assert refusal.value.hint


@in_virtual_time
async def test_a_radio_that_is_started_again_visits_again(bench: VisitBench) -> None:
    """After a loss and a new start, sensors are heard and visited over the new transport."""
    bench.server.unplug()
    await asyncio.wait([bench.run])
    assert isinstance(bench.run.exception(), RadioError)
    bench.heard.clear()
    bench.run = asyncio.create_task(bench.radio.run())
    await until(lambda: any(advert.address == ROOM for advert in bench.heard))
    await bench.is_well()


def _busy_scanning(controller: VirtualController, command: Any) -> None:
    """Refuse to connect while scanning, as simple controllers do."""
    if controller.le_scan_enable:
        controller._send_hci_command_status(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR, command.op_code)
    else:
        super(VirtualController, controller).on_hci_le_extended_create_connection_command(command)


def test_a_controller_that_cannot_scan_and_connect_does_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan is paused until the connection stands, or is given up, and then goes on."""
    monkeypatch.setattr(VirtualController, CONNECT, _busy_scanning, raising=False)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        await bench.is_well()
        assert bench.controller.le_scan_enable
        bench.room.stop()
        await bench.refused(room(connect_s=1))
        assert bench.controller.le_scan_enable
        await bench.room.start()
        await bench.is_well()

    story(tmp_path)


def test_a_controller_that_does_not_scan_again_ends_the_radio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the scan cannot be taken up again, the radio says so instead of being deaf."""
    monkeypatch.setattr(VirtualController, CONNECT, _busy_scanning, raising=False)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        def refuse(_command: Any) -> hci.HCI_StatusReturnParameters:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.HARDWARE_FAILURE_ERROR)

        bench.room.stop()
        visit = asyncio.create_task(bench.visit(room()))
        await until(lambda: not bench.controller.le_scan_enable)
        monkeypatch.setattr(bench.controller, "on_hci_le_set_extended_scan_enable_command", refuse)
        await asyncio.wait([visit, bench.run])
        assert isinstance(visit.exception(), RadioError)
        assert isinstance(bench.run.exception(), RadioError)

    story(tmp_path)


def test_a_controller_that_refuses_to_connect_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has no room for a connection makes the visit fail, and goes on scanning."""

    def refuse(controller: VirtualController, command: Any) -> None:
        controller._send_hci_command_status(
            hci.HCI_ErrorCode.CONNECTION_LIMIT_EXCEEDED_ERROR, command.op_code
        )

    monkeypatch.setattr(VirtualController, CONNECT, refuse, raising=False)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        error = await bench.refused(room())
        assert "connection limit exceeded" in str(error)
        assert bench.controller.le_scan_enable

    story(tmp_path)


def test_a_controller_that_answers_no_more_ends_the_radio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs when asked to connect is given up, so that it is reset at the next start."""

    def hang(_controller: VirtualController, _command: Any) -> None:
        """Do nothing."""

    monkeypatch.setattr(VirtualController, CONNECT, hang, raising=False)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        with pytest.raises(RadioError, match="No Bluetooth controller answers"):
            await bench.visit(room(connect_s=60))
        await asyncio.wait([bench.run])
        assert isinstance(bench.run.exception(), RadioError)

    story(tmp_path)


def test_a_controller_of_old_is_spoken_to_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without extended advertising the legacy commands are used, to connect as to scan."""
    legacy = VirtualController.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    monkeypatch.setattr(VirtualController, "le_features", legacy)

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        await bench.is_well()

    story(tmp_path)
