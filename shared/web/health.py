"""Says whether a process lives, whether it can do its work, and what it has counted."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.db import FAILURES_OF_OURS, Database
from shared.errors import Unavailable

router = APIRouter(tags=["health"], include_in_schema=False)

# Names of what does not work, with the reason; empty when all is well.
Troubles = Callable[[], Mapping[str, str]]


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """Its database answers, where it has one, and none of its tasks has given up."""
    database: Database | None = request.app.state.database
    troubles: Troubles = request.app.state.troubles
    if database is not None:
        await _ask(database)
    if found := dict(troubles()):
        raise Unavailable("not_ready", "; ".join(f"{name}: {reason}" for name, reason in found.items()))
    return {"status": "ready"}


@router.get("/metrics")
async def metrics() -> Response:
    """Every metric of this process, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _ask(database: Database) -> None:
    try:
        async with database.pool.acquire(timeout=5) as connection:
            await connection.fetchval("select 1")
    except FAILURES_OF_OURS as error:
        raise Unavailable("database_unavailable", "The database does not answer.") from error
