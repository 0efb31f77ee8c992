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
    "strace": "strace",
}

MISSING = "missing tool"  # a property of the test: its report reaches the one who writes the summary


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail when CI=true, and say so in the report for the list at the end."""
    wanted = [tool for mark in item.iter_markers("needs") for tool in mark.args]
    for tool in wanted:
        if shutil.which(tool):
            continue
        item.user_properties.append((MISSING, tool))
        words = f"{tool} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(words, pytrace=False)
        pytest.skip(words)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One list of what was not run, and the one command that mends it."""
    missing = {
        (report.nodeid, tool)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, tool in getattr(report, "user_properties", ())
        if name == MISSING
    }
    if not missing:
        return
    tests = ", ".join(sorted({test for test, _ in missing}))
    packages = " ".join(sorted({PACKAGE_OF.get(tool, tool) for _, tool in missing}))
    terminalreporter.write_line(f"not run: {tests}; install with: apt-get install {packages}", yellow=True)
