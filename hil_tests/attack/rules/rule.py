"""What a rule is, as it is taken away: the one function that holds it, and what stands in its place.

Read by every process of the site at its start (``mutants/plant/sitecustomize.py``), before the function's module
is: nothing here may import any of Lum but in the replaced functions themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Function = Callable[..., Any]


class Rule(NamedTuple):
    """One rule.

    Attributes:
        target: the function that holds it, ``module:Class.method``.
        without: gets that function; gives what stands in its place if the rule is taken away.
        broken: the attacks that must not hold without it.
    """

    target: str
    without: Callable[[Any], Any]
    broken: tuple[str, ...]


def gives(value: Any) -> Callable[[Any], Function]:
    """Always the same answer."""
    return lambda _: lambda *_arguments, **_named: value


def forgives(code: str, instead: Any = None) -> Callable[[Any], Function]:
    """The same function, but where it would say ``code`` it says ``instead``."""

    def without(original: Function) -> Function:
        def judged(*arguments: Any, **named: Any) -> Any:
            said = original(*arguments, **named)
            return instead if getattr(said, "code", said) == code else said

        return judged

    return without


def believes(code: str, instead: Callable[..., Any]) -> Callable[[Any], Function]:
    """The same function, but where it would raise an error of ``code`` it gives what ``instead`` gives."""

    def without(original: Function) -> Function:
        def judged(*arguments: Any, **named: Any) -> Any:
            try:
                return original(*arguments, **named)
            except Exception as error:
                if getattr(error, "code", "") != code:
                    raise
                return instead(original, *arguments, **named)

        return judged

    return without


def altered(change: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]) -> Callable[[Any], Function]:
    """The same function, but asked something else: ``change`` gives its arguments."""

    def without(original: Function) -> Function:
        def asked(*arguments: Any, **named: Any) -> Any:
            others, others_named = change(*arguments, **named)
            return original(*others, **others_named)

        return asked

    return without
