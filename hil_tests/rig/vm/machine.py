"""A virtual machine that has this machine's files, a disk of its own, Linux's Bluetooth and the real bluetoothd.

    rig's controller = unix socket = virtio port = /dev/vhci > kernel > bluetoothd > D-Bus > stock bleak

READ FIRST of this package. QEMU runs it without the help of the processor (TCG), so it needs neither
/dev/kvm nor root. To kill it is a power cut: what its kernel had not written to the disk is gone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hil_tests.rig.errors import RigError
from hil_tests.rig.process import Process, Usage, call, until
from hil_tests.rig.vm.initrd import find_kernel, initrd

START = Path(__file__).with_name("guest") / "start.py"
QEMU = "qemu-system-x86_64"
DAEMON = Path("/usr/libexec/bluetooth/bluetoothd")
TOOLS = {QEMU: "qemu-system-x86", "busybox": "busybox-static", "mkfs.ext4": "e2fsprogs"}  # and their packages
MEMORY_MB = 768
DISK_MB = 128
ENDING_MAX_S = 60.0


def missing() -> list[str]:
    """What this machine lacks for it, in words; empty if it can be run."""
    lacks = [f"{tool} (package {package})" for tool, package in TOOLS.items() if not shutil.which(tool)]
    lacks += [] if DAEMON.exists() else ["bluetoothd (package bluez)"]
    lacks += [] if find_kernel() else ["a kernel with hci_vhci (see hil_tests/README.md)"]
    return lacks


class Machine(Process):
    """One board; its life begins with ``start`` and ends with ``stop`` or ``kill``.

    Attributes:
        disk: The image of its disk.
    """

    def __init__(
        self, place: Path, run: Path, console: Path, hci: Path, *, rtc: datetime | None = None
    ) -> None:
        """Prepare it.

        Args:
            place: A directory for its first file system and its disk.
            run: Where it shows the ``status.json`` that its own directory of this path has; emptied when it is
                switched on.
            console: Where everything goes that it says.
            hci: The unix socket of the controller that it shall have.
            rtc: What its clock shows when it is switched on again; None: the time of now, kept as by a time server.
        """
        self.disk = place / "disk.img"
        self._place = place
        self._run = run
        self._hci = hci
        self._rtc = rtc
        self._facts: dict[str, Any] = {}
        self._kernel = Path()
        super().__init__("virtual machine", [], console)

    async def prepare(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        disk_at: Path,
        ports: Sequence[int],
    ) -> None:
        """Make its first file system, and its disk from what lies at ``disk_at`` now.

        Args:
            command: What it is for; when that ends, the machine is switched off.
            environment: Added to the command's.
            disk_at: Where it mounts its disk.
            ports: Of this machine's 127.0.0.1; it finds them at its own.

        Raises:
            RigError: something is missing on this machine; says what.
        """
        if lacks := missing():
            raise RigError(f"A virtual machine needs {', '.join(lacks)}.")
        for directory in (self._place, self._run):
            directory.mkdir(parents=True, exist_ok=True)
        self._facts = {
            "command": list(command),
            "environment": dict(environment),
            "disk": str(disk_at),
            "run": str(self._run),
            "ports": list(ports),
        }
        kernel, busybox = find_kernel(), shutil.which("busybox")
        assert kernel is not None and busybox is not None  # noqa: PT018, S101 - seen above
        self._kernel = kernel.image
        (self._place / "initrd").write_bytes(initrd(kernel, Path(busybox)))
        mkfs = shutil.which("mkfs.ext4") or "mkfs.ext4"
        await call(mkfs, "-q", "-d", str(disk_at), str(self.disk), f"{DISK_MB}M")

    async def start(self) -> None:
        """Switch it on."""
        for told in self._run.iterdir():  # of the life before
            told.unlink()
        rtc = self._rtc if self.started_at else None
        (self._place / "guest.json").write_text(json.dumps(self._facts | {"clock_set": rtc is None}))
        self._command = self._words(rtc)
        await super().start()

    async def stop(self) -> int:
        """Ask what it is for to end, and wait until it has switched itself off."""
        if self.running:
            (self._run / "stop").touch()
        with contextlib.suppress(RigError):
            await until(lambda: not self.running, "The machine's end", ENDING_MAX_S)
        return await self.kill()

    def usage(self) -> Usage:
        """Not known: what is in it cannot be seen from here."""
        return Usage(0.0, 0.0)

    def _words(self, rtc: datetime | None) -> list[str]:
        """The command line; everything that is not in it is not there."""
        clock = "utc" if rtc is None else rtc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        boot = f"console=ttyS0 quiet panic=-1 no_timer_check lum.python={sys.executable} lum.start={START} lum.place={self._place}"
        shares = (("host", "/", ",readonly=on,multidevs=remap"), ("run", str(self._run), ""))
        return [
            *f"{QEMU} -accel tcg,thread=multi -M pc -cpu max -smp 2 -m {MEMORY_MB}".split(),
            *["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
            *("-chardev", f"file,id=console,append=on,path={self.log}", "-serial", "chardev:console"),
            *("-kernel", str(self._kernel), "-initrd", str(self._place / "initrd"), "-append", boot),
            *("-rtc", f"base={clock}"),
            *("-drive", f"file={self.disk},format=raw,if=virtio"),
            *("-netdev", "user,id=line", "-device", "virtio-net-pci,netdev=line,romfile="),
            *("-chardev", f"socket,id=hci,path={self._hci}", "-device", "virtio-serial-pci"),
            *("-device", "virtserialport,chardev=hci,name=hci"),
            *(
                word
                for tag, path, more in shares
                for word in ("-virtfs", f"local,path={path},mount_tag={tag},security_model=none{more}")
            ),
        ]
