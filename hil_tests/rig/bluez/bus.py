"""A D-Bus of the rig's own: nobody else on the machine is on it, and it may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from urllib.parse import quote

from hil_tests.rig.errors import RigError

START_WAIT_S = 10.0
STOP_WAIT_S = 5.0
SOCKET_PATH_MAX_BYTES = 107  # unix(7): sun_path, with its closing zero
CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    """One ``dbus-daemon`` with its socket in ``directory``."""

    def __init__(self, directory: Path) -> None:
        """Prepare it.

        Raises:
            RigError: The path of the socket would be too long for a unix socket.
        """
        self._socket = directory / "dbus.sock"
        self._config = directory / "dbus.conf"
        self._process: asyncio.subprocess.Process | None = None
        if len(str(self._socket).encode()) > SOCKET_PATH_MAX_BYTES:
            raise RigError(f"The path {self._socket} is too long for a socket; use a shorter directory.")

    @property
    def address(self) -> str:
        """As ``DBUS_SYSTEM_BUS_ADDRESS`` takes it."""
        return f"unix:path={quote(str(self._socket), safe='/')}"

    @property
    def running(self) -> bool:
        """Whether the daemon runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the daemon, on the same socket as before; return when it can be connected to.

        Raises:
            RigError: It is not installed, or does not start.
        """
        program = shutil.which("dbus-daemon")
        if program is None:
            raise RigError("dbus-daemon is not installed; install it with: apt-get install dbus")
        self._config.write_text(CONFIG.format(address=self.address))
        self._socket.unlink(missing_ok=True)  # a killed one leaves it behind
        self._process = await asyncio.create_subprocess_exec(
            program,
            *("--nofork", "--nopidfile", "--nosyslog", f"--config-file={self._config}", "--print-address=1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            process_group=0,
        )
        assert self._process.stdout is not None  # noqa: S101  # a pipe was asked for
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_WAIT_S):
                if await self._process.stdout.readline():
                    return
        await self.kill()
        raise RigError(f"dbus-daemon did not start with {self._config}.")

    async def stop(self) -> None:
        """End the daemon, if it runs."""
        if self._process is None or not self.running:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> tuple[int, int]:
        """SIGKILL the daemon; returns its process id and exit status (minus the signal).

        Raises:
            RigError: It was never started.
        """
        if self._process is None:
            raise RigError("The private D-Bus has not been started, so it cannot be killed.")
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return self._process.pid, await self._process.wait()
