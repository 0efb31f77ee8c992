"""A real site on free loopback ports: its authority and its broker as processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cloud_sync.receiver import broker
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.receiver.store.registry import Refusal
from edge_agent.adapters import enrol as hub_side
from edge_agent.adapters.identity import HubIdentity
from hil_tests.rig.ports import free_ports
from zero_trust.operator import Operator
from zero_trust.site import Ports, make_site

START_MAX_S = 20.0

_AUTHORITY = (
    "import asyncio, sys; from pathlib import Path; from cloud_sync.receiver import authority, config; "
    "asyncio.run(authority.run(config.load_config(Path(sys.argv[1]))))"
)


@dataclass
class SiteProcess:
    """A running site, and what its processes have said so far."""

    directory: Path
    config: ReceiverConfig
    operator: Operator
    said: list[str] = field(default_factory=list)
    hubs: int = 0
    authority: subprocess.Popen[str] | None = None

    def enrol(self, home: str = "h-17") -> HubIdentity:
        """Enrol one more hub."""
        return hub_side.enrol(self.voucher(home), self.hub_directory())

    def voucher(self, home: str = "h-17") -> str:
        """The text of a new voucher."""
        return str(self.operator.new_voucher(home)["voucher"])

    def hub_directory(self) -> Path:
        """A state directory for one more hub."""
        self.hubs += 1
        return self.directory / "hubs" / str(self.hubs)

    def stop_authority(self) -> None:
        """End the authority, as a crash would."""
        assert self.authority is not None
        self.authority.kill()
        self.authority.wait(START_MAX_S)

    def last_refusal(self) -> Refusal:
        """What the operator sees first."""
        row = self.operator.refusals()[0]
        return Refusal(row["at_ms"], row["where"], row["hub"], row["code"], row["detail"])


@contextlib.contextmanager
def site_process(directory: Path, age_ms: int = 0) -> Iterator[SiteProcess]:
    """Make a site in ``directory``, as of ``age_ms`` ago, and run its authority and broker until the block ends."""
    numbers = free_ports(4)
    ports = Ports(*numbers)
    now_ms = time.time_ns() // 1_000_000 - age_ms
    make_site(directory, site="demo", host="127.0.0.1", now_ms=now_ms, entropy=os.urandom, ports=ports)
    config = load_config(directory / "receiver.toml")
    site = SiteProcess(directory, config, Operator(directory))
    broker.prepare(config)
    with (
        _process(broker.command(config), "Server is ready", site.said),
        _process(_authority_command(directory), "broker.answering", site.said) as site.authority,
    ):
        yield site


def _authority_command(directory: Path) -> list[str]:
    die_together = ["setpriv", "--pdeathsig", "KILL"]
    return [*die_together, sys.executable, "-u", "-c", _AUTHORITY, str(directory / "receiver.toml")]


@contextlib.contextmanager
def _process(command: list[str], ready: str, said: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a process from the line that says it is ready to the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    told = threading.Event()
    listener = threading.Thread(target=_listen, args=(process.stdout, ready, said, told))
    listener.start()
    try:
        assert told.wait(START_MAX_S), f"no {ready!r} in: {''.join(said)}"
        yield process
    finally:
        process.terminate()
        process.wait(START_MAX_S)
        listener.join(START_MAX_S)


def _listen(stream: IO[str], ready: str, said: list[str], told: threading.Event) -> None:
    with stream:
        for line in stream:
            said.append(line)
            if ready in line:
                told.set()
