"""Room kept free beside the outbox for the day the disk is full: letting go of things takes room too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BALLAST_BYTES = 2 * 2**20


class Ballast:
    """A file of real blocks, not a hole, that is given up when nothing else fits any more."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lay(self) -> bool:
        """Have it there; False: there is no room to keep.

        It takes twice the room, so that what was given up to go on is not taken back at once.
        """
        if self._path.exists() and self._path.stat().st_size == BALLAST_BYTES:
            return True
        try:
            self._path.unlink(missing_ok=True)
            if shutil.disk_usage(self._path.parent).free < 2 * BALLAST_BYTES:
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            return False
        return True

    def give_up(self) -> None:
        """Win its room.

        Raises:
            OSError: the disk lets nothing go.
        """
        self._path.unlink(missing_ok=True)
