"""Pins how bleak 3.1 takes a backend of ours, and what our backend makes of bytes on the air."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import bleak
import pytest
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble import hci
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.adapters import radio
from edge_agent.adapters.hci import ADVERT_MAX_BYTES, DEVICES_MAX, FRAGMENTED_MAX, HciScanner
from edge_agent.errors import RadioError, RadioTrouble

SENDER = "C0:00:00:00:00:01"
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
COMPLETE, MORE, CUT = 0b00_10000, 0b01_00000, 0b10_00000


class _Recorder(BaseBleakScanner):
    """A backend that keeps what bleak makes it with."""

    made: tuple[tuple[Any, ...], dict[str, Any]]

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(None, None)
        type(self).made = (positional, named)

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


def _ignore(_device: object, _data: object) -> None:
    """Take what bleak detects."""


def _three(_device: object, _data: object, _more: object = None) -> None:
    """Take one argument too many, if only by default."""


def _ignore_loss(_error: Exception) -> None:
    """Take the news that the transport ended."""


def test_a_backend_class_is_made_as_ours_expects() -> None:
    """Callback, services and mode come by position; our own arguments come by name, untouched."""
    scanner = bleak.BleakScanner(_ignore, backend=_Recorder, transport="usb:0", lost=print)
    positional, named = _Recorder.made
    assert positional == (_ignore, None, "active")
    assert (named["transport"], named["lost"]) == ("usb:0", print)
    assert scanner.backend_id == "_Recorder"
    accepted = inspect.signature(HciScanner.__init__).parameters
    assert accepted["_others"].kind is inspect.Parameter.VAR_KEYWORD


def test_a_detection_callback_takes_exactly_two_arguments() -> None:
    """Bleak counts parameters, defaults included."""
    with pytest.raises(TypeError, match="2 parameters"):
        _Recorder().register_detection_callback(_three)


def test_scanning_costs_no_gatt_and_no_device() -> None:
    """A hub that listens over HCI has loaded nothing of Bumble that only connections need."""
    program = "import sys, edge_agent.adapters.hci; print({'bumble.att', 'bumble.device'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_visiting_costs_no_device() -> None:
    """Bumble's Device, 3 MB with all it knows of, is not needed to visit either."""
    program = "import sys, edge_agent.adapters.hci_client; print('bumble.device' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_the_radio_costs_no_bumble_unless_asked() -> None:
    """Importing the radio loads neither Bumble nor D-Bus."""
    program = "import sys, edge_agent.adapters.radio; print({'bumble', 'dbus_fast'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


class _Ear:
    """A scanner without a transport, and what it detected."""

    def __init__(self, services: list[str] | None = None) -> None:
        self.heard: list[tuple[str, str | None, AdvertisementData]] = []
        self.scanner = HciScanner(self._keep, services, "active", transport="none", lost=_ignore_loss)

    def _keep(self, device: Any, data: AdvertisementData) -> None:
        self.heard.append((device.address, device.name, data))

    def report(self, data: bytes, event_type: int = COMPLETE, address: str = SENDER) -> None:
        """Let the controller report an advert."""
        self.scanner._hear(
            hci.HCI_LE_Extended_Advertising_Report_Event.Report(
                event_type=event_type,
                address_type=1,
                address=hci.Address(address),
                primary_phy=1,
                secondary_phy=0,
                advertising_sid=0xFF,
                tx_power=127,
                rssi=-61,
                periodic_advertising_interval=0,
                direct_address_type=0,
                direct_address=hci.Address.ANY,
                data=data,
            )
        )


def test_every_field_of_an_advert_is_understood() -> None:
    """Name, services of all lengths, service data, manufacturer data and power come out as bleak has them."""
    ear = _Ear()
    ear.report(
        bytes.fromhex("0416d2fc40")
        + bytes.fromhex("03030f18")
        + bytes.fromhex("050578563412")
        + bytes.fromhex("1107")
        + bytes(range(16))
        + bytes.fromhex("04ff4c0002")
        + bytes.fromhex("020af4")
        + bytes.fromhex("04094c756d")
    )
    ((address, name, data),) = ear.heard
    assert (address, name, data.rssi, data.tx_power) == (SENDER, "Lum", -61, -12)
    assert data.service_data == {BTHOME: b"\x40"}
    assert data.manufacturer_data == {0x004C: b"\x02"}
    assert data.service_uuids == [
        "0000180f-0000-1000-8000-00805f9b34fb",
        "12345678-0000-1000-8000-00805f9b34fb",
        "0f0e0d0c-0b0a-0908-0706-050403020100",
    ]


@pytest.mark.parametrize(
    "tail",
    ["0516d2fc40", "ff", "00" + "0416d2fc41", "0116", "0216d2"],
    ids=["overrun", "lone", "zero", "empty", "short"],
)
def test_a_broken_structure_adds_nothing(tail: str) -> None:
    """What is well-formed before the break counts, what is broken does not, and nothing raises."""
    ear = _Ear()
    ear.report(bytes.fromhex("04ff4c0002" + tail))
    ((_, _, data),) = ear.heard
    assert data.manufacturer_data == {0x004C: b"\x02"}
    assert data.service_data == {}


@given(st.binary(max_size=64), st.sampled_from([COMPLETE, MORE, CUT]))
def test_no_bytes_upset_the_scanner(data: bytes, event_type: int) -> None:
    """Whatever is on the air, the scanner neither raises nor loses count: one report, one advert at most."""
    ear = _Ear()
    ear.report(data, event_type)
    assert len(ear.heard) == (event_type == COMPLETE)


def test_an_advert_in_parts_is_put_together() -> None:
    """Extended adverts longer than one report are heard once, whole."""
    ear = _Ear()
    ear.report(bytes.fromhex("0416d2"), MORE)
    ear.report(bytes.fromhex("fc40"), COMPLETE)
    ((_, _, data),) = ear.heard
    assert data.service_data == {BTHOME: b"\x40"}


def test_an_advert_cut_short_is_dropped() -> None:
    """Parts of an advert that the controller lost the rest of are forgotten."""
    ear = _Ear()
    ear.report(bytes.fromhex("0416d2"), MORE)
    ear.report(b"", CUT)
    ear.report(bytes.fromhex("0416d2fc40"), COMPLETE)
    assert [data.service_data for _, _, data in ear.heard] == [{BTHOME: b"\x40"}]


def test_memory_is_bounded() -> None:
    """Years of passing addresses and of adverts that never end take no more room."""
    ear = _Ear()
    for number in range(DEVICES_MAX + 50):
        ear.report(b"", address=f"C0:00:00:00:{number >> 8:02X}:{number & 255:02X}")
        ear.report(b"xx", MORE, f"C0:00:00:01:{number >> 8:02X}:{number & 255:02X}")
    for _ in range(20):
        ear.report(bytes(200), MORE, "C0:00:00:01:00:00")
    ear.report(bytes.fromhex("0416d2"), MORE)
    ear.report(bytes.fromhex("fc40"), COMPLETE)
    assert ear.heard[-1][2].service_data == {BTHOME: b"\x40"}, "adverts that never end block no others"
    assert len(ear.scanner.seen_devices) == DEVICES_MAX
    assert len(ear.scanner._fragments) <= FRAGMENTED_MAX
    assert max(len(part) for part in ear.scanner._fragments.values()) <= ADVERT_MAX_BYTES


def test_a_name_from_the_scan_response_is_kept() -> None:
    """A device keeps the name it once gave, for adverts that leave it out."""
    ear = _Ear()
    ear.report(bytes.fromhex("04094c756d"))
    ear.report(bytes.fromhex("0416d2fc40"))
    assert [name for _, name, _ in ear.heard] == ["Lum", "Lum"]


def test_a_service_filter_is_honoured() -> None:
    """With a filter, adverts that list none of the services are passed over."""
    ear = _Ear(["0000180f-0000-1000-8000-00805f9b34fb"])
    ear.report(bytes.fromhex("0416d2fc40"))
    ear.report(bytes.fromhex("03030f18"))
    assert [data.service_uuids for _, _, data in ear.heard] == [["0000180f-0000-1000-8000-00805f9b34fb"]]


def test_bluez_is_asked_for_every_advert() -> None:
    """Stock bleak passes DuplicateData on: without it a sensor that repeats itself looks silent."""
    backend = bleak.BleakScanner(_ignore, bluez=radio._bluez_args("hci1"))._backend
    assert backend._filters["DuplicateData"].value is True  # type: ignore[attr-defined]  # BlueZ's own
    assert backend._adapter == "hci1"  # type: ignore[attr-defined]  # BlueZ's own


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        (BleakBluetoothNotAvailableReason.POWERED_OFF, RadioTrouble.OFF),
        (BleakBluetoothNotAvailableReason.NO_BLUETOOTH, RadioTrouble.ABSENT),
    ],
)
async def test_bluetooth_that_is_off_is_told_from_none(
    reason: BleakBluetoothNotAvailableReason, trouble: RadioTrouble
) -> None:
    """What bleak knows of why Bluetooth cannot be used decides what a person is asked to do."""

    class Refusing(_Recorder):
        async def start(self) -> None:
            raise BleakBluetoothNotAvailableError("no", reason)

    with pytest.raises(RadioError) as refusal:
        await radio._start(bleak.BleakScanner(_ignore, backend=Refusing))
    assert refusal.value.reason is trouble
    assert refusal.value.hint
