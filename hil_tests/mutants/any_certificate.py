"""Whoever answers is the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "zero_trust.tls:pinned_context"
CAUGHT_BY = "p3_box_reads_along"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def trusting(root: Any) -> Any:
        context = original(root)
        context.check_hostname = False
        context.verify_mode = 0  # ssl.CERT_NONE
        return context

    return trusting
