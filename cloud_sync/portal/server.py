"""READ FIRST (portal): the pages as a process. A link opens one home's page; nothing else is here.

It listens on this machine's loopback only: whoever serves it to families puts a reverse proxy with
TLS in front. It reads homes over a connection that cannot write; over another one the desk writes down who looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from pathlib import Path

import jinja2
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request as HTTPRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_sync.portal import lookers, view
from cloud_sync.portal.links import Link, read_link
from cloud_sync.portal.secret import portal_secret
from cloud_sync.portal.words import home_title
from cloud_sync.receiver.classes import narrowed
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.desk import Desk
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.homes import Home, Homes
from zero_trust.audit import Row
from zero_trust.reasons import Refused, reason
from zero_trust.request import Action, DataClass, Proof, Request, Role

LOOPBACK = "127.0.0.1"
CONCURRENT_MAX = 64
LOOKS_SHOWN_MS = 30 * 86_400_000
LOOKS_SHOWN_MAX = 500

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the link is the key: it must not travel on
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # an old page must not pass for a new one
}
_RUN_OUT = (
    "This link has run out.",
    "Links work for a limited time. Please ask the people who gave it to you for a new one.",
)
_NOTICES = {
    404: (
        "There is no page here.",
        "Please check that the link is complete, from the first letter to the last.",
    ),
    405: ("This page can only be read.", "Please open the link as you were given it."),
    503: (
        "This page cannot be shown now.",
        "The fault is ours, and says nothing about the home. Please try again in a minute.",
    ),
}
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link opens: the home, and who looked at it lately."""

    home: Home
    looks: tuple[Row, ...]


Open = Callable[[Link], Awaitable[Shown | Refused]]


async def run(config: ReceiverConfig) -> None:
    """Serve until cancelled.

    Raises:
        TrustError: the portal's secret cannot be used.
        OSError: the port is taken, or the secret cannot be written.
        sqlite3.Error: the store cannot be opened.
    """
    secret = portal_secret(config)
    with (
        closing(open_database(config.paths.store)) as db,
        closing(open_database(config.paths.store)) as records,
        ThreadPoolExecutor(1, "portal") as reader,
    ):
        db.execute("PRAGMA query_only = ON")
        homes, desk = Homes(db), Desk(records, config, _wall_clock_ms)

        async def open_home(link: Link) -> Shown | Refused:
            return await asyncio.get_running_loop().run_in_executor(reader, show, desk, homes, link)

        with socket.create_server((LOOPBACK, config.ports.portal)) as listener:
            _log.info("portal.listening", address=LOOPBACK, port=config.ports.portal)
            await _serve(app(open_home, secret, _wall_clock_ms), listener)


def show(desk: Desk, homes: Homes, link: Link) -> Shown | Refused:
    """Ask the desk, then read what may be seen; who does not see the home's state sees nothing.

    Raises:
        HTTPException: 503, if the store cannot be read, or the look cannot be written down.
    """
    try:
        look = desk.look(asked_by(link))
        if DataClass.STATE not in look.classes:
            return look.refused or Refused("class-not-agreed", DataClass.STATE.value)
        looks = desk.audit.decisions_on(link.home, desk.now_ms() - LOOKS_SHOWN_MS, LOOKS_SHOWN_MAX)
        return Shown(narrowed(homes.home(link.home), look.classes), tuple(looks))
    except sqlite3.Error as error:
        _log.error("portal.store", error=str(error))
        raise HTTPException(503) from error


def asked_by(link: Link) -> Request:
    """What somebody who opens a link asks for."""
    return Request(
        role=Role.FAMILY,
        group=link.home,
        person=link.name,
        proof=Proof.LINK,
        proof_ends_ms=link.expires_ms,
        home=link.home,
        action=Action.READ,
        purpose="family",
    )


def app(open_home: Open, secret: bytes, clock_ms: Callable[[], int]) -> ASGIApp:
    """All routes: ``/h/<token>``, the same as ``page.json`` below it, ``looks`` below it, and ``/static/``."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("cloud_sync.portal"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    async def opened(request: HTTPRequest) -> Shown:
        link = read_link(secret, request.path_params["token"])
        if link is None:
            raise HTTPException(404)
        shown = await open_home(link)
        if isinstance(shown, Refused):
            raise HTTPException(403, shown.code)
        return shown

    async def page(request: HTTPRequest) -> Response:
        home, token = (await opened(request)).home, request.path_params["token"]
        shown = view.page(home, now_ms=clock_ms())
        return HTMLResponse(pages.get_template("home.html").render(page=shown, token=token))

    async def page_json(request: HTTPRequest) -> Response:
        home = (await opened(request)).home
        return JSONResponse(view.facts(home, now_ms=clock_ms()))

    async def looks(request: HTTPRequest) -> Response:
        shown, token = await opened(request), request.path_params["token"]
        told = lookers.views(shown.looks, now_ms=clock_ms())
        title = home_title(shown.home.home)
        return HTMLResponse(pages.get_template("looks.html").render(looks=told, title=title, token=token))

    async def notice(_: HTTPRequest, error: Exception) -> Response:
        status, headers = (
            (error.status_code, error.headers) if isinstance(error, HTTPException) else (503, None)
        )
        title, text = _NOTICES.get(status, _NOTICES[404])
        if status == HTTPStatus.FORBIDDEN and isinstance(error, HTTPException):
            title, text = _refusal(error.detail)
        return HTMLResponse(pages.get_template("notice.html").render(title=title, text=text), status, headers)

    site = Starlette(
        routes=[
            Route("/h/{token}", page),
            Route("/h/{token}/page.json", page_json),
            Route("/h/{token}/looks", looks),
            Mount("/static", StaticFiles(directory=Path(str(resources.files(__package__) / "static")))),
        ],
        exception_handlers={HTTPException: notice, Exception: notice},
    )
    return _Guarded(site)


def _refusal(code: str) -> tuple[str, str]:
    """A refusal for family: its sentence, and whom to tell the letters; nothing of the home."""
    if code == "proof-ended":
        return _RUN_OUT
    words = reason(code)
    return words.sentence, f"Please tell the people who gave you the link: {words.help}."


class _Guarded:
    """Sets the security headers on every answer, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, guarded)


class _Server(uvicorn.Server):
    """Leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(application: ASGIApp, listener: socket.socket) -> None:
    """Serve until cancelled, then let answers under way finish."""
    settings = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # it would write the links down
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONCURRENT_MAX,
        timeout_graceful_shutdown=2,
    )
    server = _Server(settings)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
