"""Attacks on a throwaway site hold; and without the rule that they meet they do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hil_tests.attack.families import attacks
from hil_tests.attack.rules import RULES, environment

WAIT_S = 1_200
SOME = (
    "voucher-guessed-again-and-again",
    "enrolment-of-a-stolen-identity",
    "renewal-in-anothers-name",
    "renewal-of-a-copied-card",
    "certificate-self-signed",
    "certificate-with-two-names",
    "client-id-of-another-hub",
    "speaking-as-another-hub",
    "batch-altered-inside",
    "batch-replayed",
    "session-replayed",
    "older-session-replayed",
    "time-replayed",
    "staff-outside-their-caseload",
    "glass-after-an-hour",
    "link-bent-to-another-home",
    "audit-written-anew",
    "stolen-authority-back-dates",
)
QUICK = ("voucher-ends", "identity-is-proven", "hello-opens-once", "issued-here")


def tried(names: Sequence[str], without: Mapping[str, str] = {}) -> tuple[list[dict[str, Any]], int]:
    """``lum-hil attack NAMES --json``: what came of each, and its exit code; the last line counts them."""
    ended = subprocess.run(
        [Path(sys.executable).with_name("lum-hil"), "attack", *names, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        env={**os.environ, **without},
    )
    *results, summary = [json.loads(line) for line in ended.stdout.splitlines()] or [{}]
    held = sum(one["held"] for one in results)
    assert summary == {"attacks": len(results), "held": held, "broken": len(results) - held}, ended.stderr
    return results, ended.returncode


def _all_hold(names: Sequence[str], count: int) -> None:
    results, status = tried(names)
    assert [(one["name"], one["why"]) for one in results if not one["held"]] == []
    assert (len(results), status) == (count, 0)
    assert all(one["said"]["attacker"] and one["said"]["site"] for one in results)


def test_some_attacks_of_each_family_hold() -> None:
    """Both ends have spoken, and nothing else changed."""
    _all_hold(SOME, len(SOME))


@pytest.mark.long
def test_all_attacks_hold() -> None:
    """Every one that has a name."""
    _all_hold(["all"], len(attacks()))


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.long) for name in RULES if name not in QUICK)]
)
def test_without_its_rule_an_attack_is_no_longer_held_off(name: str) -> None:
    """Each that the rule names; they were tried, and not merely impossible to try."""
    results, status = tried(RULES[name].broken, environment(name))

    assert [one["name"] for one in results if one["held"]] == []
    assert [one["why"] for one in results if one["invalid"]] == []
    assert (len(results), status) == (len(RULES[name].broken), 1)
