"""Known answers of the batch format, and a second decoder that proves ``SPEC.md`` to be enough.

``python tests/contract/test_wire_vectors.py`` writes the vectors anew: after a change of the format only.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.wire import body as wire
from cloud_sync.wire.columns import Layout, Row
from cloud_sync.wire.coverage import Coverage, Heard
from cloud_sync.wire.manifest import TEXT, TWO_STATE, Contract, Manifest, Quantity, Sensor, Track

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "cloud_sync/wire/vectors"
NAMES = ("small", "home", "odd", "every")

Vector = dict[str, Any]


def _number(kind: str, unit: str, exponent: int, spread: int, recent: int = 0) -> Quantity:
    return Quantity(kind, unit, exponent, "number", flags=0, spread=spread, recent=recent)


def _state(kind: str) -> Quantity:
    return Quantity(kind, "", 0, "boolean", flags=1, spread=TWO_STATE)


_CLIMATE = Track(
    event=False,
    tick_ms=1000,
    period_us=2_505_000,
    skip=24,
    noise=0,
    quantities=(
        _number("temperature", "°C", -2, 3, 2145),
        _number("humidity", "%", -2, 5, 4500),
        _number("battery", "%", 0, 0),
    ),
)
_MOTION = Track(True, 1, 60_000_000, 1, 0, (_state("motion"),))
_KITCHEN = Sensor("A4:C1:38:00:00:01", "kitchen", "Kitchen", "", "pvvx", Contract.PERIODIC, 60, (_CLIMATE,))
_HALL = Sensor(
    "A4:C1:38:00:00:02", "hall", "Hall", "entrance", "bthome_v2", Contract.EVENT_ONLY, 0, (_MOTION,)
)
HOME = Manifest(bytes(range(16)), (_KITCHEN, _HALL))

_ODD_TRACK = Track(
    event=True,
    tick_ms=100,
    period_us=1,
    skip=0,
    noise=3,
    quantities=(
        Quantity("button", "", 0, "text", flags=1 | 64, spread=TEXT),
        _state("tamper"),
        Quantity("count", "", 128, "number", flags=(1 << 16) - 1, spread=0, recent=-(1 << 63)),
    ),
)
_ODD_CLOCK = Track(False, 7, 1, 1 << 20, 0, (_number("pressure", "Pa", -128, 6, -5), _state("alarm")))
ODD = Manifest(
    bytes(16),
    (Sensor("x", "", "ünter dem Dach", "Bett", "?", Contract.HEARTBEAT, 3600, (_ODD_TRACK, _ODD_CLOCK)),),
)


def made_anew(name: str) -> list[Vector]:
    """The vectors of one file, from the encoder."""
    return list({"small": _small, "home": _home, "odd": _odd, "every": _every}[name]())


def _small() -> Iterator[Vector]:
    rows: list[Row] = [(0, 0, 61_234, 2153), (0, 1, 61_234, 4488), (0, 2, 61_234, 97)]
    rows += [(0, 0, 121_301, 2154), (0, 1, 121_301, 4490), (1, 0, 65_000, 1), (1, 0, 67_345, 0)]
    anchor = wire.Anchor(1_767_225_600_000, 124_000, wire.Quality.SYNCED, 20)
    coverage = Coverage(
        ((60_000, 90_000), (95_500, 124_900)), (Heard(0, 121_301, kept=True), Heard(1, 122_999, kept=True))
    )
    header = wire.Header(
        bytes(range(8)), wire.Stream.ROUTINE, 1, 0, len(rows), 125_000, 61_000, anchor, bytes(32)
    )
    yield _vector("first batch: manifest, anchor, checkpoint", HOME, header, coverage, rows)
    header = wire.Header(bytes(range(8)), wire.Stream.URGENT, 300, 299, 1, 3_000_123, 3_000_000)
    yield _vector("one event alone", HOME, header, Coverage(), [(1, 0, 3_000_100, 1)])
    origin = wire.Origin(bytes(8), 77, bytes(range(32)))
    header = wire.Header(bytes(range(8)), wire.Stream.ROUTINE, 2, 1, 0, 900_000, 900_000, origin=origin)
    broken = Coverage(((125_000, 899_000),), (Heard(0, 870_000, kept=True), Heard(1, 0, kept=False)))
    yield _vector("coverage alone", HOME, header, broken, [])


def _home() -> Iterator[Vector]:
    rng = random.Random(7)
    at_ms, temperature, humidity = 1_000_000_000, 2100, 4500
    rows: list[Row] = []
    for _ in range(140):
        at_ms += 2505 * rng.choice((24, 24, 24, 25, 27)) + rng.randint(-20, 20)
        temperature += rng.randint(-3, 3)
        humidity += rng.randint(-20, 20)
        rows += [(0, 0, at_ms, temperature), (0, 1, at_ms, humidity)]
        if rng.random() < 0.9:
            rows.append((0, 2, at_ms, 97))
        if rng.random() < 0.3:
            rows += [(1, 0, at_ms + 5, 1), (1, 0, at_ms + 5 + rng.randint(1000, 9000), 0)]
    header = wire.Header(bytes(8), wire.Stream.ROUTINE, 70_000, 5, len(rows), at_ms + 10_000, 1_000_000_000)
    span = ((1_000_000_000, at_ms + 9_000),)
    heard = tuple(Heard(n, at_ms, kept=True) for n in range(2))
    yield _vector("more than two hours", HOME, header, Coverage(span, heard), rows)


def _odd() -> Iterator[Vector]:
    top = (1 << 63) - 1
    rows: list[Row] = [(0, 0, 150, "press"), (0, 0, 150, "press"), (0, 1, 199, 1), (0, 2, 180, -top - 1)]
    rows += [
        (0, 2, 1 << 45, top),
        (0, 1, 1 << 45, 5),
        (0, 0, 1 << 46, "lång tryckning 🔔"),
        (0, 0, 1 << 46, ""),
    ]
    rows += [(0, 3, 0, top), (0, 3, 8, -top), (0, 4, 1 << 40, -3), (0, 4, 1 << 41, 1)]
    header = wire.Header(b"\xff" * 8, wire.Stream.URGENT, 0xFFFFFFFF, 0, len(rows), 1 << 50, 0)
    yield _vector("texts, extremes, repeats, gaps and wrong hints", ODD, header, Coverage(), rows)


def _every() -> Iterator[Vector]:
    """Every block and question, with numbers of all lengths, so that no line of the tables can be wrong."""
    rng = random.Random(23)
    manifest = _every_manifest()
    for number in range(8):
        rows: list[Row] = []
        for sensor, described in enumerate(manifest.sensors):
            at_ms = 1_000_000
            for _ in range(rng.randrange(1, 26)):
                at_ms += rng.choice((0, 1, 30, 4000, 61_000)) + _wild(rng, 28)
                for place, quantity in enumerate(described.quantities):
                    if rng.random() < 0.8:
                        rows.append((sensor, place, at_ms, _value(rng, quantity)))
        made_ms = max(row[2] for row in rows) + 5000
        spans = ((1000, 1500), (2000, 2000), (900_000, made_ms - 77))[number % 4 :]
        heard = tuple(
            Heard(n, rng.randrange(made_ms), rng.random() < 0.7) for n in range(9) if rng.random() < 0.7
        )
        header = wire.Header(
            rng.randbytes(8), wire.Stream(number % 2), number + 9, 2, len(rows), made_ms, 1_000_000
        )
        yield _vector(f"everything, {number}", manifest, header, Coverage(spans, heard), rows)


def _every_manifest() -> Manifest:
    tracks = [
        Track(False, 1, 60_000_000, 1, noise, (_number("a", "", 0, noise), _number("b", "", 0, noise + 3)))
        for noise in range(4)
    ]
    tracks += [
        Track(
            True,
            1,
            1,
            0,
            0,
            (_state("c"), _state("d"), Quantity("e", "", 0, "text", flags=0, spread=TEXT)),
        )
        for _ in range(5)
    ]
    return Manifest(
        bytes(16),
        tuple(
            Sensor(str(n), "", "", "", "", Contract.EVENT_ONLY, 0, (track,)) for n, track in enumerate(tracks)
        ),
    )


def _value(rng: random.Random, quantity: Quantity) -> int | str:
    if quantity.form == "text":
        return rng.choice(("", "press", "x" * rng.randrange(40)))
    if quantity.form == "boolean":
        return rng.randrange(2)
    return rng.choice((0, 0, 1, -1)) * _wild(rng, 18)


def _wild(rng: random.Random, bits: int) -> int:
    return rng.getrandbits(rng.randrange(bits))


def _vector(
    title: str, manifest: Manifest, header: wire.Header, coverage: Coverage, rows: list[Row]
) -> Vector:
    packed = manifest.pack()
    inside = packed if header.distance == 0 else None
    encoded = wire.encode_body(header, Layout.of(manifest), coverage, rows, inside)
    return {
        "title": title,
        **({"manifest": packed.hex()} if inside is None else {}),
        "body": encoded.hex(),
        "holds": holds(encoded, manifest),
    }


def holds(encoded: bytes, manifest: Manifest) -> dict[str, Any]:
    """What our decoder finds in a body, in the words of ``decoder.js``."""
    body = wire.parse_body(encoded)
    header = body.header
    coverage, rows = wire.decode_payload(body, Layout.of(manifest))
    anchor = header.anchor
    origin = header.origin
    return {
        "epoch": header.epoch.hex(),
        "stream": int(header.stream),
        "seq": str(header.seq),
        "distance": str(header.distance),
        "made": str(header.made_ms),
        "anchor": anchor
        and [str(anchor.wall_ms), str(anchor.boot_ms), int(anchor.quality), str(anchor.accuracy_ms)],
        "chain": header.chain and header.chain.hex(),
        "origin": origin and [origin.epoch.hex(), str(origin.seq), origin.digest.hex()],
        "boot_id": manifest.boot_id.hex(),
        "sensors": [_shown(sensor) for sensor in manifest.sensors],
        "spans": [[str(start), str(end)] for start, end in coverage.spans],
        "heard": [[heard.sensor, str(heard.last_ms), heard.kept] for heard in coverage.heard],
        "readings": [
            [sensor, quantity, str(at_ms), [value] if isinstance(value, str) else str(value)]
            for sensor, quantity, at_ms, value in rows
        ],
    }


def _shown(sensor: Sensor) -> list[Any]:
    quantities = [[q.kind, q.unit, q.exponent, q.form, q.flags] for q in sensor.quantities]
    named = [sensor.address, sensor.name, sensor.room, sensor.role, sensor.model]
    return [*named, int(sensor.contract), sensor.period_s, quantities]


def committed(name: str) -> list[Vector]:
    """The vectors of one file, as they stand beside the specification."""
    vectors: list[Vector] = json.loads((VECTORS / f"{name}.json").read_text())
    return vectors


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_still_makes_the_vectors(name: str) -> None:
    """A change of the format, even by one byte, cannot slip in unseen."""
    assert _settled(made_anew(name)) == _settled(committed(name))


def _settled(vectors: list[Vector]) -> list[Any]:
    """The same with manifests unpacked: one manifest may be deflated in more than one way."""
    settled = []
    for vector in vectors:
        body = wire.parse_body(bytes.fromhex(vector["body"]))
        packed = body.manifest or bytes.fromhex(vector["manifest"])
        settled.append((vector["title"], body.header, Manifest.unpack(packed), body.payload, vector["holds"]))
    return settled


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", NAMES)
def test_a_decoder_written_from_the_specification_agrees(name: str) -> None:
    """The specification is enough to read every vector in another language."""
    vectors = committed(name)
    decoder = Path(__file__).with_name("decoder.js")
    ended = subprocess.run(
        ["node", decoder, VECTORS / f"{name}.json"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [v["holds"] for v in vectors]


if __name__ == "__main__":
    for file_name in NAMES:
        lines = [json.dumps(vector, ensure_ascii=False) for vector in made_anew(file_name)]
        (VECTORS / f"{file_name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
