"""Badges as Hypothesis draws them, with every member that Open Badges 3.0 and both data models allow, and few of each.

Source: Open Badges 3.0, appendix B.1, its JSON-LD context; VCDM 2.0 and 1.1.
"""

from typing import Any

from hypothesis import strategies as st

from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, ED25519_2020_V1, OPEN_BADGES_V3
from shared.credentials.contexts import OPEN_BADGES_EXTENSIONS as EXTENSIONS

Strategy = st.SearchStrategy[Any]

# The characters that PyLD 3.3 escapes as RDFC-1.0 does.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.sampled_from(
    ["a", "a b", "a!", 'a"', "\\", "Ünï", "@type", "_:b0", "urn:x:1", "https://x.example/", "1.5", "true", "relative"]
)
IRI = st.sampled_from(
    [
        *("https://x.example/1", "https://x.example/12", "http://x.example/a%20b", "https://x.example/ü", "data:,x"),
        *("https://x.example/../a", "urn:uuid:1", "urn:a,b", "did:web:x.example", "tel:1", "mailto:ada@x.example"),
        *("ipfs://x", "z:1"),
    ]
)
NUMBER = st.sampled_from([0, 1, -1, 2**53 - 1, 0.0, -0.0, 1.0, 2.5, 1e-7, -0.1, 1e15, 1.5e300]) | st.floats(-1e6, 1e6)
_TAGS: dict[str, Strategy] = {"@value": TEXT, "@language": st.sampled_from(["de", "en-GB", "EN"])}
_LANGUAGE_TEXT = st.fixed_dictionaries(_TAGS, optional={"@direction": st.sampled_from(["ltr", "rtl"])})
_NAME = TEXT | _LANGUAGE_TEXT
_DATE = st.datetimes().map(lambda time: time.replace(microsecond=0).isoformat() + "Z")
_IMAGE = st.fixed_dictionaries({"id": IRI, "type": st.just("Image")}, optional={"caption": TEXT})


def _some(required: dict[str, Strategy], members: dict[str, Strategy], most: int = 4) -> Strategy:
    """An object with what it needs and up to `most` of its other members, whichever: all come up, few at once."""
    names = st.lists(st.sampled_from(sorted(members)), max_size=most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries(required | {name: members[name] for name in chosen}))


def _objects(type_: str, most: int = 2, **members: Strategy) -> Strategy:
    each = _some({"type": st.just([type_])}, {"id": IRI, **members}, 3)
    return st.lists(each, min_size=1, max_size=most)


_OTHER_IDENTIFIER = _objects("IdentifierEntry", identifier=TEXT, identifierType=st.sampled_from(["name", "ext:own"]))
_GEO = st.fixed_dictionaries({"type": st.just(["GeoCoordinates"]), "latitude": NUMBER, "longitude": NUMBER})
_ADDRESS = _some(
    {"type": st.just(["Address"])},
    {
        **dict.fromkeys(("addressCountry", "addressCountryCode", "addressRegion", "addressLocality"), TEXT),
        **dict.fromkeys(("streetAddress", "postOfficeBoxNumber", "postalCode"), TEXT),
        "geo": _GEO,
    },
)
_ENDORSEMENT = _some(
    {
        "id": IRI,
        "type": st.just(["VerifiableCredential", "EndorsementCredential"]),
        "issuer": st.fixed_dictionaries({"id": IRI, "type": st.just(["Profile"])}),
        "validFrom": _DATE,
        "credentialSubject": _some(
            {"id": IRI, "type": st.just(["EndorsementSubject"])}, {"endorsementComment": TEXT}, 1
        ),
    },
    {"name": TEXT, "description": TEXT, "awardedDate": _DATE},
    1,
)
_ENDORSED: dict[str, Strategy] = {
    "endorsement": st.lists(_ENDORSEMENT, min_size=1, max_size=1),
    "endorsementJwt": st.lists(st.just("e30.e30.c2ln"), min_size=1, max_size=1),
}
PROFILE = _some(
    {"id": IRI, "type": st.just(["Profile"])},
    {
        **dict.fromkeys(("name", "description", "phone", "official", "familyName", "givenName"), TEXT),
        **dict.fromkeys(("additionalName", "patronymicName", "honorificPrefix", "honorificSuffix"), TEXT),
        **dict.fromkeys(
            (
                "familyNamePrefix",
                "email",
            ),
            TEXT,
        ),
        "dateOfBirth": st.just("2001-02-03"),
        "url": IRI,
        "image": _IMAGE,
        "address": _ADDRESS,
        "otherIdentifier": _OTHER_IDENTIFIER,
        "parentOrg": st.fixed_dictionaries({"id": IRI, "type": st.just(["Profile"]), "name": TEXT}),
        **_ENDORSED,
    },
)
_LEVELS = _objects(
    "RubricCriterionLevel", name=TEXT, points=TEXT, level=TEXT, description=TEXT,
    alignment=_objects("Alignment", 1, targetName=TEXT),
)  # fmt: skip
_RESULT_DESCRIPTIONS = _objects(
    "ResultDescription",
    name=TEXT,
    resultType=TEXT,
    allowedValue=st.lists(TEXT, min_size=1, max_size=3, unique=True),
    requiredLevel=IRI,
    requiredValue=TEXT,
    valueMin=TEXT,
    valueMax=TEXT,
    rubricCriterionLevel=_LEVELS,
)
_ALIGNMENT = _objects(
    "Alignment", targetName=TEXT, targetUrl=IRI, targetType=TEXT, targetCode=TEXT, targetDescription=TEXT,
    targetFramework=TEXT,
)  # fmt: skip
ACHIEVEMENT = _some(
    {
        "id": IRI,
        "type": st.just(["Achievement"]),
        "name": _NAME,
        "criteria": _some({"narrative": _NAME}, {"id": IRI}, 1),
    },
    {
        "description": _NAME | st.lists(_LANGUAGE_TEXT, min_size=1, max_size=2),
        "achievementType": TEXT,
        "image": _IMAGE,
        "tag": st.lists(TEXT, min_size=1, max_size=3, unique=True) | TEXT,
        "creditsAvailable": NUMBER,
        "alignment": _ALIGNMENT,
        "resultDescription": _RESULT_DESCRIPTIONS,
        "creator": PROFILE,
        "inLanguage": st.just("en"),
        "related": _objects("Related", inLanguage=st.just("de"), version=TEXT),
        "otherIdentifier": _OTHER_IDENTIFIER,
        **dict.fromkeys(("version", "fieldOfStudy", "humanCode", "specialization"), TEXT),
        **_ENDORSED,
    },
)
_SUBJECT = _some(
    {"type": st.just(["AchievementSubject"]), "achievement": ACHIEVEMENT},
    {
        "id": IRI,
        "identifier": _objects(
            "IdentityObject", hashed=st.booleans(), identityHash=TEXT, identityType=TEXT, salt=TEXT
        ),
        "result": _objects(
            "Result", value=TEXT, resultDescription=IRI, status=st.just("Completed"), achievedLevel=IRI,
            alignment=_objects("Alignment", 1, targetName=TEXT),
        ),
        "creditsEarned": NUMBER,
        "activityStartDate": _DATE,
        "activityEndDate": _DATE,
        **dict.fromkeys(("role", "term", "licenseNumber", "narrative"), TEXT),
        "image": _IMAGE,
        "source": PROFILE,
    },
)  # fmt: skip
_STATUS = st.fixed_dictionaries(
    {"id": IRI, "type": st.just("BitstringStatusListEntry"), "statusPurpose": TEXT, "statusListIndex": TEXT}
)


def _typed(type_: str) -> Strategy:
    return st.fixed_dictionaries({"id": IRI, "type": st.just(type_)})


_OPTIONAL: dict[str, Strategy] = {
    "name": TEXT,
    "description": TEXT,
    "awardedDate": _DATE,
    "image": _IMAGE,
    "evidence": _objects("Evidence", name=TEXT, narrative=TEXT, description=TEXT, audience=TEXT, genre=st.just("film")),
    "credentialSchema": st.lists(_typed("https://x.example/Schema"), min_size=1, max_size=1),
    "refreshService": _typed("https://x.example/Refresh"),
    "termsOfUse": _typed("https://x.example/Terms"),
    **_ENDORSED,
}


def _badge(contexts: list[str], began: str, ended: str, **optional: Strategy) -> Strategy:
    return _some(
        {
            "@context": st.just(contexts),
            "id": IRI,
            "type": st.just(["VerifiableCredential", "OpenBadgeCredential"]),
            "issuer": PROFILE,
            began: _DATE,
            "credentialSubject": _SUBJECT,
        },
        {**_OPTIONAL, ended: _DATE, **optional},
    )


_STATUSES = _STATUS | st.lists(_STATUS, min_size=1, max_size=2)
_V2, _V1 = [CREDENTIALS_V2, OPEN_BADGES_V3], [CREDENTIALS_V1, OPEN_BADGES_V3]
BADGES = st.one_of(
    _badge(_V2, "validFrom", "validUntil", name=_NAME, credentialStatus=_STATUSES),
    _badge(
        [*_V2, EXTENSIONS],
        "validFrom",
        "validUntil",
        credentialSchema=st.lists(_typed("1EdTechJsonSchemaValidator2019"), min_size=1, max_size=1),
        refreshService=_typed("1EdTechCredentialRefresh"),
    ),
    _badge(_V1, "issuanceDate", "expirationDate"),
    _badge([*_V1, ED25519_2020_V1], "issuanceDate", "expirationDate"),
)
