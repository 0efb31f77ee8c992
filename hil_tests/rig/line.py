"""What ``network.FaultyLink`` is made of: conditions, listening sockets that can fall silent, pairs of sockets.

Bare sockets, because only there is nothing read ahead: what a stopped direction holds back stays in
the kernel, where it can be counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import fcntl
import socket
import struct
import termios
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.rig.errors import RigError

BACKLOG = 64
_SYN_SENT = 2
_TCP_TABLE = Path("/proc/net/tcp")


class Way(enum.Enum):
    """Direction on the line."""

    UP = "up"  # hub -> site
    DOWN = "down"  # site -> hub


class Answer(enum.Enum):
    """What becomes of a new connection."""

    JOIN = "join"  # it reaches the site
    RESET = "reset"
    PORTAL = "portal"
    INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class Condition:
    """How the line is.

    Attributes:
        verb: by which it came about.
        stopped: directions that carry nothing.
        deaf: connection attempts get no answer at all.
        answer: what becomes of a new connection.
        delay_s: everything waits so long ...
        jitter_s: ... and up to so much longer.
        stall_chance: of each piece to wait ...
        stall_s: ... for so long.
        bytes_per_s: per connection and direction; None: no limit.
        reset_at: the next connection is reset after so many bytes up; None: none is.
        reset_port: of that connection; None: any.
    """

    verb: str
    stopped: frozenset[Way] = frozenset()
    deaf: bool = False
    answer: Answer = Answer.JOIN
    delay_s: float = 0.0
    jitter_s: float = 0.0
    stall_chance: float = 0.0
    stall_s: float = 0.0
    bytes_per_s: int | None = None
    reset_at: int | None = None
    reset_port: int | None = None


@dataclass(eq=False, slots=True)
class Crossing:
    """One connection: the hub's socket, the site's, and what is on its way between them."""

    hub: socket.socket
    site: socket.socket
    reset_at: int | None  # bytes up
    task: asyncio.Task[None] | None = field(repr=False)
    broken: bool = False  # to be reset as soon as nobody waits for its sockets any more
    gone: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))  # bytes passed on
    in_hand: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))  # read, not yet passed on

    def ends(self, way: Way) -> tuple[socket.socket, socket.socket]:
        """Source and sink."""
        return (self.hub, self.site) if way is Way.UP else (self.site, self.hub)

    def held_bytes(self, way: Way) -> int:
        """What waits to be passed on in one direction."""
        return self.in_hand[way] + unread_bytes(self.ends(way)[0])

    def room(self, way: Way) -> int | None:
        """How many bytes may still pass before it is to be reset; None: any number."""
        return self.reset_at - self.gone[way] if self.reset_at is not None and way is Way.UP else None

    def break_off(self) -> None:
        """Have it reset: by its own task, since a socket must not be closed while a loop waits for it."""
        self.broken = True
        if self.task is not None:
            self.task.cancel()

    def reset(self) -> None:
        """RST to both."""
        reset(self.hub)
        reset(self.site)

    def close(self) -> None:
        """End what is not ended."""
        self.hub.close()
        self.site.close()


class Door:
    """A listening socket on a loopback address that can also not answer at all.

    Raises:
        RigError: the port is in use.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise RigError(
                f"The line cannot stand at {host}:{port} ({error.strerror}).",
                hint="The site must listen on another address: see listen_inside.",
            ) from error
        self._welcome: Callable[[socket.socket, int], object] | None = None
        self._filler: socket.socket | None = None

    def open(self, welcome: Callable[[socket.socket, int], object]) -> None:
        """Listen; hand each new connection, with the port, to ``welcome``."""
        self._welcome = welcome
        self._socket.listen(BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def shut(self) -> None:
        """Answer nothing more: with its queue full and nobody to empty it, the kernel drops what knocks."""
        if self._filler is not None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.listen(0)
        self._filler = socket.socket()
        self._filler.setblocking(False)
        if self._filler.connect_ex((self.host, self.port)) not in {0, errno.EINPROGRESS}:
            raise RigError(f"The line at {self.host}:{self.port} cannot be made silent.")

    def unshut(self) -> None:
        """Answer again."""
        if self._filler is None:
            return
        self._filler.close()
        self._filler = None
        self._socket.listen(BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def knocking(self) -> set[int]:
        """Ports of those who are trying to connect now and get no answer."""
        own = None if self._filler is None else self._filler.getsockname()[1]
        return knocking(_TCP_TABLE.read_text(), self.host, self.port) - {own}

    def close(self) -> None:
        """Listen no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        if self._filler is not None:
            self._filler.close()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            visitor, _ = self._socket.accept()
            visitor.setblocking(False)
            if self._welcome is not None:
                self._welcome(visitor, self.port)


def knocking(table: str, host: str, port: int) -> set[int]:
    """Local ports of sockets that wait for an answer from ``host:port``, from the text of /proc/net/tcp."""
    (address,) = struct.unpack("=I", socket.inet_aton(host))  # the kernel prints it as the number it holds
    wanted = f"{address:08X}:{port:04X}"
    rows: Iterable[list[str]] = (line.split() for line in table.splitlines()[1:])
    return {
        int(row[1].split(":")[1], 16) for row in rows if row[2] == wanted and int(row[3], 16) == _SYN_SENT
    }


def reset(end: socket.socket) -> None:
    """End a connection by RST."""
    with contextlib.suppress(OSError):  # it is closed already
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def unread_bytes(end: socket.socket) -> int:
    """What the kernel holds for a socket that nobody has read yet; 0 once it is closed."""
    if end.fileno() < 0:
        return 0
    answer = fcntl.ioctl(end.fileno(), termios.FIONREAD, bytes(4))
    (count,) = struct.unpack("i", answer)
    return int(count)
