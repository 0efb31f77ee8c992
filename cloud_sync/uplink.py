"""Drives the hub's half of the sync protocol over MQTT; the only hub file that knows MQTT.

One session: connect, subscribe, say hello, believe the signed cursor, then send what the
sender says is due and forget what a believed receipt covers, until the connection is lost.
The broker is a wire: QoS 0, clean session, nothing it says counts as delivery.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import hashlib
import secrets
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiomqtt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cloud_sync.errors import EpochOverError, LinkError, LocalProtocolError, RemoteProtocolError
from cloud_sync.sync.heeding import Heeding
from cloud_sync.sync.sender import HistoryError, Item, LostGroundError, Sender
from cloud_sync.sync.session import session_key, session_name
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import ENVELOPE_MAX_BYTES
from cloud_sync.wire.setting import SETTING_TAG, TAKEN_TAG, decode_setting, encode_taken
from cloud_sync.wire.topics import down_topic, up_topic
from zero_trust.envelope import seal, sign_tagged, verify_tagged
from zero_trust.errors import TrustError
from zero_trust.keys import PrivateKey, PublicKey

CONNECT_TIMEOUT_S = 10.0
CURSOR_WAIT_S = (5.0, 60.0)  # first and longest wait before saying hello again
REMEMBERED_MESSAGES = 256  # a refusal names a message by its digest
KEEPALIVE_S = 120  # MQTT's own ping, only while nothing comes in: finds half-open connections


class State(enum.Enum):
    """How far the uplink has got."""

    OFFLINE = "offline"
    SYNCING = "syncing"  # connected, no believed cursor yet
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Party:
    """Who speaks, with which keys, and whom it believes."""

    site: str
    hub: str
    epoch: bytes
    boot_id: bytes
    data_key: PrivateKey = field(repr=False)
    receipt_key: Callable[[bytes], PublicKey]  # certificate (DER) -> key; raises TrustError
    previous: wire.Previous | None = None  # why the epoch was begun


@dataclass(frozen=True, slots=True)
class Link:
    """Where the broker is, and the credential to meet it with."""

    host: str
    port: int
    tls: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a heartbeat says beside the heads."""

    boot_ms: int
    frame_age_s: int


class Shelf(Protocol):
    """The outbox, as seen from here."""

    async def signed(self, stream: Stream, seq: int) -> bytes | None:
        """A batch as signed, if it is still held."""

    async def gone(self, stream: Stream, first: int, head: wire.Head) -> bytes:
        """The body of a gone record for a span that is no longer held."""

    async def receipted(self, stream: Stream, head: wire.Head) -> None:
        """The cloud holds a stream up to ``head``."""

    async def keep_setting(self, signed: bytes) -> None:
        """Make a believed setting durable."""


@dataclass(slots=True)
class Tally:
    """What happened so far, for the hub's status."""

    sent: int = 0
    bytes_sent: int = 0
    receipts: int = 0
    disbelieved: int = 0
    refusals: int = 0
    last_refusal: str = ""
    setting_refused: str = ""  # code of what kept the last setting from being taken
    urgent_ms: deque[float] = field(
        default_factory=lambda: deque(maxlen=100)
    )  # from commit to receipt, lately


@dataclass(slots=True)
class _Session:
    """What one connection needs to remember."""

    client: aiomqtt.Client
    nonce: bytes
    private: X25519PrivateKey
    receipt_key: PublicKey | None = None
    site_public: X25519PublicKey | None = None
    key: bytes = field(default=b"", repr=False)
    beats: int = 0
    beat: bytes = b""  # digest of the last heartbeat
    accounts: int = 0
    complained: set[str] = field(default_factory=set)  # of settings, once each: a broker could send thousands
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    sent: dict[bytes, tuple[Stream, int]] = field(default_factory=dict)  # digest of a recent message -> batch


class Uplink:
    """Hands batches over; ``state`` and ``tally`` say how it goes."""

    def __init__(
        self,
        party: Party,
        sender: Sender,
        shelf: Shelf,
        pulse: Callable[[], Pulse],
        heeding: Heeding,
        *,
        heartbeat_period_s: float = 60.0,
    ) -> None:
        self._heeding = heeding
        self._session: _Session | None = None  # the one whose cursor is believed
        self._account_due = False
        self._party = party
        self._sender = sender
        self._shelf = shelf
        self._pulse = pulse
        self._heartbeat_period_s = heartbeat_period_s
        self._wake = asyncio.Event()
        self._emptied = asyncio.Event()
        self._urgent_since: dict[int, float] = {}  # by sequence number
        self.state = State.OFFLINE
        self.tally = Tally()

    @property
    def online(self) -> bool:
        """Whether a session is open and its cursor believed."""
        return self.state is State.ONLINE

    def cut(self, stream: Stream, head: wire.Head) -> None:
        """A batch has been committed: send it when its turn comes."""
        self._sender.cut(stream, head)
        if stream is Stream.URGENT:
            self._urgent_since[head.seq] = asyncio.get_running_loop().time()
        self._emptied.clear()
        self._wake.set()

    def own_pauses_changed(self) -> None:
        """Somebody at the hub asked for a pause: the site is told, or the next session begins with it."""
        self._account_due = True
        self._wake.set()

    def waiting(self) -> int:
        """Batches without a receipt."""
        return sum(self._sender.waiting(stream) for stream in Stream)

    def let_go(self, floors: Mapping[Stream, wire.Head], gone: Sequence[tuple[Stream, Item]] = ()) -> None:
        """The outbox no longer holds what is below ``floors``, nor the spans of ``gone``."""
        for stream, floor in floors.items():
            self._sender.pruned(stream, floor)
        for stream, item in gone:
            self._sender.shed(stream, item)
        self._wake.set()

    async def emptied(self) -> None:
        """Wait until every batch has its receipt."""
        if self.waiting():
            await self._emptied.wait()

    async def session(self, link: Link) -> None:
        """Run one session until it ends.

        Raises:
            LinkError: the broker cannot be reached, does not admit us, or the connection was lost.
            EpochOverError: the cloud's signed account is not our history: a new epoch must begin.
        """
        async with self._connected(link) as client:
            session = _Session(client, secrets.token_bytes(wire.NONCE_BYTES), X25519PrivateKey.generate())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(session), name="uplink.listen")
                tasks.create_task(self._speak(session), name="uplink.speak")

    def _client(self, link: Link) -> aiomqtt.Client:
        """A client of the broker, not yet connected."""
        return aiomqtt.Client(
            link.host,
            link.port,
            identifier=self._party.hub,
            clean_session=True,
            protocol=aiomqtt.ProtocolVersion.V311,
            tls_context=link.tls,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
        )

    @contextlib.asynccontextmanager
    async def _connected(self, link: Link) -> AsyncIterator[aiomqtt.Client]:
        """A subscribed client; turns the library's errors into ours, one error instead of a group."""
        client = self._client(link)
        try:
            async with client:
                await client.subscribe(down_topic(self._party.hub), qos=0)
                self.state = State.SYNCING
                yield client
        except aiomqtt.MqttError as error:
            raise _link_error(error) from error
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            self.state = State.OFFLINE
            self._session = None
            self._sender.closed()

    async def _listen(self, session: _Session) -> None:
        """Take what comes down; what cannot be believed is counted and otherwise ignored."""
        async for incoming in session.client.messages:
            try:
                await self._take(session, bytes(incoming.payload))
            except (WireError, TrustError, RemoteProtocolError):
                self.tally.disbelieved += 1

    async def _take(self, session: _Session, payload: bytes) -> None:
        kind, content = wire.kind_of(payload), payload[1:]
        if kind is wire.Kind.CURSOR:
            await self._take_cursor(session, content)
        elif kind is wire.Kind.RECEIPT:
            await self._take_receipt(session, content)
        elif kind is wire.Kind.ASK:
            self._take_ask(session, content)
        elif kind is wire.Kind.REFUSAL:
            self._take_refusal(session, content)
        elif kind is wire.Kind.SETTING:
            await self._take_setting(session, content)
        else:
            raise RemoteProtocolError("a message that only hubs send came down")

    async def _take_cursor(self, session: _Session, content: bytes) -> None:
        """Believe the answer to our hello: certificate, signature, our nonce, our history."""
        cursor = wire.decode_cursor(content[: -wire.SIGNATURE_BYTES])
        key = self._party.receipt_key(cursor.certificate)
        verify_tagged(key, wire.CURSOR_TAG, content, code="cursor-not-believed")
        if cursor.nonce != session.nonce:
            raise RemoteProtocolError("a cursor answers another hello", code="cursor-not-believed")
        self._check_addressee(cursor.site, cursor.hub, cursor.epoch)
        session.receipt_key = key
        session.site_public = X25519PublicKey.from_public_bytes(cursor.site_public)
        session.key = session_key(session.private, session.site_public, session.nonce)
        heads = dict(zip(Stream, cursor.heads, strict=True))
        try:
            moved = self._sender.cursor(heads, cursor.generation)
        except HistoryError as error:
            raise _epoch_over(error, {stream: head.seq for stream, head in heads.items()}) from error
        for stream, head in moved.items():
            await self._shelf.receipted(stream, head)
        self.state = State.ONLINE
        self._session = session
        session.opened.set()
        self._tell_if_empty()
        await self._give_account()

    async def _take_receipt(self, session: _Session, content: bytes) -> None:
        receipt = wire.decode_receipt(
            self._verified(session, wire.RECEIPT_TAG, content, "receipt-not-believed")
        )
        self._check_addressee(receipt.site, receipt.hub, receipt.epoch)
        self.tally.receipts += 1
        try:
            moved = self._sender.receipt(receipt.stream, receipt.head, receipt.held, receipt.generation)
        except (HistoryError, LostGroundError) as error:
            raise LinkError(
                "The site's store has changed; a new session finds out where it stands."
            ) from error
        if moved:
            self._time_urgent(receipt.stream, moved.seq)
            await self._shelf.receipted(receipt.stream, moved)
        self._tell_if_empty()
        self._wake.set()

    def _take_ask(self, session: _Session, content: bytes) -> None:
        ask = wire.decode_ask(self._verified(session, wire.ASK_TAG, content, "receipt-not-believed"))
        self._check_addressee(ask.site, ask.hub, ask.epoch)
        self._sender.asked(ask.stream, ask.first, ask.last)
        self._wake.set()

    def _take_refusal(self, session: _Session, content: bytes) -> None:
        refusal = wire.decode_refusal(
            self._verified(session, wire.REFUSAL_TAG, content, "receipt-not-believed")
        )
        self._check_addressee(refusal.site, refusal.hub, self._party.epoch)
        self.tally.refusals += 1
        self.tally.last_refusal = refusal.code
        if refusal.code == "batch-not-decryptable" and refusal.digest in session.sent:
            raise LinkError(
                "The site no longer holds the key we seal to; a new session tells its present one."
            )
        if refusal.digest == session.beat:
            raise LinkError("The site does not know this session; a new one finds out where it stands.")
        if refused := session.sent.get(refusal.digest):
            self._sender.refused(*refused, asyncio.get_running_loop().time())

    async def _take_setting(self, session: _Session, content: bytes) -> None:
        """Go by a believed setting once it is durable; else by the last good one, and say why."""
        try:
            setting = decode_setting(self._verified(session, SETTING_TAG, content, "setting-not-believed"))
            refused = self._heeding.refusal(setting, session_name(session.key))
        except (WireError, TrustError, RemoteProtocolError) as error:
            refused = error.code
        self.tally.setting_refused = refused
        if refused:
            self.tally.disbelieved += 1
            if refused in session.complained:
                return
            session.complained.add(refused)
        else:
            await self._shelf.keep_setting(content)
            self._heeding.setting = setting
        await self._give_account(refused)

    async def _give_account(self, refused: str = "") -> None:
        """Tell the site what this hub leaves out; without a session, the next one begins with it."""
        if (session := self._session) is None:
            return
        session.accounts += 1
        account = self._heeding.account(session_name(session.key), session.accounts, refused)
        signed = sign_tagged(self._party.data_key, TAKEN_TAG, encode_taken(account))
        await self._publish(session, wire.Kind.TAKEN, signed)

    def _verified(self, session: _Session, tag: bytes, content: bytes, code: str) -> bytes:
        if session.receipt_key is None:
            raise RemoteProtocolError("it came before a believed cursor", code=code)
        return verify_tagged(session.receipt_key, tag, content, code=code)

    def _check_addressee(self, site: str, hub: str, epoch: bytes) -> None:
        if (site, hub, epoch) != (self._party.site, self._party.hub, self._party.epoch):
            raise RemoteProtocolError("it is meant for another hub or epoch", code="receipt-not-believed")

    def _time_urgent(self, stream: Stream, head: int) -> None:
        """How long urgent batches took from their commit here to the cloud's signed word."""
        if stream is Stream.URGENT:
            now = asyncio.get_running_loop().time()
            for seq in [seq for seq in self._urgent_since if seq <= head]:
                self.tally.urgent_ms.append((now - self._urgent_since.pop(seq)) * 1000)

    def _tell_if_empty(self) -> None:
        if not self.waiting():
            self._emptied.set()

    async def _speak(self, session: _Session) -> None:
        """Say hello until the cursor is believed; then send what is due, and heartbeats."""
        clock = asyncio.get_running_loop().time
        await self._greet(session)
        beat_at = clock()
        while True:
            for stream, item in self._sender.due(clock()):
                await self._send(session, stream, item)
            if self._account_due:
                self._account_due = False
                await self._give_account()
            if clock() >= beat_at:
                await self._beat(session)
                beat_at = clock() + self._heartbeat_period_s
            next_due = self._sender.next_due()
            await self._sleep(max(0.0, min(beat_at, next_due if next_due is not None else beat_at) - clock()))

    async def _greet(self, session: _Session) -> None:
        """Say hello, ever more patiently, until a cursor was believed."""
        wait_s, longest_s = CURSOR_WAIT_S
        while not session.opened.is_set():
            await self._hello(session)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await session.opened.wait()
            wait_s = min(2 * wait_s, longest_s)

    async def _sleep(self, seconds: float) -> None:
        """Until woken, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _hello(self, session: _Session) -> None:
        party = self._party
        public = session.private.public_key().public_bytes_raw()
        heads = (self._sender.newest(Stream.URGENT), self._sender.newest(Stream.ROUTINE))
        hello = wire.Hello(
            party.site, party.hub, party.epoch, session.nonce, public, party.boot_id, heads, party.previous
        )
        await self._publish(
            session, wire.Kind.HELLO, sign_tagged(party.data_key, wire.HELLO_TAG, wire.encode_hello(hello))
        )

    async def _send(self, session: _Session, stream: Stream, item: Item) -> None:
        """Seal a batch, or the name of a gap, to the site's current key, now, and send it."""
        kind, signed = await self._content(stream, item)
        if session.site_public is None:
            return
        message = wire.framed(kind, seal(signed, session.site_public, self._party.hub))
        if len(message) > ENVELOPE_MAX_BYTES:
            raise LocalProtocolError(
                f"Batch {item.head.seq} of the {stream.name.lower()} stream is too large to send."
            )
        session.sent[hashlib.sha256(message).digest()] = (stream, item.head.seq)
        if len(session.sent) > REMEMBERED_MESSAGES:
            del session.sent[next(iter(session.sent))]
        self.tally.sent += 1
        self.tally.bytes_sent += len(message)
        await session.client.publish(up_topic(self._party.hub), message, qos=0)

    async def _content(self, stream: Stream, item: Item) -> tuple[wire.Kind, bytes]:
        """The signed batch, or a signed gone record if there is none any more."""
        signed = None if item.gone else await self._shelf.signed(stream, item.head.seq)
        if signed is not None:
            return wire.Kind.BATCH, signed
        body = await self._shelf.gone(stream, item.first, item.head)
        return wire.Kind.GONE, sign_tagged(self._party.data_key, wire.GONE_TAG, body)

    async def _beat(self, session: _Session) -> None:
        pulse = self._pulse()
        session.beats += 1
        heads = (self._sender.newest(Stream.URGENT), self._sender.newest(Stream.ROUTINE))
        beat = wire.Heartbeat(session.beats, pulse.boot_ms, pulse.frame_age_s, heads)
        await session.client.publish(
            up_topic(self._party.hub), wire.encode_heartbeat(beat, session.key), qos=0
        )

    async def _publish(self, session: _Session, kind: wire.Kind, content: bytes) -> None:
        await session.client.publish(up_topic(self._party.hub), wire.framed(kind, content), qos=0)


def _epoch_over(error: HistoryError, told: Mapping[Stream, int]) -> EpochOverError:
    sentence = f"{error}: this hub lost its memory of what it sent, or its card was copied.".capitalize()
    return EpochOverError(sentence, told)


def _link_error(error: aiomqtt.MqttError) -> LinkError:
    """MQTT's errors in our words; TLS refusals look like time-outs from here, so the authority is asked why."""
    if isinstance(error, aiomqtt.exceptions.MqttConnectError):
        return LinkError(f"The broker does not admit this hub: {error}.", code="broker-not-admitted")
    return LinkError(f"The broker cannot be reached or hung up: {error}.", code="broker-unreachable")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the session: a task group wraps even a single one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, aiomqtt.MqttError):
        return _link_error(error)
    return error
