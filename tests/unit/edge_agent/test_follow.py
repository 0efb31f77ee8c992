"""A running hub that looks for a newer bundle: what stands in the way is an alarm only if it is about bundles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent import agent
from edge_agent.adapters import authority
from edge_agent.alarms import Alarms
from edge_agent.errors import UplinkError


@pytest.fixture
def hub() -> Any:
    """All that following needs of one."""
    return SimpleNamespace(identity=object(), alarms=Alarms(lambda: 0))


def answers(monkeypatch: pytest.MonkeyPatch, trouble: UplinkError | None) -> None:
    """The authority leads on, or not."""

    def catch_up(_: object) -> bool:
        if trouble:
            raise trouble
        return True

    monkeypatch.setattr(authority, "catch_up", catch_up)


async def test_a_way_that_is_lost_is_told_until_it_is_found(
    monkeypatch: pytest.MonkeyPatch, hub: Any
) -> None:
    """With the code and the sentence; nothing else stops."""
    answers(monkeypatch, UplinkError("No way.", hint="Put it back.", code="bundle-way-lost"))
    await agent.follow(hub)
    [alarm] = hub.alarms.standing()
    assert (alarm["name"], alarm["code"]) == ("bundle", "bundle-way-lost")
    assert alarm["sentence"] == "No way. Put it back."

    answers(monkeypatch, None)
    await agent.follow(hub)
    assert hub.alarms.standing() == []


async def test_an_authority_that_is_away_is_no_alarm_of_its_own(
    monkeypatch: pytest.MonkeyPatch, hub: Any
) -> None:
    """The uplink says that already."""
    answers(monkeypatch, UplinkError("away", code="authority-unreachable"))
    await agent.follow(hub)

    assert "bundle" not in hub.alarms
