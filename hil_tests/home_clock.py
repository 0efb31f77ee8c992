"""Times as the clock in the home shows them: ``2 07:30`` is half past seven on the second day. Pure.

A story in virtual time begins on Friday, 15 January 2027, at 08:00 in London.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

BEGINS_S: Final = 1_800_000_000  # wall clock at second 0
DAY_S: Final = 86_400
_BEGINS_AT_S: Final = 8 * 3600  # after midnight
_CLOCK: Final = re.compile(r"([1-9][0-9]?) ([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_IN_SECONDS: Final = {"at": "at_s", "of": "of_s", "quiet_since": "quiet_since_s"}


class ClockError(Exception):
    """What stands at ``place`` is no time on the clock in the home."""

    def __init__(self, said: object, place: str) -> None:
        super().__init__(
            f"{said!r} is no time of the story; write day and time, such as '2 07:30' (it begins at '1 08:00')"
        )
        self.place = place


def seconds(said: object, place: str) -> float:
    """A time on the clock, in seconds of the story.

    Raises:
        ClockError: it is none, or before the story.
    """
    match = _CLOCK.fullmatch(said) if isinstance(said, str) else None
    if match is None:
        raise ClockError(said, place)
    day, hour, minute, second = (int(part or 0) for part in match.groups())
    at_s = (day - 1) * DAY_S + hour * 3600 + minute * 60 + second - _BEGINS_AT_S
    if at_s < 0:
        raise ClockError(said, place)
    return float(at_s)


def spoken(at_s: float) -> str:
    """``2 07:30``."""
    day, second = divmod(round(at_s) + _BEGINS_AT_S, DAY_S)
    return f"{day + 1} {second // 3600:02}:{second % 3600 // 60:02}"


def put_in_seconds(raw: dict[str, Any]) -> dict[int, list[float]]:
    """Put the times of a scenario, as TOML has it, into seconds.

    Gives the further times of events that happen at more than one, by the number of the event.

    Raises:
        ClockError: one is no time.
    """
    more = {}
    for place, table in _tables(raw):
        for key in _IN_SECONDS.keys() & table.keys():
            if _IN_SECONDS[key] in table:
                continue  # both: the unknown one is told
            said = table.pop(key)
            if key == "at" and place.startswith("events") and isinstance(said, list) and said:
                first, *rest = [seconds(one, f"{place}.{key}") for one in said]
                more[int(place[len("events[") : -1])] = rest
            else:
                first = seconds(said, f"{place}.{key}")
            table[_IN_SECONDS[key]] = first
    return more


def _tables(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event, fault and moment, with its place in the file."""
    expect = raw.get("expect")
    arrays = {
        "events": raw.get("events"),
        "faults": raw.get("faults"),
        "expect.moments": expect.get("moments") if isinstance(expect, dict) else None,
    }
    for name, array in arrays.items():
        for number, table in enumerate(array if isinstance(array, list) else ()):
            if isinstance(table, dict):
                yield f"{name}[{number}]", table
