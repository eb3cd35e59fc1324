"""What a strict reader of Open Badges 3.0 would refuse in a badge, whoever signed it: each thing by its place.

for problem in problems(badge):
    print(problem)  # credentialSubject.result[0].value is not among the values that its description allows.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.credentials import jwt, results
from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, OPEN_BADGES_SCHEMAS
from shared.credentials.instants import read_instant
from shared.credentials.quoting import quoted
from shared.credentials.shape import BADGE_TYPES, items
from shared.credentials.vocabulary import (
    ACHIEVEMENT_TYPES,
    IDENTIFIER_TYPES,
    LANGUAGE,
    RESULT_STATUSES,
    RESULT_TYPES,
    TARGET_TYPES,
    open_pattern,
)
from shared.credentials.walking import Place, path_of

# As many as somebody mends at a time.
MAX_PROBLEMS = 20

# The classes of Open Badges 3.0 (specification, section B.1), as the strictest of the published JSON schemas has them:
# `1` once, `?` at most once, `+` an array of at least one, `*` an array if at all, `~` one or an array if at all.
# Behind a class stand the types that its objects have: in brackets as an array of which these are among the items. A
# closed class (!) takes no other members.
_MODEL = """
AchievementCredential [VerifiableCredential]
    id 1 URI, name ? Text, description ? Text, image ? Image, awardedDate ? DateTime, credentialSubject 1 Subject
    endorsement * Object, endorsementJwt * Token, evidence * Evidence, issuer 1 ProfileRef
    credentialSchema ~ Typed, credentialStatus ? Typed, refreshService ? Typed, termsOfUse ~ Terms
Subject [AchievementSubject]
    id ? URI, activityEndDate ? DateTime, activityStartDate ? DateTime, creditsEarned ? Number
    achievement 1 Achievement, identifier * IdentityObject, image ? Image, licenseNumber ? Text, narrative ? Text
    result * Result, role ? Text, source ? Profile, term ? Text
Achievement [Achievement]
    id 1 URI, alignment * Alignment, achievementType ? AchievementType, creator ? Profile, creditsAvailable ? Number
    criteria 1 Criteria, description 1 Text, endorsement * Object, endorsementJwt * Token, fieldOfStudy ? Text
    humanCode ? Text, image ? Image, inLanguage ? Language, name 1 Text, otherIdentifier * IdentifierEntry
    related * Related, resultDescription * ResultDescription, specialization ? Text, tag * Text, version ? Text
Profile [Profile]
    id 1 URI, name ? Text, url ? URI, phone ? Phone, description ? Text, endorsement * Object, endorsementJwt * Token
    image ? Image, email ? Email, address ? Address, otherIdentifier * IdentifierEntry, official ? Text
    parentOrg ? Profile, familyName ? Text, givenName ? Text, additionalName ? Text, patronymicName ? Text
    honorificPrefix ? Text, honorificSuffix ? Text, familyNamePrefix ? Text, dateOfBirth ? Date
Address [Address]
    addressCountry ? Text, addressCountryCode ? Country, addressRegion ? Text, addressLocality ? Text
    streetAddress ? Text, postOfficeBoxNumber ? Text, postalCode ? Text, geo ? GeoCoordinates
GeoCoordinates GeoCoordinates
    latitude 1 Number, longitude 1 Number
Alignment [Alignment]
    targetCode ? Text, targetDescription ? Text, targetName 1 Text, targetFramework ? Text, targetType ? TargetType
    targetUrl 1 URI
Criteria !
    id ? URI, narrative ? Text
Evidence [Evidence]
    id ? URI, narrative ? Text, name ? Text, description ? Text, genre ? Text, audience ? Text
IdentifierEntry IdentifierEntry !
    identifier 1 Text, identifierType 1 IdentifierType
IdentityObject IdentityObject !
    hashed 1 Boolean, identityHash 1 Text, identityType 1 IdentifierType, salt ? Text
Image Image
    id 1 URI, caption ? Text
Related [Related]
    id 1 URI, inLanguage ? Language, version ? Text
Result [Result]
    achievedLevel ? URI, alignment * Alignment, resultDescription ? URI, status ? ResultStatus, value ? Text
ResultDescription [ResultDescription]
    id 1 URI, alignment * Alignment, allowedValue * Text, name 1 Text, requiredLevel ? URI, requiredValue ? Text
    resultType 1 ResultType, rubricCriterionLevel * RubricCriterionLevel, valueMax ? Text, valueMin ? Text
RubricCriterionLevel [RubricCriterionLevel]
    id 1 URI, alignment * Alignment, description ? Text, level ? Text, name 1 Text, points ? Text
Typed
    id 1 URI, type 1 Text
Terms
    id ? URI, type 1 Text
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing: where it stands, as a path of members and places, and what is said of it."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path} {self.sentence}"


# Adds what is wrong with a value that stands at a place.
_Read = Callable[[Any, Place, list[Problem]], None]


@dataclass(frozen=True, slots=True)
class _Class:
    types: tuple[str, ...]
    as_array: bool
    closed: bool
    members: Mapping[str, tuple[str, _Read]]  # cardinality, and what reads one value
    required: frozenset[str]

    def read(self, value: Any, place: Place, found: list[Problem]) -> None:
        """Add what is wrong with an object of this class."""
        if not isinstance(value, dict):
            found.append(_problem(place, "is not an object."))
            return
        found.extend(_problem((place, name), "is missing.") for name in self.required if name not in value)
        if self.types:
            self._read_types(value.get("type"), (place, "type"), found)
        for name, member in value.items():
            if name in self.members:
                cardinality, read = self.members[name]
                _read_member(member, cardinality, read, (place, name), found)
            elif self.closed and not (name == "type" and self.types):
                found.append(_problem(place, f"has {quoted(name)} as a member, which such an object has not."))

    def _read_types(self, types: Any, place: Place, found: list[Problem]) -> None:
        if self.as_array and isinstance(types, list):
            if not all(each in types for each in self.types) or not all(isinstance(each, str) for each in types):
                found.append(_problem(place, f"is not an array of types with {', '.join(self.types)}."))
        elif self.as_array:
            found.append(_problem(place, "is not an array of types."))
        elif types not in self.types:
            found.append(_problem(place, f"is not {', '.join(self.types)}."))


def _read_member(value: Any, cardinality: str, read: _Read, place: Place, found: list[Problem]) -> None:
    if not isinstance(value, list):
        if cardinality in "+*":
            found.append(_problem(place, "is not an array."))
        else:
            read(value, place, found)
    elif cardinality in "1?":
        found.append(_problem(place, "is an array, and one value is taken."))
    elif not value:
        found.append(_problem(place, "is an empty array."))
    else:
        for index, item in enumerate(value):
            read(item, (place, index), found)


def _problem(place: Place, sentence: str) -> Problem:
    return Problem(path_of(place), sentence)


def problems(badge: Mapping[str, Any]) -> list[Problem]:
    """Return up to MAX_PROBLEMS things in a badge that a strict reader would refuse; of a proof nothing is said.

    Takes any document, and never raises for what it holds.
    """
    found = [*_of_contexts(badge.get("@context")), *_of_types(badge.get("type"))]
    _CLASSES["AchievementCredential"].read(badge, None, found)
    found += [*_of_dates(badge), *_of_schemas(badge)]
    found += _of_status(badge.get("credentialStatus"))
    subject = badge.get("credentialSubject")
    if isinstance(subject, dict):
        if "id" not in subject and not subject.get("identifier"):
            found.append(Problem("credentialSubject", "has neither an id nor an identifier: it is nobody's."))
        found += (Problem(f"credentialSubject.{path}", said) for path, said in results.problems(subject))
    return found[:MAX_PROBLEMS]


def problems_in(badge: Mapping[str, Any], member: str) -> list[Problem]:
    """Return what a strict reader would refuse in one of a badge's members, by the form that it has there."""
    found: list[Problem] = []
    if member in badge:
        cardinality, read = _CLASSES["AchievementCredential"].members[member]
        _read_member(badge[member], cardinality, read, (None, member), found)
    return found


def token_problems(token: jwt.Token) -> list[Problem]:
    """Return what a strict reader would refuse in a badge's token (Open Badges 3.0, sections 8.2.3 and 8.2.4)."""
    if token.profile != "ob3-jwt":
        return []
    found = [
        Problem(f"claim {name}", "is missing.") for name in ("iss", "jti", "nbf", "sub") if name not in token.claims
    ]
    if token.header["alg"] not in jwt.OB3_ALGORITHMS:
        found.append(Problem("header alg", "is neither RS256 nor ES256."))
    others = sorted(token.header.keys() - {"alg", "kid", "jwk", "typ"})
    return found + [Problem("header", f"has {quoted(each)} as a member, which is not provided for.") for each in others]


def _of_types(types: Any) -> Iterator[Problem]:
    if not any(isinstance(each, str) and each in BADGE_TYPES for each in items(types)):
        yield Problem("type", "names neither OpenBadgeCredential nor AchievementCredential.")


def _of_contexts(contexts: Any) -> Iterator[Problem]:
    if not isinstance(contexts, list) or len(contexts) < 2 or contexts[0] not in (CREDENTIALS_V1, CREDENTIALS_V2):
        yield Problem("@context", "is not an array that begins with the data model's context and then Open Badges'.")


def _of_dates(badge: Mapping[str, Any]) -> Iterator[Problem]:
    begins, ends = ("validFrom", "validUntil")
    if CREDENTIALS_V1 in items(badge.get("@context")):
        begins, ends = ("issuanceDate", "expirationDate")
    first, last = read_instant(badge.get(begins)), read_instant(badge.get(ends))
    if first is None:
        yield Problem(begins, "is not a date and time with time zone.")
    if ends in badge and last is None:
        yield Problem(ends, "is not a date and time with time zone.")
    if first is not None and last is not None and last <= first:
        yield Problem(ends, f"does not lie after {begins}.")


def _of_schemas(badge: Mapping[str, Any]) -> Iterator[Problem]:
    """Whoever names schemas names Open Badges' own among them (specification, section B.1.8)."""
    named = [each for each in items(badge.get("credentialSchema", [])) if isinstance(each, dict)]
    own = ("1EdTechJsonSchemaValidator2019", "JsonSchemaValidator2019")
    if named and not any(
        each.get("type") in own and str(each.get("id")).startswith(OPEN_BADGES_SCHEMAS) for each in named
    ):
        yield Problem("credentialSchema", "does not name the JSON schema of Open Badges 3.0.")


def _of_status(status: Any) -> Iterator[Problem]:
    """A place in a list is a text of digits (Bitstring Status List 1.0, section 2.1)."""
    index = status.get("statusListIndex", "0") if isinstance(status, dict) else "0"
    if not isinstance(index, str) or not index.isdecimal():
        yield Problem("credentialStatus.statusListIndex", "is not a text of digits.")


def _value(fits: Callable[[Any], Any], wanted: str) -> _Read:
    def read(value: Any, place: Place, found: list[Problem]) -> None:
        if not fits(value):
            found.append(_problem(place, f"is not {wanted}."))

    return read


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _open(terms: tuple[str, ...]) -> Callable[[Any], bool]:
    return _text(open_pattern(terms))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: dict[str, _Read] = {
    "Text": _value(lambda value: isinstance(value, str), "a text"),
    "URI": _value(_text(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+"), "a URL"),
    "DateTime": _value(lambda value: read_instant(value) is not None, "a date and time with time zone"),
    "Date": _value(_text(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"), "a date"),
    "Number": _value(_is_number, "a number"),
    "Boolean": _value(lambda value: isinstance(value, bool), "true or false"),
    "Object": _value(lambda value: isinstance(value, dict), "an object"),
    "Token": _value(_text(r"[\w-]+\.[\w-]*\.[\w-]+"), "a compact token"),
    "Email": _value(_text(r"[^\s@]+@[^\s@]+"), "an email address"),
    "Phone": _value(_text(r"[+]?[0-9 ().;=a-z-]+"), "a phone number"),
    "Country": _value(_text(r"[A-Z]{2}"), "a country's code of two letters"),
    "Language": _value(_text(LANGUAGE), "a language tag like de, de-AT or de-Latn"),
    "AchievementType": _value(_open(ACHIEVEMENT_TYPES), "a type of achievement"),
    "IdentifierType": _value(_open(IDENTIFIER_TYPES), "a type of identifier"),
    "ResultType": _value(_open(RESULT_TYPES), "a type of result"),
    "ResultStatus": _value(lambda value: value in RESULT_STATUSES, "a result's status"),
    "TargetType": _value(_open(TARGET_TYPES), "a type of alignment"),
}


def _described(model: str) -> dict[str, _Class]:
    """Return the classes that the text above describes; a member's class may stand below it."""
    classes: dict[str, _Class] = {}
    described = [each.split("\n    ") for each in re.split(r"\n(?=\S)", model.strip())]
    known = {*_KINDS, "ProfileRef", *(head.split()[0] for head, *_ in described)}
    for head, *body in described:
        name, *types = head.split()
        named = [each for each in types if each != "!"]
        lines = [each.split() for line in body for each in line.split(",")]
        if unknown := {kind for _, _, kind in lines} - known:
            raise ValueError(f"{name} has members of the unknown class {unknown}.")
        classes[name] = _Class(
            types=tuple(each.strip("[]") for each in named),
            as_array=any("[" in each for each in named),
            closed="!" in types,
            members={name: (cardinality, _reader(kind, classes)) for name, cardinality, kind in lines},
            required=frozenset(name for name, cardinality, _ in lines if cardinality in "1+"),
        )
    return classes


def _reader(kind: str, classes: Mapping[str, _Class]) -> _Read:
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "ProfileRef":  # where a profile's address may stand for it
        return _either(_KINDS["URI"], _reader("Profile", classes))

    def read(value: Any, place: Place, found: list[Problem]) -> None:
        classes[kind].read(value, place, found)

    return read


def _either(of_text: _Read, of_object: _Read) -> _Read:
    def read(value: Any, place: Place, found: list[Problem]) -> None:
        (of_text if isinstance(value, str) else of_object)(value, place, found)

    return read


_CLASSES = _described(_MODEL)
