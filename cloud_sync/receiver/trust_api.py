"""What operations are told of the site's own trust: what to look at, and who believes which bundle. JSON out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sync.receiver.registrar import Registrar
from cloud_sync.receiver.services import Services
from cloud_sync.receiver.store.registry import Registry
from zero_trust.reasons import Refused


def trust_routes(
    registrar: Registrar, registry: Registry, services: Services, clock_ms: Callable[[], int]
) -> list[Route]:
    """Alarms, and what a roll-over would meet."""

    async def alarms(_: Request) -> Response:
        standing = [*registrar.alarms(), *services.alarms()]
        return JSONResponse([asdict(alarm) | Refused(alarm.code).words for alarm in standing])

    async def trust(_: Request) -> Response:
        believed = registry.bundles()
        hubs = [
            {"hub": row.hub, "home": row.home, "bundle": believed.get(row.hub, 0)} for row in registry.hubs()
        ]
        told = {
            "version": registrar.trust.version,
            "hubs": hubs,
            "services": services.told(),
            "vouchers_open": registry.vouchers_open(clock_ms()),
        }
        return JSONResponse(told)

    return [Route("/v1/alarms", alarms, methods=["GET"]), Route("/v1/trust", trust, methods=["GET"])]
