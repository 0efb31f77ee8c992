"""What can be wrong with bytes from the other end."""

from __future__ import annotations


class WireError(ValueError):
    """The bytes are not what the format says; ``code`` has its words in ``zero_trust/reasons.toml``."""

    def __init__(self, sentence: str, code: str = "batch-malformed") -> None:
        super().__init__(sentence)
        self.code = code
