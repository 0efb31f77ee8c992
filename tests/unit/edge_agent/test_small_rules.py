"""Anchors, spans, back-off, supervision, redaction, status words: small rules of the hub."""

from __future__ import annotations

import pytest

from cloud_sync.errors import LinkError, LocalProtocolError
from cloud_sync.wire.batch import Anchor, Quality, Stream
from cloud_sync.wire.setting import NO_END_MS
from edge_agent.core.backoff import Backoff
from edge_agent.core.batching import (
    SOFTWARE_EPOCH_MS,
    Origin,
    anchor,
    compose,
    merged,
)
from edge_agent.core.supervision import Action, sentence, treatment
from edge_agent.errors import ConfigError, CredentialError, OutboxError, RadioError, RadioTrouble
from edge_agent.log import redact
from edge_agent.status import in_words
from zero_trust.errors import KeyStoreError
from zero_trust.reasons import reason


@pytest.mark.parametrize(
    ("wall_ms", "synchronised", "quality"),
    [
        (0, True, Quality.UNSET),
        (SOFTWARE_EPOCH_MS - 1, True, Quality.UNSET),
        (SOFTWARE_EPOCH_MS, False, Quality.COARSE),
        (SOFTWARE_EPOCH_MS, True, Quality.SYNCED),
    ],
)
def test_an_anchor_says_how_far_its_clock_can_be_believed(
    wall_ms: int, synchronised: bool, quality: Quality
) -> None:
    """A clock behind the software's own age is unset, whatever the kernel claims."""
    assert anchor(wall_ms, 5, synchronised=synchronised).quality is quality


def test_touching_spans_are_joined() -> None:
    """Coverage is sent as few spans as it can be."""
    assert merged([(5, 9), (0, 5), (20, 30)]) == ((0, 9), (20, 30))


def test_back_off_grows_to_its_ceiling_and_starts_small_after_a_success() -> None:
    """Between half and all of a ceiling that doubles up to the longest wait."""
    backoff = Backoff(1.0, 8.0, lambda: 1.0)

    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 8, 8]
    backoff.reset()
    assert backoff.next_s() == 1
    assert Backoff(1.0, 8.0, lambda: 0.0).next_s() == 0.5


@pytest.mark.parametrize(
    ("error", "action", "alarm"),
    [
        (ConfigError("x"), Action.STOP, "configuration"),
        (CredentialError("x"), Action.RETRY, "credential"),
        (RadioError("x", RadioTrouble.LOST), Action.RETRY, "radio"),
        (OutboxError("x"), Action.RETRY, "outbox"),
        (KeyStoreError("chip-absent"), Action.RETRY, "keys"),
        (LinkError("x"), Action.RETRY, "uplink"),
        (LocalProtocolError("x"), Action.RETRY, "sync"),
    ],
)
def test_every_foreseen_trouble_has_its_treatment(error: Exception, action: Action, alarm: str) -> None:
    """No radio, no broker, no clock are states; only a wrong configuration ends the process."""
    treated = treatment(error)

    assert treated is not None
    assert (treated.action, treated.alarm) == (action, alarm)


def test_trouble_with_the_keys_says_what_to_do() -> None:
    """As any other trouble does: the sentence of its code, what in particular, and the hint."""
    words = reason("chip-absent")

    told = sentence(KeyStoreError("chip-absent", "the TPM"))
    assert told == f"{words.sentence.removesuffix('.')} (the TPM). {words.hint}"


def test_a_defect_has_no_treatment() -> None:
    """What nobody foresaw must be seen, not retried in silence."""
    assert treatment(ZeroDivisionError()) is None


def test_secrets_and_raw_bytes_never_reach_the_log() -> None:
    """Whatever a fact is called that sounds like a secret, its value is blanked."""
    event = redact(None, "info", {"event": "x", "data_key": "s", "voucher": "s", "body": b"s", "hub": "h"})

    assert event == {
        "event": "x",
        "data_key": "(redacted)",
        "voucher": "(redacted)",
        "body": "(redacted)",
        "hub": "h",
    }


def test_the_status_tells_trouble_first() -> None:
    """A dead hub, an alarm and a refusal come before any figure."""
    facts = {
        "running": False,
        "age_s": 70.0,
        "alarms": [{"sentence": "The radio went away."}],
        "last_refusal": "hub-revoked",
        "refusals": 2,
        "last_disbelieved": "",
        "disbelieved": 0,
        "frame_age_s": None,
        "hub": "abc",
        "home": "h-1",
        "heard": 0,
        "uplink": "offline",
        "waiting": 3,
        "uncut": 4,
        "pauses": [{"until_ms": NO_END_MS, "stays": ["help"], "own": False}],
        "paused": ["C0:00:00:00:00:01"],
        "keys": "in files",
    }

    lines = in_words(facts)

    assert lines[0].startswith("THE HUB IS NOT RUNNING")
    assert lines[1] == "Trouble: The radio went away."
    assert lines[2].startswith("Refused by the site (2 times)")
    told = "Paused until the site says otherwise (set by the site): "
    assert lines[3] == f"{told}1 sensors are neither stored nor sent; what stays: help."
    assert lines[-1] == "The keys of this hub are in files."


def test_nothing_in_a_batch_lies_after_it_was_made() -> None:
    """The clock goes on while a batch is put together; the batch is as old as the youngest thing in it."""
    origin = Origin("site", "h" * 13, bytes(8), bytes(16))
    clock = Anchor(1_800_000_000_000, 1_005, Quality.COARSE)

    batch = compose(origin, Stream.ROUTINE, 1_000, clock, (), sensors={}, spans=((0, 1_003),))

    assert batch.made_ms == 1_005
