"""A second, independent watcher: sees that the watch asks about every home, and says so if it does not.

Only while all is well it tells somebody outside, again and again: their alarm at our silence then covers the watch, this
process, the store and the machine. It shares nothing with the watch but the heartbeat in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import structlog

from cloud_sync.assurance.guarding import Guard, Heartbeat, News
from cloud_sync.assurance.notice import Notice, Occasion, of_site
from cloud_sync.receiver.config import GuardConfig, ReceiverConfig
from cloud_sync.receiver.outgoing import OutgoingError, Post, send
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database, transaction
from cloud_sync.receiver.store.heartbeat import heartbeat
from cloud_sync.receiver.store.notices import Notices

LOOK_PERIOD_S: Final = 2.0
STORE_WAIT_S: Final = 15.0

T = TypeVar("T")

_log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Guard until cancelled. Whatever becomes of the store, it goes on looking, and outside it falls silent."""
    loop, settings, store = asyncio.get_running_loop(), config.guard, config.paths.store
    guard = Guard(_wall_clock_ms(), settings.age_max_s * 1000)
    untold: list[News] = []
    async with asyncio.TaskGroup() as tasks:
        pinging, pinged_s = None, -float(settings.ping_period_s)
        with ThreadPoolExecutor(1, "guard") as worker:
            while True:
                beat = await _in_time(loop.run_in_executor(worker, _read, store))
                judged = guard.judge(beat, _wall_clock_ms())
                untold += judged.news
                if untold:
                    told = await _in_time(loop.run_in_executor(worker, _tell, store, [*untold]))
                    untold = [] if told else untold
                due = loop.time() - pinged_s >= settings.ping_period_s
                if judged.well and due and (pinging is None or pinging.done()):
                    pinged_s, pinging = loop.time(), tasks.create_task(_ping(settings))
                await asyncio.sleep(LOOK_PERIOD_S)


async def _in_time(work: Awaitable[T]) -> T | None:
    """What the store's thread brings; None if it hangs."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(work, STORE_WAIT_S)
    _log.error("guard.store", error=f"no answer within {STORE_WAIT_S:g} s")
    return None


def _read(store: Path) -> Heartbeat | None:
    try:
        return heartbeat(store, _wall_clock_ms())
    except sqlite3.Error as error:
        _log.error("guard.store", error=str(error))
        return None


def _tell(store: Path, news: list[News]) -> bool:
    """Say it aloud, and write it down for operations and for the channels; whether it could be written."""
    now_ms = _wall_clock_ms()
    for one in news:
        _log.error("guard.trouble", code=one.code, words=one.words, over=one.over)
    try:
        with closing(open_database(store)) as db:
            batches, notices = Batches(db), Notices(db)
            with transaction(db):
                for one in news:
                    if not one.over:
                        batches.raise_incident("site", one.code, one.words, now_ms)
                notices.add(_notice(one, now_ms) for one in news)
    except sqlite3.Error as error:
        _log.error("guard.store", error=str(error))
        return False
    return True


def _notice(news: News, now_ms: int) -> Notice:
    if news.over:
        return replace(of_site(news.code, f"Over: {news.words}", now_ms, now_ms), occasion=Occasion.CLOSED)
    return of_site(news.code, news.words, news.since_ms, now_ms)


async def _ping(settings: GuardConfig) -> None:
    """Tell the outside that all is well; if it cannot be reached, it finds out by itself."""
    if settings.ping is None:
        return
    try:
        await send(settings.ping, Post(settings.ping_method), ca=settings.ca)
    except OutgoingError as error:
        _log.warning("guard.ping", trouble=str(error))


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
