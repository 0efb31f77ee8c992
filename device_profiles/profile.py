"""A profile: data saying how one model's bytes become readings.

One TOML file per model under ``models/``. This module knows its shape and refuses what makes no
sense; ``decode.py`` turns it into something fast.
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Iterator

import msgspec

from device_profiles.errors import ProfileError

_CONTRACT = re.compile(r"(periodic|heartbeat) ([1-9][0-9]{0,6}) s")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class Layout(enum.Enum):
    """How a payload is laid out."""

    BTHOME_V2 = "bthome_v2"  # objects, each behind its own id
    FRAMES = "frames"  # fixed frames, told apart by their length


class ByteOrder(enum.Enum):
    """Which end of a number comes first."""

    LITTLE = "little"
    BIG = "big"


class Scheme(enum.Enum):
    """How a fixed frame is encrypted (BTHome says it in its header)."""

    NONE = "none"
    PVVX = "pvvx"


class RepeatRule(enum.Enum):
    """What marks two frames as copies of one transmission."""

    PACKET_ID = "packet_id"
    COUNTER = "counter"
    PAYLOAD = "payload"  # nothing but equal bytes


class Role(enum.Enum):
    """What a field is for."""

    VALUE = "value"
    REPEAT = "repeat"
    SKIP = "skip"


class Type(enum.Enum):
    """How a field's bytes are read."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT24 = "uint24"
    UINT32 = "uint32"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    BOOLEAN = "boolean"  # one byte, 0 or 1
    EVENT = "event"  # one byte, looked up in ``codes``; an empty word means nothing happened
    STEPS = "steps"  # two bytes: direction (1 left, 2 right) and count; left is negative
    TEXT = "text"  # a length byte, then UTF-8
    HEX = "hex"  # a length byte, then bytes, spoken as hex
    VERSION24 = "version24"  # three bytes, spoken as "1.2.3"
    VERSION32 = "version32"
    ADDRESS = "address"  # the sender's six bytes; must be those of the advert


class ContractKind(enum.Enum):
    """The three ways a model proves that it is alive."""

    PERIODIC = "periodic"  # it measures at this pace
    HEARTBEAT = "heartbeat"  # it speaks at this pace, also when nothing happens
    EVENT_ONLY = "event-only"  # its silence proves nothing


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A liveness contract; ``period_s`` is 0 for ``event-only``."""

    kind: ContractKind
    period_s: int = 0


class FieldSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a payload.

    Its true value is ``(raw & mask) * scale + offset``, times ``10**exponent``; ``least`` and
    ``most`` bound what is plausible, in true units. ``id`` is the object id (``bthome_v2`` only).
    """

    type: Type
    kind: str = ""
    id: int | None = None
    role: Role = Role.VALUE
    unit: str = ""
    exponent: int = 0
    scale: int = 1
    offset: int = 0
    mask: int | None = None
    least: int | float | None = None
    most: int | float | None = None
    urgent: bool = False
    codes: dict[int, str] | None = None


class FrameSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixed frame: its exact length in bytes on the air, and its fields in order, without gaps."""

    length: int
    fields: tuple[FieldSpec, ...]
    byte_order: ByteOrder = ByteOrder.LITTLE
    encryption: Scheme = Scheme.NONE


class Recognise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an advert must have for this model; the payload is the service data, else the maker's."""

    service_data: str | None = None
    company_id: int | None = None
    name_prefix: str | None = None


class VectorReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reading that a vector expects, as people write it."""

    kind: str
    value: bool | int | float | str
    unit: str = ""


class Vector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known answer: these bytes must give this outcome."""

    title: str
    payload: str
    status: str
    readings: tuple[VectorReading, ...] = ()
    reason: str | None = None
    repeat: int | None = None
    counter: int | None = None
    address: str = "54:48:E6:8F:80:A5"
    local_name: str | None = None
    key: str | None = None


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model, as its file describes it (and with what it takes over from ``extends``)."""

    name: str
    title: str
    layout: Layout
    recognise: Recognise
    repeat: RepeatRule
    source: str
    extends: str | None = None
    objects: tuple[FieldSpec, ...] = ()
    frames: tuple[FrameSpec, ...] = ()
    liveness: dict[str, str] = {}
    time_resolution_ms: dict[str, int] = {}
    vectors: tuple[Vector, ...] = ()

    def contract(self, kind: str) -> Contract:
        """How a sensor of this model proves that ``kind`` is alive, unless its home says otherwise."""
        return parse_contract(self.liveness.get(kind) or self.liveness["default"])

    def resolution_ms(self, kind: str) -> int:
        """How finely a reading's time means anything."""
        return self.time_resolution_ms.get(kind) or self.time_resolution_ms["default"]


def parse_profile(text: str, file: str) -> Profile:
    """Read one model file.

    Args:
        text: The file's content (TOML).
        file: Its name, for errors.

    Raises:
        ProfileError: It is no TOML, has an unknown or missing key, or makes no sense.
    """
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile, strict=True, str_keys=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(f"{file}: {error}.", hint="Correct the file.") from error
    for sentence in _faults(profile):
        raise ProfileError(f"{file}: {sentence}.", hint="Correct the file.")
    return profile


def parse_contract(text: str) -> Contract:
    """Read ``"periodic 900 s"``, ``"heartbeat 3600 s"`` or ``"event-only"``.

    Raises:
        ProfileError: It is none of the three.
    """
    if text == ContractKind.EVENT_ONLY.value:
        return Contract(ContractKind.EVENT_ONLY)
    match = _CONTRACT.fullmatch(text)
    if match is None:
        raise ProfileError(
            f'"{text}" is no liveness contract.',
            hint='Write "periodic N s", "heartbeat N s" or "event-only".',
        )
    return Contract(ContractKind(match[1]), int(match[2]))


def extend(profile: Profile, base: Profile) -> Profile:
    """Complete ``profile`` with the objects of ``base`` that it does not define itself."""
    own = {field.id for field in profile.objects}
    objects = tuple(field for field in base.objects if field.id not in own) + profile.objects
    return msgspec.structs.replace(
        profile,
        objects=tuple(sorted(objects, key=lambda field: field.id or 0)),
        liveness={**base.liveness, **profile.liveness},
        time_resolution_ms={**base.time_resolution_ms, **profile.time_resolution_ms},
    )


def _faults(profile: Profile) -> Iterator[str]:
    """Yield what makes no sense, as clauses that name the key."""
    if profile.recognise.service_data is None and profile.recognise.company_id is None:
        yield "`recognise` needs `service_data` or `company_id`"
    if (profile.layout is Layout.FRAMES) != bool(profile.frames):
        yield '`frames` belong to the layout "frames", and it needs at least one'
    yield from _table_faults(profile)
    ids = [field.id for field in profile.objects]
    if None in ids or len(set(ids)) != len(ids):
        yield "each of `objects` needs an `id` of its own"
    yield from _frame_faults(profile.frames)
    for field in profile.objects:
        yield from _field_faults(field)


def _table_faults(profile: Profile) -> Iterator[str]:
    """What extends another profile takes its defaults from there."""
    if profile.extends is None and "default" not in profile.liveness:
        yield "`liveness.default` is missing"
    if profile.extends is None and "default" not in profile.time_resolution_ms:
        yield "`time_resolution_ms.default` is missing"
    for contract in profile.liveness.values():
        if contract != ContractKind.EVENT_ONLY.value and _CONTRACT.fullmatch(contract) is None:
            yield f'"{contract}" in `liveness` is no contract ("periodic N s", "heartbeat N s", "event-only")'


def _frame_faults(frames: tuple[FrameSpec, ...]) -> Iterator[str]:
    lengths = [frame.length for frame in frames]
    if len(set(lengths)) != len(lengths):
        yield "two of `frames` have the same `length`"
    for frame in frames:
        for field in frame.fields:
            yield from _field_faults(field)


def _field_faults(field: FieldSpec) -> Iterator[str]:
    named = f"the field `{field.kind or field.id}`"
    if field.type is not Type.ADDRESS and field.role is Role.VALUE and not _WORD.fullmatch(field.kind):
        yield f"{named} needs a `kind` in lower case with underscores"
    if (field.type is Type.EVENT) != (field.codes is not None):
        yield f'{named} needs `codes` exactly if its `type` is "event"'
    if field.scale <= 0:
        yield f"{named} needs a `scale` above 0"
    if field.least is not None and field.most is not None and field.least > field.most:
        yield f"{named} has `least` above `most`"
