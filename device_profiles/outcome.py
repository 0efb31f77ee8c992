"""What became of one advert: a normal value, also where the bytes are bad."""

from __future__ import annotations

import enum

import msgspec

from device_profiles.reading import Reading


class Status(enum.Enum):
    """The one thing to count about an advert."""

    DECODED = "decoded"
    NO_VALUES = "no_values"  # well-formed, and says nothing
    REJECTED = "rejected"  # malformed or not believable: no reading
    WRONG_KEY_OR_CORRUPT = "wrong_key_or_corrupt"
    NEEDS_KEY = "needs_key"  # encrypted, and we hold no key
    UNKNOWN = "unknown"  # no profile claims it


class Reason:
    """Constant codes that say why; counted, never shown to families."""

    TRUNCATED = "truncated"
    WRONG_LENGTH = "wrong-length"
    UNKNOWN_OBJECT = "unknown-object"
    UNKNOWN_EVENT = "unknown-event"
    BAD_TEXT = "bad-text"
    OTHER_VERSION = "other-version"
    BAD_VALUE = "bad-value"  # a value that its format does not have
    AMBIGUOUS = "ambiguous"  # two parts of the advert claim to be the frame
    CONNECT = "connect"  # what it has to say is told over a connection
    ADDRESS_MISMATCH = "address-mismatch"
    ADDRESS_UNKNOWN = "address-unknown"
    NOT_ENCRYPTED = "not-encrypted"
    NO_KEY = "no-key"
    BAD_KEY = "bad-key"
    WRONG_KEY = "wrong-key"
    NO_PROFILE = "no-profile"
    NO_OBJECT = "no-object"  # the header says that nothing follows
    MESH = "mesh"  # a member of a mesh, whose adverts say nothing of it


class Outcome(msgspec.Struct, frozen=True):
    """The result of decoding one advert.

    Attributes:
        status: What happened.
        model: The profile that claimed the advert, if one did.
        readings: What it said; empty unless DECODED.
        reason: Why there is less than there could be, as a constant of :class:`Reason`.
        repeat: The frame's own packet id or counter: equal ones are copies of one transmission.
            ``None`` where the frame carries none, and where a frame was cut short: its whole copy
            must not be taken for a repeat of it.
        counter: The encryption counter of a frame that proved authentic, if it carries a full one.
        proven: Whether a key proved that the sensor itself said it.
        product: What the header calls the sender, where a format is spoken by many (``LYWSD03MMC``).
    """

    status: Status
    model: str | None = None
    readings: tuple[Reading, ...] = ()
    reason: str | None = None
    repeat: int | None = None
    counter: int | None = None
    proven: bool = False
    product: str | None = None


UNKNOWN = Outcome(Status.UNKNOWN, reason=Reason.NO_PROFILE)
