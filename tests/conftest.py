"""The ``needs`` marker: a test that runs a tool of the system is skipped without it, and fails when CI=true."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGE_OF = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "dbus-daemon": "dbus",
    "faketime": "faketime",
    "fusermount3": "fuse3",
    "softhsm2-util": "softhsm2",
    "strace": "strace",
}

_missing = pytest.StashKey[dict[str, set[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing missing."""
    config.stash[_missing] = {}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail when CI=true, and remember for the list at the end."""
    wanted = [tool for mark in item.iter_markers("needs") for tool in mark.args]
    for tool in wanted:
        if shutil.which(tool):
            continue
        item.config.stash[_missing].setdefault(tool, set()).add(item.nodeid)
        words = f"{tool} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(words, pytrace=False)
        pytest.skip(words)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One list of what was not run, and the one command that mends it."""
    missing = config.stash[_missing]
    if not missing:
        return
    tests = ", ".join(sorted(set().union(*missing.values())))
    packages = " ".join(sorted({PACKAGE_OF.get(tool, tool) for tool in missing}))
    terminalreporter.write_line(f"not run: {tests}; install with: apt-get install {packages}", yellow=True)
