"""The kernel of the virtual machine, found on this one, and the small file system that it starts from."""

from __future__ import annotations

import lzma
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil_tests.rig.errors import RigError

KERNEL_PLACE = "LUM_VM_KERNEL"  # environment: where a Debian kernel package was unpacked
INIT = Path(__file__).with_name("guest") / "init"
MODULES = (
    *("virtio_pci", "9pnet_virtio", "9p", "overlay"),  # the host's files
    *("virtio_blk", "crc32c_generic", "ext4", "virtio_net", "virtio_console"),  # disk, line, the radio's wire
    *(
        "hmac",
        "sha512_generic",
        "ctr",
        "drbg",
        "cmac",
        "ccm",
        "ecb",
        "algif_hash",
        "algif_skcipher",
    ),  # its keys
    *("hci_vhci", "uhid"),  # Bluetooth
)
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_HEADER = "070701" + "{:08x}" * 13
_FILE, _DIRECTORY = 0o100755, 0o040755


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel with its modules.

    Attributes:
        image: What is booted.
        modules: Where its modules are.
    """

    image: Path
    modules: Path


def find_kernel() -> Kernel | None:
    """The newest kernel with a virtual Bluetooth controller, unpacked or installed; None if there is none."""
    root = Path(os.environ.get(KERNEL_PLACE, "/"))
    found = []
    for image in sorted((root / "boot").glob("vmlinuz-*")):
        modules = root / "lib" / "modules" / image.name.removeprefix("vmlinuz-") / "kernel"
        if any(modules.glob("drivers/bluetooth/hci_vhci.ko*")):
            found.append(Kernel(image, modules))
    return found[-1] if found else None


def initrd(kernel: Kernel, busybox: Path) -> bytes:
    """A file system with busybox, the modules that are needed, and ``guest/init`` (cpio, "newc").

    Raises:
        RigError: a module is missing.
    """
    files = {"init": INIT.read_bytes(), "bin/busybox": busybox.read_bytes()}
    loaded = dict(_in_order(kernel, MODULES))
    files |= {f"modules/{name}.ko": module for name, module in loaded.items()}
    files["modules/order"] = "".join(f"{name}.ko\n" for name in loaded).encode()
    entries = [(name, _DIRECTORY, b"") for name in ("bin", "modules")]
    entries += [(name, _FILE, content) for name, content in files.items()]
    return b"".join(_entry(number, *entry) for number, entry in enumerate([*entries, ("TRAILER!!!", 0, b"")]))


def _in_order(kernel: Kernel, wanted: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """Each module after those it depends on."""
    files = {_named(file): file for file in kernel.modules.rglob("*.ko*")}
    built_in = (kernel.modules.parent / "modules.builtin").read_text().splitlines()
    there = {_named(Path(line)) for line in built_in}
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        if name in loaded or name in there:
            return
        if name not in files:
            raise RigError(f"The kernel {kernel.image.name} has no module {name}.")
        content = files[name].read_bytes()
        content = lzma.decompress(content) if files[name].suffix == ".xz" else content
        depends = _DEPENDS.search(content)
        for other in depends[1].decode().split(",") if depends else ():
            if other:
                load(other.replace("-", "_"))
        loaded[name] = content

    for name in wanted:
        load(name)
    return loaded.items()


def _named(file: Path) -> str:
    return file.name.partition(".")[0].replace("-", "_")


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    """One file of a cpio archive; everything in it begins at a multiple of four bytes."""
    numbers = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = _padded(_HEADER.format(*numbers).encode() + name.encode() + b"\0")
    return head + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
