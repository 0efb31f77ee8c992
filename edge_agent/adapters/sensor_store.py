"""The home's sensors on the hub's disk: ``sensors.json`` and one file a key, for their owner alone.

The commands write, the hub reads. What is written is written whole or not at all, and one command at a
time: they lock the state directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import AgentError, ConfigError
from edge_agent.roster import EMPTY, Entry, Roster, key_in, packed, parsed
from zero_trust.errors import KeyStoreError
from zero_trust.keystore import make_private_directory, read_private, write_private

Mark = tuple[int, int]  # changes whenever sensors.json is written


class SensorStore:
    """What ``state`` (the hub's state directory) holds of the sensors."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._file = state / "sensors.json"
        self._keys = state / "keys"

    def mark(self) -> Mark | None:
        """Tells one content of ``sensors.json`` from the next; None while there is none."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def roster(self) -> Roster:
        """The sensors; none before the first is added.

        Raises:
            ConfigError: ``sensors.json`` cannot be read, or is no roster.
            AgentError: this user may not read it.
        """
        with _owned(self._state):
            try:
                return parsed(read_private(self._file), str(self._file))
            except KeyStoreError as error:
                if isinstance(error.__cause__, FileNotFoundError):
                    return EMPTY
                raise _unusable("list of sensors", self._file, error) from error

    def key(self, entry: Entry) -> bytes | None:
        """The key of a sensor that encrypts, 16 or 12 bytes; None for others.

        Raises:
            ConfigError: it is missing, readable by others, or no key.
            AgentError: this user may not read it.
        """
        if not entry.encrypted:
            return None
        file = self._key_file(entry.address)
        with _owned(self._state):
            try:
                return key_in(read_private(file).decode("ascii", "replace"), str(file))
            except KeyStoreError as error:
                raise _unusable(f"key of {entry.name}", file, error) from error

    @contextmanager
    def changing(self) -> Iterator[Roster]:
        """The sensors as they are, while no other command can change them.

        Raises:
            AgentError: this user may not change them.
        """
        with _owned(self._state):
            make_private_directory(self._state)
            descriptor = os.open(self._state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with _owned(self._state):
                yield self.roster()
        finally:
            os.close(descriptor)

    def keep(self, roster: Roster) -> None:
        """Replace the list; only while :meth:`changing`."""
        write_private(self._file, packed(roster))

    def keep_key(self, address: str, key: bytes) -> None:
        """Keep a sensor's key; only while :meth:`changing`, and before the list that speaks of it."""
        write_private(self._key_file(address), key.hex().encode() + b"\n")

    def forget_key(self, address: str) -> None:
        """Delete a sensor's key, if there is one; only while :meth:`changing`, and after the list."""
        with contextlib.suppress(FileNotFoundError):
            self._key_file(address).unlink()

    def _key_file(self, address: str) -> Path:
        return self._keys / f"{address.replace(':', '')}.key"


def read_key(path: Path) -> bytes:
    """A key that an installer brings in a file of hex digits that others cannot read.

    Raises:
        ConfigError: missing, readable by others, or no key.
    """
    try:
        return key_in(read_private(path).decode("ascii", "replace"), str(path))
    except KeyStoreError as error:
        raise _unusable("sensor key", path, error) from error


def _unusable(what: str, path: Path, error: KeyStoreError) -> AgentError:
    if error.code == "key-readable-by-others":
        return ConfigError(f"The {what} {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    cause = error.__cause__
    if isinstance(cause, PermissionError):
        return _not_ours(path)
    words = cause.strerror if isinstance(cause, OSError) else "no such file"
    return ConfigError(f"The {what} {path} cannot be read: {words}.")


@contextmanager
def _owned(state: Path) -> Iterator[None]:
    """Turn the disk's refusals into ours."""
    try:
        yield
    except PermissionError as error:
        raise _not_ours(state) from error
    except OSError as error:
        raise AgentError(
            f"The sensors in {state} cannot be kept: {error.strerror}.", hint="Check the disk and state_dir."
        ) from error


def _not_ours(path: Path) -> AgentError:
    return AgentError(
        f"This user may not use {path}.", hint="Run the command as the user that the hub runs as, or as root."
    )
