"""``lum-hil demo`` as a person runs it: what it says at the end is true, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from hil_tests.rig.process import command
from tests.helpers.site import eventually

STOP_MAX_S = 45.0
AT_ONCE_MAX_S = 10.0
PROMISED = {
    "heard",
    "delivered",
    "stored",
    "lost",
    "duplicated",
    "refused",
    "in_window",
    "urgent_ms",
    "bytes_per_reading",
    "hub_rss_mb",
    "hub_cpu_percent",
    "kills",
    "restores",
    "invalid",
}


class Demo:
    """One run of the demo in a process group of its own, as a terminal starts it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        """Start it; whatever it makes for the time being lies in our directory."""
        self._process = await asyncio.create_subprocess_exec(
            command("lum-hil"),
            "demo",
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(self.directory)},
            start_new_session=True,
        )

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process of the demo itself."""
        assert self._process is not None
        return self._process

    async def busy(self) -> None:
        """Wait until the hub holds readings that are not on their way yet."""
        await eventually(lambda: self._held() > 0, "the hub holds readings")

    async def says(self, words: str) -> None:
        """Wait until it says that to the person who started it."""
        assert self.process.stderr is not None
        async with asyncio.timeout(STOP_MAX_S):
            while words.encode() not in await self.process.stderr.readline():
                assert not self.process.stderr.at_eof()

    async def result(self, wait_s: float) -> tuple[int, dict[str, Any]]:
        """Its exit code and the JSON object of its last line."""
        async with asyncio.timeout(wait_s):
            out, complaint = await self.process.communicate()
        assert self.process.returncode is not None
        assert out, complaint.decode()
        return self.process.returncode, json.loads(out.decode().splitlines()[-1])

    def left_behind(self) -> list[str]:
        """Processes that still run, and files that are still there."""
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        processes = [line for line in lines if str(self.directory) in line]
        return processes + [file.name for file in self.directory.iterdir()]

    def _held(self) -> int:
        for file in self.directory.glob("lum-*/hub/run/status.json"):
            status = json.loads(file.read_text())
            return int(status["uncommitted"] + status["uncut"])
        return 0

    async def clean_up(self) -> None:
        """End what a failed test left."""
        if self.process.returncode is None:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                process.kill()
            self.process.kill()
            await self.process.wait()


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """A demo that is ended whatever happens."""
    run = Demo(tmp_path)
    yield run
    await run.clean_up()


def _balanced(result: dict[str, Any]) -> None:
    assert result.keys() >= PROMISED
    assert result["urgent_ms"].keys() == {"p50", "p99"}
    assert (result["lost"], result["duplicated"], result["refused"]) == (0, 0, 0)
    assert 0 < result["stored"] == result["delivered"] - result["in_window"]
    assert len(result["missing"]) == result["in_window"]
    assert (result["coincided"], result["invalid"]) == (0, [])
    assert not any(lack["urgent"] for lack in result["missing"])
    assert result["heard"] > 0
    assert 0 < result["urgent_ms"]["p50"] <= result["urgent_ms"]["p99"]
    assert min(result[figure] for figure in ("bytes_per_reading", "hub_rss_mb", "hub_cpu_percent")) > 0


async def test_a_short_run_balances_and_leaves_nothing(demo: Demo) -> None:
    """Exit code 0, every promised figure, every reading accounted for, no process and no file left.

    Its home speaks at least six formats; two of its sensors must be connected to, and some encrypt.
    """
    await demo.start("--for", "20", "--json")
    status, result = await demo.result(90)

    assert (status, result["ok"]) == (0, True)
    _balanced(result)
    assert (result["in_window"], result["kills"], result["restores"]) == (0, [], [])
    assert result["heard"] >= result["stored"]
    assert len(result["models"]) >= 6
    assert result["models"].keys() >= {"environmental_sensing", "health_thermometer", "mibeacon"}
    assert demo.left_behind() == []


@pytest.mark.parametrize("everybody", [True, False], ids=["Ctrl-C in a terminal", "the demo alone"])
async def test_an_interrupt_ends_everything_in_good_order(demo: Demo, everybody: bool) -> None:
    """The story ends early, what was heard is still handed over and balanced; nothing is left.

    A terminal sends Ctrl-C to every process it started, so the rig must keep its own out of it.
    """
    await demo.start("--for", "600", "--json")
    await demo.busy()
    interrupt = os.killpg if everybody else os.kill
    interrupt(demo.process.pid, signal.SIGINT)

    status, result = await demo.result(STOP_MAX_S)

    assert (status, result["ok"]) == (0, True)
    assert 0 < result["stored"] == result["delivered"]
    assert demo.left_behind() == []


async def test_a_second_interrupt_ends_everything_at_once(demo: Demo) -> None:
    """While the hub hands over, a person in a hurry is obeyed: one sentence, exit code 130, nothing left."""
    await demo.start("--for", "600", "--json")
    await demo.busy()
    os.kill(demo.process.pid, signal.SIGINT)
    await demo.says("The story is over.")
    os.kill(demo.process.pid, signal.SIGINT)

    async with asyncio.timeout(AT_ONCE_MAX_S):
        out, complaint = await demo.process.communicate()

    assert demo.process.returncode == 130
    assert (out, complaint.decode().count("\n")) == (b"", 1)
    assert complaint.startswith(b"Ended at once")
    assert demo.left_behind() == []


@pytest.mark.long
async def test_a_run_with_chaos_loses_nothing(demo: Demo) -> None:
    """All die twice, store and hub are put back, each with its effect; nothing is lost, nothing counts twice."""
    await demo.start("--for", "90", "--chaos", "--json")
    status, result = await demo.result(300)

    assert (result["refusals"], result["invalid"]) == ([], [])
    _balanced(result)
    assert (status, result["ok"]) == (0, True)
    assert sorted(kill["what"] for kill in result["kills"]) == sorted(2 * ["hub", "intake", "broker"])
    store, hub = sorted(result["restores"], key=lambda restore: str(restore["what"]), reverse=True)
    assert (store["what"], hub["what"]) == ("store", "hub")
    assert store["backup_at_s"] < store["at_s"] < hub["at_s"]
    assert hub["image_at_s"] < hub["at_s"]
    assert store["lacked"] > 0
    assert demo.left_behind() == []


async def test_chaos_that_is_cut_short_is_no_pass(demo: Demo) -> None:
    """What was announced and did not happen is named, and the run proves nothing."""
    await demo.start("--for", "600", "--chaos", "--json")
    await demo.busy()
    os.kill(demo.process.pid, signal.SIGINT)

    status, result = await demo.result(STOP_MAX_S)

    assert (status, result["ok"]) == (1, False)
    assert (result["lost"], result["duplicated"]) == (0, 0)
    assert "The run ended before restoring the store." in result["invalid"]
