"""What makes no sense in a model file that is well-formed: one clause for each mistake, with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from device_profiles.block import compile_block
from device_profiles.cipher import PVVX_OVERHEAD_BYTES
from device_profiles.errors import ProfileError
from device_profiles.field_faults import BTHOME, HEADED, WORD, Fault, bits_faults, field_faults, speaks
from device_profiles.profile import (
    ByteOrder,
    CharacteristicSpec,
    FieldSpec,
    FrameSpec,
    Layout,
    Profile,
    Recognise,
    Scheme,
    Source,
    parse_contract,
)
from device_profiles.vector_faults import vector_faults

__all__ = ["Fault", "faults"]

_UUID = re.compile(r"[0-9a-fA-F]{4}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHORT_UUID = re.compile(r"[0-9a-f]{4}")
_NUMBER_BEHIND = re.compile(r"_[0-9]+$")
_ID_MAX = {Layout.MIBEACON: 0xFFFF}  # elsewhere an id is one byte
_OBJECT_BYTES_MAX = 0xFF
_FRAME_BYTES_MAX = 254  # what an extended advert holds in one structure


def faults(profile: Profile) -> Iterator[Fault]:
    """Yield each mistake of a profile as its place and a clause."""
    yield from _body_faults(profile)
    for number, wanted in enumerate(profile.recognise):
        yield from _recognise_faults(f"recognise[{number}]", wanted, profile.layout)
    yield from _kind_faults(profile)
    yield from _contract_faults(profile)
    yield from _object_faults(profile)
    for number, frame in enumerate(profile.frames):
        yield from _frame_faults(f"frames[{number}]", frame, profile)
    yield from _hidden_frame_faults(profile.frames)
    yield from _characteristics_faults(profile.characteristics)
    yield from _connection_faults(profile)
    for number, vector in enumerate(profile.vectors):
        yield from vector_faults(f"vectors[{number}]", vector, profile)


def _body_faults(profile: Profile) -> Iterator[Fault]:
    if not WORD.fullmatch(profile.name):
        yield "name", "a name is in lower case with underscores"
    bodies = {
        "objects": profile.objects,
        "frames": profile.frames,
        "characteristics": profile.characteristics,
    }
    wanted = {Layout.FRAMES: "frames", Layout.GATT: "characteristics"}.get(profile.layout, "objects")
    for body, rows in bodies.items():
        if (rows and body != wanted) or (not rows and body == wanted and profile.extends is None):
            yield body, f'the layout "{profile.layout.value}" has `{wanted}` and nothing else'


def _recognise_faults(place: str, wanted: Recognise, layout: Layout) -> Iterator[Fault]:
    if not (wanted.service_data or wanted.company_id is not None or wanted.service or wanted.name):
        yield place, "it needs `service_data`, `company_id`, `service` or `name`"
    for key in ("service_data", "service"):
        uuid = getattr(wanted, key)
        if uuid is not None and not _UUID.fullmatch(uuid):
            yield f"{place}.{key}", f'"{uuid}" is neither four hex digits nor a whole UUID'
    if wanted.company_id is not None and not 0 <= wanted.company_id <= 0xFFFF:
        yield f"{place}.company_id", "a company id has 16 bits"
    if layout is Layout.GATT and wanted.service is None:
        yield place, "who is to be connected to is known by a `service` that it lists"


def _kind_faults(profile: Profile) -> Iterator[Fault]:
    """A rule for a kind that the model has not is a typing error; what it extends may have it."""
    known = {field.kind for field in _fields(profile) if speaks(field)} | {"default"}
    named: dict[str, Iterable[str]] = {
        "liveness": profile.liveness,
        "time_resolution_ms": profile.time_resolution_ms,
        "jump": profile.jump,
        "stuck_s": profile.stuck_s,
        "battery": () if profile.battery is None else (profile.battery.kind,),
    }
    for table, kinds in named.items():
        for kind in kinds:
            if profile.extends is None and not {kind, _NUMBER_BEHIND.sub("", kind)} & known:
                yield f"{table}.{'kind' if table == 'battery' else kind}", f"it has no kind {kind}"
    for table in ("time_resolution_ms", "jump", "stuck_s"):
        for kind, amount in getattr(profile, table).items():
            if not (amount > 0 and math.isfinite(amount)):
                yield f"{table}.{kind}", "it is above 0"
    if profile.battery is not None and not math.isfinite(profile.battery.low):
        yield "battery.low", "it is a number"


def _contract_faults(profile: Profile) -> Iterator[Fault]:
    """What extends another profile takes its defaults from there."""
    for table in ("liveness", "time_resolution_ms"):
        if profile.extends is None and "default" not in getattr(profile, table):
            yield table, f"`{table}.default` is missing"
    for kind, contract in profile.liveness.items():
        try:
            parse_contract(contract)
        except ProfileError:
            known = '"periodic N s", "heartbeat N s", "event-only"'
            yield f"liveness.{kind}", f'"{contract}" is no contract ({known})'


def _object_faults(profile: Profile) -> Iterator[Fault]:
    id_max = _ID_MAX.get(profile.layout, 0xFF)
    places: dict[tuple[int, int | None, tuple[int, ...]], list[int]] = {}
    for number, field in enumerate(profile.objects):
        place = f"objects[{number}]"
        yield from field_faults(place, field, profile.layout)
        if field.id is None:
            yield place, "each of `objects` needs an `id`"
        elif not 0 <= field.id <= id_max:
            yield f"{place}.id", f"an id is from 0 to {id_max:#x}"
        if field.length is not None and not 0 <= field.length <= _OBJECT_BYTES_MAX:
            yield f"{place}.length", f"a length is from 0 to {_OBJECT_BYTES_MAX}"
        places.setdefault((field.id or 0, field.length, field.devices), []).append(number)
    for (number, length, _), rows in places.items():
        first = f"objects[{rows[0]}]"
        if profile.layout in BTHOME and len(rows) > 1:
            yield f"objects[{rows[1]}].id", f"the id {number:#04x} is there twice"
        if profile.layout in HEADED:
            fields = [profile.objects[row] for row in rows]
            yield from _extent_faults(first, fields, ByteOrder.LITTLE, profile.layout, length)


def _frame_faults(place: str, frame: FrameSpec, profile: Profile) -> Iterator[Fault]:
    for number, field in enumerate(frame.fields):
        yield from field_faults(f"{place}.fields[{number}]", field, profile.layout)
    for number, bits in enumerate(frame.match):
        yield from bits_faults(f"{place}.match[{number}]", bits, frame.length)
    if not 0 < frame.length <= _FRAME_BYTES_MAX:
        yield f"{place}.length", f"a frame has from 1 to {_FRAME_BYTES_MAX} bytes"
    held = frame.length - PVVX_OVERHEAD_BYTES * (frame.encryption is not Scheme.NONE)
    yield from _extent_faults(place, frame.fields, frame.byte_order, profile.layout, held)
    if frame.source is Source.SERVICE_DATA and not any(wanted.service_data for wanted in profile.recognise):
        yield f"{place}.source", "`recognise` names no `service_data` to find it in"
    try:
        bytes.fromhex(frame.followed_by)
    except ValueError:
        yield f"{place}.followed_by", "it is not written in hex"


def _extent_faults(
    place: str, fields: Sequence[FieldSpec], byte_order: ByteOrder, layout: Layout, length: int | None
) -> Iterator[Fault]:
    """Fields and conditions lie within the bytes that there are; only asked where the fields are sound."""
    if any(any(field_faults("", field, layout)) for field in fields):
        return
    size = compile_block(fields, byte_order).size
    if length is not None and size > length:
        yield place, f"its fields reach to byte {size}, but it has {length}"
    for field in fields:
        if field.when is not None and field.when.at >= max(size, length or 0):
            yield (
                place,
                f"the condition of {field.kind or 'a field'} asks for byte {field.when.at}, which it has not",
            )


def _hidden_frame_faults(frames: Sequence[FrameSpec]) -> Iterator[Fault]:
    seen: dict[object, int] = {}
    for number, frame in enumerate(frames):
        first = seen.setdefault((frame.length, frozenset(frame.match), frame.source), number)
        if first != number:
            yield f"frames[{number}]", f"it is never read: the same bytes are frames[{first}]"


def _characteristics_faults(characteristics: Sequence[CharacteristicSpec]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, characteristic in enumerate(characteristics):
        place = f"characteristics[{number}]"
        if not _SHORT_UUID.fullmatch(characteristic.uuid):
            yield f"{place}.uuid", 'a characteristic is named by four hex digits, such as "2a19"'
        if characteristic.uuid in seen:
            yield f"{place}.uuid", f"{characteristic.uuid} is there twice"
        seen.add(characteristic.uuid)
        for row, field in enumerate(characteristic.fields):
            yield from field_faults(f"{place}.fields[{row}]", field, Layout.GATT)
            if field.many and row + 1 != len(characteristic.fields):
                yield f"{place}.fields[{row}].many", "only the last field can be there many times"
            if field.when is not None and (field.when.at != 0 or not characteristic.flags):
                yield f"{place}.fields[{row}].when", "a condition here is on the flags, which are byte 0"


def _connection_faults(profile: Profile) -> Iterator[Fault]:
    if profile.connection is None:
        return
    if profile.connection.every_s <= 0 or profile.connection.stay_s < 0:
        yield "connection.every_s", "`every_s` is above 0, and `stay_s` is not below"
    described = {one.uuid: one for one in profile.characteristics}
    for uuid in profile.connection.characteristics:
        if uuid not in described:
            if profile.extends is None:
                yield "connection.characteristics", f"the profile does not describe {uuid}"
        elif described[uuid].subscribe and profile.connection.stay_s == 0:
            yield "connection.stay_s", f"{uuid} is told by subscription: say how long to stay for it"


def _fields(profile: Profile) -> Iterator[FieldSpec]:
    yield from profile.objects
    for frame in profile.frames:
        yield from frame.fields
    for characteristic in profile.characteristics:
        yield from characteristic.fields
