"""Free ports on this machine, for what the rig starts.

A port that was free a moment ago may be somebody's when a process gets round to it. So each of ours asks in a place of
its own, goes on from there, and stays below the ports that Linux gives to whoever asks for any.
"""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterator

FIRST, BEYOND = 10_000, 32_768  # ip_local_port_range begins there


def free_ports(count: int) -> list[int]:
    """So many ports on which nobody listens, at whatever address; no two calls give the same."""
    return list(itertools.islice(filter(_is_free, _TURN), count))


def _in_turn() -> Iterator[int]:
    start = random.SystemRandom().randrange(FIRST, BEYOND)
    return itertools.cycle((*range(start, BEYOND), *range(FIRST, start)))


_TURN = _in_turn()


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("", port))
        except OSError:
            return False
    return True
