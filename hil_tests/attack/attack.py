"""What an attack is, and how one is added: a decorated function that tries it and tells what it heard."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from zero_trust.reasons import reason, reasons

if TYPE_CHECKING:
    from hil_tests.attack.target import Target

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


class BrokenError(Exception):
    """The attack had an effect that it must not have; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it.

    Attributes:
        attacker: what whoever attacked was told, word for word.
        site: what the attacked end said, where that is no refusal that the site has written down.
        hub: under whose name the site wrote it down.
        changes: the differences that are meant to be, as ``state.differences`` names them.
    """

    attacker: str
    site: str = ""
    hub: str = ""
    changes: tuple[str, ...] = ()


Try: TypeAlias = "Callable[[Target], Awaitable[Said]]"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        name: in kebab case.
        family: what it is aimed at.
        story: what is tried, one sentence.
        code: the reason by which it must be refused, of ``reasons.toml``; empty if none is told to anybody.
        place: where the site must have written that down, as in ``lum-trust refusals``; ``decision``: as a decision
            of the audit; empty: what the attack itself brings as the site's words.
        heard: a pattern for what the attacker's end must hear; without one it must hear the code's own sentence.
        attempt: tries it.
    """

    name: str
    family: str
    story: str
    code: str
    place: str
    heard: str
    attempt: Try

    @property
    def sentence(self) -> str:
        """The words of its code, without the full stop: a detail in brackets may stand before that."""
        return reason(self.code).sentence.removesuffix(".")


class Family:
    """Attacks of one file; calling it adds one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attacks: list[Attack] = []

    def __call__(self, name: str, code: str, *, place: str = "", heard: str = "") -> Callable[[Try], Try]:
        """Add the decorated function as the attack ``name``; the story is its docstring."""
        if not NAME.fullmatch(name) or (code and code not in reasons()):
            raise ValueError(f"{name!r}, {code!r}: not a name in kebab case, or a code without words")

        def added(attempt: Try) -> Try:
            story = (attempt.__doc__ or "").strip()
            self.attacks.append(Attack(name, self.name, story, code, place, heard, attempt))
            return attempt

        return added
