"""What can go wrong between hub and cloud, named for what must be done.

SyncError
├── LinkError           the broker cannot be reached, or the connection was lost -> back off, try again
├── RemoteProtocolError the other end said what no correct end says              -> refuse, count, keep serving
├── LocalProtocolError  we would have to send what no correct end sends          -> alarm; a person looks
└── EpochOverError      the cloud's history is not a beginning of ours           -> begin a new epoch
"""

from __future__ import annotations

from collections.abc import Mapping

from cloud_sync.wire.batch import Stream


class SyncError(Exception):
    """Base of all: one sentence, a reason code that has words, and a hint."""

    def __init__(self, sentence: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.hint = hint


class LinkError(SyncError):
    """The broker cannot be reached, does not admit us, or the connection was lost."""


class RemoteProtocolError(SyncError):
    """The other end sent something that cannot be believed or understood."""


class LocalProtocolError(SyncError):
    """Our own state would make us send what no correct end sends."""


class EpochOverError(SyncError):
    """The cloud's signed account is not a beginning of our history; ``told`` is how far it says it is."""

    def __init__(self, sentence: str, told: Mapping[Stream, int]) -> None:
        super().__init__(sentence, code="epoch-over")
        self.told = dict(told)
