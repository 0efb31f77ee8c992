"""Tells the service manager that the hub is ready and alive (sd_notify(3)); silent where there is none."""

from __future__ import annotations

import os
import socket


def ready() -> None:
    """The hub is up."""
    _notify("READY=1")


def alive() -> None:
    """The event loop turns; without this for WatchdogSec the service manager restarts the hub."""
    _notify("WATCHDOG=1")


def _notify(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
