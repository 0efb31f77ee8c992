"""What the site lacks and asks for is not sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "cloud_sync.sync.sender:Sender.asked"
CAUGHT_BY = "p1_store_restored"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    return lambda *_given: None
