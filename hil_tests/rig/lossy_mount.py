"""The file system behind ``disk.LossyDisk``, in a process of its own: what it stores lies in a plain directory.

    python -m hil_tests.rig.lossy_mount LIVE GRAVES MOUNT

Orders come as lines of JSON on stdin, answers go to stdout; when stdin ends, the mount is given up.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from hil_tests.rig.durability import Durability

_STAT = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
_TIMES = ("st_atime", "st_mtime", "st_ctime")
_STATVFS = (
    "f_bavail",
    "f_bfree",
    "f_blocks",
    "f_bsize",
    "f_favail",
    "f_ffree",
    "f_files",
    "f_frsize",
    "f_namemax",
)


class LossyFiles:
    """The calls of FUSE, passed on to ``live``; method names and signatures are FUSE's.

    Raises OSError, which FUSE hands to the process that called.
    """

    use_ns = True

    def __init__(self, live: Path, graves: Path) -> None:
        self._live = live
        self.durability = Durability(live, graves)
        self.refusing = 0  # errno of every change, or 0
        self.refused = 0  # changes refused since
        self.open_files = 0
        self.turn = threading.Lock()  # orders come from another thread than calls

    def init(self, _path: str) -> None:
        """Mounted."""
        _say({"ready": True})

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
        """As lstat."""
        facts = self._at(path).lstat()
        times = {name: getattr(facts, f"{name}_ns") for name in _TIMES}
        return {name: getattr(facts, name) for name in _STAT} | times

    def statfs(self, path: str) -> dict[str, int]:
        """As statvfs."""
        facts = os.statvfs(self._at(path))
        return {name: getattr(facts, name) for name in _STATVFS}

    def readdir(self, path: str, _handle: int) -> list[str]:
        """As listdir, with the two that every directory has."""
        return [".", "..", *os.listdir(self._at(path))]  # noqa: PTH208 - names are wanted

    def open(self, path: str, flags: int) -> int:
        """As open; the kernel turns O_APPEND into offsets."""
        reading = flags & os.O_ACCMODE == os.O_RDONLY
        if not reading:
            self._changing()
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        handle = os.open(self._at(path), os.O_RDONLY if reading else os.O_RDWR)
        self.open_files += 1
        return handle

    def create(self, path: str, mode: int, _flags: int) -> int:
        """As open with O_CREAT."""
        handle: int = self._renamed(path, lambda at: os.open(at, os.O_RDWR | os.O_CREAT, mode))
        self.open_files += 1
        return handle

    def read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
        """As pread."""
        return os.pread(handle, size, offset)

    def write(self, _path: str, content: bytes, offset: int, handle: int) -> int:
        """As pwrite."""
        self._changing()
        with self.turn:
            self.durability.writing(handle, offset, len(content))
            return os.pwrite(handle, content, offset)

    def truncate(self, path: str, length: int, _handle: int | None = None) -> int:
        """As truncate."""
        self._changing()
        with self.turn:
            descriptor = os.open(self._at(path), os.O_RDWR)
            try:
                self.durability.truncating(descriptor, length)
                os.ftruncate(descriptor, length)
            finally:
                os.close(descriptor)
        return 0

    def fsync(self, _path: str, _datasync: int, handle: int) -> int:
        """What was written to the file is safe."""
        self._changing()
        with self.turn:
            self.durability.synced(handle)
        return 0

    def fsyncdir(self, path: str, _datasync: int, _handle: int) -> int:
        """The names in the directory are safe."""
        self._changing()
        with self.turn:
            self.durability.directory_synced(self._at(path))
        return 0

    def opendir(self, _path: str) -> int:
        """Nothing to hold."""
        return 0

    def releasedir(self, _path: str, _handle: int) -> int:
        """Nothing to let go of."""
        return 0

    def release(self, _path: str, handle: int) -> int:
        """As close; nothing is synced by it."""
        os.close(handle)
        self.open_files -= 1
        return 0

    def unlink(self, path: str) -> int:
        """As unlink."""
        self._renamed(path, os.unlink)
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        """As mkdir."""
        self._renamed(path, lambda at: at.mkdir(mode))
        return 0

    def rmdir(self, path: str) -> int:
        """As rmdir."""
        self._renamed(path, os.rmdir)
        return 0

    def rename(self, old: str, new: str) -> int:
        """As rename; both names change."""
        self._changing()
        with self.turn:
            if not self._at(old).is_dir():
                self.durability.renaming(self._at(old))
                self.durability.renaming(self._at(new))
            self._at(old).rename(self._at(new))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        """As chmod; safe at once."""
        self._changing()
        self._at(path).chmod(mode)
        return 0

    def chown(self, path: str, user: int, group: int) -> int:
        """As chown; safe at once."""
        self._changing()
        os.chown(self._at(path), user, group)
        return 0

    def utimens(self, path: str, times: tuple[int, int]) -> int:
        """As utime; safe at once."""
        self._changing()
        os.utime(self._at(path), ns=times)
        return 0

    def _at(self, path: str) -> Path:
        return self._live / path.lstrip("/")

    def _changing(self) -> None:
        if self.refusing:
            self.refused += 1
            raise OSError(self.refusing, os.strerror(self.refusing))

    def _renamed(self, path: str, change: Callable[[Path], Any]) -> Any:
        self._changing()
        with self.turn:
            self.durability.renaming(self._at(path))
            return change(self._at(path))


def _say(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _obey(files: LossyFiles, mount: Path) -> None:
    """Carry out orders until there are no more, then be gone, leaving nothing mounted."""
    for line in sys.stdin:
        _carry_out(json.loads(line), files)
    with contextlib.suppress(OSError):
        subprocess.run(["fusermount3", "-uz", str(mount)], check=False, capture_output=True)
    os._exit(0)  # libfuse's loop runs in the main thread, and there is nothing left for it to do


def _carry_out(order: dict[str, Any], files: LossyFiles) -> None:
    """One order; the answer is said while nobody else changes anything, where that matters."""
    match order["do"]:
        case "refuse":
            files.refusing, files.refused = order["errno"], 0
            _say({"refusing": files.refusing})
        case "allow":
            files.refusing = 0
            _say({"refused": files.refused})
        case "lie":
            files.durability.lying = True
            _say({"lying": True})
        case "sync":
            with files.turn:
                files.durability.all_synced()
            _say({"synced": True})
        case _ if files.open_files:
            _say({"open": files.open_files})
        case _:
            with files.turn:
                files.refusing = errno.EIO
                _say({"lost": asdict(files.durability.cut())})


def main(live: Path, graves: Path, mount: Path) -> None:
    """Serve ``live`` at ``mount``; leftovers of the life before are no longer needed."""
    for grave in graves.iterdir():
        grave.rmdir() if grave.is_dir() else grave.unlink()
    files = LossyFiles(live, graves)
    threading.Thread(target=_obey, args=(files, mount), daemon=True).start()
    mfusepy.FUSE(
        files, str(mount), foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0, fsname="lossy"
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
