"""The cloud's side under test: a throwaway site with all its real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import psutil

from hil_tests.rig.errors import RigError
from hil_tests.rig.ports import free_ports
from hil_tests.rig.process import Process, call, command, until
from zero_trust.keystore import load_certificates
from zero_trust.site_files import SERVICES
from zero_trust.tls import pinned_context

READY_WAIT_S = 90.0  # eight processes; on a crowded machine each takes its time to import
ROLLED_WAIT_S = 90.0  # its services look for their certificates every 20 s
HANDSHAKE_WAIT_S = 5.0
SITE_NAME = "demo"
ADMITTED = re.compile(r"broker\.admission .*\bcode= ")  # as the authority logs it
NOBODY_LIVES_HERE = "\n[consent]\nneeded = false\n"
CONSENT = """
[[home]]
home = "{home}"
family = ["state", "alert", "activity", "climate", "health", "upkeep", "other"]
agreed_by = "the rig"
agreed = 2026-01-01
review = 2099-01-01
"""
ROLE_MARKS = {
    "broker": "nats-server",
    "intake": " intake ",
    "authority": " authority ",
    "watch": " watch ",
    "guard": " guard ",
    "notify": " notify ",
    "portal": " portal ",
}


class Site:
    """One site in ``directory``, driven by its commands only."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.directory = directory
        self.config = directory / "receiver.toml"
        self.ports: dict[str, int] = {}
        self.vouchers: list[str] = []  # all that it was asked for
        self._process = Process(
            "lum-receiver", [command("lum-receiver"), "run", "--config", str(self.config)], log
        )

    async def create(self, host: str = "127.0.0.1") -> None:
        """Make its keys and its configuration, on free ports; hubs will know it by ``host``."""
        self.ports = dict(zip(("mqtt", "nats", "authority", "portal"), free_ports(4), strict=True))
        ports = [part for name, port in self.ports.items() for part in (f"--{name}-port", str(port))]
        await call(
            command("lum-trust"), "init", str(self.directory), "--site", SITE_NAME, "--host", host, *ports
        )
        with self.config.open("a") as file:
            file.write(NOBODY_LIVES_HERE)

    async def start(self) -> None:
        """Start all its processes and wait until each of them answers."""
        await self._process.start()
        try:
            await until(self._answers, "The site's start", READY_WAIT_S)
        except RigError as error:
            raise RigError(f"{error} Its last words:\n{self._process.tail()}") from error

    async def stop(self) -> None:
        """End all its processes."""
        await self._process.stop()

    async def kill_all(self) -> None:
        """SIGKILL everything: the parent first, which would start the others again."""
        children = self._children()
        await self._process.kill()
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()

    async def voucher(self, home: str) -> str:
        """A voucher for one hub."""
        made = await call(
            command("lum-trust"), "voucher", "new", "--home", home, "--dir", str(self.directory), "--json"
        )
        voucher: str = json.loads(made)["voucher"]
        self.vouchers.append(voucher)
        return voucher

    async def link(self, home: str) -> str:
        """The address of the home's page; the home has agreed that its family sees everything."""
        self._agree(home)
        return (await call(command("lum-receiver"), "link", home, "--config", str(self.config))).strip()

    def _agree(self, home: str) -> None:
        """Write down what an operator would, in the next version of the file."""
        file = self.directory / "grants.toml"
        agreed = file.read_text()
        if f'home = "{home}"\n' not in _uncommented(agreed):
            raised = re.sub(r"(?m)^version = (\d+)$", lambda found: f"version = {int(found[1]) + 1}", agreed)
            file.write_text(raised + CONSENT.format(home=home))

    async def status(self) -> dict[str, Any]:
        """What the site says it holds."""
        facts: dict[str, Any] = json.loads(
            await call(command("lum-receiver"), "status", "--json", "--config", str(self.config))
        )
        return facts

    async def incidents(self) -> list[dict[str, Any]]:
        """What happened that somebody must look at; each with its ``code``."""
        incidents: list[dict[str, Any]] = (await self.status()).get("incident_list", [])
        return incidents

    async def backup(self, file: Path) -> None:
        """Copy the store while the site runs."""
        await call(command("lum-receiver"), "backup", str(file), "--config", str(self.config))

    async def restore(self, file: Path) -> None:
        """Put a copy back in place of the store while the site runs."""
        await call(command("lum-receiver"), "restore", str(file), "--config", str(self.config))

    async def readings(self) -> list[dict[str, Any]]:
        """Every reading the site holds."""
        return await self._evidence("readings")

    async def coverage(self) -> list[dict[str, Any]]:
        """Every span in which a hub says, signed, that it listened."""
        return await self._evidence("coverage")

    def kill(self, role: str) -> int | None:
        """SIGKILL one of the site's processes; the site is to start it again. Returns its pid."""
        return self.signal(role, signal.SIGKILL)

    def signal(self, role: str, number: signal.Signals) -> int | None:
        """Send a signal to one of the site's processes. Returns its pid; None if there is none now."""
        child = self._child(role)
        with contextlib.suppress(psutil.Error):
            if child is not None:
                child.send_signal(number)
                return child.pid
        return None

    def pid(self, role: str) -> int | None:
        """The process with this role, if there is one now."""
        child = self._child(role)
        return None if child is None else child.pid

    def state(self, role: str) -> str:
        """What the system says of the process: ``running``, ``sleeping``, ``stopped`` ...; empty if there is none."""
        child = self._child(role)
        with contextlib.suppress(psutil.Error):
            return "" if child is None else str(child.status())
        return ""

    def admissions(self) -> int:
        """How often the authority has let a hub in at the broker's door."""
        return sum(ADMITTED.search(line) is not None for line in self._process.log.read_text().splitlines())

    def not_renewed(self, service: str) -> int:
        """How often a certificate of its own was refused a successor."""
        told = re.compile(rf"certificate\.not_renewed .*\bservice={service}(\s|$)")
        return sum(told.search(line) is not None for line in self._process.log.read_text().splitlines())

    async def certificate_trouble(self, role: str) -> str:
        """What a client that believes this site's root has against the certificate of broker or authority; empty: nothing."""
        root = load_certificates(self.directory / "root" / "root.crt")[0]
        port = self.ports[{"broker": "mqtt"}.get(role, role)]
        return await asyncio.to_thread(_certificate_trouble, pinned_context([root]), port)

    def pids(self) -> list[int]:
        """All processes of the site, for proof that none is left behind."""
        return [child.pid for child in self._children()]

    async def roll_over(self) -> int:
        """Replace the site's authorities, and wait until all of it goes by the new ones; the bundle's version then.

        Raises:
            RigError: some of it does not.
        """
        trust = (command("lum-trust"), "rotate", "--dir", str(self.directory), "--json")
        version: int = json.loads(await call(*trust, "--apply"))["next"]
        await until(lambda: self._goes_by(version), f"The site's going by bundle {version}", ROLLED_WAIT_S)
        return version

    def _goes_by(self, version: int) -> bool:
        authority = self.directory / "authority"
        issuers = {
            load_certificates(authority / f"{kind}-{version}.crt")[0] for kind in ("tls-ca", "data-ca")
        }
        return {load_certificates(self.directory / f"{label}.crt")[1] for label in SERVICES} == issuers

    async def bundles_of_hubs(self) -> dict[str, int]:
        """Which version of the bundle each hub has said that it believes."""
        told = await call(command("lum-trust"), "rotate", "--dir", str(self.directory), "--json")
        return {hub["hub"]: hub["bundle"] for hub in json.loads(told)["hubs"]}

    async def _evidence(self, what: str) -> list[dict[str, Any]]:
        lines = await call(command("lum-receiver"), what, "--config", str(self.config), wait_s=300)
        return [json.loads(line) for line in lines.splitlines()]

    def _child(self, role: str) -> psutil.Process | None:
        for child in self._children():
            with contextlib.suppress(psutil.Error):
                if ROLE_MARKS[role] in " ".join(child.cmdline()) + " ":
                    return child
        return None

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except (psutil.Error, RigError):  # ended, or not started yet
            return []

    def _answers(self) -> bool:
        if not self._process.running:
            raise RigError(f"The site ended at once. Its last words:\n{self._process.tail()}")
        admin = self.directory / "run" / "authority.sock"
        return admin.exists() and all(_listens(port) for port in self.ports.values())


def _uncommented(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def _certificate_trouble(context: ssl.SSLContext, port: int) -> str:
    address = ("127.0.0.1", port)
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=HANDSHAKE_WAIT_S) as plain:
        try:
            context.wrap_socket(plain, server_hostname=address[0]).close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""
