"""Whoever answers is the site."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

TARGET = "zero_trust.tls:_context"
CAUGHT_BY = "p3_box_reads_along"


class _Gullible(ssl.SSLContext):
    """Forgets, as it meets somebody, all that it was told to look at."""

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """Shake hands with anybody."""
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        self.sslsocket_class = ssl.SSLSocket
        return super().wrap_socket(*arguments, **named)


def planted(_: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    return _Gullible
