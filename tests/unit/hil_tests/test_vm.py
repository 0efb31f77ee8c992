"""The virtual machine's first file system, and the wire between the rig's controller and its kernel."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.rig.errors import RigError
from hil_tests.rig.vm.guest.start import FRAMES, packet_bytes
from hil_tests.rig.vm.hub import GuestHub
from hil_tests.rig.vm.initrd import INIT, KERNEL_PLACE, MODULES, Kernel, find_kernel, initrd
from hil_tests.rig.wrapping import Wrapping

HEADER_BYTES = 110  # of "newc": a magic and thirteen numbers of eight hex digits
BUSYBOX = b"#!busybox"


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of a cpio archive, by a reader that shares nothing with its writer."""
    files: dict[str, bytes] = {}
    at = 0
    while True:
        assert at % 4 == 0
        assert archive[at : at + 6] == b"070701"
        size, name_bytes = (int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in (6, 11))
        name = archive[at + HEADER_BYTES : at + HEADER_BYTES + name_bytes - 1].decode()
        start = at + HEADER_BYTES + name_bytes
        start += -start % 4
        if name == "TRAILER!!!":
            return files
        files[name] = archive[start : start + size]
        at = start + size + (-size % 4)


def a_kernel(root: Path, depends: dict[str, str], *, built_in: tuple[str, ...] = ()) -> Kernel:
    """A kernel whose modules say what they depend on, unpacked at ``root``."""
    modules = root / "lib/modules/6.1.0/kernel"
    for name, others in depends.items():
        file = modules / "drivers/bluetooth" / f"{name}.ko"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(
            b"\x7fELF\0license=GPL\0depends=" + others.encode() + b"\0name=" + name.encode() + b"\0"
        )
    (modules.parent / "modules.builtin").write_text("".join(f"kernel/{name}.ko\n" for name in built_in))
    image = root / "boot/vmlinuz-6.1.0"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"kernel")
    return Kernel(image, modules)


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    """A file that stands for it."""
    file = tmp_path / "busybox"
    file.write_bytes(BUSYBOX)
    return file


def test_modules_come_after_what_they_depend_on(tmp_path: Path, busybox: Path) -> None:
    """Whatever the order of the list; a dash in a name is an underscore; what is built in is there."""
    depends = dict.fromkeys(MODULES, "") | {
        "hci_vhci": "bluetooth",
        "bluetooth": "ecdh-generic",
        "ecdh_generic": "",
    }
    del depends["ctr"]
    kernel = a_kernel(tmp_path / "root", depends, built_in=("ctr",))
    (kernel.modules / "drivers/bluetooth/bluetooth.ko").rename(kernel.modules / "bluetooth.ko")
    packed = kernel.modules / "drivers/bluetooth/uhid.ko"
    (packed.with_suffix(".ko.xz")).write_bytes(lzma.compress(packed.read_bytes()))
    packed.unlink()
    files = unpacked(initrd(kernel, busybox))
    order = files["modules/order"].decode().split()
    assert sorted(order) == sorted(f"{name}.ko" for name in depends)
    assert order.index("ecdh_generic.ko") < order.index("bluetooth.ko") < order.index("hci_vhci.ko")
    assert files["modules/uhid.ko"].startswith(b"\x7fELF")
    assert (files["init"], files["bin/busybox"]) == (INIT.read_bytes(), BUSYBOX)
    assert {"modules/" + name for name in order} <= set(files)


def test_a_module_that_is_missing_is_named(tmp_path: Path, busybox: Path) -> None:
    """Before anything is booted."""
    kernel = a_kernel(tmp_path / "root", dict.fromkeys(MODULES, "") | {"hci_vhci": "bluetooth"})
    with pytest.raises(RigError, match=r"vmlinuz-6\.1\.0 has no module bluetooth\."):
        initrd(kernel, busybox)


@pytest.mark.parametrize("module", ["hci_vhci", "hci_uart"])
def test_only_a_kernel_with_a_virtual_controller_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Another is as good as none."""
    kernel = a_kernel(tmp_path, {module: ""})
    monkeypatch.setenv(KERNEL_PLACE, str(tmp_path))
    assert find_kernel() == (kernel if module == "hci_vhci" else None)


packets = st.sampled_from(sorted(FRAMES)).flatmap(
    lambda kind: st.tuples(
        st.binary(
            min_size=FRAMES[kind][0] - 1 - FRAMES[kind][2], max_size=FRAMES[kind][0] - 1 - FRAMES[kind][2]
        ),
        st.binary(max_size=255),
    ).map(
        lambda parts: bytes([kind]) + parts[0] + len(parts[1]).to_bytes(FRAMES[kind][2], "little") + parts[1]
    )
)


@given(packets, st.binary(max_size=20))
def test_a_packet_ends_where_it_says(packet: bytes, more: bytes) -> None:
    """Whatever follows; and it is not known while its head is not whole."""
    assert packet_bytes(packet + more) == len(packet)
    head = FRAMES[packet[0]][0]
    assert all(packet_bytes(packet[:length]) == 0 for length in range(head))


def test_nothing_of_the_rig_can_stand_around_a_guest(tmp_path: Path) -> None:
    """It says so, and does not pretend."""
    hub = GuestHub(tmp_path / "hub", tmp_path / "hub.log", tmp_path / "hci.sock", [])
    hub.wrap(Wrapping())
    with pytest.raises(RigError, match="in a virtual machine"):
        hub.wrap(Wrapping(("strace",)))


def test_a_guest_that_does_not_run_says_nothing(tmp_path: Path) -> None:
    """Whatever an earlier life left behind."""
    hub: Any = GuestHub(tmp_path / "hub", tmp_path / "hub.log", tmp_path / "hci.sock", [])
    hub.status_file.parent.mkdir(parents=True)
    hub.status_file.write_text('{"uplink": "online", "pid": 7}')
    assert hub.status() == {}
