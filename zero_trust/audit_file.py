"""A log as a file that an auditor keeps: JSON, one object a line, readable without Lum. Pure.

    {"format": "lum-audit-1", "site": "demo"}
    {"number": 1, "at_ms": ..., "kind": "site", "facts": {...}, "hash": "..."}
    {"checkpoint": "LUMCP1:..."}

Evidence is a file of its own, for it holds what sensors said: ``{"hub", "signed"}``, the batch in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, TypeVar

import msgspec

from zero_trust.audit import Row, spell
from zero_trust.audit_check import SignedCheckpoint, parse_checkpoint
from zero_trust.errors import TrustError
from zero_trust.evidence import Evidence

FORMAT: Final = "lum-audit-1"

T = TypeVar("T")
_INT_MAX = 2**62


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    site: str


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1, le=_INT_MAX)]
    at_ms: Annotated[int, msgspec.Meta(ge=0, le=_INT_MAX)]
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z-]{1,32}$")]
    facts: dict[str, Any]
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class _CheckpointLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoint: str


class _EvidenceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hub: str
    signed: bytes


class LogFile:
    """A log read from lines: whose it says it is, its rows in order, its checkpoints. Nothing is checked yet."""

    def __init__(self, lines: Iterable[str]) -> None:
        numbered = enumerate(lines, start=1)
        head = _read(next(numbered, (1, "")), _Head)
        if head.format != FORMAT:
            raise TrustError("log-malformed", f"line 1: format {head.format!r}, not {FORMAT!r}")
        self.site = head.site
        self.checkpoints: list[SignedCheckpoint] = []
        self.rows = [row for row in map(self._row, numbered) if row is not None]

    def _row(self, line: tuple[int, str]) -> Row | None:
        if line[1].startswith('{"checkpoint"'):
            self.checkpoints.append(parse_checkpoint(_read(line, _CheckpointLine).checkpoint))
            return None
        read = _read(line, _Line)
        return Row(read.number, read.at_ms, read.kind, spell(read.facts), bytes.fromhex(read.hash))


def write_log(site: str, rows: Iterable[Row], checkpoints: Iterable[SignedCheckpoint]) -> Iterator[str]:
    """The lines of a log file, without their ends."""
    yield _line({"format": FORMAT, "site": site})
    for row in rows:
        facts = {"number": row.number, "at_ms": row.at_ms, "kind": row.kind, "hash": row.hash.hex()}
        yield _line({**facts, "facts": msgspec.Raw(row.text.encode())})
    for checkpoint in checkpoints:
        yield _line({"checkpoint": checkpoint.text})


def write_evidence(evidence: Evidence) -> str:
    """One line of an evidence file."""
    return _line({"hub": evidence.hub, "signed": base64.b64encode(evidence.signed).decode()})


def read_evidence(lines: Iterable[str]) -> Iterator[Evidence]:
    """What :func:`write_evidence` wrote.

    Raises:
        TrustError: ``log-malformed``, with the number of the line.
    """
    for line in enumerate(lines, start=1):
        read = _read(line, _EvidenceLine)
        yield Evidence(read.hub, read.signed)


def _line(facts: dict[str, Any]) -> str:
    return msgspec.json.encode(facts).decode()


def _read(line: tuple[int, str], kind: type[T]) -> T:
    number, text = line
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise TrustError("log-malformed", f"line {number}: {error}") from error
