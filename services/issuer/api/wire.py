"""What the bodies of several routes are made of, each checked as strictly as what is later signed demands."""

import re
from collections.abc import Hashable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from shared.web.fields import Name, not_blank

# What may stand in an IRI of a signed document (RFC 3987).
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`\x7f]+")
_PERSON_SCHEMES = ("did", "https", "http", "urn")


class OpenBadgesBody(BaseModel):
    """An object of the Open Badges vocabulary, by its own names; snake_case is understood as well."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


def _web_url(text: str) -> str:
    if (
        not _IRI.fullmatch(text)
        or urlsplit(text).scheme.lower() not in ("http", "https")
        or not urlsplit(text).hostname
    ):
        raise ValueError("must be an http or https URL")
    return text


def _uri(text: str) -> str:
    if not _IRI.fullmatch(text) or text.partition(":")[0].lower() not in _PERSON_SCHEMES:
        raise ValueError(f"must be an absolute URI: {', '.join(_PERSON_SCHEMES)}; an address goes into 'email'")
    return text


T = TypeVar("T", bound=Hashable)


def unique(items: list[T]) -> list[T]:
    """Return a list whose values differ; raises ValueError."""
    # A signature would not cover the second one.
    if len(set(items)) != len(items):
        raise ValueError("must not hold the same value twice")
    return items


WebUrl = Annotated[
    str, StringConstraints(max_length=2000), AfterValidator(_web_url), Field(examples=["https://north.example/welding"])
]
Uri = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_uri), Field(examples=["did:example:ada"])]
# An institution's name in addresses: a label of a DNS name, because it may become part of one.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(not_blank)]
UniqueNames = Annotated[list[Name], AfterValidator(unique)]
