"""What a recorded home would cost: the figures add up, and the peers' encodings are what they say."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from hil_tests.cost import cost, in_words
from hil_tests.peers.json_text import json_objects, thingsboard
from hil_tests.peers.sample import Sample
from hil_tests.peers.senml_cbor import senml_cbor
from hil_tests.peers.sparkplug_b import sparkplug_b
from hil_tests.trace import TraceError

WARM = Sample(1_767_225_600_000, "A4C138000001", "temperature", 2150, -2, boolean=False)
DAMP = Sample(1_767_225_600_000, "A4C138000001", "humidity", 453, -1, boolean=False)
MOVED = Sample(1_767_225_601_500, "A4C138000002", "motion", 1, 0, boolean=True)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A seeded day of two thermometers and a door."""
    rng = random.Random(3)
    rows = []
    for sensor in ("bedroom", "kitchen"):
        ts_ms, value = 1_767_225_600_000 + rng.randrange(60_000), 2150
        for _ in range(1440):
            ts_ms += 60_000 + rng.randint(-15, 15)
            value += rng.randint(-2, 2)
            rows += [(ts_ms, sensor, "temperature", value), (ts_ms, sensor, "battery", 97)]
    for hour in range(24):
        opened_ms = 1_767_225_600_000 + hour * 3_600_000 + rng.randrange(3_000_000)
        rows += [(opened_ms, "door", "door", 1), (opened_ms + rng.randrange(1000, 60_000), "door", "door", 0)]
    path = tmp_path / "home.csv"
    lines = ["ts,sensor_id,kind,value", *(",".join(map(str, row)) for row in sorted(rows))]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_each_layer_adds_to_the_one_below(trace: Path) -> None:
    """Sealing costs 121 bytes a batch, MQTT and TLS more; bigger batches are cheaper in all layers."""
    result = cost(trace)
    hundred, thousand, day = (result["batches"][size] for size in ("100", "1000", "day"))
    batches = -(-result["readings"] // 100)
    assert hundred["sealed"] - hundred["body"] == pytest.approx(121 * batches / result["readings"], abs=2e-4)
    for layer in ("body", "sealed", "mqtt_tls"):
        assert hundred[layer] > thousand[layer] > day[layer]
    assert hundred["body"] < hundred["sealed"] < hundred["mqtt_tls"]
    assert thousand["sealed"] < thousand["sparkplug_b"] < thousand["senml_cbor"] < thousand["json"]


def test_a_day_in_one_piece_comes_near_the_limit(trace: Path) -> None:
    """The coder's own loss is small; a short trace pays for header, manifest and learning."""
    result = cost(trace, ["day"], time_ms=True)
    assert 0.9 * result["entropy_limit"] < result["batches"]["day"]["body"] < 1.25 * result["entropy_limit"]


def test_millisecond_times_cost_more(trace: Path) -> None:
    """Climate times in whole seconds are the cheaper default, also in the limit."""
    fine, coarse = cost(trace, [1000], time_ms=True), cost(trace, [1000])
    assert fine["batches"]["1000"]["body"] > coarse["batches"]["1000"]["body"]
    assert fine["entropy_limit"] > coarse["entropy_limit"]


def test_a_day_counts_everything_that_crosses_the_wire(trace: Path) -> None:
    """The total is the sum of its parts; heartbeats are each 31 bytes under MQTT, TLS and TCP/IP."""
    day = cost(trace, [1000])["per_day"]
    assert day["total"] == pytest.approx(day["batches"] + day["receipts"] + day["heartbeats"], abs=1)
    assert day["heartbeats"] == 1440 * (31 + (2 + 2 + 21) + 22 + 80)
    assert day["total"] < day["thingsboard_gateway"]


def test_words_and_json_say_the_same(trace: Path) -> None:
    """The result is plain JSON, and its figures stand in the words."""
    result = cost(trace, [100])
    assert json.loads(json.dumps(result)) == result
    words = in_words(result)
    assert f"{result['batches']['100']['sealed']:.3f}" in words
    assert f"{result['per_day']['total']:,}" in words


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "first line"),
        ("ts,sensor_id,kind,value\n", "no readings"),
        ("ts,sensor_id,kind,value\n1,a,temperature\n", "line 2"),
        ("ts,sensor_id,kind,value\n1,a,temperature,warm\n", "line 2"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_the_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    """Bad input ends in a sentence that names the place."""
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(TraceError, match=complaint):
        cost(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """So does a missing file."""
    with pytest.raises(TraceError, match="cannot be read"):
        cost(tmp_path / "none.csv.xz")


def test_sparkplug_is_the_protobuf_that_the_specification_lays_down() -> None:
    """Timestamp, two metrics by alias with their own times, a float and a boolean, a sequence number."""
    time = "80d0eab6b733"
    later = "dcdbeab6b733"
    warm = f"18 01 20 {time} 65 0000ac41"
    moved = f"18 02 20 {later} 70 01"
    expected = f"08 {later} 12 0e {warm} 12 0b {moved} 18 11"
    assert sparkplug_b([WARM, MOVED]).hex() == expected.replace(" ", "")


def test_senml_is_the_cbor_that_the_specification_lays_down() -> None:
    """Base name and time once, exact values in their shortest form, times relative."""
    data = senml_cbor([WARM, DAMP, MOVED])
    assert data[0] == 0x83
    assert b"\x02\xf9\x4d\x60" in data  # 21.5 is an exact half float
    assert b"\x02\xc4\x82\x20\x19\x01\xc5" in data  # 45.3 is a decimal fraction
    assert b"\x04\xf5\x06\xf9\x3e\x00" in data  # true, 1.5 s later


def test_thingsboard_groups_by_device_and_time() -> None:
    """What one device said at one time stands in one entry."""
    assert json.loads(thingsboard([WARM, DAMP, MOVED])) == {
        "A4C138000001": [{"ts": WARM.ts_ms, "values": {"temperature": 21.5, "humidity": 45.3}}],
        "A4C138000002": [{"ts": MOVED.ts_ms, "values": {"motion": True}}],
    }


def test_json_says_each_reading_by_itself() -> None:
    """One object a reading."""
    assert json.loads(json_objects([WARM])) == {
        "ts": WARM.ts_ms,
        "id": "A4C138000001",
        "kind": "temperature",
        "value": 21.5,
    }
