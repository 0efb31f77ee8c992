"""Readings as JSON: an object each, and as thingsboard-gateway groups them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hil_tests.peers.sample import Sample


def json_objects(samples: Sequence[Sample]) -> bytes:
    """One compact object a reading: time, sensor, kind, value."""
    return b"".join(
        _compact({"ts": s.ts_ms, "id": s.sensor, "kind": s.kind, "value": s.plain}) for s in samples
    )


def thingsboard(samples: Sequence[Sample]) -> bytes:
    """One ``v1/gateway/telemetry`` payload: by device, what it sent at each time.

    Source: thingsboard-gateway 3.8.5, ``tb_gateway_service.py`` (``__pack_data``).
    """
    devices: dict[str, list[dict[str, Any]]] = {}
    for sample in samples:
        entries = devices.setdefault(sample.sensor, [])
        if not entries or entries[-1]["ts"] != sample.ts_ms or sample.kind in entries[-1]["values"]:
            entries.append({"ts": sample.ts_ms, "values": {}})
        entries[-1]["values"][sample.kind] = sample.plain
    return _compact(devices)


def _compact(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
