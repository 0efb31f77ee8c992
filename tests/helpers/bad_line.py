"""A line to an authority on which each connection meets what a script says; afterwards it is a good one."""

from __future__ import annotations

import contextlib
import enum
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

CHUNK_BYTES: Final = 65_536
PAGE: Final = (
    b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Type: text/html\r\n"
    b"Content-Length: 29\r\nConnection: close\r\n\r\n<html>Please sign in.</html>\r\n"
)


class Mishap(enum.Enum):
    """What may become of a connection."""

    RESET = "reset"  # at once
    SILENT = "silent"  # taken, and then nothing
    PAGE = "page"  # somebody else's, without TLS
    TLS_PAGE = "tls-page"  # the same with a certificate of his own
    CUT_UP = "cut-up"  # reset after some bytes of the question
    CUT_DOWN = "cut-down"  # reset after some bytes of the answer
    HELD = "held"  # the question arrives, the answer does not


@dataclass(frozen=True, slots=True)
class Meeting:
    """One connection's lot.

    Attributes:
        mishap: what happens; None: nothing, it is passed on.
        after: bytes that pass before a cut.
    """

    mishap: Mishap | None = None
    after: int = 0


@dataclass
class BadLine:
    """Listens on a port of its own; the n-th connection meets the n-th of ``script``."""

    target: int
    script: Sequence[Meeting]
    page: ssl.SSLContext
    port: int = 0
    met: list[Meeting] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)

    def meet(self, caller: socket.socket) -> None:
        """Serve one connection."""
        self._open.append(caller)
        number = len(self.met)
        meeting = self.script[number] if number < len(self.script) else Meeting()
        self.met.append(meeting)
        match meeting.mishap:
            case Mishap.RESET:
                _reset(caller)
            case Mishap.SILENT:
                return
            case Mishap.PAGE:
                caller.sendall(PAGE)
                caller.close()
            case Mishap.TLS_PAGE:
                self._show_page(caller)
            case _:
                self._join(caller, meeting)

    def end(self) -> None:
        """Close whatever is open."""
        for one in self._open:
            one.close()

    def _show_page(self, caller: socket.socket) -> None:
        with contextlib.suppress(OSError), self.page.wrap_socket(caller, server_side=True) as shown:
            shown.recv(CHUNK_BYTES)
            shown.sendall(PAGE)

    def _join(self, caller: socket.socket, meeting: Meeting) -> None:
        """Pass bytes both ways; ``HELD`` holds all that the site says once the caller has spoken a second time."""
        site = socket.create_connection(("127.0.0.1", self.target))
        self._open.append(site)
        spoken: list[int] = []
        ups, downs = (
            (meeting.after if meeting.mishap is cut else None) for cut in (Mishap.CUT_UP, Mishap.CUT_DOWN)
        )
        up = threading.Thread(target=_pass, args=(caller, site, ups, spoken), daemon=True)
        up.start()
        held = meeting.mishap is Mishap.HELD
        _pass(site, caller, downs, [], until=(lambda: len(spoken) > 1) if held else None)
        up.join()


def _pass(
    source: socket.socket,
    sink: socket.socket,
    room: int | None,
    passed: list[int],
    until: object = None,
) -> None:
    """One direction, to its end, or until so many bytes have passed."""
    with contextlib.suppress(OSError):
        while octets := source.recv(CHUNK_BYTES):
            passed.append(len(octets))
            if callable(until) and until():
                continue
            sink.sendall(octets if room is None else octets[: max(0, room)])
            if room is not None and (room := room - len(octets)) <= 0:
                _reset(source)
                _reset(sink)
                return
        sink.shutdown(socket.SHUT_WR)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextlib.contextmanager
def bad_line(target: int, script: Sequence[Meeting], page: ssl.SSLContext) -> Iterator[BadLine]:
    """A line to ``target`` on this machine while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = BadLine(target, script, page, listener.getsockname()[1])

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    threading.Thread(target=line.meet, args=(caller,), daemon=True).start()

        taking = threading.Thread(target=take, daemon=True)
        taking.start()
        try:
            yield line
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            line.end()
            taking.join()
