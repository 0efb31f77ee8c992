"""What can go wrong between hub and cloud, named for what must be done.

SyncError
├── LinkError           the broker cannot be reached, or the connection was lost -> back off, try again
├── RemoteProtocolError the other end said what no correct end says              -> refuse, count, keep serving
└── LocalProtocolError  our own history contradicts itself                       -> alarm; a person looks
"""

from __future__ import annotations


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
    """The cloud's signed account of a stream is not the hub's own."""
