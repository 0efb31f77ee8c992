"""The hub under test: the unmodified ``lum-hub`` process, its configuration, its sensors, its own account of itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil_tests.rig.process import Process, Usage, call, command
from hil_tests.rig.wrapping import Wrapping

ROLES: Mapping[str, str] = {  # of the rig's sensors, by what they sense
    "climate": "climate",
    "motion": "presence",
    "door": "entrance",
    "button": "help",
    "environment": "climate",
    "thermometer": "vitals",
}


@dataclass(frozen=True, slots=True)
class SensorEntry:
    """One sensor as ``lum-hub sensors add`` is told of it."""

    address: str
    name: str
    room: str
    model: str
    contract: str
    role: str = "other"
    key: bytes | None = field(default=None, repr=False)


class Hub:
    """One hub in ``directory``."""

    start_wait_s = 60.0  # until it speaks, and is online

    def __init__(
        self, directory: Path, log: Path, radio: str | None, environment: Mapping[str, str] = {}
    ) -> None:
        """Prepare it.

        Args:
            directory: Where its configuration and state go.
            log: Where its output goes.
            radio: HCI transport to listen through; None: BlueZ, as in a home.
            environment: Added to the process's environment.
        """
        self.directory = directory
        self.config = directory / "hub.toml"
        self._radio = radio
        self._log = log
        self._environment = environment
        self._outbox: Mapping[str, float] = {}
        self.process: Process
        self._around = Wrapping()
        self.wrap(Wrapping())
        self._lives: list[dict[str, Any]] = []  # the last status of each life that has ended
        self._cpu_s = 0.0

    def live_in(self, wrapping: Wrapping) -> None:
        """Its enrolment and all its lives are in this wrapping; to be said before either."""
        self._around = wrapping.around(self._around)
        self.wrap(Wrapping())

    def wrap(self, wrapping: Wrapping) -> None:
        """Its next life is in this wrapping too; an empty one is none."""
        around = self._around.around(wrapping)
        words = around.command([command("lum-hub"), "run", "--config", str(self.config)])
        self.process = Process("lum-hub", words, self._log, self._environment)

    def live_on(self, disk: Path) -> None:
        """Keep its state there; to be said before it is configured."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state.symlink_to(disk, target_is_directory=True)

    async def twin(self, directory: Path, card: Path) -> Hub:
        """A hub on a copy of this one's disk: the same credential, in a place where it hears nobody."""
        other = Hub(directory, directory.with_suffix(".log"), f"unix-client:{directory / 'no-radio'}")
        await asyncio.to_thread(shutil.copytree, card, other.state)
        other.config.write_text(other._text(self._outbox))
        return other

    async def configure(
        self, sensors: Sequence[SensorEntry], *, batch_age_max_s: float, commit_window_max_s: float
    ) -> None:
        """Write ``hub.toml``, and add the sensors as an installer would."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._outbox = {"batch_age_max_s": batch_age_max_s, "commit_window_max_s": commit_window_max_s}
        self.config.write_text(self._text(self._outbox))
        for sensor in sensors:
            await self.add(sensor)

    def _text(self, outbox: Mapping[str, float]) -> str:
        """What stands in ``hub.toml``."""
        lines = [
            f"state_dir = {_quote(self.state)}",
            f"runtime_dir = {_quote(self.directory / 'run')}",
            "status_period_s = 0.5",
            "heartbeat_period_s = 10",
            "stop_grace_s = 10",
            "",
            "[radio]",
            *([] if self._radio is None else [f"transport = {_quote(self._radio)}"]),
            "",
            "[outbox]",
            *(f"{name} = {seconds}" for name, seconds in outbox.items()),
        ]
        return "\n".join(lines) + "\n"

    async def add(self, sensor: SensorEntry) -> str:
        """``lum-hub sensors add``; the hub may be running. Returns what it printed."""
        facts = ("name", "room", "role", "model", "contract")
        options = [part for fact in facts for part in (f"--{fact}", str(getattr(sensor, fact)))]
        with self._key_file(sensor) as key:
            return await call(
                command("lum-hub"), "sensors", "add", *self._configured, *options, *key, sensor.address
            )

    async def enrol(self, voucher: str) -> None:
        """Trade a voucher for a credential."""
        await call(*self._around.command([command("lum-hub"), "enrol", *self._configured, voucher]))

    async def start(self) -> None:
        """Start the hub process."""
        await self.process.start()

    async def kill(self) -> int:
        """SIGKILL; remembers what it had said of itself. Returns its exit status."""
        self._remember()
        return await self.process.kill()

    async def stop(self) -> int:
        """Ask it to stop: it commits and hands over what it can. Returns its exit status."""
        self._remember()
        return await self.process.stop()

    async def copy_state(self, to: Path) -> None:
        """Copy all that a stopped hub has on its disk."""
        await asyncio.to_thread(shutil.copytree, self.state, to)

    async def put_back_state(self, copy: Path) -> None:
        """Make a stopped hub's disk what it was when the copy was made."""
        await asyncio.to_thread(shutil.rmtree, self.state)
        await asyncio.to_thread(shutil.copytree, copy, self.state)

    def status(self) -> dict[str, Any]:
        """What the running hub says of itself; empty until this life has said anything."""
        try:
            facts: dict[str, Any] = json.loads(self.status_file.read_text())
        except (OSError, ValueError):
            return {}
        return facts if self.process.running and self._is_of_this_life(facts) else {}

    def idle(self) -> bool:
        """Whether it is online and every batch has its receipt."""
        status = self.status()
        return status.get("uplink") == "online" and status["waiting"] == 0

    def heard(self) -> int:
        """Readings heard, by its own account, over all its lives."""
        return sum(int(life.get("heard", 0)) for life in [*self._lives, self.status()])

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all lives that have ended."""
        return self._cpu_s

    def usage(self) -> Usage:
        """What the present life uses."""
        return self.process.usage()

    @property
    def state(self) -> Path:
        """All that it keeps over its lives."""
        return self.directory / "state"

    @property
    def status_file(self) -> Path:
        """What it says of itself."""
        return self.directory / "run" / "status.json"

    def _is_of_this_life(self, facts: Mapping[str, Any]) -> bool:
        """Whether it was said by the process that runs now."""
        return facts.get("pid") == self.process.pid

    def _remember(self) -> None:
        """This life is about to end."""
        if self.process.running:
            self._cpu_s += self.process.usage().cpu_s
            self._lives.append(self.status())

    @property
    def _configured(self) -> tuple[str, str]:
        return "--config", str(self.config)

    @contextlib.contextmanager
    def _key_file(self, sensor: SensorEntry) -> Iterator[list[str]]:
        """The option that names a sensor's key, as long as it is needed; empty for one without."""
        if sensor.key is None:
            yield []
            return
        file = self.directory / "new.key"
        file.touch(mode=0o600)
        try:
            file.write_text(sensor.key.hex())
            yield ["--key-file", str(file)]
        finally:
            file.unlink()


def _quote(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
