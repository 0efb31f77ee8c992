"""Who agreed that what is asked of a home, on what authority, from when until when. Pure.

In Scotland an adult decides for herself while she can; for one who cannot, somebody does only with a power that covers it
(Adults with Incapacity (Scotland) Act 2000). Being next of kin is no such power. What nobody agreed to is not asked:
the question is PAUSED, and whom it concerns is told.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.plan import Question

DAY_MS: Final = 86_400_000
CONSENT_DAYS_MAX: Final = 366  # then it is talked over again
TOLD_DAYS: Final = (1, 7, 30)  # before it ends
TEXT_MAX_CHARS: Final = 200


class Authority(enum.Enum):
    """In which capacity somebody agrees."""

    RESIDENT = "resident"
    WELFARE_ATTORNEY = "welfare-attorney"
    WELFARE_GUARDIAN = "welfare-guardian"
    INTERVENTION_ORDER = "intervention-order"


AUTHORITY_WORDS: Final[Mapping[str, str]] = {
    Authority.RESIDENT.value: "the resident",
    Authority.WELFARE_ATTORNEY.value: "her welfare attorney",
    Authority.WELFARE_GUARDIAN.value: "her welfare guardian",
    Authority.INTERVENTION_ORDER.value: "the person with an intervention order",
    "hub": "somebody at the hub",
}
# Whom people often take for somebody who may decide, and why they may not.
_NO_AUTHORITY: Final = {
    "next-of-kin": "being next of kin gives no power to decide for an adult",
    "named-person": "a named person speaks for her in mental health proceedings only",
    "continuing-attorney": "a continuing attorney decides on money and property only",
    "appointee": "an appointee receives benefits for her and decides nothing else",
    "carer": "caring for her gives no power to decide for her",
}


class ConsentError(Exception):
    """An agreement or a pause cannot be written down so: one sentence, and what to do."""

    exit_code = 65  # sysexits: EX_DATAERR

    def __init__(self, sentence: str, *, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Consent:
    """One agreement; it is never changed, only ended.

    Attributes:
        questions: what may be asked.
        authority: in which capacity it was given.
        person: by whom.
        evidence: where the paper is, or what was said and who heard it.
        from_ms: wall clock.
        until_ms: wall clock; it ends by itself.
        written_by: who wrote it down.
        number: under which it stands; 0: not yet.
        ended_ms: withdrawn then; None: it was not.
    """

    questions: frozenset[Question]
    authority: Authority
    person: str
    evidence: str
    from_ms: int
    until_ms: int
    written_by: str = ""
    number: int = 0
    ended_ms: int | None = None

    def __post_init__(self) -> None:
        for name, text in (("person", self.person), ("evidence", self.evidence)):
            if not 0 < len(text.strip()) <= TEXT_MAX_CHARS:
                raise ConsentError(
                    f"The {name} must be written down, in 1 to {TEXT_MAX_CHARS} characters.",
                    hint="Say who agreed, and where the paper is or what was said and who heard it.",
                )
        if not self.questions:
            raise ConsentError("No question was named.", hint="Name what was agreed to.")
        if self.from_ms >= self.until_ms:
            raise ConsentError("It would end before it begins.", hint="Give a later end.")
        if self.until_ms - self.from_ms > CONSENT_DAYS_MAX * DAY_MS:
            raise ConsentError(
                f"It would hold for more than {CONSENT_DAYS_MAX} days.",
                hint="Give an earlier end: what was agreed is talked over at least once a year.",
            )

    @property
    def ends_ms(self) -> int:
        """When it ends or ended, wall clock."""
        return self.until_ms if self.ended_ms is None else min(self.ended_ms, self.until_ms)

    def covers(self, at_ms: int) -> bool:
        """Whether it holds at a moment."""
        return self.from_ms <= at_ms < self.ends_ms


def authority(word: str) -> Authority:
    """The capacity that a word names.

    Raises:
        ConsentError: it is none in which somebody may decide for an adult; says why.
    """
    known = {one.value: one for one in Authority}
    if word in known:
        return known[word]
    why = _NO_AUTHORITY.get(word, "that is no capacity in which anybody may decide for an adult")
    raise ConsentError(
        f"{word[:40]}: {why}.", hint=f"Who agrees must be one of: {', '.join(known)}. Else nobody has agreed."
    )


def agreed(consents: Iterable[Consent], question: Question, at_ms: int) -> bool:
    """Whether a question may be asked at a moment."""
    return any(question in one.questions and one.covers(at_ms) for one in consents)


def ended_ms(consents: Iterable[Consent], question: Question, at_ms: int) -> int | None:
    """When the last agreement on a question ended; None: there never was one."""
    return max(
        (one.ends_ms for one in consents if question in one.questions and one.ends_ms <= at_ms), default=None
    )


def holds_until_ms(consents: Sequence[Consent], question: Question, at_ms: int) -> int:
    """Until when a question may be asked without a gap, from a moment at which it may."""
    until_ms = at_ms
    while further := [one.ends_ms for one in consents if question in one.questions and one.covers(until_ms)]:
        until_ms = max(further)
    return until_ms
