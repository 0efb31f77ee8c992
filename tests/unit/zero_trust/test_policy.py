"""Decisions: each rule has one yes and one no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.trust import HUB, NOW_MS
from zero_trust.policy import BatchFacts, ConnectionFacts, Decision, Standing, admit_batch, admit_connection

CONNECTION = ConnectionFacts(
    name=HUB,
    certificate_ends_ms=NOW_MS + 1,
    standing=Standing.ENROLLED,
    client_id=HUB.hub,
    now_ms=NOW_MS,
    in_line=True,
)
BATCH = BatchFacts(
    hub=HUB.hub,
    standing=Standing.ENROLLED,
    certificate_starts_ms=NOW_MS,
    certificate_ends_ms=NOW_MS + 1,
    received_ms=NOW_MS,
)


def test_a_hub_may_use_its_own_topics_until_its_certificate_ends() -> None:
    """The yes names exactly two subjects and the end."""
    assert admit_connection(CONNECTION) == Decision(
        allow=True,
        publish=(f"hubs.{HUB.hub}.up",),
        subscribe=(f"cmd.{HUB.hub}",),
        until_ms=NOW_MS + 1,
    )


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(CONNECTION, client_id="bbcdefghijk27"), "client-id-not-yours"),
        (replace(CONNECTION, client_id=""), "client-id-not-yours"),
        (replace(CONNECTION, standing=Standing.REVOKED), "hub-revoked"),
        (replace(CONNECTION, standing=Standing.SUSPENDED), "hub-suspended"),
        (replace(CONNECTION, standing=None), "hub-unknown"),
        (replace(CONNECTION, in_line=False), "certificate-superseded"),
        (replace(CONNECTION, in_line=None), "evidence-missing"),
        (replace(CONNECTION, in_line=None, standing=Standing.QUARANTINED), "evidence-missing"),
        (replace(CONNECTION, now_ms=NOW_MS + 1), "certificate-expired"),
        (replace(CONNECTION, name=None), "evidence-missing"),
        (replace(CONNECTION, client_id=None), "evidence-missing"),
        (ConnectionFacts(), "evidence-missing"),
    ],
)
def test_connections_that_are_refused(facts: ConnectionFacts, code: str) -> None:
    """One fact wrong or missing is a no with its own code and no rights at all."""
    assert admit_connection(facts) == Decision(allow=False, code=code)


@pytest.mark.parametrize("in_line", [True, False])
def test_a_hub_in_quarantine_connects_whichever_of_two_it_is(in_line: bool) -> None:
    """Else a copied card could silence a home."""
    assert admit_connection(replace(CONNECTION, standing=Standing.QUARANTINED, in_line=in_line)).allow


@pytest.mark.parametrize("standing", [Standing.ENROLLED, Standing.QUARANTINED])
def test_a_batch_of_an_enrolled_hub_is_admitted(standing: Standing) -> None:
    """All facts good: yes. Quarantine never stops intake."""
    assert admit_batch(replace(BATCH, standing=standing)) == Decision(allow=True)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(BATCH, standing=Standing.REVOKED), "hub-revoked"),
        (replace(BATCH, standing=Standing.SUSPENDED), "hub-suspended"),
        (replace(BATCH, standing=None), "hub-unknown"),
        (replace(BATCH, received_ms=NOW_MS - 1), "certificate-not-yet-valid"),
        (replace(BATCH, received_ms=NOW_MS + 1), "certificate-expired"),
        (replace(BATCH, hub=None), "evidence-missing"),
        (BatchFacts(), "evidence-missing"),
    ],
)
def test_batches_that_are_refused(facts: BatchFacts, code: str) -> None:
    """One fact wrong or missing is a no with its own code."""
    assert admit_batch(facts) == Decision(allow=False, code=code)
