"""Chips to hold in one's hand: SoftHSM2 as a token, swtpm as a TPM 2.0; and plain files beside them.

Each can be pulled out, put back, exchanged for another one, and forgotten by this process as by a restart.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from hil_tests.rig.ports import free_ports
from zero_trust import hub_keys

PIN = "48151623"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"  # where Debian and Ubuntu have it, whatever the machine's kind
START_MAX_S = 10.0

_numbers = itertools.count(1)  # a label has 32 characters at most


class Chip(Protocol):
    """Where a hub's keys are, as a test handles it."""

    settings: hub_keys.Settings

    def restart(self) -> None:
        """This process forgets all it knows of the chip, as a new one would."""

    def unplug(self) -> None:
        """It is gone."""

    def plug(self) -> None:
        """It is back."""

    def exchange(self) -> None:
        """Another chip of its kind is in its place; this process knows neither."""


@dataclass
class Files:
    """No chip at all; there is nothing to pull out."""

    settings: hub_keys.Settings = field(default_factory=hub_keys.FileKeys)

    def restart(self) -> None:
        """Files are read anew each time."""

    def unplug(self) -> None:
        """Nothing to pull."""

    plug = exchange = unplug


class SoftToken:
    """A token of SoftHSM2, made in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._tokens = directory / "tokens"
        self._tokens.mkdir(parents=True)
        self.configuration = directory / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n")
        self.pin_file = directory / "pin"
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text(f"{PIN}\n")
        self.label = f"hub {next(_numbers)}"
        self._label_one()
        self.settings: hub_keys.Settings = hub_keys.Pkcs11Keys(
            module=MODULE, token=self.label, pin_file=str(self.pin_file)
        )

    def restart(self) -> None:
        """As :meth:`Chip.restart`."""
        import pkcs11  # noqa: PLC0415 - only where there is one

        from zero_trust.chips.pkcs11 import token_of  # noqa: PLC0415

        token_of(MODULE, self.label, self.pin_file).close()
        token_of.cache_clear()
        pkcs11.lib(MODULE).finalize()

    def unplug(self) -> None:
        """As :meth:`Chip.unplug`; whatever session there was is lost."""
        import pkcs11  # noqa: PLC0415

        self._tokens.rename(self._away)
        self._tokens.mkdir()
        pkcs11.lib(MODULE).finalize()

    def plug(self) -> None:
        """As :meth:`Chip.plug`."""
        shutil.rmtree(self._tokens)
        self._away.rename(self._tokens)

    def exchange(self) -> None:
        """As :meth:`Chip.exchange`: the same label and PIN, but no keys."""
        self.restart()
        shutil.rmtree(self._tokens)
        self._tokens.mkdir()
        self._label_one()

    @property
    def _away(self) -> Path:
        return self._tokens.with_name("in-a-drawer")

    def _label_one(self) -> None:
        words = ["--init-token", "--free", "--label", self.label, "--pin", PIN, "--so-pin", PIN]
        subprocess.run(
            ["softhsm2-util", *words],
            env=os.environ | {"SOFTHSM2_CONF": str(self.configuration)},
            capture_output=True,
            check=True,
        )


class SoftTpm:
    """A TPM 2.0 of swtpm, on the loopback; what it keeps is in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._state = directory / "tpm"
        self._port = _two_free_ports()
        self.address = f"swtpm:host=127.0.0.1,port={self._port}"
        self.settings: hub_keys.Settings = hub_keys.TpmKeys(address=self.address)
        self.plug()

    def restart(self) -> None:
        """As :meth:`Chip.restart`."""
        from zero_trust.chips.tpm import tpm_at  # noqa: PLC0415 - only where there is one

        tpm_at(self.address).close()
        tpm_at.cache_clear()

    def plug(self) -> None:
        """As :meth:`Chip.plug`."""
        self._state.mkdir(exist_ok=True)
        where = [f"--server=type=tcp,port={self._port}", f"--ctrl=type=tcp,port={self._port + 1}"]
        flags = "--flags=not-need-init,startup-clear"
        words = ["setpriv", "--pdeathsig", "KILL", "swtpm", "socket", "--tpm2", flags, *where]
        self._process = subprocess.Popen([*words, f"--tpmstate=dir={self._state}"])
        deadline = time.monotonic() + START_MAX_S
        while not _answers(self._port + 1):
            assert time.monotonic() < deadline, "swtpm does not start"
            assert self._process.poll() is None, "swtpm has ended"
            time.sleep(0.02)

    def unplug(self) -> None:
        """As :meth:`Chip.unplug`."""
        self._process.kill()
        self._process.wait(START_MAX_S)

    def exchange(self) -> None:
        """As :meth:`Chip.exchange`."""
        self.restart()
        self.unplug()
        shutil.rmtree(self._state)
        self.plug()


@contextlib.contextmanager
def chip_of_kind(kind: str, directory: Path, patch: pytest.MonkeyPatch) -> Iterator[Chip]:
    """A new chip: ``file``, ``pkcs11`` or ``tpm``; it and this process forget each other at the end."""
    if kind == "file":
        yield Files()
    elif kind == "pkcs11":
        token = SoftToken(directory)
        patch.setenv("SOFTHSM2_CONF", str(token.configuration))
        yield token
        token.restart()
    else:
        need_tpm2_software()
        tpm = SoftTpm(directory)
        yield tpm
        tpm.restart()
        tpm.unplug()


def need_tpm2_software() -> None:
    """Skip without it, or fail when CI=true."""
    lacks = [tool for tool in ("swtpm",) if not shutil.which(tool)]
    lacks += [name for name in ("tpm2_pytss",) if importlib.util.find_spec(name) is None]
    if not lacks:
        return
    words = f"{' and '.join(lacks)} not installed; install with: make chips"
    if os.environ.get("CI") == "true":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def _two_free_ports() -> int:
    """The first of two neighbouring ports that were free a moment ago."""
    first, second = free_ports(2)
    while second != first + 1:
        first, second = second, free_ports(1)[0]
    return first


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False
