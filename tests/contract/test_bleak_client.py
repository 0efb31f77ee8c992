"""Pins how bleak 3.1 takes a client of ours, and what becomes of what its backends raise."""

from __future__ import annotations

from typing import Any

import bleak
import pytest
from bleak.backends import BleakBackend
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bumble import hci

from edge_agent.adapters.hci import HciScanner
from edge_agent.adapters.hci_client import HciClient
from edge_agent.adapters.hci_link import HciLink, HciPeer
from edge_agent.adapters.radio import Radio, Visit
from edge_agent.adapters.visits import Call
from edge_agent.errors import RadioError, RadioTrouble, VisitError

SENDER = "C0:00:00:00:00:01"
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
VISIT = Visit(SENDER, (BTHOME,), (), 0.0, 7.0)
PATH = "/org/bluez/hci0/dev_C0_00_00_00_00_01"


def _ignore(_news: object) -> None:
    """Take an advert, or the news that something is over."""


async def test_a_device_that_bluez_found_is_connected_to_by_its_path() -> None:
    """A visit over BlueZ takes bleak's own client and the running scanner's device: no second scan."""
    hub = Radio(_ignore, boot_ms=lambda: 0)
    hub._scanner = bleak.BleakScanner(backend=HciScanner, transport="none", lost=_ignore)
    advert = AdvertisementData(None, {}, {}, [], None, -60, ())
    hub._scanner._backend.create_or_update_device(PATH, SENDER, "Room", {"path": PATH, "props": {}}, advert)
    client = hub._client(VISIT, _ignore)
    assert client.backend_id is BleakBackend.BLUEZ_DBUS
    assert client._backend._device_path == PATH  # type: ignore[attr-defined]  # BlueZ's own
    assert client._backend._timeout == VISIT.connect_s


def _ignore_value(_uuid: str, _value: bytes) -> None:
    """Take a value."""


def _hci_client() -> bleak.BleakClient:
    link = HciLink("none", active=True, hear=_ignore, lost=_ignore)
    device = BLEDevice(SENDER, None, HciPeer(link, hci.Address(SENDER)))
    return bleak.BleakClient(device, _ignore, timeout=7, backend=HciClient)


def test_a_client_class_is_made_as_ours_expects() -> None:
    """The device comes by position, the callback without arguments, and the time-out in seconds."""
    client = _hci_client()
    backend = client._backend
    assert isinstance(backend, HciClient)
    assert (backend.address, backend._timeout, client.is_connected, client.mtu_size) == (SENDER, 7, False, 23)
    assert backend._disconnected_callback is not None
    backend._disconnected_callback()


def test_our_client_wants_a_device() -> None:
    """A bare address does not tell a public address from a random one, nor which link to use."""
    with pytest.raises(TypeError, match="bare addresses"):
        bleak.BleakClient(SENDER, backend=HciClient)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda client: client.pair(),
        lambda client: client.unpair(),
        lambda client: client.connect(True),
        lambda client: client.write_gatt_char(None, b"", True),
        lambda client: client.write_gatt_descriptor(None, b""),
        lambda client: client.read_gatt_descriptor(None),
        lambda client: client.stop_notify(None),
    ],
    ids=["pair", "unpair", "pair first", "write", "write descriptor", "read descriptor", "stop"],
)
async def test_our_client_only_reads_and_listens(attempt: Any) -> None:
    """What bleak's interface has beyond that is refused in a sentence."""
    with pytest.raises(BleakError, match="only reads"):
        await attempt(_hci_client()._backend)


class _Failing(HciClient):
    """A client that fails as BlueZ's may: when it connects, or when it reads the one value it has."""

    error: Exception
    when: str

    async def connect(self, pair: bool, **_others: Any) -> None:  # noqa: ARG002
        if self.when == "connecting":
            raise self.error
        self.services = BleakGATTServiceCollection()
        service = BleakGATTService(None, 1, BTHOME)
        self.services.add_service(service)
        self.services.add_characteristic(BleakGATTCharacteristic(None, 2, BTHOME, ["read"], int, service))
        if self.when == "finding out":
            self.services = None

    async def read_gatt_char(self, *_positional: Any, **_named: Any) -> bytearray:
        raise self.error


def _client_failing(when: str, error: Exception) -> bleak.BleakClient:
    failing = type("Failing", (_Failing,), {"error": error, "when": when})
    peer = _hci_client()._backend._peer  # type: ignore[attr-defined]  # our own
    return bleak.BleakClient(BLEDevice(SENDER, None, peer), timeout=7, backend=failing)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]), "abort-by-local"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), "ServiceUnknown"),
        (BleakDeviceNotFoundError(SENDER, "Device was not found."), "Device was not found."),
        (EOFError(), "EOFError"),
        (TimeoutError(), "within 7 s"),
    ],
    ids=["aborted", "no daemon", "forgotten", "no bus", "late"],
)
async def test_what_bluez_says_of_a_failed_connection_is_put_in_words(error: Exception, words: str) -> None:
    """Whatever bleak raises while it connects becomes one sentence about the sensor."""
    with pytest.raises(VisitError, match=words) as refusal:
        await Call(VISIT, _ignore_value).make(lambda _visit, _over: _client_failing("connecting", error))
    assert str(refusal.value).startswith(f"The sensor {SENDER} could not be connected to")
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("when", "error", "words"),
    [
        ("reading", BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]), "not paired with"),
        ("reading", BleakGATTProtocolError(0x0F), "not paired with"),
        ("reading", BleakGATTProtocolError(0x02), f"specific .{BTHOME}.: Read Not Permitted."),
        ("reading", BleakDBusError("org.bluez.Error.Failed", ["ATT error: 0x0e"]), "Unlikely Error"),
        ("finding out", BleakError(), "could not be read"),
    ],
)
async def test_what_bluez_says_of_a_failed_reading_is_put_in_words(
    when: str, error: Exception, words: str
) -> None:
    """Whatever bleak raises once connected becomes one sentence about the sensor."""
    with pytest.raises(VisitError, match=words) as refusal:
        await Call(VISIT, _ignore_value).make(lambda _visit, _over: _client_failing(when, error))
    assert str(refusal.value).startswith(f"The sensor {SENDER} ")


async def test_bluetooth_that_is_off_is_not_blamed_on_a_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a visit finds that there is no Bluetooth any more, that is the radio's trouble."""
    reason = BleakBluetoothNotAvailableReason.POWERED_OFF
    hub = Radio(_ignore, boot_ms=lambda: 0)
    failing = _client_failing("connecting", BleakBluetoothNotAvailableError("no", reason))
    monkeypatch.setattr(hub, "_client", lambda _visit, _over: failing)
    with pytest.raises(RadioError) as refusal:
        await hub.visit(VISIT, _ignore_value)
    assert refusal.value.reason is RadioTrouble.OFF
