"""The shape of an Open Badges 3.0 credential: what must be there, of which type, and what it says of itself."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.credentials.badge import DEMO_PREFIX
from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2
from shared.credentials.errors import CredentialError, DataLoss
from shared.credentials.instants import read_instant
from shared.credentials.report import CredentialFacts, Kind, StatusEntry
from shared.credentials.walking import levels

# What is taken from a document is small, however large that is: the facts are read before anything has judged it.
MAX_TEXT = 2_000
MAX_STATUS_ENTRIES = 4

BADGE_TYPES = {"OpenBadgeCredential", "AchievementCredential"}
ENDORSEMENT = "EndorsementCredential"
_PLAIN_SUBJECT = {"id", "type", "endorsementComment"}
PRESENTATION_TYPES = {"VerifiablePresentation", "EnvelopedVerifiablePresentation"}


def kind_of(document: Any) -> Kind:
    """Tell what kind of credential a document is by its types: an Open Badge, an endorsement of 3.0, or any other.

    Raises CredentialError: `unsupported_format` for another kind of document, `malformed` for none at all.
    """
    if not isinstance(document, dict) or not {"@context", "type"} <= document.keys():
        raise CredentialError("The document is not a credential: it needs a context and a type.", "malformed")
    if not any(each in (CREDENTIALS_V1, CREDENTIALS_V2) for each in items(document["@context"])):
        raise CredentialError("The document is not a verifiable credential, 2.0 or 1.1.", "unsupported_format")
    if PRESENTATION_TYPES & types_of(document):
        raise CredentialError("The document is a presentation, which holds credentials.", "unsupported_format")
    return _kind(types_of(document))


def types_of(document: Any) -> set[str]:
    """Return the types that a document says it has."""
    return {each for each in items(_object(document).get("type")) if isinstance(each, str)}


def _kind(types: set[str]) -> Kind:
    return "badge" if BADGE_TYPES & types else "endorsement" if ENDORSEMENT in types else "credential"


def refuse_other_shapes(document: Any) -> None:
    """Raise CredentialError `malformed`, naming the member, where an OpenBadgeCredential can't be read as one.

    What it lacks beyond that, for a strict reader, is for `conformance` to say.
    """
    dates = _DATES_V1 if CREDENTIALS_V1 in document["@context"] else _DATES_V2
    for path, fits, wanted in (*_RULES, *dates):
        for value in values_at(document, path.split(".")):
            if not fits(value):
                raise CredentialError(f"{path} is not {wanted}.", "malformed")
    _refuse_mistyped(document)


def refuse_second_mention(document: Mapping[str, Any]) -> None:
    """Raise DataLoss where a credential's own id stands in it once more.

    As statements, members of the credential and members of that other part are the same thing's: a status or an end
    could be moved there, unseen by whoever reads the JSON, under the same signature. An endorsement inside it may be of
    the credential, where it says nothing of it that could stand elsewhere.
    """
    own = document.get("id")
    parts = [member for name, member in document.items() if name not in ("id", "proof", "endorsement")]
    parts += map(_but_for_its_subject, items(document.get("endorsement", [])))
    if own is not None and any(own in level for level in levels(parts)):
        raise DataLoss("A part of the credential has the credential's own id.")


def _but_for_its_subject(endorsement: Any) -> Any:
    """Return an endorsement without its subject where that is a plain one, in which nothing else can hide."""
    subject = _object(_object(endorsement).get("credentialSubject"))
    if subject.keys() <= _PLAIN_SUBJECT and items(subject.get("type")) == ["EndorsementSubject"]:
        return {name: member for name, member in endorsement.items() if name != "credentialSubject"}
    return endorsement


def facts_of(document: Any) -> CredentialFacts:
    """Return what a document says of itself, leaving out what is not in its expected form.

    Texts beyond `MAX_TEXT` characters count as absent, and so do status entries beyond `MAX_STATUS_ENTRIES`. Takes next
    to no time and never raises.
    """
    credential = _object(document)
    issuer = _one(credential.get("issuer"))
    subject = _object(_one(credential.get("credentialSubject")))
    kind = _kind(types_of(credential)) if credential else "badge"
    achievement = _object(_one(subject.get("achievement"))) if kind == "badge" else {}
    name, entries = _one(credential.get("name")), items(credential.get("credentialStatus", []))
    return CredentialFacts(
        kind=kind,
        id=_text(credential.get("id")),
        name=_text(name),
        issuer_id=_text(issuer) or _text(_object(issuer).get("id")),
        issuer_name=_text(_one(_object(issuer).get("name"))),
        achievement_id=_text(achievement.get("id")),
        achievement_name=_text(_one(achievement.get("name"))),
        creator_id=_text(id_of(_one(achievement.get("creator")))),
        endorses=_text(subject.get("id")) if kind == "endorsement" else None,
        valid_from=read_instant(credential.get("validFrom", credential.get("issuanceDate"))),
        valid_until=read_instant(credential.get("validUntil", credential.get("expirationDate"))),
        status=tuple(_entry(_object(entry)) for entry in entries[:MAX_STATUS_ENTRIES]),
        demo=isinstance(name, str) and name.startswith(DEMO_PREFIX),
    )


def _entry(entry: Mapping[str, Any]) -> StatusEntry:
    return StatusEntry(
        type=_text(entry.get("type")) or "",
        purpose=_text(entry.get("statusPurpose")) or "",
        list_url=_text(entry.get("statusListCredential")) or "",
        index=_text(entry.get("statusListIndex")) or "",
    )


def _one(value: Any) -> Any:
    """Return the item of an array of one: as statements both are the same."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return an array, or the one value that stands for an array of it."""
    return value if isinstance(value, list) else [value]


def id_of(value: Any) -> Any:
    """Return the id of an object, or the value that stands there instead of one."""
    return value.get("id") if isinstance(value, dict) else value


def values_at(value: Any, path: list[str]) -> list[Any]:
    """Return the values at a path; a last member that is missing counts as None, a missing one before as nothing."""
    if not path:
        return [value]
    return [
        found
        for item in items(value)
        if isinstance(item, dict) and (path[0] in item or len(path) == 1)
        for found in values_at(item.get(path[0]), path[1:])
    ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def _has_type(*names: str) -> Callable[[Any], bool]:
    return lambda value: all(isinstance(each, str) for each in items(value)) and bool(set(names) & set(items(value)))


def _is_contexts(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and ":" in value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_localized(value: Any) -> bool:
    return _is_text(value) or isinstance(value, dict | list)


def _is_instant(value: Any) -> bool:
    return read_instant(value) is not None


def _optional(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and value != {}


_Rule = tuple[str, Callable[[Any], bool], str]
_RULES: tuple[_Rule, ...] = (
    ("@context", _is_contexts, "an array of at least two contexts"),
    ("type", _has_type("VerifiableCredential"), "VerifiableCredential among others"),
    ("id", _optional(_is_url), "a URL"),
    ("name", _optional(_is_localized), "a text"),
    ("issuer", lambda value: _is_url(value) or _is_object(value), "a URL or a profile"),
    ("issuer.id", _is_url, "a URL"),
    # Both say the same of one thing where the issuer is the creator: without these one of them could be taken away.
    ("issuer.type", _has_type("Profile"), "Profile"),
    ("credentialSubject.achievement.creator.type", _has_type("Profile"), "Profile"),
    ("credentialSubject", _is_object, "one object"),
    ("credentialSubject.type", _has_type("AchievementSubject"), "AchievementSubject"),
    ("credentialSubject.id", _optional(_is_url), "a URL"),
    ("credentialSubject.achievement", _is_object, "one achievement"),
    ("credentialSubject.achievement.id", _is_url, "a URL"),
    ("credentialSubject.achievement.type", _has_type("Achievement"), "Achievement"),
    ("credentialSubject.achievement.name", _is_localized, "a text"),
    ("credentialStatus.type", _is_text, "a status type"),
)

# By either model's name: a date that stands in an array is the same statement, and nobody would read it.
_DATES: tuple[_Rule, ...] = tuple(
    (name, _optional(_is_instant), "a time with time zone")
    for name in ("validFrom", "validUntil", "issuanceDate", "expirationDate")
)
_DATES_V2: tuple[_Rule, ...] = (("validFrom", _is_instant, "a time with time zone"), *_DATES)
_DATES_V1: tuple[_Rule, ...] = (("issuanceDate", _is_instant, "a time with time zone"), *_DATES)

# JSON-LD writes 3 and "3", true and "true" alike under these terms: only here can they be told apart.
_NATIVE: dict[str, type | tuple[type, ...]] = {
    "hashed": bool,
    "creditsAvailable": (int, float),
    "creditsEarned": (int, float),
}


def _refuse_mistyped(value: Any) -> None:
    for item in items(value):
        if not isinstance(item, dict):
            continue
        for name, member in item.items():
            if name in _NATIVE and (
                not isinstance(member, _NATIVE[name]) or (isinstance(member, bool) and name != "hashed")
            ):
                raise CredentialError(f"{name} is not of its JSON type.", "malformed")
            _refuse_mistyped(member)
