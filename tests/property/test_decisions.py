"""Properties of decisions: what is missing is a no, and no file of rules is half believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.desk import GRANTS, POLICY
from tests.helpers.trust import NOW_MS
from tests.unit.zero_trust.test_decision import ALLOWED, BOOK
from zero_trust.decision import decide
from zero_trust.errors import BadNameError, PolicyError
from zero_trust.grants import parse_grants
from zero_trust.request import EVERY_HOME, Action, DataClass, Proof, Request, Role, parse_subject
from zero_trust.rules import parse_policy

FIELDS = [field.name for field in fields(Request)]


@given(
    rule=st.sampled_from(sorted(ALLOWED)),
    missing=st.sets(st.sampled_from(FIELDS), min_size=1),
    empty=st.booleans(),
)
def test_removing_any_field_of_an_allowed_request_never_leaves_it_allowed(
    rule: str, missing: set[str], empty: bool
) -> None:
    """One or several; an empty text is no better than none."""
    request = ALLOWED[rule]
    gone = {name: "" if empty and isinstance(getattr(request, name), str) else None for name in missing}
    ruling = decide(replace(request, **gone), BOOK)  # type: ignore[arg-type] # names checked by replace

    assert decide(request, BOOK).allow
    assert ruling.refused
    assert ruling.refused.code == "evidence-missing"
    assert all(name in ruling.refused.detail for name in missing)


@given(
    request=st.builds(
        Request,
        role=st.sampled_from(Role),
        group=st.sampled_from(["h-17", "council", "nhs-falls", "demo", "other"]),
        person=st.sampled_from(["link-1", "amy", "bob", "eve"]),
        proof=st.sampled_from(Proof),
        proof_ends_ms=st.integers(NOW_MS - 1, NOW_MS + 1),
        home=st.sampled_from(["h-17", "h-18", EVERY_HOME]),
        data=st.sampled_from(DataClass),
        action=st.sampled_from(Action),
        purpose=st.sampled_from(
            ["family", "care", "emergency", "review", "falls-response", "audit", "backup", "x"]
        ),
        now_ms=st.just(NOW_MS),
    )
)
def test_whatever_is_allowed_was_agreed(request: Request) -> None:
    """Any combination: a yes has a rule, the proof holds, and whoever had to agree did."""
    ruling = decide(request, BOOK)

    assert ruling.allow == (ruling.refused is None)
    if not ruling.allow:
        return
    assert ruling.rule
    assert request.proof_ends_ms is not None
    assert request.proof_ends_ms > NOW_MS
    who = (request.role, request.group, request.person)
    match request.role:
        case Role.FAMILY:
            assert (request.group, request.data) in {
                (request.home, DataClass.STATE),
                (request.home, DataClass.CLIMATE),
            }
        case Role.STAFF if request.action is Action.READ:
            assert request.home == "h-17"
            assert who in {(Role.STAFF, "council", "amy"), (Role.STAFF, "council", "bob")}
        case Role.PARTNER:
            assert (request.group, request.home, request.data) == ("nhs-falls", "h-17", DataClass.ALERT)
        case _:
            assert request.role in {Role.STAFF, Role.OPERATOR}


@pytest.mark.parametrize(("text", "parse"), [(POLICY, parse_policy), (GRANTS, parse_grants)])
@given(data=st.data())
def test_a_damaged_file_is_refused_in_one_sentence(
    text: str, parse: Callable[[str, str], object], data: st.DataObject
) -> None:
    """Whatever is cut out or put in: read whole, or refused by our own error that names the file."""
    place = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 60))
    put = data.draw(st.text(max_size=8))
    said = _said(parse, text[:place] + put + text[place + length :])

    assert said == "" or said.startswith("f.toml: ")


@given(st.text(max_size=60) | st.from_regex(r"(staff|partner):[a-z0-9-]{1,9}/[a-z@.]{1,9}", fullmatch=True))
def test_no_text_crashes_the_reader_of_subjects(text: str) -> None:
    """It is a subject that reads back the same, or it is refused."""
    said = _said(lambda given, _: parse_subject(given), text)

    assert said.endswith("family, staff, partner, operator") or str(parse_subject(text)) == text


def _said(parse: Callable[[str, str], object], text: str) -> str:
    """The detail of the refusal; empty if there is none."""
    try:
        parse(text, "f.toml")
    except (PolicyError, BadNameError) as refused:
        return refused.detail
    return ""
