"""Planted bugs: each file here replaces one function of the hub, and names the scenario that must notice.

A rig that passes a broken hub proves nothing. A mutant has three names: ``TARGET``, the function that is
replaced (``module:Class.method``); ``CAUGHT_BY``, a scenario; and ``planted(original)``, which returns what stands in its
place. ``plant/sitecustomize.py`` plants it as the hub's process imports the module; the hub itself knows nothing of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
VARIABLE = "LUM_RIG_MUTANT"


def names() -> list[str]:
    """All mutants."""
    return sorted(file.stem for file in HERE.glob("*.py") if file.stem != "__init__")


def caught_by(name: str) -> str:
    """The scenario that must not pass with this mutant."""
    return str(importlib.import_module(f"hil_tests.mutants.{name}").CAUGHT_BY)


def environment(name: str) -> Mapping[str, str]:
    """What plants a mutant in a process."""
    return {VARIABLE: str(HERE / f"{name}.py"), "PYTHONPATH": str(HERE / "plant")}
