"""Commands as a person meets them: each ``*.txt`` here is a terminal session that must still be true.

    $ command          run in an empty directory, as typed, by a shell
    a line it prints   ``...`` stands for any text within a line, alone on a line for any lines
    ? 64               its exit code; 0 if not said
    # a remark         not run, not expected

Output and complaints are read as one, in the order a terminal shows them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMMAND_MAX_S = 60


@dataclass
class Step:
    """One command and what must follow."""

    line: int
    command: str
    expected: list[str] = field(default_factory=list)
    status: int = 0


def read(text: str) -> Iterator[Step]:
    """The steps of a transcript."""
    step: Step | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line[2:])
        elif step and line.startswith("? "):
            step.status = int(line[2:])
        elif step and not line.startswith("# "):
            step.expected.append(line)
    if step:
        yield step


def pattern(expected: list[str]) -> str:
    """The expected lines as a regular expression; blank lines at the end do not count."""
    lines = "\n".join(expected).rstrip().splitlines()
    return "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in lines
    )


@pytest.mark.parametrize("transcript", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_the_transcript_still_holds(transcript: Path, tmp_path: Path) -> None:
    """Every command prints what the transcript shows and ends with its exit code."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
    }
    for step in read(transcript.read_text(encoding="utf-8")):
        ended = subprocess.run(
            ["/bin/sh", "-c", step.command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=COMMAND_MAX_S,
            check=False,
        )
        shown = ended.stdout.rstrip() + "\n" if ended.stdout.strip() else ""
        where = f"{transcript.name}:{step.line}: $ {step.command}\n{ended.stdout}? {ended.returncode}"
        assert ended.returncode == step.status, where
        assert re.fullmatch(pattern(step.expected), shown), where


@pytest.mark.parametrize(
    ("expected", "shown", "holds"),
    [
        (["a ... c"], "a b c\n", True),
        (["a ... c"], "a\nc\n", False),
        (["a", "...", "c"], "a\nb\nb\nc\n", True),
        (["a", "...", "c"], "a\nc\n", True),
        (["a"], "a\nb\n", False),
        (["a.c"], "abc\n", False),
        ([""], "", True),
    ],
)
def test_the_wildcards_mean_what_they_say(expected: list[str], shown: str, holds: bool) -> None:
    """Within a line any text, alone any lines; all else is literal and complete."""
    assert bool(re.fullmatch(pattern(expected), shown)) is holds
