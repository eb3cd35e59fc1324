"""The verifier's side of the VC-API (W3C-CCG; VCALM): one credential, or one presentation with all that is in it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from services.verifier.api.asked import EXAMPLE, described
from services.verifier.api.bodies import ForeignRoute
from services.verifier.api.verifications import Caller, TheDesk, asker_of, caller_name
from services.verifier.domain.vc_api import Asked, Verified, VerifiedPresentation, refused
from services.verifier.handlers import vc_api
from shared.credentials.presentations import Occasion
from shared.web.problems import UnreadableBody, message_of

router = APIRouter(tags=["VC-API"], route_class=ForeignRoute)

# By the names that are in use for the same question.
_CHECKS: dict[str, Asked] = {
    "proof": "proof",
    "credentialStatus": "credentialStatus",
    "status": "credentialStatus",
    "validity": "validity",
    "validityPeriod": "validity",
    "expirationDate": "validity",
}
_MAX_TEXT = 2_000
_PRESENTATION: JsonValue = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiablePresentation"],
    "holder": "did:key:z6Mk…",
    "verifiableCredential": [EXAMPLE],
    "proof": {"type": "DataIntegrityProof", "proofPurpose": "authentication", "challenge": "…", "domain": "…"},
}
Body = TypeVar("Body", bound=BaseModel)


class Options(BaseModel):
    """How to verify; options that are not known here are passed over."""

    model_config = ConfigDict(extra="ignore")

    checks: list[str] | None = Field(
        None,
        max_length=20,
        description="What the answer rests on: `proof` always, `credentialStatus`, `validity`; without any, on all.",
        examples=[["proof"]],
    )
    challenge: str | None = Field(None, max_length=_MAX_TEXT, description="What each proof must name as its challenge.")
    domain: str | None = Field(None, max_length=_MAX_TEXT, description="What each proof must name as its domain.")
    expectedProofPurpose: str | None = Field(None, max_length=_MAX_TEXT)  # noqa: N815  # the VC-API's name
    returnCredential: bool | None = None  # noqa: N815
    returnPresentation: bool | None = None  # noqa: N815

    @field_validator("checks")
    @classmethod
    def _known(cls, checks: list[str] | None) -> list[str] | None:
        if not set(checks or []) <= _CHECKS.keys():
            raise ValueError(f"name checks among {', '.join(_CHECKS)}")
        return checks

    @property
    def asked(self) -> list[Asked]:
        """The questions that were asked; none stands for all."""
        return [_CHECKS[each] for each in self.checks or []]

    @property
    def occasion(self) -> Occasion:
        """What the proofs must name."""
        return Occasion(self.challenge, self.domain)


class _Request(BaseModel):
    """What both routes read: the document in the member GIVEN, given back where the option RETURNED asks for it."""

    GIVEN: ClassVar[str]
    RETURNED: ClassVar[str]

    options: Options | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What is to be verified."""
        found: dict[str, Any] = getattr(self, self.GIVEN)
        return found


class VerifyCredential(_Request):
    """One credential, in JSON with its proofs or in an envelope."""

    GIVEN, RETURNED = "verifiableCredential", "returnCredential"

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"verifiableCredential": EXAMPLE, "options": {"checks": ["proof"]}}]},
    )

    verifiableCredential: dict[str, Any]  # noqa: N815


class VerifyPresentation(_Request):
    """One presentation, in JSON with its proofs or in an envelope."""

    GIVEN, RETURNED = "verifiablePresentation", "returnPresentation"

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [{"verifiablePresentation": _PRESENTATION, "options": {"challenge": "…", "domain": "…"}}]
        },
    )

    verifiablePresentation: dict[str, Any]  # noqa: N815


def _route(body: type[BaseModel], answer: type[Verified]) -> dict[str, Any]:
    """How a route is described whose body is read by itself: even what can't be read is answered with `verified`."""
    return {
        "response_model": answer,
        "responses": {400: {"model": answer, "description": "Not verified, or nothing that can be looked into"}},
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": described(body)}}}
        },
    }


@router.post("/credentials/verify", **_route(VerifyCredential, Verified))
async def verify_credential(request: Request, caller: Caller, desk: TheDesk) -> JSONResponse:
    """Verify a credential of any kind. No key is needed.

    200 where it is verified, else 400, each with `verified`; `problemDetails` has every reason. A credential may bring
    contexts of its own as far as they only add terms, and others may have signed it beside its issuer. Who its issuer
    is plays no part; a status that can't be learnt does.
    """
    return await _verify(request, caller, VerifyCredential, partial(vc_api.verify_credential, desk))


@router.post("/presentations/verify", **_route(VerifyPresentation, VerifiedPresentation))
async def verify_presentation(request: Request, caller: Caller, desk: TheDesk) -> JSONResponse:
    """Verify a presentation: its own proofs, for the challenge and domain if given, and every credential in it.

    Answers as `/credentials/verify` does. Whether its holder is whom the credentials are about is for you to compare.
    """
    verify = partial(vc_api.verify_presentation, desk, charge=partial(asker_of, request, caller))
    return await _verify(request, caller, VerifyPresentation, verify)


async def _verify(
    request: Request, caller: Caller, model: type[_Request], verify: Callable[..., Awaitable[Verified]]
) -> JSONResponse:
    """Read a request, have its document verified, and answer, with the document where it is wanted back."""
    asker, who = asker_of(request, caller), caller_name(request, caller)
    body = await _read(request, model)
    if isinstance(body, Verified):
        return _answered(request, body)
    options = body.options or Options()
    verified = await verify(
        body.document,
        asker,
        caller=who,
        asked=options.asked,
        occasion=options.occasion,
        purpose=options.expectedProofPurpose,
    )
    back = {body.GIVEN: body.document} if getattr(options, body.RETURNED) else {}
    return _answered(request, verified.model_copy(update=back))


async def _read(request: Request, model: type[Body]) -> Body | Verified:
    try:
        return model.model_validate(await request.json())
    except UnreadableBody as error:
        return refused(str(error.detail), error.code)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return refused(f"{'.'.join(map(str, first['loc'])) or 'body'}: {message_of(first)}")


def _answered(request: Request, verified: Verified) -> JSONResponse:
    """A setting answers what was looked into with 200 throughout, as the newer text of the VC-API says."""
    settled = request.app.state.vc_api_answers_200 and not verified.malformed
    return JSONResponse(verified.model_dump(exclude_none=True), 200 if verified.verified or settled else 400)
