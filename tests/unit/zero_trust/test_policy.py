"""Decisions: each rule has one yes and one no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.trust import HUB, NOW_MS
from zero_trust.policy import BatchFacts, ConnectionFacts, Decision, Standing, admit_batch, admit_connection

CONNECTION = ConnectionFacts(
    name=HUB, certificate_ends_ms=NOW_MS + 1, standing=Standing.ENROLLED, client_id=HUB.hub, now_ms=NOW_MS
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
        (replace(CONNECTION, standing=None), "hub-unknown"),
        (replace(CONNECTION, now_ms=NOW_MS + 1), "certificate-expired"),
        (replace(CONNECTION, name=None), "evidence-missing"),
        (replace(CONNECTION, client_id=None), "evidence-missing"),
        (ConnectionFacts(), "evidence-missing"),
    ],
)
def test_connections_that_are_refused(facts: ConnectionFacts, code: str) -> None:
    """One fact wrong or missing is a no with its own code and no rights at all."""
    assert admit_connection(facts) == Decision(allow=False, code=code)


def test_a_batch_of_an_enrolled_hub_is_admitted() -> None:
    """All facts good: yes."""
    assert admit_batch(BATCH) == Decision(allow=True)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(BATCH, standing=Standing.REVOKED), "hub-revoked"),
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
