"""An auditor with what he was handed: the log, batches, and a checkpoint that somebody else has kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil_tests.attack.answers import answered
from hil_tests.attack.attack import BrokenError, Said
from hil_tests.attack.pen import Pen, sealed
from hil_tests.attack.target import Target
from hil_tests.rig.errors import RigError
from zero_trust.audit_file import LogFile

TAMPERED = "nobody stopped him at the store"
HOME = "audited"


@dataclass(frozen=True, slots=True)
class Handed:
    """What an auditor was handed: the log, a checkpoint that somebody else has kept, batches; and the hub's pen."""

    log: Path
    kept: Path
    evidence: Path
    pen: Pen

    def read(self) -> LogFile:
        """The log as exported."""
        return LogFile(self.log.read_text().splitlines())


async def handed_over(site: Target) -> Handed:
    """Made once: two batches of a hub, the log of a site that has made a checkpoint of it."""
    directory = site.directory / "handed"
    pen = await site.pen_of(HOME)
    known = Handed(directory / "log.jsonl", directory / "kept.txt", directory / "evidence.jsonl", pen)
    if directory.exists():
        return known
    directory.mkdir()
    for _ in range(2):
        await answered(site, pen.hub, sealed(pen.batch(), site.site_public, pen.hub))
    await _checkpoint(site)
    for ended in (
        await site.trust("audit", "export", str(known.log)),
        await site.receiver("evidence", str(known.evidence), "--home", HOME),
        kept := await site.trust("audit", "checkpoint"),
    ):
        if ended.status:
            raise RigError(f"The auditor could not be handed what he needs: {ended.told}")
    known.kept.write_text(kept.out)
    return known


async def _checkpoint(site: Target) -> None:
    """The intake makes one as it starts: so it is started again."""
    before = site.site.kill("intake")
    rows = site.rows("SELECT max(number) FROM audit")[0][0]

    async def made() -> bool:
        return site.site.pid("intake") != before and bool(
            site.rows("SELECT 1 FROM checkpoint WHERE rows >= ?", rows)
        )

    await site.until(made, "the intake's checkpoint", 30.0)


async def verified(site: Target, log: Path, handed: Handed, evidence: Path | None = None) -> Said:
    """What ``lum-trust audit verify`` tells an auditor who keeps a checkpoint."""
    more = ("--evidence", str(evidence)) if evidence else ()
    told = await site.trust("audit", "verify", str(log), "--checkpoint", str(handed.kept), *more)
    if not told.status:
        raise BrokenError(f"The auditor found nothing: {told.told}")
    return Said(TAMPERED, told.told)
