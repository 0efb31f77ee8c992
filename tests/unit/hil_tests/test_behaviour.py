"""What a script can let happen: every behaviour is described, and no word is there in vain."""

from __future__ import annotations

from typing import get_args

import pytest

from hil_tests.rig.behaviour import ACTIONS, Action, Behaviour
from hil_tests.rig.hub import ROLES


@pytest.mark.parametrize("table", [ACTIONS, ROLES])
def test_every_behaviour_is_described(table: dict[Behaviour, object]) -> None:
    """By what it can do, and as what the hub is told of it."""
    assert set(table) == set(get_args(Behaviour))


def test_some_sensor_can_do_each_action() -> None:
    """A word that nobody understands would be a typing mistake."""
    assert {action for able in ACTIONS.values() for action in able} == set(get_args(Action))
