"""``lum-hil attack``: named attacks on a throwaway site, as an engineer or an auditor tries them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil_tests.attack.attack import Attack
    from hil_tests.attack.judge import Tried

ALL = "all"


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--json", "as_json", is_flag=True, help="A JSON object an attack, and one for all as the last line."
)
@click.option("--list", "listed", is_flag=True, help="List the attacks: name, family, what is tried.")
def attack(names: tuple[str, ...], as_json: bool, listed: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Attack a throwaway site: authority, broker, intake, portal, hub; exit code 1 if an attack has an effect.

    A NAME is one of --list, a family, or `all`.
    """
    from hil_tests.attack.families import attacks  # noqa: PLC0415 - no other command needs any of it

    known = attacks()
    if listed:
        for one in known.values():
            click.echo(f"{one.name:<44} {one.family:<12} {one.story}")
        return
    if not names:
        raise click.UsageError("Name attacks or a family, or `all`; --list shows them.")
    chosen = _chosen(names, list(known.values()))
    results = asyncio.run(_try(chosen, as_json=as_json))
    sys.exit(0 if all(result.held for result in results) else 1)


def _chosen(names: Sequence[str], known: Sequence[Attack]) -> list[Attack]:
    """The attacks that the names stand for, each once."""
    chosen: dict[str, Attack] = {}
    for name in names:
        found = {one.name: one for one in known if name in {ALL, one.family, one.name}}
        if not found:
            raise click.UsageError(f"There is no attack {name!r}; `lum-hil attack --list` shows all.")
        chosen |= found
    return list(chosen.values())


async def _try(attacks: Sequence[Attack], *, as_json: bool) -> list[Tried]:
    from hil_tests.attack.campaign import summary, tried  # noqa: PLC0415 - as above

    results = []
    async for result in tried(attacks):
        results.append(result)
        click.echo(json.dumps(result.facts) if as_json else in_words(result))
    told = summary(results)
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(f"{told['attacks']} attacks: {told['held']} held, {told['broken']} broken.")
    return results


def in_words(result: Tried) -> str:
    """What was tried, what each end said, and that nothing else changed."""
    attack, said = result.attack, result.said
    lines = [
        f"{'held' if result.held else 'BROKEN'}  {attack.name}  {result.seconds:.1f} s",
        f"  {attack.story}",
    ]
    if said.attacker:
        lines.append(f"  Attacker: {said.attacker}")
    if said.site:
        lines.append(f"  Site: {said.site}" + (f"  (audit: {result.audit})" if result.audit else ""))
    if result.why:
        lines.append(f"  {result.why}")
    elif result.changed:
        lines.append(f"  Meant to change, and nothing else did: {', '.join(result.changed)}.")
    else:
        lines.append("  Nothing else changed.")
    return "\n".join(lines)
