"""Pages that links in mails lead to: to want no more, to want them again, to confirm an address.

Opening one changes nothing: programs that look at mails follow every link. Only its button does, or the one click that
mail programs offer (RFC 8058).
"""

from fastapi import APIRouter, Request, Response

from services.notifier import handlers
from services.notifier.store import suppressions
from services.notifier.tokens import read_confirm, read_unsubscribe
from shared.web.databases import AppDatabase
from shared.web.pages import Pages

router = APIRouter(include_in_schema=False)

_pages = Pages("services.notifier")


@router.get("/unsubscribe/{token}")
async def wanted(request: Request, database: AppDatabase, token: str) -> Response:
    """Ask whether mails are not wanted any more, or wanted again."""
    tenant_id, address = read_unsubscribe(request.app.state.sealer, token)
    async with database.transaction(tenant_id) as tx:
        out = await suppressions.unsubscribed(tx, address)
    return _pages.page("unsubscribe.html", token=token, out=out, done=False)


@router.post("/unsubscribe/{token}")
async def unsubscribe(request: Request, database: AppDatabase, token: str) -> Response:
    """Write no more than is necessary; the body says what RFC 8058 has it say, or nothing."""
    tenant_id, address = read_unsubscribe(request.app.state.sealer, token)
    async with database.transaction(tenant_id) as tx:
        await suppressions.add(tx, tenant_id, address, "unsubscribed")
    return _pages.page("unsubscribe.html", token=token, out=True, done=True)


@router.post("/unsubscribe/{token}/undo")
async def resubscribe(request: Request, database: AppDatabase, token: str) -> Response:
    """Write again."""
    tenant_id, address = read_unsubscribe(request.app.state.sealer, token)
    async with database.transaction(tenant_id) as tx:
        await suppressions.resubscribe(tx, address)
    return _pages.page("unsubscribe.html", token=token, out=False, done=True)


@router.get("/confirm/{token}")
async def to_confirm(request: Request, token: str) -> Response:
    """Ask whether an address is to be told."""
    read_confirm(request.app.state.sealer, token)
    return _pages.page("confirm.html", token=token, done=False)


@router.post("/confirm/{token}")
async def confirm(request: Request, database: AppDatabase, token: str) -> Response:
    """Let an address be told."""
    tenant_id, endpoint_id = read_confirm(request.app.state.sealer, token)
    async with database.transaction(tenant_id) as tx:
        await handlers.confirm(tx, endpoint_id)
    return _pages.page("confirm.html", token=token, done=True)
