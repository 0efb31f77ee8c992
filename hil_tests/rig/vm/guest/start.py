"""Runs inside the virtual machine, as its process 1: what a hub's board has around the hub, then the hub.

    disk, line, clock > radio's wire to /dev/vhci > D-Bus, bluetoothd > lum-hub > (asked to stop) > power off

Only the standard library: it stands on the host's files, read over 9p.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

SHARE = Path("/run/rig")  # a directory of the host
HOST = "10.0.2.2"  # QEMU's user network: the machine outside
LOOK_EVERY_S = 0.2
CREATE_CONTROLLER = b"\xff\x00"  # to /dev/vhci: a primary controller
CHUNK_BYTES = 65_536
POWER_OFF = 0x4321FEDC  # reboot(2)
# H4: by type, how many bytes until the length is known, where it stands, in how many bytes.
FRAMES = {0x01: (4, 3, 1), 0x02: (5, 3, 2), 0x03: (4, 3, 1), 0x04: (3, 2, 1)}


def main(place: Path) -> None:
    """Bring the board up, run what it is for, and power it off."""
    facts = json.loads((place / "guest.json").read_text())
    try:
        prepare(facts)
        asyncio.run(live(facts))
    except Exception as error:  # noqa: BLE001 - process 1 must not end
        say(repr(error))
    busybox("umount", facts["disk"])
    os.sync()
    ctypes.CDLL(None).reboot(ctypes.c_int(POWER_OFF))


def busybox(*words: str) -> None:
    """Run one of its commands; what it complains of is on the console."""
    subprocess.run(["/bin/busybox", *words], check=False)


def prepare(facts: dict[str, Any]) -> None:
    """Mount what a board has mounted, bring the line up, set the clock as a time server would."""
    for kind, where in (("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/var/lib/bluetooth")):
        Path(where).mkdir(parents=True, exist_ok=True)
        busybox("mount", "-t", kind, kind, where)
    busybox("mount", "-t", "tmpfs", "run", facts["run"])  # sockets lie there, which 9p cannot hold
    SHARE.mkdir()
    busybox("mount", "-t", "9p", "-o", "trans=virtio,version=9p2000.L,cache=none", "run", str(SHARE))
    busybox("mount", "-t", "ext4", "/dev/vda", facts["disk"])
    for words in ("link set lo up", "link set eth0 up", "addr add 10.0.2.15/24 dev eth0"):
        busybox("ip", *words.split())
    busybox("ip", "route", "add", "default", "via", HOST)
    if facts["clock_set"]:
        stamp = SHARE / "now"
        stamp.write_text("")  # the host's file system dates it
        time.clock_settime(time.CLOCK_REALTIME, stamp.stat().st_mtime)
    Path("/run/dbus").mkdir(exist_ok=True)


async def live(facts: dict[str, Any]) -> None:
    """Everything that runs beside the hub, until the hub has ended."""
    for port in facts["ports"]:
        await asyncio.start_server(passage(port), "127.0.0.1", port)
    wire()
    environment = {**os.environ, **facts["environment"]}
    await asyncio.create_subprocess_exec("dbus-daemon", "--system", "--nofork", "--nopidfile")
    await until(Path("/run/dbus/system_bus_socket").exists)
    keeping = asyncio.create_task(keep("/usr/libexec/bluetooth/bluetoothd", "--nodetach"))
    hub = await asyncio.create_subprocess_exec(*facts["command"], env=environment)
    ended = asyncio.create_task(hub.wait())
    telling = asyncio.create_task(tell(Path(facts["run"]) / "status.json"))
    await until(lambda: ended.done() or (SHARE / "stop").exists())
    with contextlib.suppress(ProcessLookupError):
        hub.terminate()
    say(f"the hub ended with {await ended}")
    for beside in (keeping, telling):
        beside.cancel()


async def tell(file: Path) -> None:
    """Show the host what the hub writes of itself."""
    while True:
        with contextlib.suppress(OSError):  # not there yet
            show(file)
        await asyncio.sleep(LOOK_EVERY_S)


def show(file: Path) -> None:
    """Copy a file to the host, whole at once."""
    new = SHARE / "new"
    new.write_bytes(file.read_bytes())
    new.replace(SHARE / file.name)


async def keep(*words: str) -> None:
    """Run a service; start it again when it ends, and say so."""
    while True:
        service = await asyncio.create_subprocess_exec(*words)
        say(f"{words[0]} ended with {await service.wait()}; it is started again")
        await asyncio.sleep(LOOK_EVERY_S)


def say(sentence: str) -> None:
    """Put it on the console, which is the only witness."""
    print(f"guest: {sentence}", flush=True)  # noqa: T201


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    while not condition():  # noqa: ASYNC110 - of the file system, and of processes
        await asyncio.sleep(LOOK_EVERY_S)


def passage(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    """Passes each connection to a port on to the same port of the host."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(HOST, port)
            await asyncio.gather(pour(reader, back), pour(there, writer))

    return carry


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes of one way, and its end."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


def wire() -> None:
    """Between the rig's controller, at a port of the board, and the kernel's Bluetooth."""
    names = Path("/sys/class/virtio-ports").glob("*/name")
    port = next(name.parent.name for name in names if name.read_text().strip() == "hci")
    controller, kernel = os.open(f"/dev/{port}", os.O_RDWR), os.open("/dev/vhci", os.O_RDWR)
    os.write(kernel, CREATE_CONTROLLER)
    os.read(kernel, CHUNK_BYTES)  # which one it made
    for carry, ends in ((to_controller, (kernel, controller)), (to_kernel, (controller, kernel))):
        threading.Thread(target=carry, args=ends, daemon=True).start()  # daemon: a read cannot be broken off


def to_controller(kernel: int, controller: int) -> None:
    """One packet a read, as they come."""
    while packet := os.read(kernel, CHUNK_BYTES):
        os.write(controller, packet)


def to_kernel(controller: int, kernel: int) -> None:
    """One packet a write, cut from a stream."""
    stream = b""
    while chunk := os.read(controller, CHUNK_BYTES):
        stream += chunk
        while (length := packet_bytes(stream)) and len(stream) >= length:
            os.write(kernel, stream[:length])
            stream = stream[length:]


def packet_bytes(stream: bytes) -> int:
    """How long the packet at the beginning of a stream is; 0 while that is not known."""
    if not stream:
        return 0
    head, at, size = FRAMES[stream[0]]
    return head + int.from_bytes(stream[at : at + size], "little") if len(stream) >= head else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
