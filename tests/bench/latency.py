"""How long an urgent reading takes from the air to the receiver."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

from hil_tests.rig.process import command
from tests.bench.harness import Figure, Samples, at_most, quantile

RUN_S = 30
SCENARIO = Path(__file__).with_name("urgent.toml")
LIMIT_PERIOD_S = 0.1
MESSAGE_BYTES = 512  # about what an urgent batch is
P50_TARGET_MS, P99_TARGET_MS = 100.0, 250.0


def latency() -> list[Figure]:
    """A run of `lum-hil demo` with eleven busy doors: virtual radio, hub, broker and receiver, each real; its urgent_ms.

    From the first copy on the air until the receiver has it in hand, whose own commit is a figure of
    `intake`. Beside it, every 0.1 s of the same run, on the same disk: an fsync (the hub's) and a
    loopback TCP round trip of 512 bytes.
    """
    told, limit = asyncio.run(_measure())
    name, many = "limit: fsync + TCP", told["urgent"]
    urgent: dict[str, float] = told["urgent_ms"]
    return [
        Figure(
            Samples(f"urgent, air to receiver, p50 of {many}", (urgent["p50"],)),
            "ms",
            at_most(P50_TARGET_MS),
            (Samples(f"{name}, p50 of {len(limit)}", (quantile(limit, 0.5),)),),
        ),
        Figure(
            Samples(f"urgent, air to receiver, p99 of {many}", (urgent["p99"],)),
            "ms",
            at_most(P99_TARGET_MS),
            (Samples(f"{name}, p99 of {len(limit)}", (quantile(limit, 0.99),)),),
        ),
    ]


async def _measure() -> tuple[dict[str, Any], tuple[float, ...]]:
    """What the demo says, and the limit's milliseconds while it ran."""
    limit: list[float] = []
    watching = asyncio.create_task(_watch(limit))
    try:
        told = await _demo()
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    return told, tuple(limit)


async def _demo() -> dict[str, Any]:
    """Run it to its end.

    Raises:
        RuntimeError: it failed, or its ledger did not balance; carries its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *(command("lum-hil"), "demo", "--scenario", str(SCENARIO), "--for", str(RUN_S), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"The demo failed: {out.decode()[-500:]} {complaint.decode()[-500:]}")
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


async def _watch(limit: list[float]) -> None:
    """Measure the limit again and again until cancelled."""
    with tempfile.TemporaryDirectory(prefix="lum-bench-") as name, _unbuffered(Path(name)) as file:
        async with _echo() as (reader, writer):
            while True:
                began_s = time.perf_counter()
                _sync(file)
                writer.write(bytes(MESSAGE_BYTES))
                await reader.readexactly(MESSAGE_BYTES)
                limit.append((time.perf_counter() - began_s) * 1000)
                await asyncio.sleep(LIMIT_PERIOD_S)


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection over loopback whose other end sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(MESSAGE_BYTES):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()


def _unbuffered(directory: Path) -> IO[bytes]:
    return (directory / "limit").open("wb", buffering=0)


def _sync(file: IO[bytes]) -> None:
    file.write(bytes(MESSAGE_BYTES))
    os.fsync(file.fileno())
