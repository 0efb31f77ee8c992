"""``lum-hub enrol`` as a process that is killed in mid-sentence, and started again by somebody who knows nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.rig.disk import LossyDisk
from hil_tests.rig.process import command
from tests.helpers.bad_line import BadLine, Meeting, Mishap, bad_line
from tests.helpers.site import Ended, ended, eventually
from tests.helpers.site_process import SiteProcess, site_process
from zero_trust.tls import server_context
from zero_trust.voucher import parse_voucher


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


async def test_killed_while_the_answer_is_on_its_way(site: SiteProcess, tmp_path: Path) -> None:
    """The voucher was scanned; afterwards nobody has it any more, and nobody needs it."""
    config, home = _configured(tmp_path, tmp_path / "state"), "h-answer"
    with _line(site, [Meeting(), Meeting(), Meeting(Mishap.HELD)]) as line:
        scanned = replace(parse_voucher(site.voucher(home)), port=line.port).text
        async with _enrolling(config, typed=scanned.lower().replace("lum1", "LUM1")) as hub:
            await eventually(lambda: _words(site, home), "the site has granted it")
            hub.kill()
            await hub.wait()
        assert not (tmp_path / "state" / "credential").exists()

        resumed = await ended("lum-hub", "enrol", "--config", str(config))

    assert resumed.status == 0, resumed.complaint
    assert _said(resumed) == _words(site, home)


@pytest.mark.needs("fusermount3")
async def test_a_power_cut_before_and_after(site: SiteProcess, tmp_path: Path) -> None:
    """On a disk that forgets what was not synced: before the first answer, and a moment after the last."""
    home = "h-power"
    async with LossyDisk(tmp_path / "disk") as disk:
        config = _configured(tmp_path, disk.path / "lum" / "state")
        with _line(site, [Meeting(Mishap.HELD)]) as line:
            voucher = replace(parse_voucher(site.voucher(home)), port=line.port).text
            async with _enrolling(config, voucher) as hub:
                await eventually(lambda: line.met, "it asks who is there")
                hub.kill()
                await hub.wait()
            await disk.cut()
            assert not _words(site, home)

            done = await ended("lum-hub", "enrol", "--config", str(config), voucher)
            assert done.status == 0, done.complaint
            await disk.cut()
            again = await ended("lum-hub", "enrol", "--config", str(config))

    assert again.status == 0, again.complaint
    assert _said(done) == _said(again) == _words(site, home)


async def test_a_line_that_stays_bad_is_given_up_with_advice(site: SiteProcess, tmp_path: Path) -> None:
    """A sentence for each attempt, none of them with the voucher's code; exit code 75: try again later."""
    config = _configured(tmp_path, tmp_path / "state")
    voucher = parse_voucher(site.voucher())
    with _line(site, [Meeting(Mishap.PAGE)] * 50) as line:
        given_up = await ended(
            "lum-hub", "enrol", "--config", str(config), "--for", "4", replace(voucher, port=line.port).text
        )

    *tried, last = given_up.complaint.splitlines()
    assert given_up.status == 75
    assert tried
    assert all("sign-in page" in line and "trying again in" in line for line in tried)
    assert last.endswith("[STRA, stranger-answers]")
    assert voucher.code not in given_up.complaint + given_up.out
    assert (await ended("lum-hub", "enrol", "--config", str(config), voucher.text)).status == 0


def _configured(directory: Path, state: Path) -> Path:
    config = directory / "hub.toml"
    config.write_text(f'state_dir = "{state}"\nruntime_dir = "{directory / "run"}"\n')
    return config


def _line(site: SiteProcess, script: list[Meeting]) -> contextlib.AbstractContextManager[BadLine]:
    files = site.config.paths.authority
    page = server_context(files / "https.crt", files / "https.key")
    return bad_line(site.config.ports.authority, script, page)


@contextlib.asynccontextmanager
async def _enrolling(
    config: Path, *voucher: str, typed: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``lum-hub enrol`` as it runs."""
    pipe = asyncio.subprocess.PIPE
    words = (command("lum-hub"), "enrol", "--config", str(config), *voucher)
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    process.stdin.write(f"{typed}\r\n".encode())
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _words(site: SiteProcess, home: str) -> str:
    """The words of the home's one hub, as operations see them; empty as long as it has none."""
    rows = [row["words"] for row in site.operator.hubs() if row["home"] == home]
    assert len(rows) <= 1
    return str(rows[0]) if rows else ""


def _said(enrolled: Ended) -> str:
    """The words that the hub shows."""
    return enrolled.out.rsplit(": ", 1)[1].strip()
