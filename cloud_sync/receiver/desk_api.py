"""The desk's part of the admin API: JSON in, JSON out, over the authority's unix socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import islice
from typing import Any, TypeVar

from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sync.receiver.desk import Desk, by, words_of
from cloud_sync.receiver.http import read_json, refused_json
from cloud_sync.receiver.store.audit import AuditLog
from zero_trust.break_glass import Finding, Opening
from zero_trust.decision import Ruling
from zero_trust.errors import TrustError
from zero_trust.names import check_label
from zero_trust.reasons import Refused
from zero_trust.request import EVERY_HOME, Action, DataClass, Proof, Subject, parse_subject

ROWS_MAX = 1000
DIGITS_MAX = 15
FOR_EVER = 2**62

E = TypeVar("E", Action, DataClass, Proof, Finding)


def desk_routes(desk: Desk) -> list[Route]:
    """Decisions, what is in force, and broken glass."""

    async def decision(request: HTTPRequest) -> Response:
        made = desk.why(request.path_params["number"])
        return refused_json(made) if isinstance(made, Refused) else JSONResponse(made)

    async def what_if(request: HTTPRequest) -> Response:
        asked = await read_json(request)
        subject, at_ms = parse_subject(_text(asked, "subject")), _text(asked, "at_ms")
        if at_ms and not at_ms.isdecimal():
            raise TrustError("request-malformed", "at_ms")
        home = _text(asked, "home")
        if home != EVERY_HOME:
            check_label(home, "home")
        asking = by(
            subject,
            _one_of(Proof, asked, "proof"),
            home,
            _one_of(Action, asked, "action"),
            _text(asked, "purpose"),
        )
        asking = replace(asking, proof_ends_ms=FOR_EVER)  # it is supposed that the proof is good
        ruling = desk.what_if(asking, _one_of(DataClass, asked, "data"), int(at_ms) if at_ms else None)
        return JSONResponse(_ruling_json(ruling))

    async def book(_: HTTPRequest) -> Response:
        return JSONResponse(desk.in_force())

    async def openings(_: HTTPRequest) -> Response:
        return JSONResponse([_opening_json(one) for one in desk.book.openings()])

    async def break_glass(request: HTTPRequest) -> Response:
        asked = await read_json(request)
        home = check_label(_text(asked, "home"), "home")
        return _opened(desk.break_glass(_staff(asked), home, _text(asked, "cause")))

    async def review(request: HTTPRequest) -> Response:
        asked = await read_json(request)
        finding = _one_of(Finding, asked, "finding")
        return _opened(desk.review(request.path_params["number"], _staff(asked), finding))

    return [
        Route("/v1/decision/{number:int}", decision, methods=["GET"]),
        Route("/v1/what-if", what_if, methods=["POST"]),
        Route("/v1/book", book, methods=["GET"]),
        Route("/v1/break-glass", openings, methods=["GET"]),
        Route("/v1/break-glass", break_glass, methods=["POST"]),
        Route("/v1/break-glass/{number:int}/review", review, methods=["POST"]),
    ]


def audit_routes(log: AuditLog) -> list[Route]:
    """The audit as it is, and its checkpoints."""

    async def audit(request: HTTPRequest) -> Response:
        """Rows as they are: whoever asks checks them. ``kind`` and ``last`` for a look, ``after`` for all, page by page."""
        asked = request.query_params
        if last := asked.get("last"):
            rows = log.newest(min(_count(last), ROWS_MAX), asked.get("kind", ""))
        else:
            rows = list(islice(log.rows(_count(asked.get("after", "0"))), ROWS_MAX))
        return JSONResponse([{**asdict(row), "hash": row.hash.hex()} for row in rows])

    async def checkpoints(_: HTTPRequest) -> Response:
        return JSONResponse([one.text for one in log.checkpoints()])

    return [
        Route("/v1/audit", audit, methods=["GET"]),
        Route("/v1/checkpoints", checkpoints, methods=["GET"]),
    ]


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise TrustError("request-malformed", text[:32])
    return int(text)


def _text(asked: Mapping[str, Any], name: str) -> str:
    return str(asked.get(name, ""))


def _one_of(kind: type[E], asked: Mapping[str, Any], name: str) -> E:
    try:
        return kind(_text(asked, name))
    except ValueError as error:
        raise TrustError("request-malformed", name) from error


def _staff(asked: Mapping[str, Any]) -> Subject:
    return parse_subject(f"staff:{_text(asked, 'who')}")


def _ruling_json(ruling: Ruling) -> dict[str, Any]:
    refused = ruling.refused
    words = {"detail": refused.detail, **words_of(refused.code)} if refused else {}
    return {"allow": ruling.allow, "rule": ruling.rule, **words}


def _opened(opening: Opening | Refused) -> Response:
    return refused_json(opening) if isinstance(opening, Refused) else JSONResponse(_opening_json(opening))


def _opening_json(opening: Opening) -> dict[str, Any]:
    facts = asdict(opening)
    finding = opening.finding.value if opening.finding else None
    return {
        **facts,
        "cause": opening.cause.value,
        "finding": finding,
        "review_due_ms": opening.review_due_ms,
    }
