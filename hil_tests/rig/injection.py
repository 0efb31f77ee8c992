"""System calls that fail, or kill, at a chosen moment: strace in front of the process under test.

strace counts per kind of call and per thread: ``when=3`` on ``fsync`` and ``pwrite64`` means the third
of either that one thread makes. Its log is the evidence.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil_tests.rig.errors import RigError
from hil_tests.rig.wrapping import Wrapping

DURABLE_CALLS = ("pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink")

# "1234  fdatasync(7) = -1 EIO (Input/output error) (INJECTED)"; one that kills never returns: "= ?"
_CALL = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
_INJECTED = re.compile(r"= -1 (?P<error>E\w+) .*\(INJECTED\)")
_NEVER_RETURNED = ("= ?", "<unfinished ...>")
_DEATH = re.compile(r"^\d+ +\+\+\+ killed by SIGKILL")


@dataclass(frozen=True, slots=True)
class Injected:
    """What a process met.

    Attributes:
        calls: names of the calls that were made to fail, in order; of the last one, if the process was killed.
        error: the errno's name, or ``SIGKILL``.
        seen: how many calls of those kinds were made at all.
    """

    calls: tuple[str, ...]
    error: str
    seen: int

    def fired(self) -> bool:
        """Whether any call failed, or the process was killed by it."""
        return bool(self.calls)


@dataclass(frozen=True, slots=True)
class Injection:
    """One way for calls to go wrong.

    Attributes:
        calls: names of system calls.
        log: where strace writes; a new file for each life of the process.
        error: errno's name such as ``EIO``; ``SIGKILL`` to kill at that call instead, before it takes effect.
        when: strace's ``when``: ``3`` the third, ``3+`` from the third on, ``3+2`` every second from there.
        paths: only calls on these files; all, if empty.
    """

    calls: tuple[str, ...]
    log: Path
    error: str = "SIGKILL"
    when: str = "1+"
    paths: Sequence[Path] = ()

    def wrapping(self) -> Wrapping:
        """Goes around the command.

        Raises:
            RigError: strace is not installed.
        """
        strace = shutil.which("strace")
        if strace is None:
            raise RigError("Failing system calls need strace.", hint="Install it: apt-get install strace")
        named = ",".join(self.calls)
        what = "signal=SIGKILL" if self.error == "SIGKILL" else f"error={self.error}"
        # -D: the tracer is the grandchild, so that the process under test keeps its pid and its signals.
        words = [strace, "-D", "-f", "-qq", "-o", str(self.log), "-e", f"trace={named}"]
        words += ["-e", f"inject={named}:{what}:when={self.when}"]
        for path in self.paths:
            words += ["-P", str(path)]
        return Wrapping(tuple(words))

    def evidence(self) -> Injected:
        """What happened, from the log; complete once the process has ended."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        first = int(re.split(r"\D", self.when)[0])
        return injected(text.splitlines(), self.error, first)


def injected(lines: Sequence[str], error: str, first: int = 1) -> Injected:
    """Read strace's log (``strace -f -qq -o``).

    A process that somebody else killed may have died within a call too, so the deadly one must be the
    ``first`` of its kind in its thread.
    """
    calls = [match for line in lines if (match := _CALL.match(line))]
    if error != "SIGKILL":
        failed = [match["call"] for match in calls if _INJECTED.search(match["rest"])]
        return Injected(tuple(failed), error, len(calls))
    counts: Counter[tuple[str, str]] = Counter()
    deadly = []
    for match in calls:
        who = (match["thread"], match["call"])
        counts[who] += 1
        if counts[who] == first and match["rest"].rstrip().endswith(_NEVER_RETURNED):
            deadly.append(match["call"])
    killed = any(_DEATH.match(line) for line in lines)
    return Injected(tuple(deadly[-1:]) if killed else (), error, len(calls))
