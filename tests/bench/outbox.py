"""How long the hub's disk holds up a reading."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from cloud_sync.wire.batch import Quantity, Stream, chain_start
from edge_agent.adapters.outbox import Outbox
from edge_agent.core.batching import Change, Row, compose, drafted
from edge_agent.core.freshness import Guard
from tests.bench.bare_store import BareStore
from tests.bench.harness import Figure, Samples, at_most, elapsed_ms, in_turns
from tests.bench.home_day import BOOT_AGE_MS, HUB, ORIGIN, rows, sensors
from zero_trust.envelope import sign_inside
from zero_trust.keys import generate_key

ROUNDS = 150
WINDOW_READINGS = 7  # what the generated home says in one commit window of 15 s
URGENT_TARGET_MS, ROUTINE_TARGET_MS = 10.0, 10.0
BLOB = bytes(200)
DOOR = Quantity("door", "", 0, "boolean")


def outbox() -> list[Figure]:
    """Milliseconds of Outbox.commit on the wall: an urgent reading (guard, batch signed and chained), and a window's routine ones.

    Beside it, in turns, on the same disk: SQLite inserting one blob of 200 bytes and committing it
    with synchronous=FULL.
    """
    with tempfile.TemporaryDirectory(prefix="lum-bench-") as name:
        directory = Path(name)
        box = Outbox(
            directory / "outbox.db",
            ORIGIN.epoch,
            lambda epoch, stream: chain_start(ORIGIN.hub, epoch, stream),
        )
        with closing(box), closing(BareStore(directory / "bare.db")) as bare_store:
            urgent, routine, bare = in_turns(
                ROUNDS,
                elapsed_ms(_urgent(box)),
                elapsed_ms(_routine(box)),
                elapsed_ms(lambda: bare_store.keep([BLOB])),
            )
    limit = Samples("limit: bare SQLite commit", bare)
    return [
        Figure(Samples("outbox: one urgent reading", urgent), "ms", at_most(URGENT_TARGET_MS), (limit,)),
        Figure(Samples("outbox: a routine window", routine), "ms", at_most(ROUTINE_TARGET_MS), (limit,)),
    ]


def _urgent(box: Outbox) -> Callable[[], object]:
    """Commits what a door's opening leaves: its guard, and a batch of its own."""
    key, counter = generate_key(), count(1)
    door = next(address for address, sensor in sensors().items() if sensor.name.endswith("door"))

    def commit() -> None:
        number = next(counter)
        row = Row(door, BOOT_AGE_MS + number, number % 2, DOOR)
        guards = {door: Guard(counter=number, kept_ms=row.at_ms)}
        batch = compose(ORIGIN, Stream.URGENT, row.at_ms, None, [row], sensors=sensors())
        draft = drafted(batch, Stream.URGENT, lambda body: sign_inside(key, body, HUB.site, HUB.hub))
        box.commit(Change(ORIGIN.boot_id, row.at_ms, guards=guards, drafts=(draft,)))

    return commit


def _routine(box: Outbox) -> Callable[[], object]:
    """Commits one window's readings with the span listened to and the guard of each sensor."""
    day, counter = rows(), count()

    def commit() -> None:
        start = next(counter) * WINDOW_READINGS
        window = day[start : start + WINDOW_READINGS]
        guards = {row.sensor: Guard(repeat=start % 256, kept_ms=row.at_ms) for row in window}
        span = window[0].at_ms, window[-1].at_ms
        box.commit(Change(ORIGIN.boot_id, span[1], rows=window, spans=(span,), guards=guards))

    return commit
