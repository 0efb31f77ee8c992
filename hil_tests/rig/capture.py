"""A capture of one radio: every packet between its host and its controller, as btsnoop (Wireshark opens it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bumble.snoop import BtSnooper, Snooper

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from bumble.transport.common import TransportSink

BYTES_MAX = 16 << 20  # about 250,000 adverts
RECORD_BYTES = 24  # before each packet


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture holds.

    Attributes:
        file: Its name; it lies beside the run's report.
        packets: How many it holds.
        left_out: How many came after it was full.
    """

    file: str
    packets: int
    left_out: int


class Capture(BtSnooper):
    """A btsnoop file of H4 packets, as a context manager.

    When it is full it stays as it is: the beginning of a run is kept whole, the rest is counted.
    """

    def __init__(self, file: Path, bytes_max: int = BYTES_MAX) -> None:
        """Begin the file; its directory is made if need be.

        Raises:
            OSError: It cannot be written.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._bytes_max = bytes_max
        self._packets = self._left_out = 0
        super().__init__(file.open("wb"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.output.close()

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:
        """Keep one packet, if there is room."""
        if self._left_out or self.output.tell() + RECORD_BYTES + len(hci_packet) > self._bytes_max:
            self._left_out += 1
            return
        super().snoop(hci_packet, direction)
        self._packets += 1

    @property
    def captured(self) -> Captured:
        """What it holds so far."""
        return Captured(self._file.name, self._packets, self._left_out)


class CapturedSink:
    """Where a controller's packets go, with each of them kept on its way to the host."""

    def __init__(self, sink: TransportSink, snooper: Snooper) -> None:
        self._sink = sink
        self._snooper = snooper

    def on_packet(self, packet: bytes) -> None:
        """Keep it, and pass it on."""
        self._snooper.snoop(packet, Snooper.Direction.CONTROLLER_TO_HOST)
        self._sink.on_packet(packet)
