"""The rules by which batches, hellos, heartbeats and receipts are believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil_tests.attack.rules.rule import Rule, gives

ENVELOPE, UPLINK = "zero_trust.envelope", "cloud_sync.uplink"
BATCHES, SERVICE = "cloud_sync.receiver.store.batches:Batches", "cloud_sync.receiver.service:Service"
SIGNATURE_BYTES = 64


def _inside(_original: Any) -> Any:
    return lambda _public, signed, *_names: signed[:-SIGNATURE_BYTES]


def _unsigned(_original: Any) -> Any:
    return lambda _public, _tag, signed, **_named: signed[:-SIGNATURE_BYTES]


def _any_envelope(original: Any) -> Any:
    def known(self: Any, arrival: Any) -> Any:
        found = original(self, arrival)
        return found and (found[0], b"")

    return known


def _never_forked(original: Any) -> Any:
    def admit(digest: bytes, known: bytes | None) -> Any:
        return original(digest, known and digest)

    return admit


def _over_gaps(original: Any) -> Any:
    def passed(head: Any, above: Mapping[int, bytes], gaps: Any = ()) -> Any:
        while above and max(above) > head.seq:
            *_, head = original(head, above, gaps)
            if later := [seq for seq in above if seq > head.seq]:
                head = type(head)(min(later) - 1, head.chain)
        yield head

    return passed


def _any_version(original: Any) -> Any:
    return lambda data: original(bytes([0x30 | data[0] & 0x0F]) + data[1:])


def _session_of_no_count(original: Any) -> Any:
    def session(self: Any, hub: str) -> Any:
        from dataclasses import replace  # noqa: PLC0415 - in the site's process

        found = original(self, hub)
        return found and replace(found, counter=0)

    return session


def _any_count(original: Any) -> Any:
    """The header's count is not compared with the rows: as many as there are."""

    def read(reader: Any, layout: Any, count: int, start_ms: int) -> Any:
        try:
            return original(reader, layout, count, start_ms)
        except ValueError:  # a WireError is one
            return []

    return read


def _any_nonce(original: Any) -> Any:
    async def take(self: Any, session: Any, content: bytes) -> None:
        from cloud_sync.wire.message import decode_cursor  # noqa: PLC0415 - in the hub's process

        session.nonce = decode_cursor(content[:-SIGNATURE_BYTES]).nonce
        await original(self, session, content)

    return take


def _verified(_original: Any) -> Any:
    return lambda _self, _session, _tag, content, _code: content[:-SIGNATURE_BYTES]


def _any_certificate(_original: Any) -> Any:
    def key(_self: Any, certificate: bytes, *_: Any) -> Any:
        from zero_trust.credential import certificate_key, load_certificate  # noqa: PLC0415 - as above

        return certificate_key(load_certificate(certificate))

    return key


def _whoever(original: Any) -> Any:
    def speaker(self: Any, incoming: Any) -> Any:
        known = self._registry.hub(incoming.hub)
        return original(self, incoming) if known else self._registry.hubs()[0]

    return speaker


RULES: Mapping[str, Rule] = {
    "speakers-are-known": Rule(f"{SERVICE}._speaker", _whoever, ("batch-of-nobody",)),
    "messages-are-small": Rule(
        "cloud_sync.wire.limits:ENVELOPE_MAX_BYTES", lambda _: 2**30, ("batch-oversized",)
    ),
    "seal-is-bound-to-its-hub": Rule(
        f"{ENVELOPE}:_info", gives(b"lum-seal-1\0"), ("batch-on-another-hubs-topic",)
    ),
    "batches-are-signed": Rule(
        f"{ENVELOPE}:verify_inside",
        _inside,
        ("batch-signed-by-another-hub", "batch-under-another-name", "batch-by-a-stolen-data-authority"),
    ),
    "signature-names-site-and-hub": Rule(
        f"{ENVELOPE}:_batch_tag", gives(b"lum-batch-1\0"), ("batch-for-another-site",)
    ),
    "the-same-envelope-is-a-replay": Rule(f"{BATCHES}.known", _any_envelope, ("batch-replayed",)),
    "other-content-is-a-fork": Rule("cloud_sync.sync.ledger:admit", _never_forked, ("batch-forked",)),
    "receipts-pass-over-no-gap": Rule("cloud_sync.sync.ledger:passed", _over_gaps, ("batch-swallowed",)),
    "known-versions-alone": Rule(
        "cloud_sync.wire.body:parse_body", _any_version, ("batch-of-an-unknown-version",)
    ),
    "counts-agree": Rule(
        "cloud_sync.wire.body:read_columns", _any_count, ("batch-that-lies-about-its-count",)
    ),
    "hello-says-its-own-names": Rule(
        f"{SERVICE}._check_names", gives(None), ("hello-under-another-name", "hello-for-another-site")
    ),
    "hello-and-gap-are-signed": Rule(
        f"{ENVELOPE}:verify_tagged", _unsigned, ("hello-signed-by-another-hub", "gap-explained-by-another")
    ),
    "heartbeats-have-a-mac": Rule(
        "cloud_sync.wire.message:_beat_mac", gives(bytes(8)), ("heartbeat-forged",)
    ),
    "heartbeats-rise": Rule(f"{BATCHES}.session", _session_of_no_count, ("heartbeat-replayed",)),
    "hello-opens-once": Rule(
        f"{BATCHES}.is_new_hello", gives(True), ("session-replayed", "older-session-replayed")
    ),
    "a-left-epoch-is-told": Rule(f"{BATCHES}.has_left", gives(False), ("epoch-rolled-back",)),
    "no-clock-is-ahead-of-arrival": Rule(
        "cloud_sync.sync.placing:clock_fault", gives(False), ("batch-that-claims-tomorrow",)
    ),
    "receipts-are-signed": Rule(
        f"{UPLINK}:Uplink._verified", _verified, ("receipt-forged", "refusal-forged")
    ),
    "receipts-have-an-addressee": Rule(
        f"{UPLINK}:Uplink._check_addressee",
        gives(None),
        ("receipt-of-another-hub", "receipt-of-another-epoch"),
    ),
    "cursors-are-signed": Rule(f"{UPLINK}:verify_tagged", _unsigned, ("cursor-forged",)),
    "cursors-answer-their-hello": Rule(
        f"{UPLINK}:Uplink._take_cursor", _any_nonce, ("cursor-of-another-session",)
    ),
    "signers-are-certified": Rule(
        "zero_trust.trust_set:TrustSet._service_key",
        _any_certificate,
        (
            "cursor-under-a-foreign-certificate",
            "time-by-a-foreign-authority",
            "time-by-the-receipt-key",
            "time-by-another-service",
        ),
    ),
}
