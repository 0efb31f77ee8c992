"""READ FIRST (notices): tells people, as a process. It takes what the watch wrote down and hands it to its channels.

A notice is tried again until its channel has taken it. Before anything about a home leaves, the desk is asked whether
that audience may be told, and it is on record. What cannot be delivered becomes an alarm, and goes out by other channels.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

import structlog

from cloud_sync.assurance.incident import Audience
from cloud_sync.assurance.notice import of_site, retry_ms
from cloud_sync.receiver.channels import Channel, by_audience, deliver
from cloud_sync.receiver.classes import class_of_subject
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.desk import PROOF_AGE_MS, Desk
from cloud_sync.receiver.outgoing import OutgoingError
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database, transaction
from cloud_sync.receiver.store.notices import DELIVERED, WITHHELD, Due, Notices
from zero_trust.reasons import Refused
from zero_trust.request import Action, Proof, Request, Role

ROUND_PERIOD_S: Final = 1.0
AT_ONCE_MAX: Final = 16

_log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Deliver until cancelled.

    Raises:
        sqlite3.Error: the store cannot be opened or is damaged.
    """
    loop = asyncio.get_running_loop()
    with closing(open_database(config.paths.store)) as db, ThreadPoolExecutor(1, "notify") as worker:
        notifier = Notifier(db, config, _wall_clock_ms)
        while True:
            due = await loop.run_in_executor(worker, notifier.due)
            outcomes = await asyncio.gather(*(notifier.tell(one) for one in due))
            await loop.run_in_executor(worker, notifier.note, list(zip(due, outcomes, strict=True)))
            await asyncio.sleep(ROUND_PERIOD_S)


class Notifier:
    """The outbox of a site, and its channels."""

    def __init__(self, db: sqlite3.Connection, config: ReceiverConfig, clock_ms: Callable[[], int]) -> None:
        self._db = db
        self._site = config.site
        self._now_ms = clock_ms
        self._notices = Notices(db)
        self._batches = Batches(db)
        self._desk = Desk(db, config, clock_ms)
        self._channels: dict[str, Channel] = {channel.name: channel for channel in config.channels}
        self._audiences = by_audience(config.channels)
        self._notices.drop_all_but(self._channels)

    def due(self) -> list[Due]:
        """What is to be delivered now and may be."""
        try:
            now_ms = self._now_ms()
            self._notices.hand_out(self._audiences, now_ms)
            self._alarm(now_ms)
            found = self._notices.due(self._channels, now_ms, AT_ONCE_MAX)
            return [one for one in found if self._may_be_told(one)]
        except sqlite3.OperationalError as error:
            _log.error("notify.store", error=str(error))  # busy or full now; what is due stays due
            return []

    async def tell(self, due: Due) -> str:
        """Hand it over; empty if that was done, else what is in the way."""
        try:
            await deliver(self._channels[due.channel], self._site, due.notice, self._now_ms())
        except OutgoingError as error:
            return str(error)
        return ""

    def note(self, outcomes: list[tuple[Due, str]]) -> None:
        """Write down what became of each; what cannot be written is told again, under the same id."""
        try:
            for due, trouble in outcomes:
                self._note(due, trouble)
        except sqlite3.OperationalError as error:
            _log.error("notify.store", error=str(error))

    def _note(self, due: Due, trouble: str) -> None:
        now_ms, facts = self._now_ms(), {"notice": due.number, "channel": due.channel}
        if not trouble:
            self._notices.done(due, DELIVERED, "", now_ms)
            _log.info("notice.delivered", **facts)
            return
        tries = due.tries + 1
        self._notices.failed(due, trouble, now_ms + retry_ms(tries, random.random()))  # noqa: S311 - spreads tries
        _log.warning("notice.undelivered", **facts, tries=tries, trouble=trouble)

    def _may_be_told(self, due: Due) -> bool:
        """Ask the desk; a notice of the site itself holds nothing of a home."""
        notice = due.notice
        if not notice.home:
            return True
        family = notice.audience is Audience.FAMILY
        request = Request(
            role=Role.FAMILY if family else Role.OPERATOR,
            group=notice.home if family else self._site,
            person=f"channel-{due.channel}",
            proof=Proof.CHANNEL,
            proof_ends_ms=self._now_ms() + PROOF_AGE_MS,
            home=notice.home,
            action=Action.READ,
            purpose="notice",
        )
        refused = self._desk.look(request, [class_of_subject(notice.subject)]).refused
        if refused:
            self._withhold(due, refused)
        return refused is None

    def _withhold(self, due: Due, refused: Refused) -> None:
        """The home has not agreed, which is final; that operations are not told by any rule is trouble of ours."""
        if due.notice.audience is Audience.FAMILY:
            self._notices.done(due, WITHHELD, refused.code, self._now_ms())
        else:
            self._note(due, f"the site's rules do not let it out: {refused.code}")

    def _alarm(self, now_ms: int) -> None:
        with transaction(self._db):
            for late in self._notices.turned_late(now_ms):
                channel, trouble = late["channel"], late["trouble"] or "not tried yet"
                detail = f"channel {channel}: {trouble}"
                self._batches.raise_incident("site", "notice-undelivered", detail, now_ms)
                words = f"Notices by the channel {channel} are not delivered ({trouble})."
                self._notices.add([of_site("undelivered", words, late["known_ms"], now_ms, not_by=channel)])
                _log.error("notice.late", channel=channel, trouble=trouble)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
