"""What a hub shall leave out, and what it says that it does: the setting (down) and the account of it (up).

Up (``hubs/<hub>/up``)                     Down (``cmd/<hub>``)
  0x05 taken    signed by the data key     0x15 setting  signed by a receipt key

``SPEC.md`` ("Settings") is the definition. Both name the session they were made for, so that neither can be played
again in another one; within a session numbers only rise. Times are wall clock, milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

import msgspec

from cloud_sync.wire.errors import WireError

VERSION: Literal[1] = 1
SESSION_BYTES = 16
PAUSES_MAX = 64
NO_END_MS = (1 << 53) - 1  # until somebody says otherwise

SETTING_TAG = b"lum-setting-1\0"
TAKEN_TAG = b"lum-taken-1\0"

Moment = Annotated[int, msgspec.Meta(ge=0, le=NO_END_MS)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z-]{1,32}$")]
Session = Annotated[bytes, msgspec.Meta(min_length=SESSION_BYTES, max_length=SESSION_BYTES)]


class Pause(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """From..until, nothing is stored or sent but what sensors of the roles in ``stays`` say.

    Whatever is not named does not stay: a role that is new to one end is paused, not heard by mistake.
    """

    from_ms: Moment
    until_ms: Moment
    stays: Annotated[tuple[Role, ...], msgspec.Meta(max_length=32)] = ()

    def __post_init__(self) -> None:
        if self.from_ms >= self.until_ms:
            raise ValueError("a pause must end after it begins")

    def covers(self, at_ms: int) -> bool:
        """Whether it is in force at a moment."""
        return self.from_ms <= at_ms < self.until_ms


Pauses = Annotated[tuple[Pause, ...], msgspec.Meta(max_length=PAUSES_MAX)]


class Setting(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the site wants a hub to leave out; a later number takes the place of an earlier one.

    Attributes:
        version: of this format.
        site: whose word it is.
        hub: for which hub.
        session: in which session (``sync/session.py``).
        number: 1, 2, 3 ..., rising.
        made_ms: by the site's clock; it is at least that late.
        pauses: all that are known, also those to come.
    """

    version: Literal[1]
    site: Name
    hub: Name
    session: Session
    number: Annotated[int, msgspec.Meta(ge=1, lt=1 << 32)]
    made_ms: Moment
    pauses: Pauses


class Taken(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a hub goes by. The site believes of a pause what is said here, not what it asked for.

    Attributes:
        version: of this format.
        site: to whom it speaks.
        hub: who speaks.
        session: in which session.
        counter: rising within the session.
        number: of the setting it goes by; 0: none yet.
        pauses: of that setting.
        own: pauses that somebody at the hub asked for.
        refused: code of what kept a newer setting from being taken; empty: nothing.
    """

    version: Literal[1]
    site: Name
    hub: Name
    session: Session
    counter: Number
    number: Number
    pauses: Pauses
    own: Pauses
    refused: Annotated[str, msgspec.Meta(max_length=64)]


_T = TypeVar("_T", Setting, Taken, tuple[Pause, ...])


def encode_setting(setting: Setting) -> bytes:
    """The bytes that a receipt key signs."""
    return msgspec.msgpack.encode(setting)


def decode_setting(body: bytes) -> Setting:
    """Inverse of :func:`encode_setting`; raises WireError."""
    return _decode(body, Setting, "setting")


def encode_taken(taken: Taken) -> bytes:
    """The bytes that a hub signs."""
    return msgspec.msgpack.encode(taken)


def decode_taken(body: bytes) -> Taken:
    """Inverse of :func:`encode_taken`; raises WireError."""
    return _decode(body, Taken, "account of a setting")


def pack_pauses(pauses: Iterable[Pause]) -> bytes:
    """Pauses as either end keeps them."""
    return msgspec.msgpack.encode(tuple(pauses))


def unpack_pauses(packed: bytes) -> tuple[Pause, ...]:
    """Inverse of :func:`pack_pauses`; raises WireError."""
    return _decode(packed, tuple[Pause, ...], "list of pauses")


def _decode(body: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"the {what} is malformed: {error}", "setting-malformed") from error
