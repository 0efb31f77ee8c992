"""Names for the hub: a name server of the rig's own, that can fall silent or deny everything.

The process under test gets it as its only one, by a private mount over /etc/resolv.conf; the C
library asks it as it would ask the home's router. A site is made with ``--host NAME``, and NAME
is answered with the address of a :class:`~hil_tests.rig.network.FaultyLink`.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import os
import shutil
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from hil_tests.rig.errors import RigError
from hil_tests.rig.wrapping import Wrapping

SERVER_NET = "127.77"  # the port of name servers is fixed, so the address is one that nobody else uses
DNS_PORT = 53
_A_RECORD, _INTERNET = 1, 1
_NO_SUCH_NAME = 3
_ANSWER_FLAGS = 0x8580  # an answer, with authority, recursion done
_HEADER = struct.Struct("!6H")
_numbers = itertools.count()  # of this process's name servers
_OPTIONS = "options timeout:1 attempts:2"  # the library's own 5 s, twice, only make runs longer


class Mood(enum.Enum):
    """How the name server answers."""

    ANSWERING = "answering"
    SILENT = "silent"  # the router is there, its line is not
    DENYING = "denying"  # "no such name", as an intercepting router says


@dataclass(frozen=True, slots=True)
class Asked:
    """What a name server was asked while it was in one mood.

    Attributes:
        mood: which.
        questions: how many came.
    """

    mood: Mood
    questions: int

    def fired(self) -> bool:
        """Whether anybody met it."""
        return self.questions > 0


class Resolver:
    """Answers ``names`` (name -> IPv4 address); use as an async context manager.

    Raises:
        RigError: not root, ``unshare`` is missing, or the server's address is in use.
    """

    def __init__(self, directory: Path, names: Mapping[str, str]) -> None:
        self._file = directory / "resolv.conf"
        self._host = f"{SERVER_NET}.{os.getpid() % 251}.{next(_numbers) % 254 + 1}"
        self._names = {name.lower(): address for name, address in names.items()}
        self._transport: asyncio.DatagramTransport | None = None
        self._mood = Mood.ANSWERING
        self._questions: Counter[Mood] = Counter()

    async def __aenter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            raise RigError("Names of its own for one process need root and unshare.", hint="Run it as root.")
        self._file.write_text(f"nameserver {self._host}\n{_OPTIONS}\n")
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Port(self._reply), local_addr=(self._host, DNS_PORT)
            )
        except OSError as error:
            raise RigError(
                f"The rig's name server cannot stand at {self._host}: {error.strerror}."
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def wrapping(self) -> Wrapping:
        """Makes it the process's only name server."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return Wrapping(("unshare", "--mount", "sh", "-c", script, str(self._file)))

    def turn(self, mood: Mood) -> None:
        """From now on answer like this."""
        self._mood = mood
        self._questions[mood] = 0

    def asked(self, mood: Mood) -> Asked:
        """What came in since it was last turned to that mood."""
        return Asked(mood, self._questions[mood])

    def _reply(self, question: bytes) -> bytes | None:
        self._questions[self._mood] += 1
        if self._mood is Mood.SILENT:
            return None
        return reply(question, {} if self._mood is Mood.DENYING else self._names)


class _Port(asyncio.DatagramProtocol):
    """UDP around a function from question to answer."""

    def __init__(self, reply: Callable[[bytes], bytes | None]) -> None:
        self._reply = reply
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go out by."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, unless silent."""
        if (answer := self._reply(data)) is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def reply(question: bytes, names: Mapping[str, str]) -> bytes | None:
    """Answer one DNS message with one question; None if it is none. Names have IPv4 addresses only."""
    if len(question) < _HEADER.size:
        return None
    number, _, questions, *_ = _HEADER.unpack_from(question)
    labels, at = [], _HEADER.size
    while at < len(question) and (length := question[at]):
        labels.append(question[at + 1 : at + 1 + length])
        at += 1 + length
    end = at + 5  # the empty label, type, class
    if questions != 1 or end > len(question):
        return None
    kind, internet = struct.unpack_from("!2H", question, at + 1)
    address = names.get(b".".join(labels).decode("ascii", "replace").lower())
    told = address is not None and (kind, internet) == (_A_RECORD, _INTERNET)
    flags = _ANSWER_FLAGS | (0 if address is not None else _NO_SUCH_NAME)
    answer = _HEADER.pack(number, flags, 1, int(told), 0, 0) + question[_HEADER.size : end]
    if told and address is not None:
        # The name by reference to the question, then type, class, how long it may be kept (not at all), address.
        answer += struct.pack("!3HIH", 0xC00C, _A_RECORD, _INTERNET, 0, 4) + socket.inet_aton(address)
    return answer
