"""Life events: named templates that pause questions of a home, or change its parameters, for a span. Pure.

A template is TOML (``events/``; ``README.md``, "Life events", is the definition), read strictly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec

from cloud_sync.assurance.pausing import Asked
from cloud_sync.assurance.plan import Parameters, ParametersError, Question

SUFFIX = ".toml"

# Who she is and what is asked of her is not for an event to change.
_FIXED = frozenset({"version", "zone", "questions", "sensors", "learn_days"})


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of event.

    Attributes:
        version: of this format.
        title: for people.
        means: what holds meanwhile, in a sentence or two.
        days_max: how long it may last.
        pause: questions that are not asked.
        parameters: those that differ, as in a home's file.
    """

    version: Literal[1]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    means: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    days_max: Annotated[int, msgspec.Meta(ge=1, le=366)]
    pause: tuple[Question, ...] = ()
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


def parse_template(text: str, where: str) -> Template:
    """Read a template from TOML.

    Raises:
        ParametersError: no TOML, an unknown key, or a value out of range; names ``where`` and the key.
    """
    try:
        template = msgspec.toml.decode(text, type=Template)
        if fixed := sorted(_FIXED & template.parameters.keys()):
            raise msgspec.ValidationError(f"an event cannot change {fixed[0]} - at `$.parameters`")
        _changed(Parameters(), template)
    except msgspec.DecodeError as error:
        raise ParametersError(f"{where}: {error}", hint="Correct this key in the file.") from error
    return template


@cache
def templates() -> Mapping[str, Template]:
    """Every template, by name."""
    files = resources.files(__package__).joinpath("events").iterdir()
    texts = {
        file.name.removesuffix(SUFFIX): file.read_text("utf-8")
        for file in files
        if file.name.endswith(SUFFIX)
    }
    return {name: parse_template(text, f"{name}{SUFFIX}") for name, text in sorted(texts.items())}


def changed(parameters: Parameters, template: Template) -> Parameters:
    """A home's parameters while an event lasts.

    Raises:
        ParametersError: they do not fit each other.
    """
    try:
        return _changed(parameters, template)
    except msgspec.ValidationError as error:
        raise ParametersError(
            f"The event “{template.title}” does not fit this home's parameters: {error}",
            hint="Change the home's file, or end the event: lum-receiver event HOME end.",
        ) from error


def in_force(parameters: Parameters, pauses: Iterable[Asked], now_ms: int) -> Parameters:
    """A home's parameters now; of several events each changes what the one before has left.

    Raises:
        ParametersError: the home's own parameters and an event's do not fit each other.
    """
    for event in sorted({pause.event for pause in pauses if pause.event and pause.covers(now_ms)}):
        if template := templates().get(event):
            parameters = changed(parameters, template)
    return parameters


def _changed(parameters: Parameters, template: Template) -> Parameters:
    plain = msgspec.to_builtins(parameters)
    for key, value in template.parameters.items():
        tables = isinstance(value, dict) and isinstance(plain.get(key), dict)
        plain[key] = plain[key] | value if tables else value
    return msgspec.convert(plain, Parameters)
