"""Watch and notifier as they run: a press reaches somebody outside, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path

from tests.helpers.desk import EVERYTHING, consent
from tests.helpers.incident_site import HOME, Site
from tests.helpers.outside import outside
from tests.helpers.site import eventually
from zero_trust.keystore import write_private

CHANNEL = """
[[channel]]
name = "duty"
to = "operations"
kind = "webhook"
url = "http://127.0.0.1:{port}/a-secret-that-no-log-holds"
secret = "channel.key"
[[channel]]
name = "sms"
to = "family"
kind = "file"
path = "sms.jsonl"
"""


async def test_a_press_is_told_though_the_notifier_is_killed_again_and_again(tmp_path: Path) -> None:
    """The channel refuses, then takes it: once is enough, and what comes twice has the same id."""
    site = Site(tmp_path, "version = 1\n" + consent(HOME, *EVERYTHING))
    site.now_ms = time.time_ns() // 1_000_000
    write_private(tmp_path / "channel.key", b"0123456789abcdef0123456789abcdef")
    async with outside(503) as there, contextlib.AsyncExitStack() as stack:
        with (tmp_path / "receiver.toml").open("a") as file:
            file.write(CHANNEL.format(port=there.port))

        async def start(role: str) -> asyncio.subprocess.Process:
            words = [
                sys.executable,
                "-m",
                "cloud_sync.receiver.cli",
                role,
                "--config",
                "receiver.toml",
                "--child",
            ]
            log = stack.enter_context((tmp_path / "log").open("ab"))
            process = await asyncio.create_subprocess_exec(*words, cwd=tmp_path, stdout=log, stderr=log)
            stack.push_async_callback(kill, process)
            return process

        async def kill(process: asyncio.subprocess.Process) -> None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

        await start("watch")
        site.press()
        for tries in (1, 2):
            notifier = await start("notify")
            await eventually(lambda tries=tries: len(there.asked) >= tries, "it is tried")  # type: ignore[misc]
            await kill(notifier)
        there.status = 204
        await start("notify")
        await eventually(lambda: _delivered(site) == {"duty", "sms"}, "it is delivered", wait_s=60)

    sent = [json.loads(one.body) for one in there.asked]
    family = [json.loads(line) for line in (tmp_path / "sms.jsonl").read_text().splitlines()]
    for told in (sent, family):
        raised = {one["id"] for one in told if (one["subject"], one["occasion"]) == ("help", "raised")}
        assert len(raised) == 1
    assert "a-secret-that-no-log-holds" not in (tmp_path / "log").read_text()
    site.home.db.close()


def _delivered(site: Site) -> set[str]:
    rows = site.home.db.execute(
        "SELECT channel FROM delivery JOIN notice ON number = notice WHERE state = 'delivered' AND occasion = 'raised'"
        " AND subject = 'help'"
    )
    return {row["channel"] for row in rows}
