"""On which line of a TOML text a key stands: the parser of the standard library does not say."""

from __future__ import annotations

import re
import tomllib

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]\}\n#]+")
_QUOTES = ('"""', "'''", '"', "'")
_LAST_STEP = re.compile(r"(?:\.|^)[^.\[\]]+$|\[[^\[\]]*\]$")


def line_of(text: str, place: str) -> int:
    """The line (from 1) of ``frames[0].fields[2].kind``, or of the nearest that stands around it; else 0.

    The text must be valid TOML.
    """
    lines = lines_of(text)
    while place and place not in lines:
        place = _LAST_STEP.sub("", place) if _LAST_STEP.search(place) else ""
    return lines.get(place, 0)


def lines_of(text: str) -> dict[str, int]:
    """The line (from 1) on which each table, key and element begins, by place: ``frames[0].length``.

    A table that is only spoken of (``liveness`` in ``liveness.default``) begins where that is first done.
    The text must be valid TOML.
    """
    return _Reader(text).lines()


class _Reader:
    """Walks once over a text and notes where each key and each element begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[str, int] = {}
        self._last: dict[str, int] = {}  # of each array of tables: the number of its last table

    def lines(self) -> dict[str, int]:
        table = ""
        while self._skip_blank():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> str:
        """``[table]`` or ``[[array of tables]]``; gives its place, ``frames[1].fields[0]``."""
        start, brackets = self._at, 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        place, *rest = "", *self._key()
        for number, part in enumerate(rest, start=1):
            place = _join(place, part)
            self._note(place, start)
            if brackets == 2 and number == len(rest):
                self._last[place] = self._last.get(place, -1) + 1
            if place in self._last:
                place = f"{place}[{self._last[place]}]"
                self._note(place, start)
        self._at = self._text.index("]" * brackets, self._at) + brackets
        return place

    def _pair(self, place: str) -> None:
        start = self._at
        for part in self._key():
            place = _join(place, part)
            self._note(place, start)
        self._at = self._text.index("=", self._at) + 1
        self._skip_blank()
        self._value(place)

    def _value(self, place: str) -> None:
        first = self._peek()
        if first == "[":
            self._array(place)
        elif first == "{":
            self._inline_table(place)
        elif first in "\"'":
            self._string()
        else:
            self._bare(_SCALAR)

    def _array(self, place: str) -> None:
        self._at += 1
        number = 0
        while self._skip_blank() and self._peek() != "]":
            self._note(f"{place}[{number}]", self._at)
            self._value(f"{place}[{number}]")
            number += 1
        self._at += 1

    def _inline_table(self, place: str) -> None:
        self._at += 1
        while self._skip_blank() and self._peek() != "}":
            self._pair(place)
        self._at += 1

    def _key(self) -> list[str]:
        """The parts of a key, dotted or quoted."""
        parts = []
        while True:
            self._skip_blank()
            if self._peek() in "\"'":
                parts.append(str(tomllib.loads(f"key = {self._string()}")["key"]))
            else:
                parts.append(self._bare(_BARE))
            self._skip_blank()
            if self._peek() != ".":
                return parts
            self._at += 1

    def _string(self) -> str:
        """Pass over a string; gives it as it is written, with its quotes."""
        start = self._at
        quote = next(one for one in _QUOTES if self._text.startswith(one, start))
        self._at += len(quote)
        while not self._text.startswith(quote, self._at):
            self._at += 2 if self._peek() == "\\" and quote[0] == '"' else 1
        self._at += len(quote)
        while (
            len(quote) == 3 and self._peek() == quote[0]
        ):  # up to two quotes may stand before the closing three
            self._at += 1
        return self._text[start : self._at]

    def _bare(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"no TOML at character {self._at}")
        self._at = match.end()
        return match[0]

    def _skip_blank(self) -> bool:
        """Pass over blanks, commas and comments; whether anything is left."""
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1] or "\0"

    def _note(self, place: str, at: int) -> None:
        self._lines.setdefault(place, self._text.count("\n", 0, at) + 1)


def _join(place: str, part: str) -> str:
    return f"{place}.{part}" if place else part
