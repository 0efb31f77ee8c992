"""A reader of btsnoop files that shares nothing with their writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

HEADER = b"btsnoop\0" + struct.pack(">II", 1, 1002)  # version 1, HCI with H4 framing
EPOCH_US = 0x00DCDDB30F2F8000  # 1970 on the clock of btsnoop, as BlueZ and Wireshark have it
SENT, RECEIVED, COMMAND_OR_EVENT = 0, 1, 2  # flags: the way, seen from the host; neither data of a connection


@dataclass(frozen=True)
class Record:
    """One packet of a capture."""

    flags: int
    drops: int
    at: float  # wall time, s
    packet: bytes


def read(file: Path) -> list[Record]:
    """What a btsnoop file holds."""
    text = file.read_bytes()
    assert text.startswith(HEADER)
    at, records = len(HEADER), []
    while at < len(text):
        original, included, flags, drops, stamp_us = struct.unpack_from(">IIIIq", text, at)
        assert original == included
        records.append(Record(flags, drops, (stamp_us - EPOCH_US) / 1e6, text[at + 24 : at + 24 + included]))
        at += 24 + included
    assert at == len(text)
    return records
