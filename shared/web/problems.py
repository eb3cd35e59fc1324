"""Turns errors into RFC 9457 problems: the one place that knows which error has which HTTP status."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from shared import db, errors
from shared.web.pages import Pages, wants_page

log = structlog.get_logger()

STATUS: dict[type[errors.LaurelError], int] = {
    errors.Malformed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
}
# Of a request's mistakes, as many are told as a person would mend at a time; its members' names are cut.
MAX_ERRORS = 20
MAX_NAME = 100
_PAGES = Pages("shared.web")
# In JSON's words and people's, by the validator's kinds of mistakes, whose own are Python's.
_WORDS = {
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a JSON object"),
    "list_type": "must be an array",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
}
BY_STATUS = {status: error for error, status in STATUS.items()}


class Problem(BaseModel):
    """The body of every answer of 400 and more (RFC 9457), with a stable `code` for programs."""

    model_config = ConfigDict(extra="allow")

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["credential_not_found"])
    detail: str = Field(examples=["There is no credential with this id."])


_DOCUMENTED: dict[str, Any] = {
    "description": "Problem (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
# For APIRouter(responses=...) where routes are no StrictRoute: every route may answer with a problem.
RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": _DOCUMENTED, "5XX": _DOCUMENTED}


def problem(
    status: int,
    code: str,
    detail: str,
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build a problem's response; its `type` may stand in `members`, where a specification gives it one."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return JSONResponse(
        {"type": "about:blank", **(members or {}), **body},
        status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},  # what is wrong now may be right in a moment
    )


def message_of(mistake: Mapping[str, Any]) -> str:
    """Return what a validator found (one of its `errors()`) in people's words."""
    if mistake["type"] in _WORDS:
        return _WORDS[mistake["type"]].format_map(mistake.get("ctx", {}))
    return str(mistake["msg"]).removeprefix("Value error, ")


def invalid_request(error: RequestValidationError, status: int = 422) -> JSONResponse:
    """Build the response that tells what is wrong with a request's members."""
    # The rejected values are not echoed: they may be secrets or personal.
    wrong = [
        {"path": _path(each["loc"]), "message": message_of(each), "type": each["type"]}
        for each in error.errors()[:MAX_ERRORS]
    ]
    first = wrong[0] if wrong else {"path": "", "message": "The request is not valid."}
    return problem(status, "invalid_request", f"{first['path']}: {first['message']}", {"errors": wrong})


def answer(error: errors.LaurelError) -> JSONResponse:
    """Build the response that tells of an expected error."""
    headers = {}
    if "retry_after" in error.members:
        headers["Retry-After"] = str(error.members["retry_after"])
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(status_of(error), error.code, error.detail, error.members, headers)


def present(told: JSONResponse, accept: str | None) -> Response:
    """Return a problem as whoever asked can read it: a page for a browser, problem+json for everybody else."""
    if not wants_page(accept):
        return told
    said = orjson.loads(told.body)
    kept = {name: value for name, value in told.headers.items() if name in ("retry-after", "www-authenticate")}
    return _PAGES.page("problem.html", told.status_code, kept, problem=said, retry_after=kept.get("retry-after"))


def status_of(error: errors.LaurelError) -> int:
    """Return the HTTP status of an expected error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def install(app: FastAPI) -> None:
    """Let `app` answer every error with a problem, and name the problem's schema in its OpenAPI document."""

    @app.exception_handler(errors.LaurelError)
    async def expected(request: Request, error: errors.LaurelError) -> Response:
        return _presented(request, answer(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _presented(request, invalid_request(error))

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, error: StarletteHTTPException) -> Response:
        code = getattr(error, "code", None) or _snake(HTTPStatus(error.status_code).phrase)
        return _presented(request, problem(error.status_code, code, str(error.detail), headers=error.headers))

    async def away(request: Request, error: Exception) -> Response:
        if not db.is_failure_of_ours(error):
            raise error
        log.warning("database_unavailable", error=type(error).__name__)
        unavailable = errors.Unavailable("database_unavailable", "The database does not answer.", retry_after=2)
        return _presented(request, answer(unavailable))

    for kind in db.FAILURES_OF_OURS:
        app.add_exception_handler(kind, away)  # type: ignore[arg-type]  # each is an Exception

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("request_failed", route=str(getattr(request.scope.get("route"), "path", "?")), exc_info=error)
        told = problem(500, "internal_error", "Something went wrong on our side. It has been recorded.")
        return _presented(request, told)

    _describe_problem(app)


class UnreadableBody(HTTPException):
    """A body that is no JSON of ours; FastAPI passes HTTP exceptions alone through its body parsing."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(400, detail)
        self.code = code


def _presented(request: Request, told: JSONResponse) -> Response:
    return present(told, request.headers.get("accept"))


def _describe_problem(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:MAX_NAME] for part in location if part != "body") or "body"


def _snake(phrase: str) -> str:
    return re.sub(r"\W+", "_", phrase).lower()
