"""Somebody else's agent: prints each BTHome temperature that it hears. It knows nothing of the rig."""

from __future__ import annotations

import asyncio
import json
import sys

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
PACKET_ID, BATTERY, TEMPERATURE = 0x00, 0x01, 0x02
SIZES = {PACKET_ID: 1, BATTERY: 1, TEMPERATURE: 2, 0x03: 2}
last: dict[str, int] = {}


def hear(device: BLEDevice, advert: AdvertisementData) -> None:
    """Print what is new."""
    data = advert.service_data.get(BTHOME, b"")[1:]
    said: dict[int, int] = {}
    while data and (size := SIZES.get(data[0])):
        said[data[0]] = int.from_bytes(data[1 : 1 + size], "little", signed=True)
        data = data[1 + size :]
    if TEMPERATURE in said and last.get(device.address) != said.get(PACKET_ID):
        last[device.address] = said.get(PACKET_ID, -1)
        sys.stdout.write(json.dumps({"sensor": device.address, "celsius": said[TEMPERATURE] / 100}) + "\n")
        sys.stdout.flush()


async def main() -> None:
    """Listen until somebody ends it."""
    async with BleakScanner(hear):
        await asyncio.Event().wait()


asyncio.run(main())
