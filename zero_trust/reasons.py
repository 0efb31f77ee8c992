"""The words for every refusal: what is wrong, who can fix it, what they do, what to say on the phone.

One file, ``reasons.toml``, serves both ends, so that hub and operator read the same sentence.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Reason:
    """The words of one code.

    Attributes:
        code: constant name, as in logs and answers.
        sentence: what is wrong, for a person.
        who: who can fix it.
        help: four letters that a person can say on the telephone.
        hint: what they do.
    """

    code: str
    sentence: str
    who: str
    help: str
    hint: str

    def told(self, detail: str = "") -> str:
        """The sentence, with what in particular was wrong."""
        return f"{self.sentence.removesuffix('.')} ({detail})." if detail else self.sentence


def reason(code: str) -> Reason:
    """Find the words for ``code``.

    Raises:
        KeyError: nobody wrote words for it; a contract test keeps this from happening.
    """
    return reasons()[code]


def tag(code: str) -> str:
    """How a code stands behind its sentence: ``[HREV, hub-revoked]``; the four letters are for the telephone."""
    words = reasons().get(code)
    return f"[{words.help}, {code}]" if words else f"[{code}]"


@cache
def reasons() -> dict[str, Reason]:
    """All reasons, by code."""
    text = resources.files(__package__).joinpath("reasons.toml").read_text(encoding="utf-8")
    return {code: Reason(code=code, **words) for code, words in tomllib.loads(text).items()}


@dataclass(frozen=True, slots=True)
class Refused:
    """A no, as a value: for protocols in which being refused is a normal outcome.

    Attributes:
        code: key into ``reasons.toml``.
        detail: what in particular was wrong, for the operator's log; never a secret.
    """

    code: str
    detail: str = ""

    @property
    def words(self) -> dict[str, str]:
        """What the other end is told."""
        words = reason(self.code)
        return {
            "code": words.code,
            "sentence": words.sentence,
            "who": words.who,
            "help": words.help,
            "hint": words.hint,
        }
