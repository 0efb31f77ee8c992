"""Whoever answers is the site."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

TARGET = "zero_trust.tls:_context"
CAUGHT_BY = "p3_box_reads_along"


class _Gullible(ssl.SSLContext):
    """Looks at nothing, and has nobody look in its place."""

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """Shake hands with anybody."""
        self.sslsocket_class = ssl.SSLSocket
        return super().wrap_socket(*arguments, **named)


def planted(_: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def trusting(protocol: Any) -> Any:
        context = _Gullible(protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    return trusting
