"""What the operator may do to the transparency log: let another one follow it where it can't go on."""

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.registry.log.checks import SecondPlaces
from services.registry.log.succession import succeed
from shared.errors import Unavailable
from shared.messaging.ports import LogUnavailable
from shared.ops import Operator
from shared.sealing import Sealer
from shared.web.databases import WorkerDatabase
from shared.web.strict import StrictRoute


class Succession(BaseModel):
    """Which log can't go on."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(max_length=300, description="The origin of the log that is written to now.")]


class Succeeded(BaseModel):
    """The log that is written to from now on, and the last checkpoint of the one before, which is its first leaf."""

    number: int
    origin: str
    vkey: str
    after: str
    size: int = Field(description="How many leaves the last checkpoint of the log before has.")


def router(places: SecondPlaces, kek_file: Path) -> APIRouter:
    """Make the route; new logs' keys are sealed under the keys in `kek_file`."""
    routes = APIRouter(prefix="/v1/ops/log", tags=["operations"], route_class=StrictRoute)

    @routes.post("/succeed")
    async def begin_another(_: Operator, database: WorkerDatabase, body: Succession) -> Succeeded:
        """Begin a new log in the place of one that was forked or lost: `<name>/2`, `<name>/3` and so on.

        The old one's files stay where they are under its number. This can't be undone.
        """
        sealer = await asyncio.to_thread(Sealer.from_file, kek_file)
        try:
            async with database.transaction() as tx:
                tree, last = await succeed(tx, sealer, places, body.after)
        except LogUnavailable as error:
            raise Unavailable("second_place_silent", "The event log, with the last checkpoint, is away.") from error
        return Succeeded(
            number=tree["number"], origin=tree["origin"], vkey=tree["vkey"], after=last.origin, size=last.size
        )

    return routes
