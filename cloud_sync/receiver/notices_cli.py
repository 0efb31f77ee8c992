"""``lum-receiver notices``: who was told of what, and who could not be reached."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from cloud_sync.assurance.incident import Audience
from cloud_sync.receiver.classes import class_of_subject
from cloud_sync.receiver.config import load_config
from cloud_sync.receiver.console import config_option, desk_of, operator
from cloud_sync.receiver.desk import by
from cloud_sync.receiver.store.notices import Notices
from zero_trust.request import Action, Proof


@click.command()
@config_option
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def notices(config_file: Path, last: int, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """List the last notices, newest first, and what became of each. The look is on record."""
    config = load_config(config_file)
    desk = desk_of(config, _now_ms)
    seen: dict[str, Any] = {"": None}
    for one in Notices(desk.db).newest(last):
        home = one["home"]
        if home not in seen:
            asked = by(operator(config), Proof.CONSOLE, home, Action.READ, "operations")
            seen[home] = desk.look(asked).classes
        if home and class_of_subject(one["subject"]) not in seen[home]:
            continue
        facts = {**one, "audience": Audience(one["audience"]).name.lower()}
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else _line(facts))


def _line(one: dict[str, Any]) -> str:
    lines = [f"{_at(one['known_ms'])}  to {one['audience']}, {one['occasion']}: {one['words']}"]
    lines += [f"  {_delivery(each)}" for each in one["deliveries"]]
    if not one["deliveries"]:
        waiting = (
            "Not handed out yet." if one["handed_ms"] is None else "No channel: it stands on the page alone."
        )
        lines.append(f"  {waiting}")
    return "\n".join(lines)


def _delivery(one: dict[str, Any]) -> str:
    match one["state"]:
        case "delivered":
            return f"{one['channel']}: delivered {_at(one['done_ms'])}."
        case "withheld":
            return f"{one['channel']}: not told, the home has not agreed ({one['trouble']})."
        case _:
            trouble = f" after {one['tries']} tries: {one['trouble']}" if one["tries"] else ""
            late = "; this is an alarm" if one["late_ms"] else ""
            return f"{one['channel']}: not delivered yet{trouble}; again at {_at(one['next_ms'])}{late}."


def _at(moment_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment_ms / 1000))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
