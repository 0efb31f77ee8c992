"""What a batch says of listening: spans in which frames were decoded, and sensors heard in them.

Written with the same coder, after the columns, whose times it leans on. ``SPEC.md`` ("Coverage") is the definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress, pairwise

from cloud_sync.wire.blocks import AGAIN, AGE, ANY_TOLD, BROKEN, SPAN, SPANS, TOLD
from cloud_sync.wire.coder import Reader, Writer
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import SPANS_MAX


@dataclass(frozen=True, slots=True)
class Heard:
    """When a sensor was last heard at all, and whether it keeps its contract."""

    sensor: int  # index into the manifest
    last_ms: int  # boot clock; travels rounded down, to a second or to its last reading in the batch
    kept: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Evidence of listening; times are milliseconds of the boot clock.

    Attributes:
        spans: from..to, in order, apart or touching; each ends at a decoded frame.
        heard: of some sensors, in the manifest's order.
    """

    spans: tuple[tuple[int, int], ...] = ()
    heard: tuple[Heard, ...] = ()


def write_coverage(
    writer: Writer, coverage: Coverage, sensors: int, made_ms: int, latest_ms: Mapping[int, int]
) -> None:
    """Write it as distances back from the moment at which the batch was made.

    Args:
        writer: holds the columns already.
        coverage: what to tell.
        sensors: how many the manifest has.
        made_ms: boot clock when the batch was made.
        latest_ms: of each sensor with readings in the batch, the time of the last, as it decodes.

    Raises:
        WireError: spans overlap, something lies after ``made_ms``, or a sensor is told of twice.
    """
    _check(coverage, sensors, made_ms)
    writer.unsigned(SPANS, len(coverage.spans))
    later = made_ms
    for start, end in reversed(coverage.spans):
        writer.unsigned(SPAN, later - end)
        writer.unsigned(SPAN, end - start)
        later = start
    told = {heard.sensor for heard in coverage.heard}
    writer.flags(ANY_TOLD, [bool(told)])
    if not told:
        return
    writer.flags(TOLD, [sensor in told for sensor in range(sensors)])
    for heard in coverage.heard:
        second, latest = heard.last_ms // 1000, latest_ms.get(heard.sensor)
        if latest is not None:
            writer.flags(AGAIN, [second > latest // 1000])
        if latest is None or second > latest // 1000:
            writer.unsigned(AGE, made_ms // 1000 - second)
    writer.flags(BROKEN, [not heard.kept for heard in coverage.heard])


def read_coverage(reader: Reader, sensors: int, made_ms: int, latest_ms: Mapping[int, int]) -> Coverage:
    """Inverse of :func:`write_coverage`.

    Raises:
        WireError: too many spans, or a time before the boot.
    """
    count = reader.unsigned(SPANS)
    if count > SPANS_MAX:
        raise WireError(f"the batch names {count} listening spans; the most is {SPANS_MAX}")
    spans, later = [], made_ms
    for _ in range(count):
        end = later - reader.unsigned(SPAN)
        later = end - reader.unsigned(SPAN)
        spans.append((later, end))
    if later < 0:
        raise WireError("a listening span begins before the boot")
    return Coverage(tuple(reversed(spans)), _read_heard(reader, sensors, made_ms, latest_ms))


def _read_heard(
    reader: Reader, sensors: int, made_ms: int, latest_ms: Mapping[int, int]
) -> tuple[Heard, ...]:
    [any_told] = reader.flags(ANY_TOLD, 1)
    if not any_told:
        return ()
    told = list(compress(range(sensors), reader.flags(TOLD, sensors)))
    times = [_read_last(reader, made_ms, latest_ms.get(sensor)) for sensor in told]
    if min(times, default=0) < 0:
        raise WireError("a sensor was heard before the boot")
    broken = reader.flags(BROKEN, len(told))
    return tuple(Heard(s, at, not b) for s, at, b in zip(told, times, broken, strict=True))


def _read_last(reader: Reader, made_ms: int, latest_ms: int | None) -> int:
    """A sensor that only speaks when something happens was last heard at its last reading."""
    if latest_ms is not None and reader.flags(AGAIN, 1) == [0]:
        return latest_ms
    return 1000 * (made_ms // 1000 - reader.unsigned(AGE))


def _check(coverage: Coverage, sensors: int, made_ms: int) -> None:
    edges = [0, *(edge for span in coverage.spans for edge in span), made_ms]
    if len(coverage.spans) > SPANS_MAX or any(later < earlier for earlier, later in pairwise(edges)):
        raise WireError("the listening spans are too many, overlap, or lie outside this boot so far")
    order = [-1, *(heard.sensor for heard in coverage.heard), sensors]
    if any(later <= earlier for earlier, later in pairwise(order)):
        raise WireError("the sensors told of are not in the manifest's order")
    if any(not 0 <= heard.last_ms <= made_ms for heard in coverage.heard):
        raise WireError("a sensor was heard outside this boot so far")
