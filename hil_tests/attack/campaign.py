"""Tries attacks one after the other on one throwaway site."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from hil_tests.attack.attack import Attack
from hil_tests.attack.judge import Tried, judged
from hil_tests.attack.target import throwaway


async def tried(attacks: Sequence[Attack]) -> AsyncIterator[Tried]:
    """Each attack and what came of it, as soon as it is known.

    Raises:
        RigError: the site did not start.
    """
    logging.getLogger("asyncio").setLevel(
        logging.ERROR
    )  # nats' client hangs up in a way that asyncio remarks on
    # Short: sockets go there.
    with tempfile.TemporaryDirectory(prefix="lum-", ignore_cleanup_errors=True) as name:
        async with throwaway(Path(name)) as target:
            for one in attacks:
                yield await judged(one, target)


def summary(results: Sequence[Tried]) -> dict[str, int]:
    """How many were tried, how many held, how many did not."""
    held = sum(one.held for one in results)
    return {"attacks": len(results), "held": held, "broken": len(results) - held}
