"""``lum-hub profiles``: which sensor models the hub understands, what each says, is a new model file right."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import click

from device_profiles.catalogue import Catalogue, bundled_profiles
from device_profiles.check import Checked, check_model_file
from device_profiles.describe import (
    alive_words,
    brief,
    encrypted,
    facts,
    kind_rows,
    lines,
    matching,
    needs_words,
    products,
)
from device_profiles.errors import ProfileError
from device_profiles.model_file import Mistake
from device_profiles.profile import Profile
from edge_agent.errors import ConfigError
from edge_agent.words import table

PRODUCTS_WIDE = 40  # characters in a line of the list
LINE_MAX = 100  # characters, also on a wider terminal: longer lines are hard to read

_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value.")


@click.group()
def profiles() -> None:
    """The sensor models that the hub understands: list them, show one, check a new one."""


@profiles.command("list")
@_json_option
@click.argument("words", nargs=-1)
def list_(words: Sequence[str], as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """List the models; with WORDS, those that fit.

    Type what stands on the box: each word is looked for in model, title and products.
    """
    found = matching(_catalogue(), words)
    if as_json:
        click.echo(json.dumps([brief(profile) for profile in found], ensure_ascii=False))
    elif found:
        click.echo("\n".join(_list_table(found, words)))
    else:
        click.echo(f"No model matches {' '.join(words)}. Is it on the air? lum-hub sensors scan")
        click.echo("A new model is one file: see device_profiles/README.md.")


@profiles.command()
@_json_option
@click.argument("model")
def show(model: str, as_json: bool) -> None:  # noqa: FBT001
    """Show everything about MODEL.

    What recognises it, what it says, what is believed of it, where that is known from.
    """
    catalogue = _catalogue()
    if model not in catalogue.models:
        raise click.UsageError(f"There is no model {model}. See: lum-hub profiles list")
    if as_json:
        click.echo(json.dumps(facts(catalogue, model), ensure_ascii=False))
        return
    said = lines(catalogue, model)
    click.echo("\n".join(_paragraphs(said)))
    click.echo()
    head = ("KIND", "VALUES", "PLAUSIBLE", "URGENT", "ALIVE")
    click.echo("\n".join(table(head, kind_rows(catalogue, model))))


@profiles.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Check a model FILE.

    Its form, its known answers, every cut of them, what is encoded for it, and whether it stands beside the
    other models. Each mistake is one line, FILE:LINE: sentence; the exit code is then 1.
    """
    checked = _checked(file)
    for mistake in checked.mistakes:
        click.echo(
            f"{file}:{mistake.line}: {mistake.sentence}" if mistake.line else f"{file}: {mistake.sentence}"
        )
    if checked.mistakes:
        sys.exit(1)
    answers, kinds = _counted(checked.answers, "known answer"), _counted(checked.kinds, "kind")
    click.echo(f"{file} is good: {answers}, {kinds}.")


def _checked(file: Path) -> Checked:
    """The result of checking a file beside the bundled ones, of which it may be one."""
    models = Path(str(resources.files("device_profiles").joinpath("models")))
    bundled = file.resolve().parent == models.resolve()

    def others() -> list[Profile]:
        return [one for one in bundled_profiles() if not (bundled and one.name == file.stem)]

    try:
        return check_model_file(file.read_text("utf-8"), file.stem, others)
    except UnicodeDecodeError:
        return Checked([Mistake(0, "This is no text in UTF-8.")])
    except ProfileError as error:
        raise ConfigError(str(error), hint=error.hint) from error


def _catalogue() -> Catalogue:
    try:
        return Catalogue.load()
    except ProfileError as error:
        raise ConfigError(str(error), hint=error.hint) from error


def _list_table(found: Sequence[Profile], words: Sequence[str]) -> list[str]:
    return table(
        ("MODEL", "TITLE", "PRODUCTS", "ENCRYPTED", "NEEDS", "ALIVE"),
        [
            (
                profile.name,
                profile.title,
                _shortened(products(profile), words),
                encrypted(profile),
                needs_words(profile),
                alive_words(profile),
            )
            for profile in found
        ],
    )


def _shortened(names: Sequence[str], words: Sequence[str]) -> str:
    """A few products, before them those that fit what was asked for best."""
    asked = {name: sum(len(word) for word in words if word.lower() in name.lower()) for name in names}
    ordered = sorted(names, key=lambda name: -asked[name])
    shown = [
        name for place, name in enumerate(ordered) if len(", ".join(ordered[: place + 1])) <= PRODUCTS_WIDE
    ]
    shown = shown or ordered[:1]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _paragraphs(said: Sequence[tuple[str, str]]) -> list[str]:
    """Heads, and what they say beside them, folded to the terminal."""
    width = max(len(head) for head, _ in said) + 2
    columns = min(LINE_MAX, shutil.get_terminal_size().columns - 1)
    return [
        textwrap.fill(
            text,
            columns,
            initial_indent=head.ljust(width),
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for head, text in said
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
