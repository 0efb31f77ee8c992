"""A profile: data saying how one model's bytes become readings.

One TOML file per model under ``models/``. This module is its shape; ``model_file.py`` reads it and says
what is wrong with it; ``decode.py`` turns it into something fast.
"""

from __future__ import annotations

import enum
import re

import msgspec

from device_profiles.errors import ProfileError

_CONTRACT = re.compile(r"(periodic|heartbeat) ([1-9][0-9]{0,6}) s")


class Layout(enum.Enum):
    """How a payload is laid out; each is a module of that name."""

    BTHOME_V1 = "bthome_v1"  # objects, each behind its length and id
    BTHOME_V2 = "bthome_v2"  # objects, each behind its id
    MIBEACON = "mibeacon"  # Xiaomi's header, then objects behind id and length
    QINGPING = "qingping"  # Qingping's header, then objects behind id and length
    FRAMES = "frames"  # fixed frames, told apart by length and fixed bytes
    GATT = "gatt"  # characteristics, read over a connection


class ByteOrder(enum.Enum):
    """Which end of a number comes first."""

    LITTLE = "little"
    BIG = "big"


class Scheme(enum.Enum):
    """How a fixed frame is encrypted (the other layouts say it in their headers)."""

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
    INT24 = "int24"
    INT32 = "int32"
    BOOLEAN = "boolean"  # one byte, 0 or 1; with ``mask`` any of its bits, with ``codes`` what they say
    EVENT = "event"  # one byte, looked up in ``codes``; an empty word means nothing happened
    STEPS = "steps"  # two bytes: direction (1 left, 2 right) and count; left is negative
    TEXT = "text"  # a length byte, then UTF-8
    HEX = "hex"  # a length byte, then bytes, spoken as hex
    VERSION24 = "version24"  # three bytes, spoken as "1.2.3"
    VERSION32 = "version32"
    ADDRESS = "address"  # the sender's six bytes; must be the advert's (role "skip": if that is known)
    FLOAT = "float"  # IEEE 11073-20601 FLOAT: 8-bit exponent, 24-bit mantissa, decimal
    SFLOAT = "sfloat"  # the same in 16 bits
    SINGLE = "single"  # IEEE 754 binary, four bytes, little-endian; rounded to the field's exponent
    DATETIME = "datetime"  # seven bytes (org.bluetooth.characteristic.date_time), spoken as ISO 8601
    TENTHS_WHOLE = "tenths_whole"  # two bytes: tenths (low nibble), then whole; top bit set: not negative
    WHOLE_HUNDREDTHS = "whole_hundredths"  # two bytes: whole, top bit set: negative; then hundredths


class ContractKind(enum.Enum):
    """The three ways a model proves that it is alive."""

    PERIODIC = "periodic"  # it measures at this pace
    HEARTBEAT = "heartbeat"  # it speaks at this pace, also when nothing happens
    EVENT_ONLY = "event-only"  # its silence proves nothing


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A liveness contract; ``period_s`` is 0 for ``event-only``."""

    kind: ContractKind
    period_s: int = 0


class Bits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition on one byte of a frame: ``byte & mask == equals``."""

    at: int
    mask: int = 0xFF
    equals: int = 0


class FieldSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a payload, object or characteristic.

    Of an integer, ``mask`` picks the bits that count (the lowest of them is worth 1). What is left is
    divided by ``divide`` (rounding down), then taken modulo ``modulo``; the bits of ``sign`` set make it
    negative. Its true value is then ``raw * scale + offset``, times ``10**exponent``. ``least`` and
    ``most`` bound what is plausible, in true units.

    Attributes:
        id: Object id, in the layouts of objects; rows of one id are the fields of that object, in order.
        length: Length of the object's value that this row belongs to, where an id has several.
        devices: Device types whose objects this row describes, where they differ (``mibeacon``).
        at: Where it begins in frame or object; by default behind the field before it.
        absent: Raw values (as masked) that mean "no value".
        codes: What a raw value means: words of an ``event``, true or false of a ``boolean``.
        when: The condition under which the field counts; in ``gatt`` also whether its bytes are there.
        many: It stands there as often as there is room (``gatt``, the last field).
    """

    type: Type
    kind: str = ""
    id: int | None = None
    length: int | None = None
    devices: tuple[int, ...] = ()
    role: Role = Role.VALUE
    unit: str = ""
    exponent: int = 0
    scale: int = 1
    offset: int = 0
    mask: int | None = None
    divide: int = 1
    modulo: int | None = None
    sign: int | None = None
    least: int | float | None = None
    most: int | float | None = None
    urgent: bool = False
    codes: dict[int, str | bool] | None = None
    absent: tuple[int, ...] = ()
    at: int | None = None
    when: Bits | None = None
    many: bool = False
    byte_order: ByteOrder | None = None


class Source(enum.Enum):
    """Where in an advert a frame stands."""

    SERVICE_DATA = "service_data"
    MANUFACTURER_DATA = "manufacturer_data"
    COMPANY_AND_DATA = "company_and_data"  # the company id is no id but the frame's first two bytes


class FrameSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixed frame: its exact length in bytes on the air, and its fields.

    Attributes:
        match: Bytes that must be so, or the frame is another one.
        source: Where it stands; by default in the service data if the model is recognised by such,
            else in the maker's data.
        followed_by: Bytes (hex) that some hosts leave behind it, to its end or beyond: a second
            structure of the same advert, run together with the first.
    """

    length: int
    fields: tuple[FieldSpec, ...]
    match: tuple[Bits, ...] = ()
    byte_order: ByteOrder = ByteOrder.LITTLE
    encryption: Scheme = Scheme.NONE
    source: Source | None = None
    followed_by: str = ""


class CharacteristicSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One GATT characteristic: its 16-bit id and its fields.

    Attributes:
        flags: Whether its first byte says which fields are there. Without flags, its length is exact.
        subscribe: Whether it is told by notification or indication; else it is read.
    """

    uuid: str
    fields: tuple[FieldSpec, ...]
    flags: bool = False
    subscribe: bool = False


class ConnectionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be had over a connection, and how politely.

    Attributes:
        characteristics: 16-bit ids, of those that the profile describes.
        every_s: How long to leave the sensor alone after a connection.
        stay_s: How long to stay at most for what is told by subscription.
        on_advert: Connect when it advertises (it has something to say), not only by schedule.
    """

    characteristics: tuple[str, ...]
    every_s: int
    stay_s: int = 0
    on_advert: bool = False


class Recognise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an advert must have for this model, all of it."""

    service_data: str | None = None
    company_id: int | None = None
    service: str | None = None  # one of the services it lists
    name: str | None = None
    name_prefix: str | None = None


class Battery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a sensor needs a new battery: its ``kind`` is at ``low`` or below, in true units."""

    kind: str
    low: int | float


class VectorReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reading that a vector expects, as people write it."""

    kind: str
    value: bool | int | float | str
    unit: str = ""
    flags: tuple[str, ...] = ()


class Vector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known answer: this advert (or value of a characteristic) must give this outcome.

    ``payload`` is the service data, else the maker's data, else the characteristic's value; where an
    advert carries both kinds, the second is in ``service_data`` or ``manufacturer_data``, keyed.
    """

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
    characteristic: str | None = None
    service_data: dict[str, str] = {}
    manufacturer_data: dict[str, str] = {}  # by company id, written "0x0969"
    service_uuids: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model, as its file describes it (and with what it takes over from ``extends``).

    Attributes:
        recognise: Alternatives; one suffices. Without any, others only extend it.
        products: What stands on the box, as people would look for it.
        device_types: Name of each device type that the header may name (``mibeacon``, ``qingping``).
        jump: By kind: the largest change from one reading to the next within ten minutes, in true units.
        stuck_s: By kind: how long a living sensor may report the very same value.
        scan_response: Its data comes in answers to an active scan only.
    """

    name: str
    title: str
    layout: Layout
    repeat: RepeatRule
    source: str
    recognise: tuple[Recognise, ...] = ()
    extends: str | None = None
    products: tuple[str, ...] = ()
    objects: tuple[FieldSpec, ...] = ()
    frames: tuple[FrameSpec, ...] = ()
    characteristics: tuple[CharacteristicSpec, ...] = ()
    connection: ConnectionSpec | None = None
    device_types: dict[int, str] = {}
    liveness: dict[str, str] = {}
    time_resolution_ms: dict[str, int] = {}
    battery: Battery | None = None
    jump: dict[str, float] = {}
    stuck_s: dict[str, int] = {}
    scan_response: bool = False
    vectors: tuple[Vector, ...] = ()

    def contract(self, kind: str) -> Contract:
        """How a sensor of this model proves that ``kind`` is alive, unless its home says otherwise."""
        return parse_contract(self.liveness.get(kind) or self.liveness["default"])

    def resolution_ms(self, kind: str) -> int:
        """How finely a reading's time means anything."""
        return self.time_resolution_ms.get(kind) or self.time_resolution_ms["default"]


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
    """Complete ``profile`` with what ``base`` has and it does not define itself."""
    own = {field.id for field in profile.objects}
    objects = tuple(field for field in base.objects if field.id not in own) + profile.objects
    return msgspec.structs.replace(
        profile,
        objects=tuple(sorted(objects, key=lambda field: field.id or 0)),
        frames=profile.frames or base.frames,
        characteristics=profile.characteristics or base.characteristics,
        device_types=profile.device_types or base.device_types,
        liveness={**base.liveness, **profile.liveness},
        time_resolution_ms={**base.time_resolution_ms, **profile.time_resolution_ms},
        battery=profile.battery or base.battery,
        jump={**base.jump, **profile.jump},
        stuck_s={**base.stuck_s, **profile.stuck_s},
    )
