"""Files that are written whole or not at all, also if the power goes in the middle of it."""

import os

_NEW = ".new"


class Flash:
    """The node's file system. LittleFS, which MicroPython puts on an ESP32, renames in one step."""

    def read(self, name: str) -> "bytes | None":
        """What the file holds; ``None`` if there is none."""
        try:
            with open(name, "rb") as file:
                data: bytes = file.read()
                return data
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace the file.

        Raises:
            OSError: The flash is full or broken; the old file is still there.
        """
        with open(name + _NEW, "wb") as file:
            file.write(data)
        os.rename(name + _NEW, name)
