"""What stands of a home's agreements and pauses, in words and as JSON."""

from __future__ import annotations

import json
from typing import Any

import click

from cloud_sync.assurance import pausing
from cloud_sync.assurance.consent import AUTHORITY_WORDS
from cloud_sync.assurance.life_events import templates
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.counter import Counter, listed
from cloud_sync.receiver.store.settings import Stand


def show_consents(counter: Counter, *, as_json: bool) -> None:
    """Every agreement, and what is to be told of them."""
    agreed = counter.agreements.of(counter.home)
    told = pausing.notes(agreed, Question, counter.now_ms, counter.zone)["consent"]
    if as_json:
        rows = [
            {
                "number": one.number,
                "questions": sorted(question.value for question in one.questions),
                "authority": one.authority.value,
                "person": one.person,
                "evidence": one.evidence,
                "from_ms": one.from_ms,
                "until_ms": one.until_ms,
                "ended_ms": one.ended_ms,
                "written_by": one.written_by,
            }
            for one in agreed.consents
        ]
        click.echo(json.dumps({"needed": agreed.needed, "note": told, "agreements": rows}))
        return
    for one in agreed.consents:
        state = (
            "stands"
            if one.covers(counter.now_ms)
            else "ended"
            if one.ends_ms <= counter.now_ms
            else "to come"
        )
        click.echo(
            f"{one.number}  {state}  {counter.words(one.from_ms)} to {counter.words(one.ends_ms)}  {one.person},"
            f" {one.authority.value} ({one.evidence}): {listed(one.questions)}"
        )
    click.echo(
        told
        or ("All that is asked was agreed to." if agreed.needed else "At this site nobody needs to agree.")
    )


def show_pauses(counter: Counter, *, as_json: bool) -> None:
    """Every pause and event that stands, and how far the hubs go by them."""
    standing, agreed = counter.standing, counter.agreements.of(counter.home)
    hubs = counter.stands
    closed = pausing.closed(agreed, [stand.pauses for stand in hubs.values()], counter.now_ms)
    if as_json:
        facts = {
            "pauses": [
                {
                    "number": one.number,
                    "event": one.event,
                    "questions": sorted(question.value for question in one.questions),
                    "asked_by": one.asked_by,
                    "from_ms": one.from_ms,
                    "until_ms": one.until_ms,
                }
                for one in standing
            ],
            "asked_for": sorted(question.value for question in closed.verdicts),
            "paused": sorted(question.value for question in closed.certain),
            "hubs": {hub: _stand_facts(stand) for hub, stand in hubs.items()},
        }
        click.echo(json.dumps(facts))
        return
    for one in standing:
        what = f"“{templates()[one.event].title}”, " if one.event in templates() else ""
        asked = AUTHORITY_WORDS.get(one.asked_by, one.asked_by)
        click.echo(
            f"{one.number}  {counter.words(one.from_ms)} to {counter.words(one.until_ms)}  {what}asked for by {asked}:"
            f" {listed(one.questions)}"
        )
    waiting = [question for question in closed.verdicts if question not in closed.certain]
    click.echo(f"Paused now: {listed(closed.certain)}.")
    if waiting:
        click.echo(f"Asked for, not yet confirmed by the hub: {listed(waiting)}.")
    click.echo(hubs_words(counter))


def hubs_words(counter: Counter) -> str:
    """How far what was asked for has reached the hubs."""
    stands = counter.stands
    behind = [hub for hub, stand in stands.items() if not stand.confirmed]
    own = sum(len(stand.own) for stand in stands.values())
    told = (
        f"Its hubs have not confirmed yet: {', '.join(behind)}."
        if behind
        else "Its hubs go by what was last sent."
    )
    if not behind and any(one.written_by for one in counter.standing):
        told += " What was just written reaches them in seconds: see lum-receiver pause HOME."
    return f"{told} {own} pauses were asked for at the hub itself." if own else told


def _stand_facts(stand: Stand) -> dict[str, Any]:
    return {
        "wanted": stand.number,
        "taken": stand.taken,
        "confirmed": stand.confirmed,
        "since_ms": stand.since_ms,
        "own": len(stand.own),
        "refused": stand.refused,
    }
