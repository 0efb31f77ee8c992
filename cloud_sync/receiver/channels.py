"""By which ways people are told: a signed webhook, or lines of a file; what they are and how one notice goes out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from cloud_sync.assurance.incident import Audience
from cloud_sync.assurance.notice import Notice
from cloud_sync.receiver.address import Address
from cloud_sync.receiver.outgoing import OutgoingError, Post, send
from zero_trust.errors import KeyStoreError
from zero_trust.keystore import read_private

VERSION: Final = 1
SECRET_MIN_BYTES: Final = 32

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]
To = Literal["operations", "family"]


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"):
    """An HTTPS POST of JSON, signed with a secret that both ends hold.

    Attributes:
        name: of the channel.
        to: whom it reaches.
        url: where; never shown whole.
        secret: the file that holds the secret, readable by its owner alone.
        ca: certificates (PEM) that vouch for the other end; default: those of the system.
    """

    name: Name
    to: To
    url: Address
    secret: Path
    ca: Path | None = None


class LinesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="file"):
    """A line of JSON appended to a file; ``-``: standard output."""

    name: Name
    to: To
    path: Path


Channel = Webhook | LinesFile


def by_audience(channels: Sequence[Channel]) -> dict[Audience, list[str]]:
    """The names of the channels that reach each audience."""
    return {
        audience: [one.name for one in channels if one.to == audience.name.lower()] for audience in Audience
    }


def message(site: str, notice: Notice) -> bytes:
    """A notice as it leaves the site: JSON, UTF-8."""
    facts: Mapping[str, Any] = {
        "version": VERSION,
        "id": notice.id,
        "site": site,
        "home": notice.home,
        "to": notice.audience.name.lower(),
        "occasion": notice.occasion.value,
        "about": notice.about.value,
        "subject": notice.subject,
        "severity": notice.severity.name.lower(),
        "happened_ms": notice.happened_ms,
        "known_ms": notice.known_ms,
        "words": notice.words,
    }
    return json.dumps(facts, ensure_ascii=False).encode()


def signature(secret: bytes, sent_ms: int, body: bytes) -> str:
    """What proves that a body comes from who holds the secret, and when it was sent."""
    return "sha256=" + hmac.digest(secret, str(sent_ms).encode() + b"." + body, hashlib.sha256).hex()


async def deliver(channel: Channel, site: str, notice: Notice, now_ms: int) -> None:
    """Hand a notice to a channel; it has taken it when this returns.

    Raises:
        OutgoingError: it has not; the sentence says why.
    """
    body = message(site, notice)
    if isinstance(channel, LinesFile):
        await asyncio.to_thread(_append, channel.path, body + b"\n")
        return
    headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", notice.id),
        ("Lum-Time", str(now_ms)),
        ("Lum-Signature", signature(_secret(channel.secret), now_ms, body)),
    ]
    await send(channel.url, Post("POST", headers, body), ca=channel.ca)


def _secret(file: Path) -> bytes:
    try:
        secret = read_private(file).strip()
    except KeyStoreError as error:
        raise OutgoingError(f"the channel's secret cannot be used: {error}") from error
    if len(secret) < SECRET_MIN_BYTES:
        raise OutgoingError(f"the channel's secret {file} is shorter than {SECRET_MIN_BYTES} bytes")
    return secret


def _append(path: Path, line: bytes) -> None:
    """Append a line, durably."""
    try:
        if path.name == "-":
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:  # noqa: PTH123
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutgoingError(f"{path} cannot be written: {error.strerror}") from error
