"""The operator's end of the authority's admin API: HTTP over a unix socket on the same machine."""

from __future__ import annotations

import http.client
import json
import os
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zero_trust.audit import Row
from zero_trust.audit_check import SignedCheckpoint, parse_checkpoint
from zero_trust.errors import PolicyError, TrustError
from zero_trust.reasons import reasons

TIMEOUT_S = 10.0


class Operator:
    """Asks the authority of the site in ``site_directory``.

    Each call raises :class:`TrustError`: ``no-site``, ``operator-unreachable``, or what the authority refuses.
    """

    def __init__(self, site_directory: Path) -> None:
        self._socket = _admin_socket(site_directory)

    def new_voucher(self, home: str) -> dict[str, Any]:
        """Make a voucher: ``voucher`` (text), ``home``, ``expires_ms``."""
        voucher: dict[str, Any] = self._ask("POST", "/v1/voucher", {"home": home})
        return voucher

    def revoke(self, hub: str, reason: str) -> dict[str, Any]:
        """Withdraw a hub's standing: ``hub``, ``standing``, ``sessions`` ended (None: the broker did not answer)."""
        revoked: dict[str, Any] = self._ask("POST", "/v1/revoke", {"hub": hub, "reason": reason})
        return revoked

    def release(self, hub: str) -> dict[str, Any]:
        """Confirm a hub that is held: ``hub``, ``standing``."""
        released: dict[str, Any] = self._ask("POST", "/v1/release", {"hub": hub})
        return released

    def restore(self, hub: str) -> dict[str, Any]:
        """Give a revoked hub its standing back: ``hub``, ``standing``."""
        restored: dict[str, Any] = self._ask("POST", "/v1/restore", {"hub": hub})
        return restored

    def hubs(self) -> list[dict[str, Any]]:
        """All hubs: ``hub``, ``home``, ``words``, ``standing``, ``reason`` and when."""
        hubs: list[dict[str, Any]] = self._ask("GET", "/v1/hubs")
        return hubs

    def refusals(self) -> list[dict[str, Any]]:
        """What was refused, newest first: ``at_ms``, ``where``, ``hub``, ``detail`` and the words."""
        refusals: list[dict[str, Any]] = self._ask("GET", "/v1/refusals")
        return refusals

    def decision(self, number: int) -> dict[str, Any]:
        """A decision of the audit with its words; ``fixer`` is who can change it."""
        made: dict[str, Any] = self._ask("GET", f"/v1/decision/{number}")
        return made

    def what_if(self, asked: dict[str, str]) -> dict[str, Any]:
        """What would be decided: ``allow``, ``rule``, and the words of a refusal."""
        ruling: dict[str, Any] = self._ask("POST", "/v1/what-if", asked)
        return ruling

    def book(self) -> dict[str, Any]:
        """What is in force: versions of ``policy`` and ``grants``, and ``code`` and ``detail`` of trouble."""
        book: dict[str, Any] = self._ask("GET", "/v1/book")
        return book

    def break_glass(self, who: str, home: str, cause: str) -> dict[str, Any]:
        """Break the glass for staff on duty: ``number``, ``until_ms``, ``review_due_ms`` and more."""
        opening: dict[str, Any] = self._ask(
            "POST", "/v1/break-glass", {"who": who, "home": home, "cause": cause}
        )
        return opening

    def openings(self) -> list[dict[str, Any]]:
        """Every time the glass was broken, the last first."""
        openings: list[dict[str, Any]] = self._ask("GET", "/v1/break-glass")
        return openings

    def review(self, number: int, who: str, finding: str) -> dict[str, Any]:
        """Write down what a review came to."""
        reviewed: dict[str, Any] = self._ask(
            "POST", f"/v1/break-glass/{number}/review", {"who": who, "finding": finding}
        )
        return reviewed

    def audit(self) -> Iterator[Row]:
        """All rows of the audit, in order, as they are: nothing is checked."""
        after = 0
        while page := self._ask("GET", f"/v1/audit?after={after}"):
            yield from map(_row, page)
            after = page[-1]["number"]

    def newest(self, last: int, kind: str) -> list[Row]:
        """The last rows of the audit, newest first; of one ``kind``, if it is not empty."""
        return list(map(_row, self._ask("GET", f"/v1/audit?last={last}&kind={quote(kind)}")))

    def checkpoints(self) -> list[SignedCheckpoint]:
        """All checkpoints that the site has kept."""
        return [parse_checkpoint(text) for text in self._ask("GET", "/v1/checkpoints")]

    def trust(self) -> dict[str, Any]:
        """What a roll-over would meet: ``version``, ``hubs`` and ``services`` with theirs, ``vouchers_open``."""
        trust: dict[str, Any] = self._ask("GET", "/v1/trust")
        return trust

    def alarms(self) -> list[dict[str, Any]]:
        """What operations must look at now: ``hub``, ``since_ms``, ``detail`` and the words."""
        alarms: list[dict[str, Any]] = self._ask("GET", "/v1/alarms")
        return alarms

    def _ask(self, method: str, path: str, content: dict[str, str] | None = None) -> Any:
        connection = _UnixConnection(self._socket)
        try:
            connection.request(method, path, json.dumps(content) if content is not None else None)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise TrustError("operator-unreachable", str(self._socket)) from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise _refused(answer)
        return answer


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("authority", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Open the socket by way of its directory: a socket's own path may have 107 bytes at most."""
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


def _row(facts: dict[str, Any]) -> Row:
    return Row(**{**facts, "hash": bytes.fromhex(facts["hash"])})


def _admin_socket(site_directory: Path) -> Path:
    file = site_directory / "receiver.toml"
    try:
        run = tomllib.loads(file.read_text(encoding="utf-8")).get("paths", {}).get("run", "run")
    except (OSError, ValueError) as error:
        raise TrustError("no-site", str(site_directory)) from error
    return site_directory / str(run) / "authority.sock"


def _refused(answer: Any) -> TrustError:
    code = answer.get("code") if isinstance(answer, dict) else None
    if code not in reasons():
        return TrustError("answer-not-believed")
    return PolicyError(code, str(answer.get("detail", "")))
