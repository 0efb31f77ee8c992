"""Whatever order things come in, what was erased stays erased, counts never double, and every chain holds.

Two worlds. :class:`KeepingMachine` drives the real intake, with keys and signatures, and knows at each moment
exactly which readings must be there. :class:`ErasingSyncMachine` adds erasure to all the hazards of
``test_sync.py``: crashes, restored stores and cards, new epochs, damage, full disks.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from cloud_sync.receiver.keeping import carry_out
from cloud_sync.receiver.service import Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.deletions import Order, broken_accounts, broken_deletion
from cloud_sync.receiver.store.erasure import Erasure
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream
from tests.helpers.intake import EPOCH, Intake, fresh_intake
from tests.helpers.trust import HUB, NOW_MS
from tests.property.test_sync import SHM, SyncMachine, campaign, planted
from zero_trust.envelope import verify_tagged

QUICK, CAMPAIGN, STEPS = 150, 3_000, 30
DAY_MS = 86_400_000
CERTIFICATE_ENDS_MS = NOW_MS + 399 * DAY_MS  # the hub's, of 400 days: nobody renews it here
numbers = st.integers(0, 10**6)


class KeepingMachine(RuleBasedStateMachine):
    """A hub with everything it ever cut in its hands, and a site that erases now and then."""

    @initialize(greeted=st.booleans())
    def begin(self, *, greeted: bool) -> None:
        """A hub just enrolled; whether it greeted decides if its newest manifest is kept or asked for again."""
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None))
        self.intake: Intake = self.stack.enter_context(fresh_intake(Path(folder) / "lum.db"))
        if greeted:
            self.intake.db.execute(
                "INSERT INTO epoch (hub, epoch, opened_ms) VALUES (?, ?, 0)", (HUB.hub, EPOCH)
            )
        self.now_ms = NOW_MS
        self.cut: dict[int, tuple[bytes, int]] = {}  # by number: signed, and whose manifest it leans on
        self.held: dict[int, int] = {}  # when each came that was not erased
        self.known: set[int] = set()  # all that ever came

    @rule(fresh=st.booleans())
    def hear(self, *, fresh: bool) -> None:
        """The hub cuts a batch, perhaps with a manifest of its own."""
        if fresh:
            self.intake.before = None
        seq = len(self.cut) + 1
        signed = self.intake.batch(seq, anchor=None)
        assert self.intake.before is not None
        self.cut[seq] = (signed, self.intake.before.seq)

    @precondition(lambda self: self.cut)
    @rule(which=numbers)
    def send(self, which: int) -> None:
        """Any of them, in any order, however often; what is asked for is sent too."""
        wanted, said = [which % len(self.cut) + 1], 0
        while wanted:
            wanted += self.deliver(wanted.pop())
            said += 1
            assert said < 10, "the two ends never stop talking"

    @precondition(lambda self: self.cut)
    @rule()
    def send_all(self) -> None:
        """A new session after a restore of the hub: all it holds once more."""
        for seq in self.cut:
            self.send(seq - 1)

    @rule(days=st.sampled_from([1, 40, 100]))
    def time_passes(self, days: int) -> None:
        """And the site erases what is too old."""
        self.now_ms = min(self.now_ms + days * DAY_MS, CERTIFICATE_ENDS_MS)
        before_ms = self.now_ms - 100 * DAY_MS
        self.erase(
            Erasure(self.intake.db).retain(
                dict.fromkeys(("readings", "derived", "evidence"), before_ms), self.order()
            )
        )
        self.held = {seq: at_ms for seq, at_ms in self.held.items() if at_ms >= before_ms}

    @rule(revoked=st.booleans())
    def forget(self, *, revoked: bool) -> None:
        """Somebody wants to be forgotten; the hub may have been revoked for it, and is allowed again later."""
        self.intake.db.execute("UPDATE hub SET standing = ?", ("revoked" if revoked else "enrolled",))
        self.erase(Erasure(self.intake.db).forget(HUB.home, self.order()))
        self.intake.db.execute("UPDATE hub SET standing = 'enrolled'")
        self.held = {}

    @rule(steps=st.integers(1, 3))
    def forget_cut_short(self, steps: int) -> None:
        """The machine fails in the middle; then it is done again."""
        work = Erasure(self.intake.db).forget(HUB.home, self.order())
        for _ in range(steps):
            next(work, None)
        self.forget(revoked=False)

    @rule()
    def restart(self) -> None:
        """The intake is started again."""
        self.intake.batches = Batches(self.intake.db)
        self.intake.service = Service(HUB.site, self.intake.keys, self.intake.registry, self.intake.batches)

    @invariant()
    def exactly_what_was_not_erased_is_there(self) -> None:
        """Each reading once, none that was erased, none missing whose manifest ever came."""
        if not hasattr(self, "intake"):
            return
        readable = [seq for seq in self.held if self.cut[seq][1] in self.known]
        assert sorted(self.intake.stored()) == sorted(readable)
        bytes_held = {
            row["seq"] for row in self.intake.db.execute("SELECT seq FROM batch WHERE length(signed) > 0")
        }
        assert bytes_held == self.held.keys()

    @invariant()
    def the_ledger_holds(self) -> None:
        """Heads, chains, holes and deletion records, over what was erased as over what was not."""
        if not hasattr(self, "intake"):
            return
        prefix = next(n for n in range(1, len(self.cut) + 2) if n not in self.known) - 1
        assert self.intake.batches.head(HUB.hub, EPOCH, Stream.URGENT).seq == prefix
        assert self.intake.batches.holes(HUB.hub, EPOCH, Stream.URGENT) == ()
        assert (broken_accounts(self.intake.db), broken_deletion(self.intake.db)) == ([], None)

    def deliver(self, seq: int) -> list[int]:
        """One batch to the intake, which must be receipted; the numbers it asks for."""
        answers = self.intake.answers(self.intake.sealed(self.cut[seq][0]), self.now_ms)
        kinds = [wire.kind_of(answer.payload) for answer in answers]
        assert kinds[0] is wire.Kind.RECEIPT
        assert set(kinds[1:]) <= {wire.Kind.ASK}
        if seq not in self.known:
            self.known.add(seq)
            self.held[seq] = self.now_ms
        return [self.asked(answer.payload) for answer in answers[1:]]

    def asked(self, payload: bytes) -> int:
        """The number of the batch that is wanted again."""
        signed = verify_tagged(self.intake.keys.receipt.public_key(), wire.ASK_TAG, payload[1:], code="")
        return wire.decode_ask(signed).first

    def order(self) -> Order:
        """Given now."""
        return Order(self.now_ms, "uid-0", "asked for")

    def erase(self, steps: object) -> None:
        """As the commands do, without waiting."""
        carry_out(self.intake.db, steps, lambda _: None, rewrite=False)  # type: ignore[arg-type]

    def teardown(self) -> None:
        """Let go."""
        if hasattr(self, "stack"):
            self.stack.close()


class ErasingSyncMachine(SyncMachine):
    """All hazards of the sync protocol, and a site that erases."""

    @initialize()
    def begin(self) -> None:
        """Nothing was erased yet."""
        super().begin()
        self.erased: set[int] = set()  # by the store as it is
        self.ever: set[int] = set()  # by any life of it
        self.erased_by: list[set[int]] = []  # what each backup knows of

    @rule(keep=st.integers(0, 2))
    def erase(self, keep: int) -> None:
        """All but the newest batches that the site holds are too old."""
        newest = self.world.db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]
        where, bounds = "erased IS NULL AND id <= :before", {"before": newest - keep}
        rows = self.world.db.execute(
            "SELECT signed FROM batch WHERE counted AND erased IS NULL AND id <= :before", bounds
        )
        self.erased.update(number for row in rows for number in self.world.sent[row["signed"]])
        self.ever |= self.erased
        list(Erasure(self.world.db)._empty(where, bounds, Order(0, "site", "age"), "readings"))

    @rule()
    def take_backup(self) -> None:
        """With what was erased until then."""
        self.world.take_backup()
        self.erased_by.append(set(self.erased))

    @precondition(lambda self: self.world.backups)
    @rule(position=numbers, said=st.booleans())
    def restore_backup(self, position: int, *, said: bool) -> None:
        """A copy from before an erasure brings back what it erased: only ``lum-receiver restore`` knows better."""
        number = position % len(self.world.backups)
        self.world.restore_backup(number, said=said)
        self.erased = set(self.erased_by[number])

    def account(self) -> None:
        """A kind network: nothing twice, nothing lost but what was erased, nothing back that was erased."""
        assert self.world.settle(), "the two ends never stop talking"
        stored = self.world.stored()
        assert len(stored) == len(set(stored)), "something counts twice"
        back = self.erased & set(stored)
        assert not back, f"erased and back: {sorted(back)}"
        missing = self.world.committed - set(stored) - self.world.named_gone() - self.ever
        assert not missing, f"lost without a name: {sorted(missing)}"
        assert broken_deletion(self.world.db) is None

    def teardown(self) -> None:
        """The account."""
        if not hasattr(self, "world"):
            return
        try:
            self.account()
        finally:
            self.world.close()
            self.folder.cleanup()


@pytest.mark.parametrize("machine", [KeepingMachine, ErasingSyncMachine])
def test_what_is_erased_stays_erased_and_everything_holds(machine: type[RuleBasedStateMachine]) -> None:
    """Whatever happens around it."""
    campaign(machine, QUICK, stateful_step_count=STEPS, derandomize=True)


@pytest.mark.long
@pytest.mark.parametrize("machine", [KeepingMachine, ErasingSyncMachine])
def test_three_thousand_schedules(machine: type[RuleBasedStateMachine]) -> None:
    """The same, for long."""
    campaign(machine, CAMPAIGN, stateful_step_count=STEPS)


FAULTS: dict[str, tuple[type[RuleBasedStateMachine], type, str, Any]] = {
    "the key of an erased batch is lost": (KeepingMachine, Batches, "known", lambda *_: None),
    "an erased manifest is not asked for": (KeepingMachine, Batches, "manifests_missed", lambda *_: []),
    "a manifest that comes again is not taken": (
        KeepingMachine,
        Service,
        "_remember_manifest",
        lambda *_: None,
    ),
    "erased content numbered anew is kept": (ErasingSyncMachine, Batches, "_twin", lambda *_: None),
}


RARE = "erased content numbered anew is kept"  # takes a hub put back and an erasure in the right order


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[pytest.mark.long] if name == RARE else []) for name in FAULTS]
)
def test_a_planted_fault_is_found(fault: str) -> None:
    """The account can tell: among so many schedules there is one on which it does not balance."""
    machine, owner, name, wrong = FAULTS[fault]

    with planted(owner, name, wrong), pytest.raises(BaseException):  # noqa: B017, PT011 - any way of failing will do
        campaign(machine, 2_000, stateful_step_count=STEPS, derandomize=True, phases=[Phase.generate])
