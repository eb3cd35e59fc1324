"""What `POST /v1/verifications` is asked, in either body: JSON with a credential or link, or a form with a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from services.verifier.api.forms import MULTIPART, SentFile, read_form
from services.verifier.domain.documents import Document
from shared.credentials.identity import Kind
from shared.credentials.instants import read_instant
from shared.errors import UnsupportedMedia

MAX_URL = 2000

_WANTED = "give a time of RFC 3339 with its offset, such as 2026-03-31T12:00:00Z"
REQUIRE = (
    "Whether a badge of this registry must be shown to be in its transparency log; as the service is set, where it is "
    "left out."
)
AS_OF = "The time that is asked about, RFC 3339 with its offset; now, where it is left out."


def _instant(value: Any) -> datetime:
    time = read_instant(value)
    if time is None:
        raise ValueError(_WANTED)
    return time


AsOf = Annotated[datetime, BeforeValidator(_instant)]

Body = TypeVar("Body", bound=BaseModel)

EXAMPLE: JsonValue = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "did:key:z6Mk…", "type": ["Profile"], "name": "North Academy"},
    "validFrom": "2026-11-22T10:21:00Z",
    "credentialSubject": {"type": ["AchievementSubject"], "achievement": {"type": ["Achievement"]}},
    "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"},
}


class ExpectedRecipient(BaseModel):
    """The person who shows the badge; with several members all must fit. It is compared, and kept nowhere."""

    model_config = ConfigDict(extra="forbid")

    email: str | None = Field(None, min_length=1, max_length=320, examples=["ada@example.org"])
    name: str | None = Field(None, min_length=1, max_length=200)
    id: str | None = Field(None, min_length=1, max_length=2000)

    @model_validator(mode="after")
    def _names_somebody(self) -> "ExpectedRecipient":
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("name the person by email, name or id")
        return self

    def kinds(self) -> Mapping[Kind, str]:
        """Return what is known of the person."""
        return cast(Mapping[Kind, str], self.model_dump(exclude_none=True))


def _not_null(schema: dict[str, Any]) -> None:
    """Describe a member that may be absent and is never null."""
    schema.pop("default", None)
    schema |= next(each for each in schema.pop("anyOf") if each.get("type") != "null")


class VerificationRequest(BaseModel):
    """One credential, as JSON or as a signed token, or the link that leads to it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"oneOf": [{"required": [each]} for each in ("credential", "token", "url")]}
    )

    credential: Document | None = Field(
        None,
        description="The credential as it was received; an assertion of Open Badges 2.0 too.",
        examples=[EXAMPLE],
        json_schema_extra=_not_null,
    )
    token: str | None = Field(
        None,
        min_length=1,
        description="The credential as a signed token: of Open Badges 3.0 or 2.0, `vc+jwt`, or with a `vc` claim.",
        examples=["eyJhbGciOiJFUzI1NiIsInR5cCI6InZjK2p3dCJ9.eyJ…"],
        json_schema_extra=_not_null,
    )
    url: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_URL,
        description="Where the credential is: https, a public address, no redirect, at most 1 MiB within 5 s.",
        examples=["https://badges.example/credentials/0d6c2b8e-1111-4222-8333-444455556666"],
        json_schema_extra=_not_null,
    )
    expected_recipient: ExpectedRecipient | None = None
    as_of: AsOf | None = Field(None, description=AS_OF, examples=["2026-03-31T12:00:00Z"], json_schema_extra=_not_null)
    require_inclusion: bool | None = Field(None, strict=True, description=REQUIRE, json_schema_extra=_not_null)

    @model_validator(mode="after")
    def _names_one_badge(self) -> "VerificationRequest":
        given = self.model_fields_set & {"credential", "token", "url"}
        if len(given) != 1 or getattr(self, *given) is None:
            raise ValueError("give one of credential, token and url")
        return self


@dataclass(frozen=True)
class Upload:
    """A file that is or holds a credential, as it came."""

    file: bytes
    expected_recipient: ExpectedRecipient | None
    as_of: datetime | None = None
    require_inclusion: bool | None = None


async def _asked(request: Request) -> VerificationRequest | Upload:
    """Read a request's body by its media type.

    Raises RequestValidationError, UnsupportedMedia, and as the readers of JSON and forms do.
    """
    if _media_type(request) == MULTIPART:
        return _upload(await read_form(request, len(ExpectedRecipient.model_fields) + 3))
    return await read_model(request, VerificationRequest, f"application/json or {MULTIPART}")


async def read_model(request: Request, model: type[Body], taken: str = "application/json") -> Body:
    """Read a JSON body; raises RequestValidationError, UnsupportedMedia, and as the reader of JSON does."""
    media_type = _media_type(request)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMedia("media_type_not_taken", f"Badges are taken as {taken}.")
    try:
        return model.model_validate(await request.json())
    except ValidationError as error:
        raise _invalid(error) from error


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


_FLAGS: dict[Any, bool | None] = {None: None, "true": True, "false": False}

Asked = Annotated[VerificationRequest | Upload, Depends(_asked)]


def _upload(fields: list[tuple[str, str | SentFile]]) -> Upload:
    """The one file of a form, and whom and which time the rest of it names."""
    sent = dict(fields)
    if len(sent) != len(fields):
        raise _wrong("", "each field is given once")
    file = sent.pop("file", None)
    if not isinstance(file, SentFile):
        raise _wrong("file", "give the badge's file")
    as_of = sent.pop("as_of", None)
    if as_of is not None and read_instant(as_of) is None:
        raise _wrong("as_of", _WANTED)
    require = sent.pop("require_inclusion", None)
    if require not in _FLAGS:
        raise _wrong("require_inclusion", "say true or false")
    try:
        person = ExpectedRecipient.model_validate(sent) if sent else None
        return Upload(file.content, person, read_instant(as_of), _FLAGS[require])
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> RequestValidationError:
    return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _wrong(field: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", *filter(None, [field])), "msg": message, "type": "value_error"}])


def described(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema in one piece: nothing else in the OpenAPI document may refer to its parts."""
    schema = model.model_json_schema()
    parts = {f"#/$defs/{name}": part for name, part in schema.pop("$defs", {}).items()}

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return parts[value["$ref"]] if "$ref" in value else {name: whole(each) for name, each in value.items()}
        return [whole(each) for each in value] if isinstance(value, list) else value

    return cast(dict[str, Any], whole(schema))


def _form() -> dict[str, Any]:
    person = {
        name: next(each for each in field["anyOf"] if each.get("type") != "null")
        for name, field in ExpectedRecipient.model_json_schema()["properties"].items()
    }
    file = {
        "type": "string",
        "format": "binary",
        "description": "JSON, a signed token, a PNG or SVG picture with a badge in it, or a PNG or JPEG picture of one "
        "QR code; at most 1 MiB with the rest.",
    }
    as_of = {"type": "string", "format": "date-time", "description": AS_OF}
    require = {"type": "boolean", "description": REQUIRE}
    return {
        "type": "object",
        "properties": {"file": file, **person, "as_of": as_of, "require_inclusion": require},
        "required": ["file"],
        "additionalProperties": False,
    }


# Both bodies, for the OpenAPI document: FastAPI can describe one.
BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": described(VerificationRequest)},
            MULTIPART: {"schema": _form()},
        },
    }
}
