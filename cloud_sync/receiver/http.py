"""What HTTP of the authority has in common: bodies read up to a limit, refusals as answers with their words."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zero_trust.errors import TrustError
from zero_trust.reasons import Refused

ADMIN_REQUEST_MAX_BYTES = 4096

_STATUS = {"request-too-large": 413, "request-malformed": 400, "key-malformed": 400, "name-malformed": 400}


async def read_body(request: Request, max_bytes: int) -> bytes | None:
    """The body; None if it has more than ``max_bytes``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """The body, which must be one JSON object.

    Raises:
        TrustError: ``request-too-large`` or ``request-malformed``.
    """
    body = await read_body(request, ADMIN_REQUEST_MAX_BYTES)
    if body is None:
        raise TrustError("request-too-large")
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise TrustError("request-malformed") from error
    if not isinstance(asked, dict):
        raise TrustError("request-malformed")
    return asked


def refused_json(refused: Refused) -> Response:
    """A refusal with its words and, for operators, its detail."""
    return JSONResponse(refused.words | {"detail": refused.detail}, status_of(refused.code))


def status_of(code: str) -> int:
    """The HTTP status of a refusal."""
    return _STATUS.get(code, 403)
