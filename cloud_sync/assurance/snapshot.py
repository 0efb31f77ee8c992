"""What the model learned of one home, as text and back, so that it need not be learned anew from four weeks of events. Pure.

A snapshot and the events that came after it give the very home that all the events give. One of another form, of another
plan, or that was changed, is discarded: then the home is learned anew.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cache
from typing import Any, Final

import msgspec

from cloud_sync.assurance.activity import Activity, Sign, Spell
from cloud_sync.assurance.cold import Cold
from cloud_sync.assurance.habits import Day, Habits, Longest, Others, Risings, Room
from cloud_sync.assurance.household import Household
from cloud_sync.assurance.plan import Plan

VERSION: Final = 1  # counts up when what is learned comes to mean something else
# Whatever is part of a home's memory; each is kept by its slots, so that none can be forgotten.
_KINDS: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (Household, Habits, Day, Risings, Longest, Room, Others, Activity, Cold, Spell)
}
_FROM_PLAN: Final = frozenset({"_plan", "zone", "_ladder"})  # these are not learned
_SCALARS: Final = (bool, int, float, str, type(None))
_MADE_BY: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "dict": dict,
    "deque": lambda held: deque(held[1:], maxlen=held[0]),
    "array": lambda held: array(held[0], held[1:]),
    "Sign": lambda held: Sign(*held),
}


class SnapshotError(Exception):
    """A snapshot does not hold what its form says, or a home remembers what no snapshot can hold."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One home's memory.

    Attributes:
        home: whose.
        taken_ms: when, wall clock.
        event: the number of the newest event that is in it.
        plan: hash of the plan it was learned under.
        form: hash of what a snapshot holds.
        state: the memory itself, JSON.
        digest: hash over all of it.
    """

    home: str
    taken_ms: int
    event: int
    plan: str
    form: str
    state: str
    digest: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is as it was taken."""
        return self.digest == _digest(self)


def take(household: Household, plan: Plan, event: int, now_ms: int) -> Snapshot:
    """A home's memory with all events up to one number.

    Raises:
        SnapshotError: something in it is of a kind that is not known here.
    """
    state = msgspec.json.encode(_plain(household)).decode()
    taken = Snapshot(plan.home, now_ms, event, plan_hash(plan), form_hash(), state)
    return replace(taken, digest=_digest(taken))


def restore(snapshot: Snapshot, plan: Plan) -> Household | None:
    """The home as it was remembered; None if it must be learned anew."""
    fits = (snapshot.home, snapshot.plan, snapshot.form) == (plan.home, plan_hash(plan), form_hash())
    if not fits or not snapshot.whole:
        return None
    household = Household(plan)
    try:
        _fill(household, msgspec.json.decode(snapshot.state))
    except (msgspec.DecodeError, SnapshotError, LookupError, TypeError, ValueError, AttributeError):
        return None
    return household


def plan_hash(plan: Plan) -> str:
    """Of all that a home's memory depends on."""
    sensors = sorted((one.address, one.room, one.role.value) for one in plan.sensors.values())
    return _hash(msgspec.json.encode((plan.home, sensors, plan.parameters)))


@cache
def form_hash() -> str:
    """Of every kind of thing that a memory is made of, and of what each holds."""
    kinds = [(name, list(_slots(kind))) for name, kind in _KINDS.items()]
    return _hash(msgspec.json.encode((VERSION, kinds, Sign._fields)))


def _plain(value: Any) -> Any:
    """As JSON has it: a scalar, or a list that begins with what it is."""
    if isinstance(value, _SCALARS):
        return value
    kind = type(value)
    if kind in _KINDS.values():
        held: Iterable[Any] = [getattr(value, slot) for slot in _slots(kind)]
    elif kind.__name__ in _MADE_BY:
        held = _held(value)
    else:
        raise SnapshotError(f"A home remembers a {kind.__name__}, and no snapshot knows how to hold one.")
    return [kind.__name__, *map(_plain, held)]


def _held(value: Any) -> Iterable[Any]:
    """What a plain collection is made of."""
    match value:
        case deque():
            return [value.maxlen, *value]
        case array():
            return [value.typecode, *value]
        case dict():
            return value.items()
    return sorted(value) if isinstance(value, set) else value


def _read(plain: Any) -> Any:
    """What :func:`_plain` was given."""
    if isinstance(plain, _SCALARS):
        return plain
    name, *held = plain
    if make := _MADE_BY.get(name):
        return make(list(map(_read, held)))
    kind = _KINDS[name]
    if set(getattr(kind, "__slots__", ())) & _FROM_PLAN:
        raise SnapshotError(f"A {name} stands where none can be made.")
    made: Any = object.__new__(kind)
    _fill(made, plain)
    return made


def _fill(thing: Any, plain: Sequence[Any]) -> None:
    """Put into it what it held; what it has from the plan is in it already."""
    name, *held = plain
    if name != type(thing).__name__:
        raise SnapshotError(f"A {name} stands where a {type(thing).__name__} must be.")
    for slot, value in zip(_slots(type(thing)), held, strict=True):
        inner = getattr(thing, slot, None)
        if type(inner) in _KINDS.values() and isinstance(value, list) and value[0] == type(inner).__name__:
            _fill(inner, value)
        else:
            setattr(thing, slot, _read(value))


def _slots(kind: type) -> Iterator[str]:
    return (slot for slot in kind.__slots__ if slot not in _FROM_PLAN)  # type: ignore[attr-defined]


def _digest(snapshot: Snapshot) -> str:
    return _hash(msgspec.json.encode(astuple(replace(snapshot, digest=""))))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
