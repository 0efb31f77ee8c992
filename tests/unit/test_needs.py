"""What the ``needs`` marker does when its tool is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
NEEDY = """\
import pytest

@pytest.mark.needs("no-such-tool")
def test_needy():
    pass

@pytest.mark.needs("env")
def test_content():
    pass
"""


@pytest.mark.parametrize(("ci", "status", "outcome"), [("", 0, "1 skipped"), ("true", 1, "1 error")])
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "with a worker"])
def test_a_missing_tool_is_a_skip_and_in_ci_a_failure(
    tmp_path: Path, ci: str, status: int, outcome: str, workers: tuple[str, ...]
) -> None:
    """Either way one line at the end says what was not run and which package mends it."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_needy.py").write_text(NEEDY)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs(tool): x\n")

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"CI": ci},
        check=False,
    )

    assert ended.returncode == status, ended.stdout
    assert outcome in ended.stdout
    assert "1 passed" in ended.stdout
    [listed] = [line for line in ended.stdout.splitlines() if line.startswith("not run: ")]
    assert listed == "not run: test_needy.py::test_needy; install with: apt-get install no-such-tool"
