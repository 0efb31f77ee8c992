"""What the site starts by itself beside its lasting processes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cloud_sync.receiver import supervisor
from tests.helpers.site import eventually

APPENDS = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10)); sys.exit(75)"


async def test_what_is_too_old_is_erased_again_and_again_also_after_a_failure(tmp_path: Path) -> None:
    """The process of the day is told to apply the policy; one that failed is no reason to stop."""
    noted = tmp_path / "noted"
    noted.touch()
    command = [sys.executable, "-S", "-c", APPENDS, str(noted)]

    clearing = asyncio.create_task(supervisor._keep_clearing(command, first_s=0, period_s=0))
    try:
        await eventually(lambda: len(noted.read_text().splitlines()) >= 2, "it ran twice")
    finally:
        clearing.cancel()
        await asyncio.gather(clearing, return_exceptions=True)

    assert set(noted.read_text().splitlines()) == {"--apply --json"}
