"""Whose clock the hub goes by: the site's word over its own boot clock; its wall clock only if that agrees."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cloud_sync.wire.batch import Anchor, Quality
from edge_agent.adapters import authority
from edge_agent.adapters.authority import SignedTime
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.identity import HubIdentity
from edge_agent.core.batching import anchor
from edge_agent.errors import UplinkError
from edge_agent.site_clock import AGREES_MS, ASK_PERIOD_MS, SYNCED_MAX_MS, SiteClock
from tests.helpers.trust import NOW_MS


@dataclass
class Machine(Clock):
    """A machine's clocks, as a test sets them."""

    boot: int = 5_000
    wall: int = NOW_MS

    def boot_ms(self) -> int:
        """Since boot."""
        return self.boot

    def wall_ms(self) -> int:
        """As it claims."""
        return self.wall

    def anchor(self) -> Anchor:
        """By its own clock, which claims to be disciplined."""
        return anchor(self.wall, self.boot, synchronised=True)


@pytest.fixture
def machine() -> Machine:
    """Which has been on for five seconds."""
    return Machine()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> list[SignedTime | UplinkError]:
    """What the site answers, one after the other."""
    answers: list[SignedTime | UplinkError] = []

    def ask_time(_: HubIdentity) -> SignedTime:
        answer = answers.pop(0)
        if isinstance(answer, UplinkError):
            raise answer
        return answer

    monkeypatch.setattr(authority, "ask_time", ask_time)
    monkeypatch.setattr(authority, "_boot_ns", lambda: machine.boot * 1_000_000)
    return answers


def site_clock(machine: Machine) -> SiteClock:
    """Of a hub whose identity the site does not ask for."""
    return SiteClock(object.__new__(HubIdentity), machine)


async def test_until_it_is_told_it_goes_by_its_own(
    machine: Machine, told: list[SignedTime | UplinkError]
) -> None:
    """And does not connect: asking fails as long as nobody answers."""
    clock = site_clock(machine)
    told.append(UplinkError("away"))
    with pytest.raises(UplinkError):
        await clock.ask()

    assert (clock.now_ms(), clock.wrong_by_ms(), clock.anchor()) == (NOW_MS, 0, machine.anchor())


@pytest.mark.parametrize("wrong_ms", [-(10**12), -3_600_000, -AGREES_MS - 8, AGREES_MS + 8, 10**11])
async def test_a_wrong_clock_has_no_say(
    machine: Machine, told: list[SignedTime | UplinkError], wrong_ms: int
) -> None:
    """Whatever it claims of itself; and the site's time goes on with the boot clock."""
    clock = site_clock(machine)
    told.append(SignedTime(NOW_MS, machine.boot, 7))
    await clock.ask()
    machine.boot += 1_000
    machine.wall = NOW_MS + 1_000 + wrong_ms

    assert (clock.now_ms(), clock.wrong_by_ms()) == (NOW_MS + 1_000, wrong_ms)
    assert clock.anchor() == Anchor(NOW_MS + 1_000, machine.boot, Quality.SYNCED)


async def test_a_clock_that_agrees_is_believed_as_it_stands(
    machine: Machine, told: list[SignedTime | UplinkError]
) -> None:
    """It is steadier than a message over a slow line."""
    clock = site_clock(machine)
    told.append(SignedTime(NOW_MS - AGREES_MS, machine.boot, 0))
    await clock.ask()

    assert (clock.anchor(), clock.wrong_by_ms()) == (machine.anchor(), 0)


async def test_a_slow_answer_does_not_make_a_good_clock_a_wrong_one(
    machine: Machine, told: list[SignedTime | UplinkError]
) -> None:
    """The authority hung while it was asked: what it said may be off by seconds, so it is asked again."""
    clock = site_clock(machine)
    told += [SignedTime(NOW_MS + 5_000, machine.boot, 5_000), SignedTime(NOW_MS - 2_000, machine.boot, 3)]
    await clock.ask()
    assert (clock.anchor(), clock.wrong_by_ms()) == (machine.anchor(), 0)

    await clock.ask()
    assert clock.wrong_by_ms() == 2_000


async def test_a_time_told_over_a_slow_line_is_coarse(
    machine: Machine, told: list[SignedTime | UplinkError]
) -> None:
    """It may be wrong by half of the time that the answer took."""
    clock = site_clock(machine)
    told.append(SignedTime(NOW_MS + 10**9, machine.boot, SYNCED_MAX_MS + 1))
    await clock.ask()

    assert clock.anchor().quality is Quality.COARSE


async def test_it_asks_once_an_hour_and_bears_a_no(
    machine: Machine, told: list[SignedTime | UplinkError]
) -> None:
    """What was told before holds until something better comes."""
    clock = site_clock(machine)
    told += [SignedTime(NOW_MS, machine.boot, 0), UplinkError("no", code="time-went-back")]
    told.append(SignedTime(NOW_MS + ASK_PERIOD_MS + 7, machine.boot + ASK_PERIOD_MS, 0))
    await clock.ask()
    machine.boot += ASK_PERIOD_MS - 1
    await clock.ask()
    assert len(told) == 2

    machine.boot += 1
    await clock.ask()
    assert clock.now_ms() == NOW_MS + ASK_PERIOD_MS
    await clock.ask()
    assert clock.now_ms() == NOW_MS + ASK_PERIOD_MS + 7
