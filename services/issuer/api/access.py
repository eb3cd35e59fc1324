"""What the routes depend on: who asks, and the parts of the service they call."""

from typing import Annotated

from fastapi import Depends, Header, Request

from services.issuer.handlers.issuing import Issuing
from services.issuer.settings import IssuerSettings
from services.issuer.signer import Signer
from shared.web.auth import Principal, require

Reader = Annotated[Principal, Depends(require("institution", scope="read"))]
Manager = Annotated[Principal, Depends(require("institution", scope="manage"))]
Issuer = Annotated[Principal, Depends(require("institution", scope="issue"))]
Revoker = Annotated[Principal, Depends(require("institution", scope="revoke"))]
Operator = Annotated[Principal, Depends(require("operator", scope="manage"))]

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


Settings = Annotated[IssuerSettings, Depends(_settings)]
TheSigner = Annotated[Signer, Depends(_signer)]
TheIssuing = Annotated[Issuing, Depends(_issuing)]
