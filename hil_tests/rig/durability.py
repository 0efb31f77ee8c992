"""What a disk owes nobody yet: remembers how to undo every change that no fsync has covered.

Changes go to a live directory at once. Beside it stands, for each file and each directory, what
was there when it was last synced; a power cut puts that back. The strictest disk that POSIX
allows: data is safe after the file's fsync, names (creations, renames, removals) after the fsync
of their directory and not before. Two things count as safe at once: permissions, and the renaming
of whole directories.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lost:
    """What one power cut took.

    Attributes:
        bytes: written and never synced.
        files: names of the files that lost bytes.
        names: creations, renames and removals that were undone, as paths.
        lies: syncs that the disk had confirmed and not carried out.
    """

    bytes: int
    files: tuple[str, ...]
    names: tuple[str, ...]
    lies: int = 0

    def fired(self) -> bool:
        """Whether anything was lost at all."""
        return bool(self.bytes or self.names)


@dataclass(frozen=True, slots=True)
class _Before:
    """A stretch of a file as it was before one change."""

    offset: int
    old: bytes = field(repr=False)
    size: int  # of the whole file
    written: int  # bytes that the change brought


@dataclass(slots=True)
class _Unsynced:
    """A file with changes since its last fsync; holds it open, so that it outlives its name."""

    name: str
    descriptor: int
    changes: list[_Before] = field(default_factory=list)


class Durability:
    """Changes under ``live`` that are not synced yet; ``graves`` (same disk) keeps what names stood for."""

    def __init__(self, live: Path, graves: Path) -> None:
        self._live = live
        self._graves = graves
        self._files: dict[int, _Unsynced] = {}  # by inode
        self._names: dict[Path, dict[str, Path | None]] = {}  # directory -> name -> what it stood for
        self._buried = 0
        self._lies = 0
        self.lying = False  # whether syncs are confirmed and not carried out

    def writing(self, descriptor: int, offset: int, length: int) -> None:
        """``length`` bytes are about to be written at ``offset``."""
        self._remember(descriptor, offset, length, written=length)

    def truncating(self, descriptor: int, length: int) -> None:
        """The file is about to become ``length`` bytes long."""
        size = os.fstat(descriptor).st_size
        self._remember(descriptor, length, max(0, size - length), written=max(0, length - size))

    def synced(self, descriptor: int) -> None:
        """The file's data is safe from now on."""
        if self._lied():
            return
        if (file := self._files.pop(os.fstat(descriptor).st_ino, None)) is not None:
            os.close(file.descriptor)

    def renaming(self, path: Path) -> None:
        """What ``path`` names (nothing, a file, an empty directory) is about to change."""
        before = self._names.setdefault(path.parent, {})
        if path.name in before:
            return  # what counts is what it stood for at the last sync
        before[path.name] = self._bury(path)

    def directory_synced(self, directory: Path) -> None:
        """The names in ``directory`` are safe from now on."""
        if self._lied():
            return
        for grave in self._names.pop(directory, {}).values():
            if grave is not None:
                _remove(grave)

    def all_synced(self) -> None:
        """Everything is safe from now on, and syncs are carried out again."""
        self.lying = False
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()
        for directory in list(self._names):
            self.directory_synced(directory)

    def cut(self) -> Lost:
        """Power is gone: put everything back as it was last synced."""
        lost_bytes = sum(change.written for file in self._files.values() for change in file.changes)
        files = tuple(sorted(file.name for file in self._files.values()))
        for file in self._files.values():
            for change in reversed(file.changes):
                os.pwrite(file.descriptor, change.old, change.offset)
                os.ftruncate(file.descriptor, change.size)
            os.close(file.descriptor)
        self._files.clear()
        lies, self._lies, self.lying = self._lies, 0, False
        return Lost(lost_bytes, files, tuple(self._restore_names()), lies)

    def _lied(self) -> bool:
        self._lies += self.lying
        return self.lying

    def _remember(self, descriptor: int, offset: int, length: int, *, written: int) -> None:
        facts = os.fstat(descriptor)
        file = self._files.get(facts.st_ino)
        if file is None:
            place = f"/proc/self/fd/{descriptor}"
            name = str(Path(place).readlink().relative_to(self._live))
            file = self._files[facts.st_ino] = _Unsynced(name, os.open(place, os.O_RDWR))
        old = os.pread(file.descriptor, length, offset)
        file.changes.append(_Before(offset, old, facts.st_size, written))

    def _bury(self, path: Path) -> Path | None:
        if not os.path.lexists(path):
            return None
        self._buried += 1
        grave = self._graves / str(self._buried)
        if stat.S_ISDIR(path.lstat().st_mode):
            grave.mkdir()
        else:
            os.link(path, grave)
        return grave

    def _restore_names(self) -> list[str]:
        """Each changed name again stands for what it did; upper directories first."""
        restored = []
        for directory in sorted(self._names, key=lambda path: len(path.parts)):
            for name, grave in self._names[directory].items():
                path = directory / name
                if not directory.is_dir() or _same(path, grave):
                    continue
                _remove(path)
                if grave is not None:
                    grave.rename(path)
                restored.append(str(path.relative_to(self._live)))
        self._names.clear()
        return restored


def _same(path: Path, grave: Path | None) -> bool:
    """Whether the name stands for what it stood for before."""
    if grave is None or not os.path.lexists(path):
        return grave is None and not os.path.lexists(path)
    return (path.is_dir() and grave.is_dir()) or path.samefile(grave)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
