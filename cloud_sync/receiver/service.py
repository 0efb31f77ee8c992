"""READ FIRST (cloud): what happens to a message from a hub.

    open (decrypt) -> verify (signature) -> policy (may it speak?) -> decode -> ledger -> commit -> receipt

:class:`Service` takes a group of messages, commits them in one durable transaction, and only
then signs the answers. What is not believed gets no effect but a written refusal at both ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cloud_sync.receiver.store.batches import Arrival, Batches, Session, Unread
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.sync import ledger
from cloud_sync.sync.placing import clock_fault, place
from cloud_sync.sync.session import session_key, session_name
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Batch, Stream, content_digest, decode, leans_on
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import ENVELOPE_MAX_BYTES
from cloud_sync.wire.setting import (
    SETTING_TAG,
    TAKEN_TAG,
    VERSION,
    Setting,
    Taken,
    decode_taken,
    encode_setting,
)
from zero_trust.credential import certificate_key
from zero_trust.envelope import open_sealed, sign_tagged, site_key_id, verify_inside, verify_tagged
from zero_trust.errors import PolicyError, TrustError
from zero_trust.evidence import received_facts
from zero_trust.keys import PrivateKey, PublicKey
from zero_trust.policy import BatchFacts, admit_batch
from zero_trust.reasons import reasons


@dataclass(frozen=True, slots=True)
class IntakeKeys:
    """What the intake holds: the receipt key with its certificate, the site's encryption key and earlier ones."""

    receipt: PrivateKey = field(repr=False)
    receipt_certificate: bytes
    site: X25519PrivateKey = field(repr=False)
    earlier: tuple[X25519PrivateKey, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """Bytes that came up on the topic of ``hub``; the broker's admission vouches for the topic."""

    hub: str
    payload: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to send down to ``hub``."""

    hub: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Refused:
    incoming: Incoming
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Counted:
    """A batch that is durable once the transaction is; its stream is owed a receipt."""

    stream: Stream
    epoch: bytes


class Service:
    """One site's intake, without the wire."""

    def __init__(self, site: str, keys: IntakeKeys, registry: Registry, batches: Batches) -> None:
        self._site = site
        self.use(keys)
        self._registry = registry
        self._batches = batches
        self._settings = batches.settings
        self._pushed = 0  # settings were sent up to this change
        self._data_keys: dict[bytes, PublicKey] = {}  # by certificate

    def use(self, keys: IntakeKeys) -> None:
        """Go on with these keys: hubs are told the current one at their next hello."""
        self._keys = keys
        self._site_keys = {site_key_id(key.public_key()): key for key in (keys.site, *keys.earlier)}

    def take(self, group: Sequence[Incoming]) -> list[Answer]:
        """Take a group of messages; when this returns, what the answers say is durable."""
        refused: list[_Refused] = []
        answers: list[Answer] = []
        counted: dict[tuple[str, _Counted], None] = {}  # a set that keeps order
        with self._batches.transaction():
            mark = self._batches.mark()
            for incoming in group:
                try:
                    outcome = self._take_one(incoming, refused)
                except (TrustError, WireError) as error:
                    refused.append(_Refused(incoming, error.code, getattr(error, "detail", "") or str(error)))
                    continue
                if isinstance(outcome, list):
                    answers += outcome
                elif outcome:
                    counted[incoming.hub, outcome] = None
            receipts = [self._receipt(hub, what) for hub, what in counted]
            asks = [ask for hub, what in counted for ask in self._asks_for_manifests(hub, what)]
            self._record(mark)
        return answers + receipts + asks + [self._refuse(refusal) for refusal in refused]

    def push(self, now_ms: int) -> list[Answer]:
        """The settings that have changed since the last call, for hubs with a session; asked every few seconds."""
        self._pushed, hubs = self._settings.due(self._pushed)
        return [answer for hub in hubs for answer in self._setting(hub, now_ms)]

    def _take_one(self, incoming: Incoming, refused: list[_Refused]) -> list[Answer] | _Counted | None:
        kind, content = wire.kind_of(incoming.payload), incoming.payload[1:]
        match kind:
            case wire.Kind.BATCH:
                return self._take_batch(incoming, content, refused)
            case wire.Kind.GONE:
                return self._take_gone(incoming, content)
            case wire.Kind.HELLO:
                return self._take_hello(incoming, content)
            case wire.Kind.HEARTBEAT:
                return self._take_heartbeat(incoming)
            case wire.Kind.TAKEN:
                return self._take_account(incoming, content)
            case _:
                raise WireError("a message that only the site sends came up")

    def _take_batch(self, incoming: Incoming, content: bytes, refused: list[_Refused]) -> _Counted:
        """The way of a batch; nothing is decoded before its signature holds."""
        if len(incoming.payload) > ENVELOPE_MAX_BYTES:
            raise WireError("the message is larger than any hub may send", "batch-too-large")
        signed = open_sealed(content, self._site_keys, incoming.hub)
        row = self._speaker(incoming)
        body = verify_inside(self._data_key(row), signed, self._site, incoming.hub)
        header, manifest = leans_on(body)
        envelope = hashlib.sha256(incoming.payload).digest()
        size, received_ms = len(incoming.payload), incoming.received_ms
        arrival = Arrival(
            incoming.hub, header, manifest, content_digest(body), envelope, signed, size, received_ms
        )
        self._count(row, arrival, body)
        if clock_fault(header.anchor, received_ms):
            refused.append(
                _Refused(incoming, "clock-fault", f"batch {header.seq} kept, its clock not believed")
            )
        return _Counted(header.stream, header.epoch)

    def _count(self, row: HubRow, arrival: Arrival, body: bytes) -> None:
        """Insert a new batch and what follows from it; recognise repeats; keep and refuse forks."""
        known = self._batches.known(arrival)
        match ledger.admit(arrival.digest, known and known[0]):
            case ledger.Stored():
                self._enter(row, arrival, body)
            case ledger.Forked():
                self._batches.insert_fork(arrival)
                raise PolicyError("batch-forked", _named(arrival))
            case ledger.Duplicate():
                # A hub seals anew each time it resends: the very same envelope again is somebody else's doing.
                if known and known[1] == arrival.envelope:
                    raise PolicyError("batch-replayed", _named(arrival))
                self._remember_manifest(row, arrival)

    def _enter(self, row: HubRow, arrival: Arrival, body: bytes) -> None:
        """Keep a new batch; read it if its manifest is here, and those that waited for the one it carries."""
        header = arrival.header
        packed = arrival.manifest or self._batches.manifest(
            arrival.hub, header.epoch, header.stream, arrival.manifest_seq
        )
        batch = (
            decode(body, self._site, arrival.hub, packed) if packed else None
        )  # before anything is written
        unread = self._batches.insert(arrival)
        if batch is not None:
            self._read(row, unread, batch, whole=arrival.manifest is not None)
        if arrival.manifest is not None:
            for waiting in self._batches.unread(arrival):
                self._read_late(row, waiting, arrival.manifest)

    def _remember_manifest(self, row: HubRow, arrival: Arrival) -> None:
        """A batch that was erased comes again: its manifest counts where newer batches lean on it, nothing else."""
        if arrival.manifest is None or self._batches.manifest(*arrival.key) is not None:
            return
        if waiting := self._batches.unread(arrival):
            self._batches.keep_manifest(arrival)
            for unread in waiting:
                self._read_late(row, unread, arrival.manifest, whole=True)

    def _read_late(self, row: HubRow, waiting: Unread, packed: bytes, *, whole: bool = False) -> None:
        """A batch that came before its manifest; if it cannot be read even now, somebody must look."""
        try:
            batch = decode(waiting.signed[: -wire.SIGNATURE_BYTES], self._site, row.hub, packed)
        except WireError as error:
            self._batches.raise_incident(row.hub, "batch-malformed", str(error), waiting.received_ms)
            return
        self._read(row, waiting, batch, whole=whole)

    def _read(self, row: HubRow, unread: Unread, batch: Batch, *, whole: bool) -> None:
        if clock_fault(batch.anchor, unread.received_ms):
            batch = replace(batch, anchor=None)
        anchor = self._batches.best_anchor(batch)
        placing = place(batch, anchor, unread.received_ms)
        self._batches.derive(row.home, unread, batch, placing, whole=whole)

    def _take_gone(self, incoming: Incoming, content: bytes) -> _Counted:
        """A hub says what it no longer holds: the gap gets its name, and somebody is told."""
        row = self._speaker(incoming)
        signed = open_sealed(content, self._site_keys, incoming.hub)
        body = verify_tagged(self._data_key(row), wire.GONE_TAG, signed, code="batch-signature-wrong")
        gone = wire.decode_gone(body)
        self._check_names(incoming.hub, gone.hub, gone.site)
        if self._batches.insert_gone(gone, signed, incoming.received_ms):
            span = f"{gone.stream.name.lower()} {gone.first}-{gone.head.seq}, {gone.readings} readings"
            self._batches.raise_incident(
                gone.hub, f"readings-{gone.reason.name.lower()}", span, incoming.received_ms
            )
        return _Counted(gone.stream, gone.epoch)

    def _take_hello(self, incoming: Incoming, content: bytes) -> list[Answer]:
        """A hub opens a session: say what we hold, with which key to encrypt, and ask for what we lost."""
        row = self._speaker(incoming)
        hello = wire.decode_hello(
            verify_tagged(self._data_key(row), wire.HELLO_TAG, content, code="batch-signature-wrong")
        )
        self._check_names(incoming.hub, hello.hub, hello.site)
        try:
            key = session_key(
                self._keys.site, X25519PublicKey.from_public_bytes(hello.session_public), hello.nonce
            )
        except ValueError as error:
            raise WireError("the session key of the hello is no key") from error
        if self._batches.begin_epoch(hello, incoming.received_ms) and hello.previous:
            detail = f"it stood at {hello.previous.own}, the site at {hello.previous.told} (urgent, routine)"
            self._batches.raise_incident(hello.hub, "epoch-begun", detail, incoming.received_ms)
        self._batches.open_session(
            Session(
                hello.hub, key, hello.boot_id, incoming.received_ms, counter=0, beat_ms=None, frame_age_s=None
            )
        )
        urgent, routine = (self._batches.head(hello.hub, hello.epoch, stream) for stream in Stream)
        cursor = wire.Cursor(
            site=self._site,
            hub=hello.hub,
            epoch=hello.epoch,
            nonce=hello.nonce,
            generation=self._batches.generation,
            heads=(urgent, routine),
            site_public=self._keys.site.public_key().public_bytes_raw(),
            certificate=self._keys.receipt_certificate,
        )
        answer = self._signed(hello.hub, wire.Kind.CURSOR, wire.CURSOR_TAG, wire.encode_cursor(cursor))
        missed = [
            ask
            for stream in Stream
            for ask in self._asks_for_manifests(hello.hub, _Counted(stream, hello.epoch))
        ]
        return [answer, *self._asks(hello), *missed]

    def _asks(self, hello: wire.Hello) -> list[Answer]:
        """What this store once receipted and no longer finds, the hub may still hold."""
        return [
            self._ask(wire.Ask(self._site, hello.hub, hello.epoch, stream, first, last))
            for stream in Stream
            for first, last in self._batches.holes(hello.hub, hello.epoch, stream)
        ]

    def _asks_for_manifests(self, hub: str, counted: _Counted) -> list[Answer]:
        """A manifest that was erased, and that a batch which just came leans on, the hub may still hold."""
        missed = self._batches.manifests_missed(hub, counted.epoch, counted.stream)
        return [
            self._ask(wire.Ask(self._site, hub, counted.epoch, counted.stream, seq, seq)) for seq in missed
        ]

    def _ask(self, ask: wire.Ask) -> Answer:
        return self._signed(ask.hub, wire.Kind.ASK, wire.ASK_TAG, wire.encode_ask(ask))

    def _take_heartbeat(self, incoming: Incoming) -> list[Answer] | _Counted | None:
        """Liveness of an open session of a hub that may speak; a counter that does not rise is a replay."""
        self._speaker(incoming)
        session = self._batches.session(incoming.hub)
        if (
            session is None
        ):  # this store was restored: let the hub see that, by a receipt of another generation
            epoch = self._batches.latest_epoch(incoming.hub)
            return _Counted(Stream.URGENT, epoch) if epoch else None
        beat = wire.decode_heartbeat(incoming.payload, session.key)
        if beat.counter <= session.counter:
            raise WireError("the heartbeat was heard before", "heartbeat-not-believed")
        self._batches.beat(incoming.hub, beat.counter, incoming.received_ms, beat.frame_age_s)
        return self._setting(incoming.hub, incoming.received_ms)

    def _take_account(self, incoming: Incoming, content: bytes) -> list[Answer]:
        """A hub says what it leaves out: that, and not what we asked for, is what we go by."""
        row = self._speaker(incoming)
        body = verify_tagged(self._data_key(row), TAKEN_TAG, content, code="batch-signature-wrong")
        taken = decode_taken(body)
        self._check_names(incoming.hub, taken.hub, taken.site)
        session, (last, counter) = self._batches.session(taken.hub), self._settings.last_account(taken.hub)
        if session is None or taken.session != session_name(session.key):
            raise WireError("the account is not of this session", "account-not-believed")
        if last == taken.session and taken.counter <= counter:
            raise WireError("the account was heard before", "account-not-believed")
        self._enter_account(row, taken, content, incoming.received_ms)
        return [] if taken.refused else self._setting(taken.hub, incoming.received_ms)

    def _enter_account(self, row: HubRow, taken: Taken, signed: bytes, now_ms: int) -> None:
        before = self._settings.take(taken, signed, now_ms)
        if taken.number > before.number:
            lost = [one for one in taken.pauses if one not in before.wanted and one.until_ms > now_ms]
            self._settings.adopt(row.home, lost, now_ms)
            detail = f"setting {taken.number}, we knew {before.number}; {len(lost)} pauses"
            self._batches.raise_incident(taken.hub, "setting-ahead", detail, now_ms)
        if taken.refused and taken.refused != before.refused:
            code = taken.refused if taken.refused in reasons() else "setting-malformed"
            self._batches.raise_incident(taken.hub, code, f"it goes by setting {taken.number}", now_ms)
        if (taken.number, (*taken.pauses, *taken.own)) != (before.taken, before.pauses):
            pauses = {"pauses": len(taken.pauses), "own": len(taken.own)}
            digest = hashlib.sha256(signed).hexdigest()
            facts = {"hub": taken.hub, "number": taken.number, **pauses, "account": digest}
            self._registry.audit.append(now_ms, "setting", facts)

    def _setting(self, hub: str, now_ms: int) -> list[Answer]:
        """What a hub shall leave out, signed for its session; nothing if it has no session, or goes by it already."""
        stand, session = self._settings.stand(hub), self._batches.session(hub)
        if stand.confirmed or session is None:
            return []
        name = session_name(session.key)
        setting = Setting(VERSION, self._site, hub, name, stand.number, now_ms, stand.wanted)
        return [self._signed(hub, wire.Kind.SETTING, SETTING_TAG, encode_setting(setting))]

    def _speaker(self, incoming: Incoming) -> HubRow:
        """The registry's row of the hub that speaks, if it may."""
        row = self._registry.hub(incoming.hub)
        certificate = x509.load_der_x509_certificate(row.data_certificate) if row else None
        decision = admit_batch(
            BatchFacts(
                hub=incoming.hub,
                standing=row.standing if row else None,
                certificate_starts_ms=_ms(certificate and certificate.not_valid_before_utc),
                certificate_ends_ms=_ms(certificate and certificate.not_valid_after_utc),
                received_ms=incoming.received_ms,
            )
        )
        if row is None or not decision.allow:
            raise PolicyError(decision.code if row else "hub-unknown")
        return row

    def _data_key(self, row: HubRow) -> PublicKey:
        key = self._data_keys.get(row.data_certificate)
        if key is None:
            key = certificate_key(x509.load_der_x509_certificate(row.data_certificate))
            self._data_keys[row.data_certificate] = key
        return key

    def _check_names(self, topic_hub: str, hub: str, site: str) -> None:
        if hub != topic_hub:
            raise PolicyError("batch-wrong-hub", f"it names {hub[:20]!r}")
        if site != self._site:
            raise PolicyError("batch-wrong-site", f"it names {site[:40]!r}")

    def _receipt(self, hub: str, counted: _Counted) -> Answer:
        """Insert first, then advance the head, in one transaction: racing receivers cannot both stop short."""
        head, held = self._batches.advance(hub, counted.epoch, counted.stream)
        receipt = wire.Receipt(
            self._site, hub, counted.epoch, counted.stream, head, held, self._batches.generation
        )
        return self._signed(hub, wire.Kind.RECEIPT, wire.RECEIPT_TAG, wire.encode_receipt(receipt))

    def _record(self, mark: int) -> None:
        """Into the audit: each new batch, with the certificate it was believed by and how far its stream is held."""
        for stream, batches in self._batches.arrived_since(mark).items():
            row = self._registry.hub(stream.hub)
            assert row is not None  # noqa: S101 - nothing is stored of a hub that is not in the registry
            head = self._batches.head(stream.hub, stream.epoch, stream.stream)
            facts = received_facts(
                hub=stream.hub,
                epoch=stream.epoch,
                stream=stream.stream.name.lower(),
                head=head.seq,
                chain=head.chain,
                certificate=row.data_certificate,
                batches=batches,
            )
            self._registry.audit.append(max(batch.received_ms for batch in batches), "received", facts)

    def _refuse(self, refused: _Refused) -> Answer:
        """Write it down for the operator, and tell the hub."""
        incoming = refused.incoming
        self._registry.refuse(incoming.received_ms, "intake", incoming.hub, refused.code, refused.detail)
        refusal = wire.Refusal(
            self._site, incoming.hub, refused.code, hashlib.sha256(incoming.payload).digest()
        )
        return self._signed(incoming.hub, wire.Kind.REFUSAL, wire.REFUSAL_TAG, wire.encode_refusal(refusal))

    def _signed(self, hub: str, kind: wire.Kind, tag: bytes, body: bytes) -> Answer:
        return Answer(hub, wire.framed(kind, sign_tagged(self._keys.receipt, tag, body)))


def _named(arrival: Arrival) -> str:
    return f"{arrival.header.stream.name.lower()} {arrival.header.seq}"


def _ms(moment: object) -> int | None:
    return int(moment.timestamp() * 1000) if hasattr(moment, "timestamp") else None
