"""The node's end of the bridge to the rig: commands out on stdout, answers and events in on stdin.

Runs on MicroPython's unix port. A command is a line that begins with the mark; all other lines are
the firmware's own console. One stream for both keeps what the firmware logs and what it does in order.
"""

import json
import select
import sys

MARK = "\x1e"

_poll = select.poll()
_poll.register(sys.stdin, select.POLLIN)
_waiting: list[dict] = []
_listeners: dict = {}


def tell(op: str, **facts: object) -> None:
    """Send a command that nobody answers."""
    facts["op"] = op
    sys.stdout.write(MARK + json.dumps(facts) + "\n")


def ask(op: str, **facts: object) -> dict:
    """Send a command and wait for its answer; events that come first are kept for ``pump``."""
    tell(op, **facts)
    while True:
        line = _line()
        if "answer" in line:
            return line
        _waiting.append(line)


def listen(event: str, listener: object) -> None:
    """Call ``listener`` with each event of that name from ``pump``."""
    _listeners[event] = listener


def pump(wait_ms: int) -> None:
    """Handle the events that are there; wait for one if there is none."""
    while True:
        if _waiting:
            line = _waiting.pop(0)
        elif _poll.poll(wait_ms):
            line = _line()
        else:
            return
        listener = _listeners.get(line["event"])
        if listener is not None:
            listener(line)
        wait_ms = 0


def _line() -> dict:
    line = sys.stdin.buffer.readline()
    if not line:  # the rig is gone
        sys.exit(0)
    return json.loads(line)


boot = ask("boot")["answer"]  # address, levels of pins, cause of this start, RTC memory
