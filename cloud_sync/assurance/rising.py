"""When did she rise? When she is about beyond bed and bathroom: for long, or at her usual time. Pure.

The way to the bathroom leads through the hall, and people go to the kitchen at five and back to bed. So what begins
well before her usual time is a rising only if it lasts. What lasts is also what teaches her usual time: a short way
does only on a day that has nothing better, else early trips would pull the usual time ever earlier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.activity import Proof, Spell
from cloud_sync.assurance.local_time import MINUTE_MS, Local

LASTING_MS: Final = 20 * MINUTE_MS
PAUSE_MS: Final = 30 * MINUTE_MS  # unseen for no longer, she is still about
BACK_TO_BED_MS: Final = 60 * MINUTE_MS
EARLIER_MIN: Final = 45  # than usual
EARLY_MIN: Final = 390  # half past six, until the usual time is known

_RESTING = re.compile(r"bed|bath|toilet|shower|\bwc\b", re.IGNORECASE)


@dataclass(slots=True)
class About:
    """A time in which she was about, on one day.

    Attributes:
        day: its number.
        minute: of the day, when it began.
        spell: from the first proof to the last.
    """

    day: int
    minute: float
    spell: Spell

    @property
    def lasted(self) -> bool:
        """Whether it was no short way."""
        return self.spell.to_ms - self.spell.from_ms >= LASTING_MS


class Rising:
    """Her risings as they become known; of each day the one that stands."""

    __slots__ = ("_about", "_about_ms", "_rose", "_to_bed")

    def __init__(self) -> None:
        self._about: About | None = None  # the latest
        self._about_ms = 0  # until when she was about before that
        self._to_bed = False  # whether the last proof has a sign from bed or bathroom
        self._rose: About | None = None

    def see(self, proof: Proof, at: Local, usual: float | None) -> Local | None:
        """Take in a proof that began at ``at``.

        Args:
            proof: signs of somebody.
            at: when it began, in the home.
            usual: the minute at which she usually rises; None: not known.

        Returns:
            When she rose, if that is news.
        """
        self._to_bed = any(map(_RESTING.search, proof.rooms))
        if all(map(_RESTING.search, proof.rooms)) or (self._about and at.day < self._about.day):
            return None
        about = self._extend(proof, at)
        rose = self._rose
        if not (about.lasted or not _early(about, usual)):
            return None
        if rose and rose.day == at.day and not self._corrects(about, rose, usual):
            return None
        self._rose = about
        return Local(about.day, about.minute)

    def on(self, day: int, now_ms: int, usual: float | None) -> Spell | None:
        """How she rose on a day; None if she did not, or has gone back to bed since."""
        rose = self._rose
        if rose is None or self._about is None or rose.day != day:
            return None
        went_back = self._to_bed and _went_back(rose, self._about.spell.to_ms, now_ms, usual)
        return None if went_back else rose.spell

    def _extend(self, proof: Proof, at: Local) -> About:
        """The time she is about in, with this proof."""
        about = self._about
        if about and about.day == at.day and proof.from_ms - about.spell.to_ms <= PAUSE_MS:
            about.spell.to_ms = max(about.spell.to_ms, proof.at_ms)
            about.spell.rooms |= proof.rooms
        else:
            self._about_ms = about.spell.to_ms if about else 0
            about = self._about = About(*at, Spell(proof.from_ms, proof.at_ms, set(proof.rooms)))
        return about

    def _corrects(self, about: About, rose: About, usual: float | None) -> bool:
        """Whether ``about`` is the rising, and not what was taken for it: a short way, or one with rest after it."""
        if about is rose or not about.lasted:
            return False
        return not rose.lasted or _went_back(rose, self._about_ms, about.spell.from_ms, usual)


def _early(about: About, usual: float | None) -> bool:
    return about.minute < (EARLY_MIN if usual is None else usual - EARLIER_MIN)


def _went_back(rose: About, about_ms: int, now_ms: int, usual: float | None) -> bool:
    """Whether rest followed a rising, earlier than usual, before the usual time came; she was last about at ``about_ms``."""
    if not _early(rose, usual) or now_ms - about_ms < BACK_TO_BED_MS:
        return False
    minute = rose.minute + (about_ms - rose.spell.from_ms) / MINUTE_MS
    return minute < (EARLY_MIN if usual is None else usual)
