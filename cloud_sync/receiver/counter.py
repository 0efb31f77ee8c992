"""Where somebody at the site's machine has something written down about one home: what was agreed, what is paused."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud_sync.assurance.pausing import Asked
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.receiver.console import desk_of, hubs_of, look, operator
from cloud_sync.receiver.desk import Desk, by
from cloud_sync.receiver.parameters import load_parameters
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.settings import Settings, Stand
from zero_trust.request import Action, DataClass, Proof, Subject, parse_subject


@dataclass(frozen=True, slots=True)
class Counter:
    """Where something about one home is written down: the desk, the home, its time, and who stands there."""

    desk: Desk
    config: ReceiverConfig
    home: str
    zone: ZoneInfo
    subject: Subject
    now_ms: int

    @property
    def agreements(self) -> Agreements:
        """Of the site."""
        return Agreements(self.desk.db, needed=self.config.consent.needed)

    @property
    def stands(self) -> dict[str, Stand]:
        """How the home's hubs stand with their settings."""
        settings = Settings(self.desk.db)
        return {row.hub: settings.stand(row.hub) for row in hubs_of(self.desk.db, self.home)}

    def ms(self, moment: datetime) -> int:
        """A moment of the home's clock, since 1970."""
        return int(moment.replace(tzinfo=self.zone).timestamp() * 1000)

    def words(self, at_ms: int) -> str:
        """``2026-11-30 18:00``, on the home's clock."""
        return f"{datetime.fromtimestamp(at_ms / 1000, self.zone):%Y-%m-%d %H:%M}"

    def decide(self, action: Action, purpose: str = "consent") -> None:
        """Ask the desk; what was decided is on record.

        Raises:
            PolicyError: it may not be done.
        """
        asked = by(self.subject, Proof.CONSOLE, self.home, action, purpose)
        look(self.desk, asked, [DataClass.STATE if action is Action.READ else DataClass.ALL])

    def record(self, kind: str, **facts: Any) -> None:
        """Into the audit; the caller has a transaction around it. No names: the log is never cut."""
        self.desk.audit.append(self.now_ms, kind, {"home": self.home, "by": str(self.subject), **facts})

    @property
    def standing(self) -> list[Asked]:
        """The pauses and events that run or are to come."""
        return [one for one in self.agreements.of(self.home).pauses if one.ends_ms > self.now_ms]


def counter_of(config_file: Path, home: str, subject: str | None) -> Counter:
    """The counter for one home.

    Raises:
        ReceiverConfigError: the site's configuration cannot be used.
        ParametersError: the home's cannot.
        UsageError: there is no such home.
    """
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    hubs_of(desk.db, home)
    zone = load_parameters(config.paths.homes, home).clock
    who = parse_subject(subject) if subject else operator(config)
    return Counter(desk, config, home, zone, who, _now_ms())


def listed(questions: Iterable[Question]) -> str:
    """Questions by their words, in their order."""
    named = frozenset(questions)
    return ", ".join(question.value for question in Question if question in named) or "nothing"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
