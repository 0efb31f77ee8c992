"""READ FIRST: runs one scenario in virtual time, in this process; the same seed gives the same run to the bit.

    beacons ~ air ~> bleak > hub's core > outbox (SQLite) > uplink > line > intake > store > receipts back
                                                                                      └> watch > ledger, incidents

Real are the rig's sensors and medium, the hub from bleak's scanner to its uplink, the outbox, every signature
and encryption, the intake with its store, and, where a scenario asks for its word, the watch. Stood in for are HCI, the MQTT client and its broker (``line.py``),
threads (``loop.py``) and both clocks. For what only processes show (power cut in mid-write, a slow disk, TLS,
admission) run the same file over processes.

    lum-hil run p1_lossy_radio --virtual
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import tempfile
from collections.abc import Iterator, MutableMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from structlog.testing import capture_logs

from cloud_sync.wire.message import SIGNATURE_BYTES
from hil_tests.at_home import SiteWord
from hil_tests.demo import ScenarioStory
from hil_tests.inprocess.bench import VirtualBench
from hil_tests.inprocess.faults import check, play
from hil_tests.inprocess.hub import VirtualHub, wall_s
from hil_tests.inprocess.line import Line, uplink_over
from hil_tests.inprocess.loop import run_threadless
from hil_tests.inprocess.site import VirtualSite, claims
from hil_tests.inprocess.watching import VirtualWatch
from hil_tests.ledger import Balance, Ledger
from hil_tests.mishaps import mishaps
from hil_tests.rig.air import Air, Delivery
from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.errors import RigError
from hil_tests.runner import LAST_ADVERTS_S, Result
from hil_tests.scenario import load_scenario
from hil_tests.tier import Tier
from hil_tests.verdict import Observed, judge

if TYPE_CHECKING:
    from hil_tests.scenario import Scenario

RAM_DISK = Path("/dev/shm")  # noqa: S108 - the system's; SQLite as it is, without waiting for a disk
ONLINE_WAIT_S = 30.0
DRAIN_WAIT_S = 600.0  # the longest pause between two attempts is shorter


@dataclass(slots=True)
class VirtualResult(Result):
    """One run in virtual time.

    Attributes:
        hash: Over all that was delivered, decided, signed and stored.
        balance: What was delivered against what is stored; None if the rig failed before.
    """

    hash: str = ""
    balance: Balance | None = None

    @property
    def replay(self) -> str:
        """The one line that runs it again."""
        return f"lum-hil run {self.file} --virtual --seed {self.seed}"


@dataclass(slots=True)
class Account:
    """Collects in order what a run's hash is over."""

    _sum: Any = field(default_factory=hashlib.sha256)

    def add(self, what: str, *facts: object) -> None:
        """Add facts; nothing in them may depend on this machine."""
        self._sum.update(msgspec.msgpack.encode((what, facts)))

    def hear(self, delivery: Delivery) -> None:
        """Add what the medium gave to the hub."""
        self.add("heard", delivery.at, delivery.address, delivery.data, delivery.signal_dbm)

    @property
    def hash(self) -> str:
        """So far."""
        total: str = self._sum.hexdigest()
        return total


@dataclass(slots=True)
class Chain:
    """All parts of one run."""

    scenario: Scenario
    site: VirtualSite
    hub: VirtualHub
    bench: VirtualBench
    account: Account
    watch: VirtualWatch | None  # only where the scenario asks for its word: it takes its time


def run_file(file: str | Path, seed: int | None = None) -> VirtualResult:
    """Run a scenario file; without ``seed`` with its own.

    Raises:
        ScenarioError: the file cannot be used.
        RigError: it has a fault that needs processes.
    """
    scenario = load_scenario(Path(file))
    return run_virtual(scenario, scenario.seed if seed is None else seed, file=str(file))


def run_virtual(scenario: Scenario, seed: int, *, file: str = "") -> VirtualResult:
    """Run a scenario to its end; whatever fails in it is in the result.

    Raises:
        RigError: it has a fault that needs processes.
    """
    check(scenario.faults)
    scenario = msgspec.structs.replace(scenario, seed=seed)
    result = VirtualResult(scenario, file, seed, tier=Tier.INPROCESS)
    disk = RAM_DISK if RAM_DISK.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="lum-", dir=disk) as name,
        capture_logs() as log,
        _only_new_garbage(),
    ):
        run_threadless(_run(scenario, Path(name), result, log), seed)
    return result


@contextlib.contextmanager
def _only_new_garbage() -> Iterator[None]:
    """What was there before the run stays: looking through it for garbage, again and again, takes time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _run(
    scenario: Scenario, directory: Path, result: VirtualResult, log: list[MutableMapping[str, Any]]
) -> None:
    result.began = wall_s()
    with _chain(scenario, directory) as chain, mishaps() as told:
        try:
            await _play(chain, result)
            await _hand_over(chain)
            await _observe(chain, result, log)
        except* RigError as group:
            result.sentences.append(f"The rig failed: {group.exceptions[0]}")
    result.doubt(told)
    result.ended = wall_s()


@contextlib.contextmanager
def _chain(scenario: Scenario, directory: Path) -> Iterator[Chain]:
    """Everything built and joined, silent as yet."""
    story = ScenarioStory(scenario)
    account = Account()
    ledger = Ledger({sensor.address for sensor in story.sensors if sensor.key is not None})
    air = Air(scenario.seed, wall=wall_s)
    site = VirtualSite(directory, scenario.seed, story.home, lambda: round(wall_s() * 1000))
    line = Line(site.identity.hub, site.take)
    hub = VirtualHub(directory, air, site.identity, uplink_over(line), scenario.hub)
    hub.configure(story.sensors)
    bench = VirtualBench(
        scenario, directory, air, ledger, SimulatedHome(air, scenario, ledger.transmit), hub, line
    )
    for observer in (ledger.deliver, account.hear, lambda delivery: bench.hear(delivery.address)):
        air.observe(observer)
    try:
        watched = scenario.expect.moments or scenario.home.parameters
        watch = site.watch(scenario.home.parameters) if watched else None
        yield Chain(scenario, site, hub, bench, account, watch)
    finally:
        site.close()


async def _play(chain: Chain, result: VirtualResult) -> None:
    """The story, and what goes wrong meanwhile."""
    bench = chain.bench
    chain.hub.start()
    await bench.until(lambda: chain.hub.online, "the hub's way to the site", ONLINE_WAIT_S)
    result.story_at = wall_s()
    bench.home.start()
    watching = asyncio.create_task(chain.watch.run()) if chain.watch else None
    try:
        async with asyncio.TaskGroup() as tasks:
            playing = [tasks.create_task(play(fault, bench)) for fault in chain.scenario.faults]
            tasks.create_task(asyncio.sleep(chain.scenario.duration_s))
    finally:
        bench.home.stop()
        if watching:
            watching.cancel()
    result.evidence = [task.result() for task in playing]


async def _hand_over(chain: Chain) -> None:
    """What is still missing then shows in the balance."""
    await asyncio.sleep(LAST_ADVERTS_S)
    with contextlib.suppress(RigError):
        await chain.bench.until(chain.hub.idle, "handing over", DRAIN_WAIT_S)


async def _observe(chain: Chain, result: VirtualResult, log: list[MutableMapping[str, Any]]) -> None:
    """Stop the hub, so that it hands over what it holds; then ask both ends."""
    hub, bench = chain.hub, chain.bench
    online, standing = hub.online, hub.standing()
    await hub.stop()
    evidence = chain.site.evidence()
    result.stored = chain.site.readings(evidence)
    result.balance = bench.ledger.balance(
        result.stored, bench.hub_kills, chain.scenario.hub.commit_window_max_s
    )
    result.figures = _figures(chain, result.balance)
    seen = Observed(
        balance=result.balance,
        evidence=result.evidence,
        unproven=[],
        alarms={entry["alarm"] for entry in log if entry["event"] == "alarm.set"},
        standing=standing,
        counts=hub.counts(),
        flags={flag for row in result.stored for flag in row["flags"]},
        refusals={refusal.code for refusal in chain.site.registry.refusals()},
        forks=chain.site.batches.totals()["forks"],
        incidents={str(incident["code"]) for incident in chain.site.batches.incidents()},
        online=online,
        began=result.began,
        claimed=claims(evidence),
        blind=[(span.start, span.end) for span in bench.blind_spans],
        story_at=result.story_at,
        word=chain.watch.word() if chain.watch else SiteWord(),
    )
    result.verdict, result.sentences = judge(chain.scenario.expect, seen, chain.scenario.expected_failure)
    result.hash = _hash(chain, result, log)


def _figures(chain: Chain, balance: Balance) -> dict[str, Any]:
    counts = chain.bench.air.counts
    return {
        "delivered": balance.delivered,
        "stored": balance.stored,
        "lost": len(balance.lost),
        "in_window": len(balance.in_window),
        "coincided": len(balance.coincided),
        "duplicated": len(balance.duplicated),
        "adverts": counts.delivered,
        "adverts_lost": counts.lost,
        "batches": len(chain.site.signed()),
        "lives": len(chain.hub.lives),
        "silent": [plan.name for plan in chain.scenario.sensors if not _speaks(chain.bench.home, plan.name)],
    }


def _speaks(home: SimulatedHome, sensor: str) -> bool:
    """Whether it has a voice here; not so where it must be connected to, or runs firmware."""
    with contextlib.suppress(RigError):
        return bool(home.beacon(sensor))
    return False


def _hash(chain: Chain, result: VirtualResult, log: list[MutableMapping[str, Any]]) -> str:
    """Readings, decisions, and what was signed, in this order of events."""
    account = chain.account
    for entry in log:
        account.add("decided", sorted(entry.items()))
    for life in chain.hub.lives:
        account.add("lived", sorted(life.counts.items()), life.uncommitted, life.uncut, life.waiting)
    for signed in chain.site.signed():
        account.add("signed", signed[:-SIGNATURE_BYTES])
    for row in result.stored:
        account.add("stored", row)
    for evidence in result.evidence:
        account.add("fault", asdict(evidence))
    return account.hash
