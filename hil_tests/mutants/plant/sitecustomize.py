"""Python imports this at its start, if its directory is on PYTHONPATH: it plants the mutant, or takes away the rule, that is asked for."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any


class Planter(importlib.abc.MetaPathFinder):
    """Finds the target's module as it would be found, and replaces one name once it has run."""

    def __init__(self, target: str, planted: Callable[[Any], Any]) -> None:
        self._module, _, self._path = target.partition(":")
        self._planted = planted

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the target's module with a loader that plants; None for all others."""
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            self._plant_after(spec.loader)
        return spec

    def _plant_after(self, loader: Any) -> None:
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            *outer, last = self._path.split(".")
            place: Any = module
            for one in outer:
                place = getattr(place, one)
            setattr(place, last, self._planted(getattr(place, last)))

        loader.exec_module = exec_module


if mutant := os.environ.get("LUM_RIG_MUTANT"):
    facts = runpy.run_path(mutant)
    sys.meta_path.insert(0, Planter(facts["TARGET"], facts["planted"]))
if taken := os.environ.get("LUM_RIG_RULE"):
    rule = importlib.import_module("hil_tests.attack.rules").RULES[taken]
    sys.meta_path.insert(0, Planter(rule.target, rule.without))
