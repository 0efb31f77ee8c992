"""What goes wrong in a callback is heard by every run that goes on meanwhile, and by no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from hil_tests import runner
from hil_tests.mishaps import mishaps
from hil_tests.rig.errors import RigError
from hil_tests.scenario import Home, Scenario
from hil_tests.verdict import Verdict

TORN = "The rig failed: ValueError in a callback: torn"


async def tear() -> None:
    """Let a callback fail."""

    def torn() -> None:
        raise ValueError("torn")

    asyncio.get_running_loop().call_soon(torn)
    await asyncio.sleep(0)


async def test_each_run_hears_what_falls_into_its_time(caplog: pytest.LogCaptureFixture) -> None:
    """Two beside each other, ending in the order in which they began; it is logged as ever."""
    first, second = ExitStack(), ExitStack()
    one = first.enter_context(mishaps())
    await tear()
    two = second.enter_context(mishaps())
    await tear()
    first.close()
    await tear()
    second.close()
    await tear()
    assert (one, two) == ([TORN] * 2, [TORN] * 2)
    assert len(caplog.records) == 4


async def test_a_task_of_the_products_is_not_the_rigs_callback(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever else a loop complains of is logged only."""
    with mishaps() as told:
        asyncio.get_running_loop().call_exception_handler({"message": "a transport is lost"})
    assert told == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_such_a_run_over_processes_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes first in what the run has to say."""

    @asynccontextmanager
    async def brought_up(*_: Any) -> AsyncIterator[None]:
        await tear()
        raise RigError("nothing else")
        yield

    monkeypatch.setattr(runner, "brought_up", brought_up)
    result = await runner.run(Scenario("Test", 1, 1.0, Home("home"), ()), "test.toml")
    assert (result.verdict, result.sentences[0]) == (Verdict.INVALID, TORN)
