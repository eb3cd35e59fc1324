"""Asking for the links of one's badges by mail address: the answer is the same whether the address is known or not."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, Field

from services.notifier import handlers
from services.notifier.handlers import MAX_ADDRESS
from shared.db import Database
from shared.errors import Invalid
from shared.web.auth import NOBODY, address_of
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.limits import Rate
from shared.web.pages import Pages
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/my-links", tags=["my links"], route_class=StrictRoute)
page = APIRouter(prefix="/my-links", include_in_schema=False)

_pages = Pages("services.notifier")


class LinksRequest(Body):
    """Whose links are wanted."""

    email: str = Field(max_length=MAX_ADDRESS, examples=["ada@example.org"])


class Accepted(BaseModel):
    """If there are badges for the address, a mail with their links is on its way to it."""

    status: Literal["accepted"] = "accepted"


@router.post("", status_code=202)
async def ask_for_links(request: Request, database: AppDatabase, body: LinksRequest) -> Accepted:
    """Have the links of the badges of a mail address sent to that address. No key is needed.

    Nothing tells whether the address is known. It is written to once in ten minutes at most, however often it is asked
    for; so an Idempotency-Key may be sent and changes nothing.
    """
    await _ask(request, database, body.email)
    return Accepted()


@page.get("")
async def form() -> Response:
    """The page to ask on."""
    return _pages.page("my_links.html", email="", wrong=None)


@page.post("")
async def asked(request: Request, database: AppDatabase, email: Annotated[str, Form()] = "") -> Response:
    """Take what the page sends; the page without a mistake is the same for everybody."""
    try:
        await _ask(request, database, email)
    except Invalid as error:
        return _pages.page("my_links.html", 422, email=email[:MAX_ADDRESS], wrong=error.detail)
    return _pages.page("my_links_sent.html", 202)


async def _ask(request: Request, database: Database, email: str) -> None:
    address = handlers.plain_address(email)
    rate: Rate = request.app.state.my_links_rate
    rate.spend(address_of(request))
    async with database.transaction(NOBODY) as tx:
        await handlers.ask_for_links(tx, address)
