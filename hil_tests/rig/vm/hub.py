"""The hub under test on a board of its own: the same unmodified process, in a virtual machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hil_tests.rig.errors import RigError
from hil_tests.rig.hub import Hub
from hil_tests.rig.process import command
from hil_tests.rig.vm.machine import Machine
from hil_tests.rig.wrapping import Wrapping


class GuestHub(Hub):
    """A hub whose process is a machine: ``kill`` cuts its power, ``start`` boots it from the disk it left.

    It is enrolled, and its sensors are added, before it is first switched on; all of that is then on its
    disk, and what lies in ``directory`` is what it was.
    """

    start_wait_s = 240.0  # a minute on an idle machine, of which Python takes half

    def __init__(
        self,
        directory: Path,
        log: Path,
        hci: Path,
        ports: Sequence[int],
        *,
        environment: Mapping[str, str] = {},
        rtc: datetime | None = None,
    ) -> None:
        """Prepare it.

        Args:
            directory: Where its configuration and its state go.
            log: Where its console goes.
            hci: The unix socket of its controller.
            ports: Where the site listens.
            environment: Added to the environment of its process.
            rtc: What its clock shows when it is switched on again; None: the time of now.
        """
        self._ports = ports
        self._machine = Machine(directory.with_name("machine"), directory / "run", log, hci, rtc=rtc)
        super().__init__(directory, log, None, environment)

    def wrap(self, wrapping: Wrapping) -> None:
        """Nothing can stand around it.

        Raises:
            RigError: something should.
        """
        if wrapping != Wrapping():
            raise RigError("Nothing of the rig can stand around a process in a virtual machine.")
        self.process = self._machine

    async def start(self) -> None:
        """Switch the machine on; made when it is switched on first.

        Raises:
            RigError: something is missing on this machine; says what.
        """
        if not self._machine.disk.exists():
            words = [command("lum-hub"), "run", "--config", str(self.config)]
            await self._machine.prepare(words, self._environment, disk_at=self.state, ports=self._ports)
        await super().start()

    def _is_of_this_life(self, facts: Mapping[str, Any]) -> bool:
        """It is: what an earlier one said is taken away when the machine is switched on."""
        return bool(facts)
