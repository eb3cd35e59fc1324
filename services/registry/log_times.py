"""How large the transparency log was at a time: what had been published by then, nobody can have dated back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from services.registry.public import OPEN
from services.registry.store import log as store
from shared import db
from shared.errors import Invalid
from shared.web.databases import AppDatabase
from shared.web.fields import Instant
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1", tags=["transparency log"], route_class=StrictRoute)


class LogSize(BaseModel):
    """How many leaves the newest checkpoint had that was published by then."""

    at: datetime
    size: int = Field(description="Leaves below this index were public by then; 0: none was.", examples=[48213])
    log: int | None = Field(description="The log's number: its files stand at /log/<number>. Null: there was none yet.")
    origin: str | None = Field(examples=["badges.example/log"])
    published_at: datetime | None = Field(description="When that checkpoint was published.")
    current: bool = Field(description="It is the log that is written to: that to which a record's log_index belongs.")


@router.get("/log/size")
async def log_size(
    at: Annotated[Instant, Query(description="A time in the past.")], database: AppDatabase, response: Response
) -> LogSize:
    """How large the log was at a time. Anybody may know; whoever doubts it follows the log (docs/record.md)."""
    async with database.transaction() as tx:
        if at > await db.now(tx):
            raise Invalid("at_in_future", "How large the log will be nobody knows.")
        found = await store.published_by(tx, at)
        current = await store.current_tree(tx)
    response.headers.update(OPEN)
    if found is None:
        return LogSize(at=at, size=0, log=None, origin=None, published_at=None, current=True)
    return LogSize(
        at=at,
        size=found["size"],
        log=found["tree"],
        origin=found["origin"],
        published_at=found["published_at"],
        current=current is not None and current["number"] == found["tree"],
    )
