"""How the chain comes up, where that needs no chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hil_tests.rig.errors import RigError
from hil_tests.strategy import _is_online


def _hub(*, running: bool, uplink: str) -> Any:
    """A hub of which no more is known."""
    return SimpleNamespace(process=SimpleNamespace(running=running), status=lambda: {"uplink": uplink})


@pytest.mark.parametrize(("uplink", "online"), [("online", True), ("offline", False)])
def test_a_hub_that_runs_is_waited_for(uplink: str, *, online: bool) -> None:
    """Until it is online."""
    assert _is_online(_hub(running=True, uplink=uplink)) is online


def test_a_hub_that_ended_is_not_waited_for() -> None:
    """Its last words say why."""
    with pytest.raises(RigError, match="ended as soon as it was started"):
        _is_online(_hub(running=False, uplink="online"))
