"""Disks that lose, fill up, turn read-only or rot; each fault says what it did.

``LossyDisk`` forgets at a power cut what was never synced; ``SmallDisk`` can be filled;
``corrupt`` damages a file. Failing system calls are in ``injection.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes.util
import enum
import errno
import hashlib
import importlib.util
import json
import os
import random
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil_tests.rig.durability import Lost
from hil_tests.rig.errors import RigError
from hil_tests.rig.process import call

MOUNT_WAIT_S = 10.0
CLOSE_WAIT_S = 5.0  # a killed process's files are closed a moment after it has ended
EVERY_S = 0.02
PAGE_BYTES = 4096
BALLAST = "ballast"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a disk that took no changes refused.

    Attributes:
        error: the errno that callers got.
        calls: how many calls got it.
    """

    error: int
    calls: int

    def fired(self) -> bool:
        """Whether anybody met the fault."""
        return self.calls > 0


class LossyDisk:
    """A FUSE mount under ``directory``; use as an async context manager, and give ``path`` to the process.

    Raises:
        RigError: FUSE, ``fusermount3`` or mfusepy is missing, or the mount did not come about.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "mount"
        self._live = directory / "live"
        self._graves = directory / "graves"
        self._log = directory / "mount.log"
        self._server: asyncio.subprocess.Process | None = None
        self._refusing = 0

    async def __aenter__(self) -> Self:
        _needs_fuse()
        for directory in (self.path, self._live, self._graves):
            directory.mkdir(parents=True, exist_ok=True)
        await self._mount()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._unmount()

    async def cut(self) -> Lost:
        """Power cut and power again: what was never synced is gone. End the disk's users first, by SIGKILL.

        Raises:
            RigError: somebody still has files open there.
        """
        answer = await self._order({"do": "cut"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                while "open" in answer:
                    await asyncio.sleep(EVERY_S)
                    answer = await self._order({"do": "cut"})
        if "open" in answer:
            raise RigError(
                f"The disk cannot be cut: {answer['open']} files are open on {self.path}.",
                hint="Kill the processes that use it first.",
            )
        await self._unmount()  # what the kernel may have cached goes too
        await self._mount()
        lost = answer["lost"]
        return Lost(lost["bytes"], tuple(lost["files"]), tuple(lost["names"]), lost["lies"])

    async def sync(self) -> None:
        """All that lies there is safe from now on, as on a card that was written long ago; it lies no more."""
        await self._order({"do": "sync"})

    async def lie(self) -> None:
        """From now until the cut, confirm every sync and carry none out, as cheap cards do."""
        await self._order({"do": "lie"})

    async def turn_read_only(self) -> None:
        """From now on every change fails with EROFS, on open files too: a file system that met an error."""
        await self._refuse(errno.EROFS)

    async def wear_out(self) -> None:
        """From now on every change, and every fsync, fails with EIO."""
        await self._refuse(errno.EIO)

    async def heal(self) -> Refused:
        """Take changes again; says what was refused meanwhile."""
        answer = await self._order({"do": "allow"})
        return Refused(self._refusing, int(answer["refused"]))

    async def _refuse(self, error: int) -> None:
        await self._order({"do": "refuse", "errno": error})
        self._refusing = error

    async def _mount(self) -> None:
        module = (sys.executable, "-m", "hil_tests.rig.lossy_mount")
        where = (str(self._live), str(self._graves), str(self.path))
        with self._log.open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *module,
                *where,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                process_group=0,  # a terminal's Ctrl-C must not take the disk away from under its users
            )
        await self._answer("The lossy disk could not be mounted")

    async def _unmount(self) -> None:
        server, self._server = self._server, None
        if server is None or server.stdin is None:
            return
        server.stdin.close()  # it unmounts and ends
        try:
            async with asyncio.timeout(MOUNT_WAIT_S):
                await server.wait()
        except TimeoutError:
            server.kill()
            await server.wait()
            await call("fusermount3", "-uz", str(self.path))

    async def _order(self, order: Mapping[str, object]) -> dict[str, Any]:
        if self._server is None or self._server.stdin is None:
            raise RigError(f"The disk {self.path} is not mounted.")
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._answer("The lossy disk does not answer")

    async def _answer(self, trouble: str) -> dict[str, Any]:
        assert self._server is not None  # noqa: S101 - both callers have seen to it
        assert self._server.stdout is not None  # noqa: S101
        line = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOUNT_WAIT_S):
                line = await self._server.stdout.readline()
        if not line:
            raise RigError(
                f"{trouble}: {self._log.read_text(errors='replace').strip() or 'it said nothing'}."
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def _needs_fuse() -> None:
    if shutil.which("fusermount3") is None or ctypes.util.find_library("fuse3") is None:
        raise RigError("A lossy disk needs FUSE 3.", hint="Install it: apt-get install fuse3")
    if importlib.util.find_spec("mfusepy") is None:
        raise RigError("A lossy disk needs mfusepy.", hint="Install it: pip install mfusepy")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise RigError("A lossy disk needs /dev/fuse.", hint="Run where FUSE devices may be used.")


@dataclass(frozen=True, slots=True)
class Filled:
    """A disk that was made full.

    Attributes:
        bytes: of ballast.
        free_bytes: left over.
        error: errno of the write that no longer fitted.
    """

    bytes: int
    free_bytes: int
    error: int

    def fired(self) -> bool:
        """Whether the disk really refused a byte more."""
        return self.error == errno.ENOSPC and self.free_bytes == 0


class SmallDisk:
    """A disk of ``size_bytes`` at ``path`` (tmpfs); use as an async context manager.

    Raises:
        RigError: not root, or the mount failed.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes

    async def __aenter__(self) -> Self:
        if os.geteuid() != 0:
            raise RigError("A small disk is a mount of its own, which needs root.", hint="Run it as root.")
        self.path.mkdir(parents=True, exist_ok=True)
        options = f"size={self._size_bytes},mode=700"
        await call("mount", "-t", "tmpfs", "-o", options, "lum-small", str(self.path))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await call("umount", "-l", str(self.path))

    def fill(self) -> Filled:
        """Write ballast until nothing more fits."""
        error = 0
        with (self.path / BALLAST).open("ab", buffering=0) as file:
            while not error:
                try:
                    file.write(bytes(PAGE_BYTES))
                except OSError as full:
                    error = full.errno or 0
            size = file.tell()
        return Filled(size, self.free_bytes(), error)

    def empty(self) -> None:
        """Take the ballast away."""
        (self.path / BALLAST).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """What still fits."""
        facts = os.statvfs(self.path)
        return facts.f_bavail * facts.f_frsize


class Rot(enum.Enum):
    """How a page goes bad."""

    FLIPPED = "flipped"  # one bit
    ZEROED = "zeroed"  # the whole page


@dataclass(frozen=True, slots=True)
class Corrupted:
    """A file that was damaged.

    Attributes:
        file: which.
        pages: numbers of the damaged pages (4096 bytes each), ascending.
        before: SHA-256 of the file.
        after: the same, read back from the disk.
    """

    file: Path
    pages: tuple[int, ...]
    before: str
    after: str

    def fired(self) -> bool:
        """Whether the file is another one now; a page of zeros cannot be zeroed."""
        return self.before != self.after


def corrupt(file: Path, seed: int, *, pages: int = 1, rot: Rot = Rot.FLIPPED) -> Corrupted:
    """Damage some pages of a file in place, chosen by ``seed``; nobody should have it open.

    Raises:
        RigError: the file is missing or empty.
    """
    if not file.is_file() or not file.stat().st_size:
        raise RigError(f"{file} cannot be damaged: it is missing or empty.")
    chance, content = random.Random(seed), bytearray(file.read_bytes())
    before = hashlib.sha256(content).hexdigest()
    count = -(-len(content) // PAGE_BYTES)
    chosen = tuple(sorted(chance.sample(range(count), min(pages, count))))
    for page in chosen:
        start, end = page * PAGE_BYTES, min((page + 1) * PAGE_BYTES, len(content))
        if rot is Rot.ZEROED:
            content[start:end] = bytes(end - start)
        else:
            content[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
    with file.open("r+b") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    return Corrupted(file, chosen, before, hashlib.sha256(file.read_bytes()).hexdigest())
