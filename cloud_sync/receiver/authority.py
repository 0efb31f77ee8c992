"""The authority as a process: HTTPS for hubs, a unix socket for operators, answers for the broker.

The only holder of the issuing keys. What it decides is in ``registrar.py``; here bytes come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import msgpack
import nats
import structlog
import uvicorn
from nats.aio.msg import Msg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sync.receiver import broker
from cloud_sync.receiver.admission import answer, read_knock
from cloud_sync.receiver.certificates import Keeper, Make, given
from cloud_sync.receiver.config import ReceiverConfig, ReceiverConfigError
from cloud_sync.receiver.desk import Desk
from cloud_sync.receiver.desk_api import audit_routes, desk_routes
from cloud_sync.receiver.http import read_body, read_json, refused_json, status_of
from cloud_sync.receiver.office import follow_bundles, open_office, record_bundles
from cloud_sync.receiver.prompt import PromptProtocol
from cloud_sync.receiver.registrar import Registrar
from cloud_sync.receiver.services import Services
from cloud_sync.receiver.sessions import Sessions
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.receiver.trust_api import trust_routes
from zero_trust.errors import TrustError
from zero_trust.keys import four_words, public_key
from zero_trust.keystore import load_callout_key, make_private_directory
from zero_trust.names import check_hub_id
from zero_trust.reasons import Refused
from zero_trust.tls import server_context, take_up

REFUSALS_SHOWN_MAX = 1000
BOOK_LOOK_PERIOD_S = 60.0
REGISTRY_LOOK_PERIOD_S = 5.0

_log = structlog.get_logger()

Answer = bytes | dict[str, str | int] | Refused


async def run(config: ReceiverConfig) -> None:
    """Serve until cancelled.

    Raises:
        TrustError: a key or certificate of the site cannot be used.
        ReceiverConfigError: the port is taken.
    """
    db = open_database(config.paths.store)
    registry = Registry(db, refusals_kept_max=config.limits.refusals_kept_max)
    registrar = Registrar(
        open_office(config), registry, config.limits, clock_ms=_wall_clock_ms, entropy=os.urandom
    )
    sessions = Sessions(registrar.may_connect)
    services = Services(registrar, config.paths.authority, _wall_clock_ms)
    tls, line = _hub_context(config), broker.authority_options(config)
    keepers = own_keepers(config, registrar, services, tls, line)
    for keeper in keepers:
        await keeper.look()  # before anybody is shown a certificate that has ended
    hubs = _hub_server(config, hub_app(registrar, services, config.limits.request_max_bytes), tls)
    desk = Desk(db, config, _wall_clock_ms)
    record_bundles(registrar, registry)
    admin = admin_app(registrar, registry, sessions)
    admin.routes.extend([*desk_routes(desk), *audit_routes(desk.audit)])
    admin.routes.extend(trust_routes(registrar, registry, services, _wall_clock_ms))
    operators = _Server(_server_config(admin))
    try:
        with _listen_tcp(config) as hub_socket, _listen_admin(config.paths.admin_socket) as admin_socket:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_serve(hubs, hub_socket), name="hubs")
                tasks.create_task(_serve(operators, admin_socket), name="operators")
                tasks.create_task(_answer_broker(config, registrar, sessions, line), name="admission")
                tasks.create_task(follow_bundles(config, registrar, registry), name="bundles")
                for keeper in keepers:
                    tasks.create_task(keeper.keep(), name="certificate")
                tasks.create_task(_watch_registry(registrar), name="registry")
                tasks.create_task(_look_at_book(desk), name="book")
    finally:
        db.close()


def hub_app(registrar: Registrar, services: Services, request_max_bytes: int) -> Starlette:
    """HTTP for hubs and for the site's own services: msgpack in, msgpack out; a refusal is 4xx with its words."""

    def question(judge: Callable[[bytes], Answer], place: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await read_body(request, request_max_bytes)
            if body is None:
                return _packed(registrar.refuse(place, "", Refused("request-too-large")))
            return _packed(judge(body))

        return endpoint

    async def bundle(request: Request) -> Response:
        return _packed(registrar.bundle(request.path_params.get("version")))

    async def nonce(_: Request) -> Response:
        return _packed(registrar.nonce())

    return Starlette(
        routes=[
            Route("/v1/bundle", bundle, methods=["GET"]),
            Route("/v1/bundle/{version:int}", bundle, methods=["GET"]),
            Route("/v1/nonce", nonce, methods=["POST"]),
            Route("/v1/time", question(registrar.time, "time"), methods=["POST"]),
            Route("/v1/enrol", question(registrar.enrol, "enrol"), methods=["POST"]),
            Route("/v1/renew", question(registrar.renew, "renew"), methods=["POST"]),
            Route("/v1/standing", question(registrar.standing, "standing"), methods=["POST"]),
            Route("/v1/service", question(services.renew, "service"), methods=["POST"]),
        ]
    )


def admin_app(registrar: Registrar, registry: Registry, sessions: Sessions) -> Starlette:
    """HTTP for operators: JSON in, JSON out; who may open the socket may do all of it."""

    async def voucher(request: Request) -> Response:
        asked = await read_json(request)
        text, row = registrar.new_voucher(str(asked.get("home", "")))
        return JSONResponse({"voucher": text, "home": row.home, "expires_ms": row.expires_ms})

    async def revoke(request: Request) -> Response:
        asked = await read_json(request)
        hub = check_hub_id(str(asked.get("hub", "")))
        if refused := registrar.revoke(hub, str(asked.get("reason", ""))):
            return refused_json(refused)
        return JSONResponse({"hub": hub, "standing": "revoked", "sessions": await sessions.end(hub)})

    def let_in(judge: Callable[[str], Refused | None]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            hub = check_hub_id(str((await read_json(request)).get("hub", "")))
            refused = judge(hub)
            return refused_json(refused) if refused else JSONResponse({"hub": hub, "standing": "enrolled"})

        return endpoint

    async def hubs(_: Request) -> Response:
        return JSONResponse([_hub_json(row) for row in registry.hubs()])

    async def refusals(_: Request) -> Response:
        rows = registry.refusals(REFUSALS_SHOWN_MAX)
        return JSONResponse([asdict(row) | Refused(row.code).words for row in rows])

    async def untrusted(_: Request, error: Exception) -> Response:
        assert isinstance(error, TrustError)  # noqa: S101 - registered for this class below
        return refused_json(Refused(error.code, error.detail))

    return Starlette(
        routes=[
            Route("/v1/voucher", voucher, methods=["POST"]),
            Route("/v1/revoke", revoke, methods=["POST"]),
            Route("/v1/restore", let_in(registrar.restore), methods=["POST"]),
            Route("/v1/release", let_in(registrar.release), methods=["POST"]),
            Route("/v1/hubs", hubs, methods=["GET"]),
            Route("/v1/refusals", refusals, methods=["GET"]),
        ],
        exception_handlers={TrustError: untrusted},
    )


@contextlib.asynccontextmanager
async def admission(
    config: ReceiverConfig,
    registrar: Registrar,
    sessions: Sessions | None = None,
    line: broker.ServiceOptions | None = None,
) -> AsyncIterator[None]:
    """Answer the broker's questions while the block runs; waits for the broker as long as it takes.

    Whoever has been turned out while the broker could not be asked loses their session as soon as it can.
    """
    sessions = sessions or Sessions(registrar.may_connect)
    pair = broker.callout_pair(load_callout_key(config.paths.authority / "callout.key"))

    async def admit(message: Msg) -> None:
        try:
            knock = read_knock(message.data)
        except TrustError as error:
            # Without knowing who asks there is nobody to answer; the broker says no by itself in time.
            registrar.refuse("broker", "", Refused(error.code, error.detail))
            return
        name, decision = registrar.admit(knock.chain, knock.client_id)
        _log.info("broker.admission", name=name, client_id=knock.client_id, code=decision.code)
        await message.respond(answer(knock, decision, pair=pair, now_s=_wall_clock_ms() // 1000))

    async def sweep() -> None:
        await asyncio.gather(*(sessions.end(hub) for hub in registrar.turned_out()))

    connection = await nats.connect(
        **(line or broker.authority_options(config)).arguments, error_cb=_trouble, reconnected_cb=sweep
    )
    try:
        sessions.use(connection)
        await connection.subscribe(broker.ADMISSION_SUBJECT, cb=admit)
        await connection.flush()
        await sweep()
        _log.info("broker.answering")
        yield
    finally:
        sessions.use(None)
        await connection.close()


async def _answer_broker(
    config: ReceiverConfig, registrar: Registrar, sessions: Sessions, line: broker.ServiceOptions
) -> None:
    async with admission(config, registrar, sessions, line):
        await asyncio.Event().wait()


async def _look_at_book(desk: Desk) -> None:
    """Say what keeps changed files from being in force, and which reviews are overdue."""
    while True:
        try:
            if (book := desk.in_force())["code"]:
                _log.error("book.refused", reason_code=book["code"], detail=book["detail"])
            for opening in desk.escalate():
                _log.warning("glass.unreviewed", number=opening.number, who=opening.who, home=opening.home)
        except sqlite3.Error as error:  # a store that is busy or full now may be well again in a minute
            _log.error("book.store", error=str(error))
        await asyncio.sleep(BOOK_LOOK_PERIOD_S)


async def _watch_registry(registrar: Registrar) -> None:
    """Look whether the registry answers; for how long it has not is for the registrar to judge."""
    while True:
        if trouble := registrar.look():
            _log.error("registry.unreachable", trouble=trouble, alarms=[a.code for a in registrar.alarms()])
        await asyncio.sleep(REGISTRY_LOOK_PERIOD_S)


async def _trouble(error: Exception) -> None:
    _log.warning("broker.trouble", error=str(error) or type(error).__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until cancelled, then let answers under way finish."""
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


def own_keepers(
    config: ReceiverConfig,
    registrar: Registrar,
    services: Services,
    tls: ssl.SSLContext,
    line: broker.ServiceOptions,
) -> list[Keeper]:
    """Keep the authority's own certificates good: it asks itself, as the other services ask it."""
    directory = config.paths.authority

    async def ask(make: Make) -> bytes:
        return given(services.renew(make(registrar.nonce())))

    return [
        Keeper("authority/https", directory, ask, lambda: take_up(tls, directory, "https")),
        Keeper("authority/client", directory, ask, lambda: take_up(line.tls, directory, "client")),
    ]


def _hub_context(config: ReceiverConfig) -> ssl.SSLContext:
    return server_context(config.paths.authority / "https.crt", config.paths.authority / "https.key")


def _hub_server(config: ReceiverConfig, app: Starlette, tls: ssl.SSLContext) -> _Server:
    settings = _server_config(app, limit_concurrency=config.limits.requests_pending_max, http=PromptProtocol)
    settings.load()
    settings.ssl = tls  # uvicorn's own arguments know no minimum version; the context is ours
    return _Server(settings)


def _server_config(
    app: Starlette, *, http: type[asyncio.Protocol] | Literal["h11"] = "h11", **settings: Any
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        **settings,
    )


@contextlib.contextmanager
def _listen_tcp(config: ReceiverConfig) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in config.bind else socket.AF_INET
    try:
        listener = socket.create_server((config.bind, config.ports.authority), family=family)
    except OSError as error:
        raise ReceiverConfigError(
            f"ports.authority: {config.bind}:{config.ports.authority} cannot be used ({error.strerror}).",
            hint="Choose another port in receiver.toml, or end what uses this one.",
        ) from error
    with listener:
        # asyncio does so for sockets it makes itself; without it each answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


@contextlib.contextmanager
def _listen_admin(path: Path) -> Iterator[socket.socket]:
    """A unix socket that only this user can open, from its first moment on."""
    make_private_directory(path.parent)
    path.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.umask(0o177)
        try:
            # By way of the directory's descriptor: a socket's own path may have 107 bytes at most.
            listener.bind(f"/proc/self/fd/{directory}/{path.name}")
        finally:
            os.umask(before)
            os.close(directory)
        listener.listen()
        yield listener
    path.unlink(missing_ok=True)


def _packed(answer: Answer) -> Response:
    status = status_of(answer.code) if isinstance(answer, Refused) else 200
    content = answer.words if isinstance(answer, Refused) else answer
    return Response(msgpack.packb(content), status, media_type="application/msgpack")


def _hub_json(row: HubRow) -> dict[str, str | int]:
    return {
        "hub": row.hub,
        "home": row.home,
        "words": four_words(public_key(row.identity)),
        "standing": row.standing.value,
        "reason": row.reason,
        "standing_at_ms": row.standing_at_ms,
        "enrolled_at_ms": row.enrolled_at_ms,
    }


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
