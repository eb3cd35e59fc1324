"""Badges that are built here are what strict validators take, and lose nothing when signed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials import contexts
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.canonical import rdfc
from shared.credentials.errors import CredentialError
from shared.credentials.identity import matches_recipient
from shared.credentials.shape import refuse_other_shapes
from tests.support.badges import SIGNED_AT, a_badge, an_achievement

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
_NOTHING = st.sampled_from([None, "", [], {}, [None], [{}], {"name": None}])
_URL = st.integers(0, 999).map(lambda n: f"https://x.example/{n}")


def _optional(**members):
    return st.fixed_dictionaries({}, optional={name: value | _NOTHING for name, value in members.items()})


_ALIGNMENT = st.fixed_dictionaries({"targetName": _TEXT, "targetUrl": _URL}, optional={"targetCode": _TEXT | _NOTHING})
_RESULT_DESCRIPTION = st.fixed_dictionaries(
    {"id": _URL, "name": _TEXT, "resultType": st.just("Status")},
    optional={"allowedValue": st.lists(_TEXT, unique=True), "requiredValue": _TEXT},
)
_ACHIEVEMENT = st.builds(
    lambda needed, optional: needed | optional,
    st.fixed_dictionaries(
        {"id": _URL, "name": _TEXT, "description": _TEXT}
        | {"criteria": st.fixed_dictionaries({}, optional={"id": _URL, "narrative": _TEXT}).filter(bool)}
    ),
    _optional(
        achievementType=st.sampled_from(["Badge", "MicroCredential", "Course"]),
        alignment=_ALIGNMENT | st.lists(_ALIGNMENT, max_size=3),
        creditsAvailable=st.integers(0, 300) | st.floats(0, 300),
        fieldOfStudy=_TEXT,
        humanCode=_TEXT,
        image=st.fixed_dictionaries({"id": _URL}, optional={"caption": _TEXT}),
        inLanguage=st.sampled_from(["en", "de-AT"]),
        resultDescription=st.lists(_RESULT_DESCRIPTION, max_size=3, unique_by=lambda description: description["id"]),
        specialization=_TEXT,
        tag=st.lists(_TEXT, max_size=4, unique=True),
        version=_TEXT,
    ),
)
_RECIPIENT = st.builds(
    Recipient,
    id=st.just("did:example:ada") | st.none(),
    email=st.emails(),
    name=_TEXT | st.none() | st.just("  "),
    salt=st.just("c2FsdA"),
)
_EVIDENCE = _optional(id=_URL, name=_TEXT, narrative=_TEXT, genre=_TEXT)


def _nothings(value):
    if isinstance(value, dict):
        return [found for member in value.values() for found in _nothings(member)] + ([value] if not value else [])
    if isinstance(value, list):
        return [found for item in value for found in _nothings(item)] + ([value] if not value else [])
    return [value] if value is None else []


@settings(max_examples=150, deadline=None)
@given(
    achievement=_ACHIEVEMENT,
    recipient=_RECIPIENT,
    evidence=st.lists(_EVIDENCE, max_size=3, unique_by=lambda evidence: str(evidence.get("id"))),
    valid_until=st.none() | st.datetimes(datetime(2027, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    demo=st.booleans(),
)
def test_every_badge_is_covered_whole_by_its_signature_and_has_no_empty_part(
    achievement, recipient, evidence, valid_until, demo
):
    badge = open_badge(
        credential_id="https://badges.example/credentials/1",
        issuer=Issuer("did:web:badges.example:institutions:uni", "Uni"),
        achievement=achievement,
        recipient=recipient,
        valid_from=SIGNED_AT,
        valid_until=valid_until,
        evidence=evidence,
        demo=demo,
    )
    assert rdfc(badge)
    assert _nothings(badge) == []
    refuse_other_shapes(badge)
    assert matches_recipient(badge["credentialSubject"], {"email": recipient.email}) == "pass"


def test_a_badge_uses_no_term_that_older_bodies_of_its_context_lack():
    newest = contexts.pinned()[contexts.OPEN_BADGES_V3]
    terms = {
        term: definition for term, definition in newest["@context"].items() if term not in ("endorsementJwt", "jti")
    }
    assert len(terms) == len(newest["@context"]) - 2
    older = {**contexts.pinned(), contexts.OPEN_BADGES_V3: {"@context": terms}}
    assert rdfc(a_badge(), older) == rdfc(a_badge())


def test_a_badge_names_the_contexts_of_the_data_model_and_of_open_badges_in_this_order():
    assert a_badge()["@context"] == [contexts.CREDENTIALS_V2, contexts.OPEN_BADGES_V3]


def test_each_part_has_the_type_that_strict_validators_ask_for():
    badge = a_badge()
    subject, achievement = badge["credentialSubject"], badge["credentialSubject"]["achievement"]
    assert badge["issuer"]["type"] == achievement["creator"]["type"] == ["Profile"]
    assert subject["type"] == ["AchievementSubject"]
    assert achievement["type"] == ["Achievement"]
    assert achievement["image"]["type"] == "Image"
    assert achievement["alignment"][0]["type"] == ["Alignment"]
    assert achievement["resultDescription"][0]["type"] == ["ResultDescription"]
    assert [result["type"] for result in subject["result"]] == [["Result"]]
    assert [evidence["type"] for evidence in badge["evidence"]] == [["Evidence"], ["Evidence"]]
    assert {identity["type"] for identity in subject["identifier"]} == {"IdentityObject"}
    assert "type" not in achievement["criteria"]
    assert badge["credentialStatus"]["type"] == "BitstringStatusListEntry"


def test_a_result_names_its_description_by_one_url():
    [result] = a_badge()["credentialSubject"]["result"]
    assert result["resultDescription"] == "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"


def test_an_address_is_hashed_and_a_name_stays_readable_in_a_term_that_exists():
    subject = a_badge()["credentialSubject"]
    by_email, by_name = subject["identifier"]
    assert "ada@learner.example" not in str(subject)
    assert (by_email["identityType"], by_email["hashed"]) == ("emailAddress", True)
    assert (by_name["identityType"], by_name["hashed"], by_name["identityHash"]) == ("name", False, "Ada Lovelace")
    assert "name" not in subject


def test_a_learner_with_an_id_alone_is_named_by_it():
    subject = a_badge(recipient=Recipient(id="did:example:ada"))["credentialSubject"]
    assert subject["id"] == "did:example:ada"
    assert "identifier" not in subject


@pytest.mark.parametrize(
    ("recipient", "code"),
    [(Recipient(name="Ada"), "recipient_missing"), (Recipient(email="ada@learner.example"), "salt_missing")],
)
def test_a_recipient_who_could_not_be_recognised_is_refused(recipient, code):
    with pytest.raises(CredentialError) as refusal:
        a_badge(recipient=recipient)
    assert refusal.value.code == code


def test_a_demo_badge_says_so_in_both_names():
    badge = a_badge(achievement=an_achievement(name="Fire safety"), demo=True)
    assert badge["name"] == badge["credentialSubject"]["achievement"]["name"] == "DEMO Fire safety"


def test_the_institution_is_the_creator_whatever_the_achievement_says():
    badge = a_badge(achievement=an_achievement(creator={"id": "did:example:somebody-else"}))
    assert badge["credentialSubject"]["achievement"]["creator"]["id"] == badge["issuer"]["id"]
