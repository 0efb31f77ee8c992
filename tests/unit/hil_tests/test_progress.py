"""What is said while scenarios run: a line a step in a log, one line that is drawn anew on a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.progress import CLEAR, Progress, Running, cut, in_a_line

WIDE = 200


@dataclass
class _Screen:
    """A clock that is set by hand, and all that was written."""

    now: float = 100.0
    written: list[str] = field(default_factory=list)

    def progress(self, total: int, *, live: bool, columns: int = WIDE) -> Progress:
        """A progress that is shown here."""
        return Progress(
            total, live=live, write=self.written.append, now=lambda: self.now, columns=lambda: columns
        )

    def shown(self) -> str:
        """What stands on the line of the terminal."""
        return "".join(self.written).rpartition(CLEAR)[2]


def test_a_log_has_a_line_a_step() -> None:
    """Which of how many, how long it has been going, what it does; nothing is drawn over."""
    screen = _Screen()
    progress = screen.progress(62, live=False)
    first, second = progress.begin("p1_door"), progress.begin("p4_deaf on bluez")
    first("starts the site")
    screen.now += 12.34
    second("hub.kill fired: it ended with -9")
    second("hands over")
    progress.end("p4_deaf on bluez", good=True)
    first("starts the hub")
    progress.draw()
    assert screen.written == [
        " 1/62     0.0 s  p1_door: starts the site\n",
        " 2/62    12.3 s  p4_deaf on bluez: hub.kill fired: it ended with -9\n",
        " 2/62    12.3 s  p4_deaf on bluez: hands over\n",
        " 1/62    12.3 s  p1_door: starts the hub\n",
    ]


def test_a_terminal_has_one_line_for_all() -> None:
    """The seconds go on while nothing is said."""
    screen = _Screen()
    progress = screen.progress(3, live=True)
    first, second = progress.begin("p1_door"), progress.begin("p4_deaf")
    first("starts the site")
    screen.now += 2
    second("story of 18 s")
    screen.now += 5
    progress.draw()
    assert screen.shown() == "0/3 done  |  p1_door: starts the site, 7 s  |  p4_deaf: story of 18 s, 5 s"
    assert "\n" not in "".join(screen.written)


@pytest.mark.parametrize(("good", "counted"), [(True, "1/2 done"), (False, "1/2 done, 1 not good")])
def test_what_has_ended_is_counted_and_leaves_the_line(*, good: bool, counted: str) -> None:
    """So that its verdict, on stdout, has the line for itself."""
    screen = _Screen()
    progress = screen.progress(2, live=True)
    progress.begin("p1_door")("starts the site")
    progress.end("p1_door", good=good)
    assert screen.shown() == ""
    progress.draw()
    assert screen.shown() == counted


async def test_the_line_is_gone_at_the_end() -> None:
    """Whatever ended it."""
    screen = _Screen()
    progress = screen.progress(1, live=True)
    progress.begin("p1_door")("starts the site")
    with pytest.raises(KeyError):
        async with progress.followed():
            raise KeyError
    assert screen.shown() == ""


names = st.text("abc_ 0", min_size=1, max_size=40)


@given(st.lists(names, max_size=5), st.integers(1, 120))
def test_the_line_never_wraps(running: list[str], columns: int) -> None:
    """However narrow the terminal."""
    line = in_a_line(0, 0, 9, [Running(1, name, 0, "story", 0) for name in running], 3)
    shown = cut(line, columns)
    assert len(shown) <= columns
    assert line.startswith(shown.removesuffix("…"))
