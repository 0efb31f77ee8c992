"""pytest on the rig, for Lum and for other projects: ``--rig``, and the fixtures ``rig``, ``play`` and ``target``.

    # conftest.py
    pytest_plugins = ["hil_tests.pytest_plugin"]

A test that needs what this machine has not is listed as not run, with the reason; when CI=true it fails.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from hil_tests.tier import (
    Tier,  # the rest is loaded by who needs it: a test run that never does must not wait for it
)

if TYPE_CHECKING:
    from hil_tests.runner import Result
    from hil_tests.target import Target

Around: TypeAlias = "Callable[[Path], contextlib.AbstractAsyncContextManager[Target]]"
NOT_RUN = "not run"  # a property of the test: its report reaches the one who writes the summary


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--rig``."""
    parser.getgroup("lum-hil").addoption(
        "--rig",
        choices=[tier.value for tier in Tier],
        default=Tier.BLUEZ.value,
        help="what tests that ask for it run on: Lum's hub in virtual time, a process over an HCI socket, "
        "a process over BlueZ (default), a virtual machine",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "rigs(name, ...): the only values of --rig on which the test makes sense"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that was missing: which tests were not run without it."""
    tests_by_reason: dict[str, dict[str, None]] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, reason in getattr(report, "user_properties", ()):
            if name == NOT_RUN:
                tests_by_reason.setdefault(reason, {})[report.nodeid] = None
    for reason, tests in tests_by_reason.items():
        terminalreporter.write_line(f"not run: {', '.join(tests)}; {reason}", yellow=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Tier:
    """What the test runs on, as ``--rig`` says; it is all there."""
    from hil_tests.means import lacking_for  # noqa: PLC0415

    tier = Tier(request.config.getoption("--rig"))
    names = [name for mark in request.node.iter_markers("rigs") for name in mark.args]
    if names and tier.value not in names:
        pytest.skip(f"makes sense on --rig {' or '.join(names)} only")
    _require(request, tier, lacking_for(tier))
    return tier


@pytest.fixture
def play(rig: Tier, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Result]:
    """Plays a scenario file on the rig; its verdict, its sentences and all that was seen are in the result."""
    from hil_tests.means import lacking, on_tier  # noqa: PLC0415
    from hil_tests.proving import run_on  # noqa: PLC0415
    from hil_tests.scenario import load_scenario  # noqa: PLC0415

    def played(file: Path) -> Result:
        scenario = load_scenario(file)
        there = on_tier(scenario, rig)
        _require(request, rig, [] if rig is Tier.INPROCESS else lacking(there))
        return run_on(rig, file, scenario, tmp_path)

    return played


@pytest.fixture
def target(rig: Tier) -> Iterator[Around]:
    """Puts an agent into the home of a scenario file, on the rig."""
    if rig is Tier.INPROCESS:
        pytest.skip("an agent is a process of its own; in process only Lum's own hub can be run")
    from hil_tests.target import target as around  # noqa: PLC0415

    with tempfile.TemporaryDirectory(
        prefix="lum-", ignore_cleanup_errors=True
    ) as name:  # short: sockets go there
        yield lambda home: around(rig, home, Path(name))


def _require(request: pytest.FixtureRequest, tier: Tier, lacks: Sequence[str]) -> None:
    """Skip, or fail when CI=true, and say so in the report for the list at the end."""
    if not lacks:
        return
    reason = f"--rig {tier.value} lacks {', '.join(lacks)}"
    request.node.user_properties.append((NOT_RUN, reason))
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
