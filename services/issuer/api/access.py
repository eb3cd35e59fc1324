"""What the routes depend on: who asks, and the parts of the service they call."""

from typing import Annotated

from fastapi import Depends, Header, Request

from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.job_uploads import Uploads
from services.issuer.handlers.storing import OPEN_KEY
from services.issuer.settings import IssuerSettings
from services.issuer.signer import Signer
from services.issuer.store import institutions
from shared.db import Database
from shared.web.auth import Principal, require

Reader = Annotated[Principal, Depends(require("institution", scope="read"))]
Manager = Annotated[Principal, Depends(require("institution", scope="manage"))]
Issuer = Annotated[Principal, Depends(require("institution", scope="issue"))]
Revoker = Annotated[Principal, Depends(require("institution", scope="revoke"))]
Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]


async def _open_institution(request: Request) -> Principal | None:
    """Return the one institution that conformance suites on this machine may issue for, where a setting names it."""
    slug = request.app.state.settings.vc_api_open_institution
    if slug is None:
        return None
    database: Database = request.app.state.worker_database  # whose it is must be known before there is a tenant
    async with database.transaction() as tx:
        institution_id = await institutions.id_of_slug(tx, slug)
    if institution_id is None:
        return None
    return Principal("institution", institution_id, OPEN_KEY, frozenset({"issue", "revoke"}))


# VC-API's routes, for conformance suites open without a key.
VcIssuer = Annotated[Principal, Depends(require("institution", scope="issue", without_key=_open_institution))]
VcRevoker = Annotated[Principal, Depends(require("institution", scope="revoke", without_key=_open_institution))]

IfMatch = Annotated[
    str | None, Header(max_length=200, description="The ETag that was read; the change is refused if it has changed.")
]


# Coroutines, because FastAPI would send plain functions to a thread, at more than their own cost.


async def _settings(request: Request) -> IssuerSettings:
    settings: IssuerSettings = request.app.state.settings
    return settings


async def _signer(request: Request) -> Signer:
    signer: Signer = request.app.state.signer
    return signer


async def _issuing(request: Request) -> Issuing:
    issuing: Issuing = request.app.state.issuing
    return issuing


async def _uploads(request: Request) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


Settings = Annotated[IssuerSettings, Depends(_settings)]
TheSigner = Annotated[Signer, Depends(_signer)]
TheIssuing = Annotated[Issuing, Depends(_issuing)]
TheUploads = Annotated[Uploads, Depends(_uploads)]
