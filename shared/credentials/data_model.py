"""What the Verifiable Credentials Data Model, 2.0 and 1.1, asks of any credential, whatever it is about."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2
from shared.credentials.errors import CredentialError
from shared.credentials.instants import read_instant
from shared.credentials.related import refuse_other_resources
from shared.credentials.shape import items, values_at

Fits = Callable[[Any], bool]
Rule = tuple[str, Fits, str]
"""A path, what a value there must fit, and that in words; a missing last member counts as None."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20<>\"{}|\\^`\x7f]+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")  # a tag of BCP 47, as far as its form goes
_LANGUAGE_VALUE = {"@value", "@language", "@direction"}
_DIRECTIONS = (None, "ltr", "rtl")


def refuse_other_than_credential(document: Any) -> None:
    """Raise CredentialError `malformed`, naming path and rule, for what is no credential of either data model.

    VCDM 2.0 sections 4.3 to 4.12, 5.3 to 5.6, 5.10 and 11.1; VCDM 1.1 sections 4.1 to 4.8 and 5.4 to 5.6. That every
    type and member is defined is for JSON-LD to say (`data_loss`).
    """
    refuse_other_than(document, CREDENTIAL)
    first = document["@context"][0]
    refuse_other_than(document, _V1 if first == CREDENTIALS_V1 else _V2)
    begins, ends = _FROM_UNTIL[first]
    start, end = (read_instant(document.get(name)) for name in (begins, ends))
    if start is not None and end is not None and end < start:
        raise CredentialError(f"{ends} is not a time after {begins}.", "malformed")
    refuse_other_resources(document.get("relatedResource"))


def refuse_other_than_presentation(document: Any) -> None:
    """Raise CredentialError `malformed` for what is no presentation (VCDM 2.0 section 4.13, VCDM 1.1 section 4.10).

    One whose id is a `data:` URL is none either: what such a URL holds would have to be looked into instead.
    """
    refuse_other_than(document, _PRESENTATION)


def refuse_other_than_endorsement(document: Any) -> None:
    """Raise CredentialError `malformed` for what is no EndorsementCredential (Open Badges 3.0 section B.1.3)."""
    refuse_other_than_credential(document)
    refuse_other_than(document, _ENDORSEMENT)


def refuse_other_than(document: Any, rules: tuple[Rule, ...]) -> None:
    """Raise CredentialError `malformed` for a document that does not fit the rules; the detail names path and rule."""
    if not isinstance(document, dict):
        raise CredentialError("The document is not a JSON object.", "malformed")
    for path, fits, wanted in rules:
        if not all(map(fits, values_at(document, path.split(".")))):
            raise CredentialError(f"{path} is not {wanted}.", "malformed")


def is_url(value: Any) -> bool:
    """Tell whether a value is one absolute URL (VCDM 2.0 section 4.4)."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def optional(fits: Fits) -> Fits:
    """Return what fits a member that may be absent, and is never null where it is not."""
    return lambda value: value is None or fits(value)


def is_identified(value: Any) -> bool:
    """Tell whether a value is a URL, or an object whose id is one."""
    return is_url(value.get("id") if isinstance(value, dict) else value)


def has_type(name: str) -> Fits:
    """Return what fits a `type` that has `name` among others."""
    return lambda value: _is_types(value) and name in items(value)


def is_contexts(value: Any) -> bool:
    """Tell whether a value is an ordered set of contexts that begins with a data model's."""
    versions = (CREDENTIALS_V1, CREDENTIALS_V2)
    if not isinstance(value, list) or not value or value[0] not in versions:
        return False
    return all(isinstance(each, Mapping) or is_url(each) for each in value)


def are_objects(value: Any) -> bool:
    """Tell whether a value is an object or an array of them, none empty."""
    return value != [] and all(isinstance(each, dict) and each != {} for each in items(value))


def _is_types(value: Any) -> bool:
    return value != [] and all(isinstance(each, str) and each != "" for each in items(value))


def _is_text_in_languages(value: Any) -> bool:
    """A text, or the same in several languages (VCDM 2.0 section 11.1)."""
    return value != [] and all(isinstance(each, str) or _is_language_value(each) for each in items(value))


def _is_language_value(value: Any) -> bool:
    if not isinstance(value, dict) or not set(value) <= _LANGUAGE_VALUE or not isinstance(value.get("@value"), str):
        return False
    language = value.get("@language", "und")
    tagged = isinstance(language, str) and _LANGUAGE.fullmatch(language) is not None
    return tagged and None not in value.values() and value.get("@direction") in _DIRECTIONS


def _is_instant(value: Any) -> bool:
    return read_instant(value) is not None


def _typed(*names: str) -> Iterator[Rule]:
    for name in names:
        yield name, optional(are_objects), "an object, or an array of objects"
        yield f"{name}.type", _is_types, "a type"


def _with_ids(*names: str, fits: Fits = is_url) -> Iterator[Rule]:
    return ((f"{name}.id", fits, "a URL") for name in names)


CREDENTIAL: tuple[Rule, ...] = (
    ("@context", is_contexts, "an array of contexts, the first of them the data model's"),
    ("type", has_type("VerifiableCredential"), "VerifiableCredential among others"),
    ("id", optional(is_url), "a URL"),
    ("issuer", is_identified, "a URL, or an object whose id is one"),
    ("credentialSubject", are_objects, "an object, or an array of objects, none of them empty"),
    ("credentialSubject.id", optional(is_url), "a URL"),
    *((path, optional(_is_text_in_languages), "a text, or a value with its language and direction alone")
      for path in ("name", "description", "issuer.name", "issuer.description")),
    *_typed("credentialStatus", "credentialSchema", "refreshService", "termsOfUse", "evidence", "proof"),
    *_with_ids("credentialSchema"),
    *_with_ids("termsOfUse", "evidence", "proof", fits=optional(is_url)),
)  # fmt: skip
_PRESENTATION: tuple[Rule, ...] = (
    ("@context", is_contexts, "an array of contexts, the first of them the data model's"),
    ("type", has_type("VerifiablePresentation"), "VerifiablePresentation among others"),
    ("id", optional(lambda value: is_url(value) and not value.startswith("data:")), "a URL other than of data"),
    ("holder", optional(is_identified), "a URL, or an object whose id is one"),
    *_typed("termsOfUse", "proof"),
)
_ENDORSEMENT: tuple[Rule, ...] = (
    ("credentialSubject", lambda value: isinstance(value, dict), "one object"),
    ("credentialSubject.type", has_type("EndorsementSubject"), "EndorsementSubject"),
    ("credentialSubject.id", is_url, "a URL: whom or what it endorses"),
)
# By either model's name: a date that stands in an array is the same statement, and nobody would read it.
_DATES: tuple[Rule, ...] = tuple(
    (name, optional(_is_instant), "a time with time zone")
    for name in ("validFrom", "validUntil", "issuanceDate", "expirationDate")
)
_V2: tuple[Rule, ...] = (
    *_DATES,
    *_with_ids("credentialStatus", "refreshService", fits=optional(is_url)),
    *_typed("renderMethod", "confidenceMethod"),
)
_V1: tuple[Rule, ...] = (
    ("issuanceDate", _is_instant, "a time with time zone"),
    *_DATES,
    *_with_ids("credentialStatus", "refreshService"),
)
_FROM_UNTIL = {CREDENTIALS_V1: ("issuanceDate", "expirationDate"), CREDENTIALS_V2: ("validFrom", "validUntil")}
