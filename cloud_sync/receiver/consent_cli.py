"""``lum-receiver consent | pause | event``: what a home agreed to, what is paused, and what happens there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import click

from cloud_sync.assurance.consent import AUTHORITY_WORDS, DAY_MS, Consent, ConsentError, authority
from cloud_sync.assurance.life_events import changed, templates
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.pausing import EVERYTHING, Asked
from cloud_sync.assurance.plan import QUESTION_WORDS, Question
from cloud_sync.receiver.consent_shown import hubs_words, show_consents, show_pauses
from cloud_sync.receiver.console import config_option
from cloud_sync.receiver.counter import Counter, counter_of, listed
from cloud_sync.receiver.parameters import load_parameters
from cloud_sync.receiver.store.database import transaction
from zero_trust.request import Action

CONSENT_DAYS_DEFAULT = 365
PAUSE_DAYS_MAX = 366
PAUSES_MAX = 16  # of one home at a time
_UNITS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS}

_question_option = click.option(
    "--question",
    "words",
    multiple=True,
    type=click.Choice([question.value for question in Question]),
    help="Which; may be given again. Default: all of them",
)
_by_option = click.option(
    "--by", "capacity", default="resident", show_default=True, help="In which capacity it was said."
)
_as_option = click.option(
    "--as", "subject", help="On whose behalf: ROLE:GROUP/PERSON; default: this account, as operator."
)
_moment = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"])
_from_option = click.option("--from", "start", type=_moment, help="When, in the home's time; default: now.")
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command()
@config_option
@click.argument("home")
@click.argument("what", type=click.Choice(["show", "give", "withdraw"]), default="show")
@_question_option
@_by_option
@click.option("--who", "person", default="", help="The name of whoever agreed; default: the resident.")
@click.option("--evidence", default="", help="Where the paper is, or what was said and who heard it.")
@_from_option
@click.option("--until", "end", type=_moment, help=f"Until when; default: {CONSENT_DAYS_DEFAULT} days.")
@_as_option
@_json_option
def consent(
    config_file: Path,
    home: str,
    what: str,
    words: tuple[str, ...],
    capacity: str,
    person: str,
    evidence: str,
    start: datetime | None,
    end: datetime | None,
    subject: str | None,
    *,
    as_json: bool,
) -> None:
    """Who agreed that what is asked of HOME: show it, write it down (give), or write down that it was withdrawn."""
    counter = counter_of(config_file, home, subject)
    if what == "show":
        counter.decide(Action.READ, "operations")
        show_consents(counter, as_json=as_json)
        return
    capable = authority(capacity)
    counter.decide(Action.AGREE)
    if what == "withdraw":
        with transaction(counter.desk.db):
            ended = counter.agreements.withdraw(home, capable.value, counter.now_ms)
            counter.record("withdrawn", authority=capable.value, ended=ended)
        click.echo(
            f"Withdrawn: {ended} agreements. Nothing but calls for help and smoke is recorded any more."
        )
        return
    from_ms = counter.now_ms if start is None else counter.ms(start)
    until_ms = from_ms + CONSENT_DAYS_DEFAULT * DAY_MS if end is None else counter.ms(end)
    made = Consent(
        _questions(words, Question),
        capable,
        person or AUTHORITY_WORDS[capable.value],
        evidence,
        from_ms,
        until_ms,
        str(counter.subject),
    )
    with transaction(counter.desk.db):
        number = counter.agreements.agree(home, made, counter.now_ms).number
        asked = sorted(question.value for question in made.questions)
        counter.record("agreed", number=number, authority=capable.value, questions=asked, until_ms=until_ms)
    click.echo(f"Agreement {number} stands until {counter.words(until_ms)}: {listed(made.questions)}.")


@click.command()
@config_option
@click.argument("home")
@_question_option
@click.option("--for", "span", help="For how long, such as 30m, 4h or 2d.")
@_from_option
@click.option("--until", "end", type=_moment, help="Until when, in the home's time.")
@click.option("--end", "ended", is_flag=True, help="End all pauses of the home now.")
@_by_option
@_as_option
@_json_option
def pause(
    config_file: Path,
    home: str,
    words: tuple[str, ...],
    span: str | None,
    start: datetime | None,
    end: datetime | None,
    capacity: str,
    subject: str | None,
    *,
    ended: bool,
    as_json: bool,
) -> None:
    """Pause what is asked of HOME, all but calls for help and smoke or the named questions; without options, show it."""
    counter = counter_of(config_file, home, subject)
    if ended:
        counter.decide(Action.PAUSE)
        _end(counter, None)
        return
    if span is None and end is None:
        if words or start:
            raise click.UsageError("Until when? Say --for 4h or --until 2026-11-30T18:00.")
        counter.decide(Action.READ, "operations")
        show_pauses(counter, as_json=as_json)
        return
    from_ms = counter.now_ms if start is None else counter.ms(start)
    if span is not None and end is not None:
        raise click.UsageError("Say either --for or --until.")
    until_ms = from_ms + _span_ms(span) if span is not None else counter.ms(end) if end else from_ms
    asked = Asked(
        _questions(words, EVERYTHING),
        authority(capacity).value,
        from_ms,
        until_ms,
        written_by=str(counter.subject),
    )
    counter.decide(Action.PAUSE)
    _write(counter, asked)
    kept = "" if asked.questions >= frozenset(Question) else f" {_still_recorded(asked)}"
    click.echo(
        f"A pause from {counter.words(from_ms)} until {counter.words(until_ms)} is asked for:"
        f" {listed(asked.questions)}.{kept}"
    )
    click.echo(hubs_words(counter))


@click.command()
@config_option
@click.argument("home")
@click.argument("name", type=click.Choice([*templates(), "end", "show"]), default="show")
@_from_option
@click.option("--until", "end", type=_moment, help="Until when, in the home's time.")
@_by_option
@_as_option
@_json_option
def event(
    config_file: Path,
    home: str,
    name: str,
    start: datetime | None,
    end: datetime | None,
    capacity: str,
    subject: str | None,
    *,
    as_json: bool,
) -> None:
    """Something happens in HOME for a while: NAME is a template, which pauses questions or changes limits; end ends all."""
    counter = counter_of(config_file, home, subject)
    if name == "show":
        counter.decide(Action.READ, "operations")
        show_pauses(counter, as_json=as_json)
        return
    if name == "end":
        counter.decide(Action.PAUSE)
        for running in sorted({one.event for one in counter.standing if one.event}):
            _end(counter, running)
        return
    if end is None:
        raise click.UsageError("Until when? Say --until 2026-11-30T18:00.")
    template = templates()[name]
    changed(load_parameters(counter.config.paths.homes, home), template)
    from_ms, until_ms = counter.now_ms if start is None else counter.ms(start), counter.ms(end)
    if until_ms - from_ms > template.days_max * DAY_MS:
        raise ConsentError(
            f"“{template.title}” lasts for {template.days_max} days at most.", hint="Give an earlier end."
        )
    asked = Asked(
        frozenset(template.pause),
        authority(capacity).value,
        from_ms,
        until_ms,
        name,
        None,
        str(counter.subject),
    )
    counter.decide(Action.PAUSE)
    _write(counter, asked)
    click.echo(
        f"“{template.title}” from {counter.words(from_ms)} until {counter.words(until_ms)}. {template.means}"
    )
    if template.pause:
        click.echo(f"Not asked meanwhile: {listed(template.pause)}. {hubs_words(counter)}")


def _write(counter: Counter, asked: Asked) -> None:
    if asked.until_ms <= max(asked.from_ms, counter.now_ms):
        raise ConsentError("It would end before it begins.", hint="Give a later end.")
    if asked.until_ms - asked.from_ms > PAUSE_DAYS_MAX * DAY_MS:
        raise ConsentError(f"It would last for more than {PAUSE_DAYS_MAX} days.", hint="Give an earlier end.")
    if len(counter.standing) >= PAUSES_MAX:
        raise ConsentError(
            f"{PAUSES_MAX} pauses stand already.", hint="End them first: lum-receiver pause HOME --end"
        )
    with transaction(counter.desk.db):
        number = counter.agreements.pause(counter.home, asked, counter.now_ms).number
        questions = sorted(question.value for question in asked.questions)
        facts = {"event": asked.event, "questions": questions, "asked_by": asked.asked_by}
        counter.record("paused", number=number, from_ms=asked.from_ms, until_ms=asked.until_ms, **facts)


def _end(counter: Counter, event: str | None) -> None:
    with transaction(counter.desk.db):
        ended = counter.agreements.end_pauses(counter.home, counter.now_ms, event)
        counter.record("pause-ended", event=event or "", ended=ended)
    template = templates().get(event or "")
    what = f"“{template.title}”" if template else f"{ended} pauses"
    click.echo(f"Ended: {what}. It is asked again once the hubs have heard of it.")


def _still_recorded(asked: Asked) -> str:
    """What a pause leaves: data that other questions need are recorded for those."""
    others = [question for question in QUESTION_WORDS if question not in asked.questions]
    return f"What these need is recorded as before: {listed(others)}."


def _questions(words: Sequence[str], default: Iterable[Question]) -> frozenset[Question]:
    return frozenset(map(Question, words)) or frozenset(default)


def _span_ms(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if match is None:
        raise click.UsageError(f"{text!r} is no span: write 30m, 4h or 2d.")
    return int(match[1]) * _UNITS_MS[match[2]]
