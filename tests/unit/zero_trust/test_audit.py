"""The audit: whatever is done to the log is found and named; what was valid as received can be proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.audit import WrittenSite, chain, received
from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site
from zero_trust.audit import START, Lately, Row, make_row
from zero_trust.audit_check import Checkpoint, believe, check, parse_checkpoint, sign_checkpoint
from zero_trust.bundle import history
from zero_trust.credential import Use, certificate_bytes
from zero_trust.errors import CredentialError, TrustError
from zero_trust.evidence import Evidence, Proven, issued_facts, read_record, valid_as_received
from zero_trust.keys import generate_key
from zero_trust.names import HubName, ServiceName
from zero_trust.reasons import Refused

ROWS = chain()
AT_5, AT_10 = (Checkpoint("demo", n, ROWS[n - 1].hash, NOW_MS + n) for n in (5, 10))


def codes(rows: list[Row], *checkpoints: Checkpoint) -> list[tuple[str, str]]:
    """All faults found."""
    return [(fault.code, fault.detail) for fault in check(rows, checkpoints).faults]


def test_an_intact_log_holds() -> None:
    """All rows, both checkpoints; a part of it after a checkpoint as well."""
    checked = check(ROWS, [AT_10, AT_5])

    assert (checked.rows, checked.head, checked.faults) == (10, ROWS[-1].hash, ())
    assert checked.held == (AT_5, AT_10)
    assert check(ROWS[5:], after=AT_5) == replace(checked, held=())
    assert check([]).head == START


def test_a_deleted_row_is_named() -> None:
    """One, several, the first; and nothing after it is blamed."""
    assert codes(ROWS[:3] + ROWS[4:]) == [("log-row-missing", "row 4")]
    assert codes(ROWS[:3] + ROWS[6:]) == [("log-row-missing", "rows 4 to 6")]
    assert codes(ROWS[1:]) == [("log-row-missing", "row 1")]


@pytest.mark.parametrize(
    "change", [{"text": '{"n":4,"who":"nobody"}'}, {"at_ms": 1}, {"kind": "look"}, {"hash": bytes(32)}]
)
def test_an_edited_row_is_named(change: dict[str, object]) -> None:
    """Whatever part of it; if its hash alone was edited, the next row does not follow either."""
    edited = [*ROWS[:3], replace(ROWS[3], **change), *ROWS[4:]]  # type: ignore[arg-type] # names checked
    named = [("log-row-altered", "row 4, or row 3 together with its hash")]
    next_one = [("log-row-altered", "row 5, or row 4 together with its hash")]

    assert codes(edited) == (named + next_one if "hash" in change else named)


def test_an_edited_row_with_its_hash_is_found_at_the_next() -> None:
    """Whoever knows how hashes are made must write all that follows anew."""
    edited = make_row(ROWS[2].hash, 4, ROWS[3].at_ms, "decision", {"who": "nobody"})

    assert codes([*ROWS[:3], edited, *ROWS[4:]]) == [
        ("log-row-altered", "row 5, or row 4 together with its hash")
    ]


def test_a_log_written_anew_is_found_by_a_checkpoint() -> None:
    """From row 7 on: the checkpoint at 10 tells of the range, the one at 5 holds."""
    anew = ROWS[:6]
    for row in ROWS[6:]:
        anew.append(make_row(anew[-1].hash, row.number, row.at_ms, row.kind, {"who": "nobody"}))

    assert codes(anew) == []
    assert codes(anew, AT_5, AT_10) == [("log-rewritten", "somewhere in rows 6 to 10")]


def test_a_log_that_was_cut_off_is_found_with_both_counts() -> None:
    """Below a checkpoint; above the last one nobody can tell."""
    assert codes(ROWS[:7], AT_5, AT_10) == [("log-truncated", "it has 7 rows, the checkpoint tells of 10")]
    assert codes(ROWS[:7], AT_5) == []


def test_a_checkpoint_travels_as_one_line() -> None:
    """It reads back the same and is believed."""
    written = WrittenSite()
    made = written.checkpoint()
    read = parse_checkpoint(made.text)
    trust = written.site.trust
    believed = believe(read, trusts=[trust], site="demo")

    assert "\n" not in made.text
    assert (believed.rows, believed.hash) == (2, written.rows[-1].hash)


def test_checkpoints_that_are_not_believed() -> None:
    """Altered, of another site, by a hub's key, by the receipt key after its certificate ended, no checkpoint."""
    written = WrittenSite()
    trust, made = written.site.trust, written.checkpoint()
    hub = certificate_bytes(written.certificate)
    told = made.claimed
    other = Site()
    forged = [
        replace(made, signed=made.signed[:-1] + bytes([made.signed[-1] ^ 1])),
        sign_checkpoint(written.hub_key, hub, told),
        sign_checkpoint(written.receipt_key, made.certificate, replace(told, at_ms=NOW_MS + 500 * DAY_MS)),
        sign_checkpoint(written.receipt_key, made.certificate, replace(told, site="other")),
        sign_checkpoint(
            written.receipt_key,
            certificate_bytes(other.leaf(written.receipt_key, ServiceName("demo", "intake"), Use.RECEIPT)),
            told,
        ),
        replace(made, signed=b""),
        replace(made, certificate=b""),
    ]

    for one in forged:
        with pytest.raises(CredentialError) as refused:
            believe(one, trusts=[trust], site="demo")
        assert refused.value.code == "checkpoint-not-believed"
    for text in ("", "LUMCP1:", "LUMCP1:!!!!", made.text[:-1], made.text[:40], "\u00e4" + made.text):
        with pytest.raises(TrustError, match="not signed"):
            parse_checkpoint(text)


def prove(written: WrittenSite, evidence: Evidence) -> Proven | str:
    """The proof, or the code where it breaks."""
    record = read_record(written.rows, {evidence.signed})
    outcome = valid_as_received(
        evidence, record, trusts=history(written.site.trust.root, record.bundles), site="demo"
    )
    return outcome.code if isinstance(outcome, Refused) else outcome


def test_a_batch_is_proven_valid_as_received() -> None:
    """By the log, the certificate and the signature; it does not matter that the certificate has ended since."""
    written = WrittenSite()
    evidence = written.receive(b"body")

    assert prove(written, evidence) == Proven(HUB.hub, 1, NOW_MS + 3_600_000, 3)


def test_a_certificate_of_a_stolen_issuing_key_proves_nothing() -> None:
    """The chain is good, the signature is good, even the log says that it came: nobody wrote down the issuance."""
    written, thief = WrittenSite(), generate_key()
    forged = written.site.leaf(thief, HUB, Use.HUB_DATA)
    evidence = written.receive(b"forged", key=thief, certificate=forged)

    assert prove(written, evidence) == "certificate-not-in-issuance-log"


def test_a_certificate_issued_after_the_batch_proves_nothing() -> None:
    """Writing the issuance down afterwards does not help a thief."""
    written, thief = WrittenSite(), generate_key()
    forged = written.site.leaf(thief, HUB, Use.HUB_DATA)
    evidence = written.receive(b"forged", key=thief, certificate=forged)
    written.write("issued", issued_facts(forged, HUB, Use.HUB_DATA))

    assert prove(written, evidence) == "certificate-not-in-issuance-log"


def test_where_the_proof_of_a_batch_breaks() -> None:
    """Not in the log; of another hub; not signed under its certificate; its hub revoked before."""
    written = WrittenSite()
    evidence = written.receive(b"body")
    unsigned = Evidence(HUB.hub, b"no signature at all" + bytes(64))
    written.write("received", received(certificate_bytes(written.certificate), unsigned.signed))
    by_another = written.receive(b"by another", key=generate_key())

    assert prove(written, replace(evidence, signed=b"x" + evidence.signed)) == "batch-not-in-log"
    assert prove(written, replace(evidence, hub="bbcdefghijk27")) == "batch-not-in-log"
    assert prove(written, unsigned) == prove(written, by_another) == "batch-signature-wrong"
    written.write("standing", {"hub": HUB.hub, "standing": "revoked"})
    assert isinstance(prove(written, evidence), Proven)
    assert prove(written, written.receive(b"after")) == "hub-revoked"
    written.write("standing", {"hub": HUB.hub, "standing": "enrolled"})
    assert isinstance(prove(written, written.receive(b"restored")), Proven)


def test_a_renewed_certificate_does_not_spoil_what_came_before() -> None:
    """Each batch is judged by the certificate that it was believed by."""
    written = WrittenSite()
    before = written.receive(b"before")
    renewed = written.site.leaf(written.hub_key, HUB, Use.HUB_DATA)
    written.write("issued", issued_facts(renewed, HUB, Use.HUB_DATA))
    after = written.receive(b"after", certificate=renewed)

    assert isinstance(prove(written, before), Proven)
    assert isinstance(prove(written, after), Proven)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("site", {}),
        ("site", {"data": "AAAA"}),
        ("issued", {"der": 7}),
        ("received", {"batches": [[1]]}),
        ("received", {"batches": 7}),
        ("standing", {}),
    ],
)
def test_a_row_that_says_nothing_sensible_is_named(kind: str, facts: dict[str, object]) -> None:
    """Whoever writes a log anew may write anything."""
    with pytest.raises(TrustError, match="row 7"):
        read_record([make_row(START, 7, NOW_MS, kind, facts)], set())


def test_the_chain_is_judged_at_the_time_of_arrival() -> None:
    """Too early, too late, of another hub, of another site's authority: each by its code."""
    written = WrittenSite()
    der = certificate_bytes(written.certificate)
    other = HubName("demo", "h-18", "bbcdefghijk27")
    elsewhere = Site()
    cases = []
    for body, received_ms in ((b"early", NOW_MS - DAY_MS), (b"late", NOW_MS + 401 * DAY_MS)):
        evidence = written.receive(body)
        written.rows.pop()
        written.write("received", received(der, evidence.signed, received_ms))
        cases.append(prove(written, evidence))
    for site, name in ((written.site, other), (elsewhere, HUB)):
        leaf = site.leaf(written.hub_key, name, Use.HUB_DATA)
        written.write("issued", issued_facts(leaf, name, Use.HUB_DATA))
        cases.append(prove(written, written.receive(name.uri.encode(), certificate=leaf)))

    assert cases == [
        "certificate-not-yet-valid",
        "certificate-expired",
        "certificate-name-wrong",
        "certificate-untrusted",
    ]


def test_what_was_said_lately_is_no_news() -> None:
    """For its span, and for as many as are remembered."""
    lately = Lately(10, 2)
    lately.note("a", 1, 100)

    assert (lately.number("a", 109), lately.number("a", 110), lately.number("a", 99)) == (1, None, None)
    lately.note("b", 2, 100)
    lately.note("c", 3, 100)
    assert (lately.number("a", 101), lately.number("c", 101)) == (None, 3)
