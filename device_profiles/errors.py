"""What can go wrong around profiles, named for what must be done about it.

ProfilesError
├── ProfileError   a model file cannot be used            -> an engineer mends the file
├── RecordError    a record to decode is not usable       -> whoever wrote the record mends it
└── EncodeError    readings that a model cannot transmit  -> the caller asks for what the model can say

Bytes from the air never raise: what is wrong with them is a value (see ``outcome.py``).
"""

from __future__ import annotations


class ProfilesError(Exception):
    """Base of all: one sentence for a person, and a hint what to do."""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class ProfileError(ProfilesError):
    """A model file cannot be used; names file and key."""


class RecordError(ProfilesError):
    """A record does not hold what a record must hold; names the field."""


class EncodeError(ProfilesError):
    """A model cannot transmit what it was asked to; names model and kind."""
