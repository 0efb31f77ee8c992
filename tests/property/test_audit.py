"""Properties of the audit: no change goes unseen, and a file says the same as the log it was written from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.audit import chain
from zero_trust.audit import START, Row, make_row, spell
from zero_trust.audit_check import Checkpoint, SignedCheckpoint, check
from zero_trust.audit_file import LogFile, read_evidence, write_evidence, write_log
from zero_trust.errors import TrustError
from zero_trust.evidence import Evidence

ROWS = chain(count=20)
END = Checkpoint("demo", 20, ROWS[-1].hash, 0)
FACTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
        max_leaves=3,
    ),
    max_size=3,
)


@given(data=st.data())
def test_no_change_goes_unseen_below_a_checkpoint(data: st.DataObject) -> None:
    """Rows taken out, swapped, repeated, edited, written anew to the end: something is said."""
    changed = list(ROWS)
    place = data.draw(st.integers(0, 19))
    match data.draw(st.sampled_from(["delete", "swap", "repeat", "edit", "rewrite", "cut"])):
        case "delete":
            del changed[place]
        case "swap":
            other = data.draw(st.integers(0, 19).filter(lambda n: n != place))
            changed[place], changed[other] = changed[other], changed[place]
        case "repeat":
            changed.insert(place, changed[place])
        case "edit":
            changed[place] = replace(changed[place], at_ms=data.draw(st.integers(0, 2**40)))
        case "rewrite":
            changed = _rewritten(changed, place)
        case _:
            changed = changed[:place]

    assert check(ROWS, [END]).faults == ()
    assert check(changed, [END]).faults


@given(rows=st.lists(st.tuples(st.integers(0, 2**50), st.sampled_from(["a", "issued"]), FACTS), max_size=3))
def test_a_file_says_the_same_as_the_log(rows: list[tuple[int, str, dict[str, Any]]]) -> None:
    """Every row reads back to the byte, whatever its facts are; checkpoints too."""
    log: list[Row] = []
    for at_ms, kind, facts in rows:
        before = log[-1].hash if log else START
        log.append(make_row(before, len(log) + 1, at_ms, kind, facts))
    kept = [SignedCheckpoint(b"signed", b"certificate")]
    read = LogFile(write_log("demo", log, kept))

    assert (read.site, read.rows, read.checkpoints) == ("demo", log, kept)
    assert check(read.rows).faults == ()


@given(facts=FACTS)
def test_facts_have_one_spelling(facts: dict[str, Any]) -> None:
    """What was read and spelled again is the same text: else a file could not be checked."""
    row = make_row(START, 1, 0, "a", facts)

    assert spell(row.facts) == row.text
    assert spell(dict(reversed(facts.items()))) == row.text


@given(signed=st.binary(max_size=40), hub=st.text(max_size=20))
def test_evidence_reads_back(signed: bytes, hub: str) -> None:
    """Whatever bytes."""
    evidence = Evidence(hub, signed)

    assert list(read_evidence([write_evidence(evidence)])) == [evidence]


@given(line=st.text(max_size=60) | st.sampled_from(list(write_log("demo", ROWS[:3], []))), data=st.data())
def test_no_line_crashes_the_reader(line: str, data: st.DataObject) -> None:
    """A strange or damaged file is read, or refused in our own words with the number of the line."""
    cut = data.draw(st.integers(0, len(line)))
    lines = ['{"format":"lum-audit-1","site":"demo"}', line[:cut]]
    for read in (lambda: LogFile(lines).rows, lambda: list(read_evidence(lines[1:]))):
        assert _refusal(read) in {"", "log-malformed", "checkpoint-not-believed"}


def _refusal(read: Any) -> str:
    try:
        read()
    except TrustError as error:
        return error.code
    return ""


def _rewritten(rows: list[Row], place: int) -> list[Row]:
    """All rows from ``place`` on as somebody writes them who knows how."""
    anew = rows[:place]
    for row in rows[place:]:
        before = anew[-1].hash if anew else START
        anew.append(make_row(before, row.number, row.at_ms, row.kind, {"who": "nobody"}))
    return anew
