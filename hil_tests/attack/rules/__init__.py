"""The rules that attacks meet: for each, which attacks must not hold once it is taken away.

A rule is taken away in every process of a throwaway site, in its hubs and in every command, by the environment
that :func:`environment` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hil_tests.attack.rules import connection, entry, people, speech
from hil_tests.attack.rules.rule import Rule

VARIABLE = "LUM_RIG_RULE"
PLANT = Path(__file__).parents[2] / "mutants" / "plant"

RULES: Mapping[str, Rule] = {**entry.RULES, **connection.RULES, **speech.RULES, **people.RULES}


def environment(name: str) -> Mapping[str, str]:
    """What takes the rule ``name`` away."""
    return {VARIABLE: name, "PYTHONPATH": str(PLANT)}
