"""Reading real traces and putting them on the air again."""

from __future__ import annotations

import asyncio
import lzma
from pathlib import Path

import pytest

from hil_tests.replay import Replay, address_of, load_trace
from hil_tests.rig.air import Air, Delivery
from hil_tests.rig.beacons import Transmission
from hil_tests.rig.virtual_loop import run_virtually
from hil_tests.trace import TraceError
from tests.helpers.controllers import CENTRAL, Station

HEADER = "ts,sensor_id,kind,value\n"


def _file(folder: Path, rows: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(HEADER + rows)
    return path


def test_readings_of_one_sensor_at_one_time_go_together(tmp_path: Path) -> None:
    """Equal times make one moment per sensor, in order of time."""
    rows = "2000,a,temperature,216\n2000,b,motion,1\n2000,a,humidity,537\n1000,b,motion,0\n"
    trace = load_trace(_file(tmp_path, rows))
    told = [(m.ts_ms, m.sensor.name, [(r.kind, r.plain) for r in m.readings]) for m in trace.moments]
    assert told == [
        (1000, "b", [("motion", False)]),
        (2000, "a", [("temperature", 21.6), ("humidity", 53.7)]),
        (2000, "b", [("motion", True)]),
    ]
    assert (trace.rows, trace.span_s) == (4, 1.0)


def test_a_kind_that_comes_twice_makes_two_moments(tmp_path: Path) -> None:
    """Open and closed within one millisecond are two things that happened, not one."""
    trace = load_trace(_file(tmp_path, "5,d,door,1\n5,d,door,0\n"))
    assert [moment.readings[0].value for moment in trace.moments] == [1, 0]


def test_xz_is_read_like_plain(tmp_path: Path) -> None:
    """A compressed trace gives the same as the plain one."""
    plain = _file(tmp_path, "5,d,door,1\n")
    packed = tmp_path / "trace.csv.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert load_trace(packed) == load_trace(plain)


@pytest.mark.parametrize(
    ("rows", "plain", "exponent"),
    [
        ("1,a,temperature,216\n1,a,humidity,537\n", 21.6, -1),
        ("1,a,temperature,2163\n1,a,humidity,5371\n", 21.63, -2),
        ("1,a,temperature,-45\n", -4.5, -1),
        ("1,a,temperature,2163\n", 21.63, -2),
    ],
)
def test_resolution_is_found_from_the_file(tmp_path: Path, rows: str, plain: float, exponent: int) -> None:
    """Tenths and hundredths of a degree are told apart, and kept as recorded."""
    temperature = load_trace(_file(tmp_path, rows)).moments[0].readings[0]
    assert (temperature.plain, temperature.exponent) == (plain, exponent)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("1,a,door\n", "line 2: 3 columns instead of 4"),
        ("1,a,door,1\nx,a,door,1\n", "line 3: ts 'x' and value '1' must be whole numbers"),
        ("1,a,door,0.5\n", "line 2: ts '1' and value '0.5' must be whole numbers"),
        ("1,,door,1\n", "line 2: no sensor_id"),
        ("1,a,smell,1\n", "line 2: kind 'smell' is none that a replay can put on the air"),
        ("1,a,door,2\n", "line 2: BTHome cannot carry door 2"),
        ("1,a,button,0\n", "line 2: BTHome cannot carry button 0"),
        ("1,a,humidity,500\n1,b,humidity,500\n1,c,humidity,1200\n", "line 4: BTHome cannot carry humidity"),
        ("1,a,battery,400\n", "line 2: BTHome cannot carry battery 400"),
        ("", "holds no readings"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: str, complaint: str) -> None:
    """Every bad row is refused in one sentence with file and line."""
    path = _file(tmp_path, rows)
    with pytest.raises(TraceError) as refusal:
        load_trace(path)
    assert str(path) in str(refusal.value)
    assert complaint in str(refusal.value)
    assert refusal.value.hint


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    """A missing file, another header, bad compression and binary are each one sentence."""
    other = tmp_path / "other.csv"
    other.write_text("time,value\n")
    broken = tmp_path / "broken.csv.xz"
    broken.write_bytes(b"not xz")
    cut = tmp_path / "cut.csv.xz"
    cut.write_bytes(lzma.compress(HEADER.encode() * 1000)[:40])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(HEADER.encode() + b"\xff\xfe\n")
    for path in (tmp_path / "absent.csv", other, broken, cut, binary):
        with pytest.raises(TraceError, match=path.name):
            load_trace(path)


def test_addresses_are_stable_and_random_static() -> None:
    """A sensor has the same address on every run, of the kind that sensors choose themselves."""
    assert address_of("BedroomABed") == "E9:5E:9B:93:54:8D"
    assert all(int(address_of(f"s{n}")[:2], 16) >= 0xC0 for n in range(50))


def _replay(path: Path, speed: float, most: float) -> tuple[list[Transmission], list[Delivery], float]:
    sent: list[Transmission] = []
    delivered: list[Delivery] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        air = Air(1, wall=loop.time)
        air.observe(delivered.append)
        Station("hub", air, CENTRAL).scan()
        began_s = loop.time()
        await Replay(air, load_trace(path), sent.append, speed=speed, adverts_per_s_max=most).run()
        return loop.time() - began_s

    return sent, delivered, run_virtually(main())


def test_replay_keeps_the_recorded_times_at_its_speed(tmp_path: Path) -> None:
    """At speed 10, ten recorded seconds pass in one; each transmission is delivered once."""
    rows = "".join(f"{ts},a,motion,{ts // 10_000 % 2}\n" for ts in range(0, 60_000, 10_000))
    sent, delivered, _ = _replay(_file(tmp_path, rows), 10, 300)
    assert [round(one.at - sent[0].at, 1) for one in sent] == [0, 1, 2, 3, 4, 5]
    assert [one.number for one in sent] == [1, 2, 3, 4, 5, 6]
    assert [(one.address, one.data) for one in delivered] == [(one.sensor, one.data) for one in sent]


def test_replay_never_exceeds_its_rate(tmp_path: Path) -> None:
    """A trace too dense for its speed is stretched, and nothing is left out."""
    rows = "".join(f"{ts},a,motion,{ts % 2}\n" for ts in range(1000))
    sent, _, seconds = _replay(_file(tmp_path, rows), 1_000_000, 100)
    assert len(sent) == 1000
    assert 9.9 < seconds < 10.1
