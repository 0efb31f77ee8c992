"""What can be wrong with what a person gave the rig."""

from __future__ import annotations


class RigError(Exception):
    """One sentence for a person: what is wrong, where; ``hint`` says what to do."""

    exit_code = 65  # sysexits: EX_DATAERR

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint
