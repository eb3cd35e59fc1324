"""What a strict reader of Open Badges 3.0 would refuse is told by its place, and nothing else is."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials import results
from shared.credentials.conformance import MAX_PROBLEMS, problems
from shared.credentials.contexts import CREDENTIALS_V1, OPEN_BADGES_SCHEMAS
from tests.support.badges import a_badge, an_achievement, at, paths
from tests.support.examples import examples

OWN_SCHEMA = {
    "id": f"{OPEN_BADGES_SCHEMAS}ob_v3p0_achievementcredential_schema.json",
    "type": "1EdTechJsonSchemaValidator2019",
}
LEVEL = "urn:uuid:1b5b1e4e-0000-4000-8000-00000000000a"
GRADE = "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"


def _told(badge):
    return {problem.path: problem.sentence for problem in problems(badge)}


def _with(path, value):
    """A badge in which `value` stands at a place; None: nothing does."""
    badge = a_badge()
    *way, last = path
    place = at(badge, way)
    if value is None:
        del place[last]
    else:
        place[last] = value
    return badge


def test_a_full_badge_of_ours_has_no_problem():
    assert problems(a_badge()) == []


def test_a_badge_of_the_data_model_1_1_is_held_to_its_own_dates():
    badge = a_badge()
    badge["@context"][0] = CREDENTIALS_V1
    assert _told(badge) == {"issuanceDate": "is not a date and time with time zone."}
    badge["issuanceDate"] = badge.pop("validFrom")
    badge["expirationDate"] = badge.pop("validUntil")
    assert problems(badge) == []


SUBJECT, ACHIEVEMENT = ("credentialSubject",), ("credentialSubject", "achievement")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("id",), None, "is missing."),
        (("id",), "not a URL", "is not a URL."),
        (("name",), {"en": "Fire"}, "is not a text."),
        (("type",), "OpenBadgeCredential", "is not an array of types."),
        (("type",), ["OpenBadgeCredential"], "is not an array of types with VerifiableCredential."),
        (("type",), ["VerifiableCredential"], "names neither OpenBadgeCredential nor AchievementCredential."),
        (("@context",), "https://www.w3.org/ns/credentials/v2", "is not an array that begins with the data model's"),
        (("validFrom",), None, "is not a date and time with time zone."),
        (("validFrom",), "2026-11-22", "is not a date and time with time zone."),
        (("validUntil",), "2020-01-01T00:00:00Z", "does not lie after validFrom."),
        (("awardedDate",), "2026-11-22T10:00:00", "is not a date and time with time zone."),
        (("evidence",), [], "is an empty array."),
        (("evidence",), {"type": ["Evidence"], "name": "A film"}, "is not an array."),
        (("evidence", 0, "name"), ["A film"], "is an array, and one value is taken."),
        (("issuer", "type"), "Profile", "is not an array of types."),
        (("issuer", "email"), "uni.example", "is not an email address."),
        (("credentialStatus",), [{"id": "urn:a#1", "type": "X"}], "is an array, and one value is taken."),
        (("credentialStatus", "id"), None, "is missing."),
        (
            ("credentialSchema",),
            [{"id": "https://x.example", "type": "JsonSchema"}],
            "does not name the JSON schema of",
        ),
        ((*SUBJECT, "type"), ["Profile"], "is not an array of types with AchievementSubject."),
        ((*SUBJECT, "identifier", 0, "hashed"), "true", "is not true or false."),
        ((*SUBJECT, "identifier", 0, "identityType"), "shoeSize", "is not a type of identifier."),
        ((*SUBJECT, "creditsEarned"), "5", "is not a number."),
        ((*ACHIEVEMENT,), None, "is missing."),
        ((*ACHIEVEMENT, "image"), "https://badges.example/image", "is not an object."),
        ((*ACHIEVEMENT, "image", "type"), ["Image"], "is not Image."),
        ((*ACHIEVEMENT, "inLanguage"), "de-latn", "is not a language tag like de, de-AT or de-Latn."),
        ((*ACHIEVEMENT, "achievementType"), "Trophy", "is not a type of achievement."),
        ((*ACHIEVEMENT, "tag"), "fire", "is not an array."),
        ((*ACHIEVEMENT, "alignment", 0, "targetUrl"), None, "is missing."),
        ((*ACHIEVEMENT, "alignment", 0, "targetType"), "Anything", "is not a type of alignment."),
        ((*ACHIEVEMENT, "resultDescription", 0, "resultType"), "Grade", "is not a type of result."),
        ((*SUBJECT, "result", 0, "status"), "Passed", "is not a result's status."),
        ((*SUBJECT, "result", 0, "value"), "D", "is not among the values that its description allows."),
        ((*SUBJECT, "result", 0, "resultDescription"), "urn:uuid:none", "is none of those that the achievement has."),
    ],
)
def test_each_thing_is_told_by_its_place(path, value, said):
    place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).removeprefix(".")
    assert _told(_with(path, value)).get(place, "").startswith(said)


def test_terms_of_somebodys_own_are_taken_where_the_vocabulary_is_open():
    assert problems(_with((*ACHIEVEMENT, "achievementType"), "ext:Trophy")) == []


@pytest.mark.parametrize("place", [(*ACHIEVEMENT, "criteria"), (*SUBJECT, "identifier", 0)])
def test_a_member_that_an_object_may_not_have_is_told_by_the_object(place):
    [problem] = problems(_with((*place, "no\u200bte"), "mine"))
    assert problem.path.endswith(("criteria", "identifier[0]"))
    assert problem.sentence == "has “note” as a member, which such an object has not."


def test_nobodys_badge_is_one():
    badge = a_badge()
    del badge["credentialSubject"]["identifier"]
    assert _told(badge) == {"credentialSubject": "has neither an id nor an identifier: it is nobody's."}


def test_open_badges_own_schema_may_stand_beside_others():
    badge = a_badge() | {"credentialSchema": [OWN_SCHEMA, {"id": "https://x.example", "type": "JsonSchema"}]}
    assert problems(badge) == []


# --- results against their descriptions ----------------------------------------------------------------------------


def _subject(description, result):
    described = {"id": GRADE, "name": "Grade", "resultType": "RawScore"} | description
    return {
        "achievement": an_achievement(resultDescription=[described]),
        "result": [{"type": ["Result"], "resultDescription": GRADE} | result],
    }


RUBRIC = {"resultType": "RubricCriterionLevel", "rubricCriterionLevel": [{"id": LEVEL, "name": "Mastered"}]}


@pytest.mark.parametrize(
    ("description", "result"),
    [
        ({}, {"value": "anything"}),
        ({"valueMin": "0", "valueMax": "100"}, {"value": "100"}),
        ({"valueMin": "0", "valueMax": "100"}, {"value": "not a number"}),
        ({"valueMin": "0", "valueMax": "many"}, {"value": "1000"}),
        ({"allowedValue": ["A", "B"], "requiredValue": "B"}, {"value": "A"}),
        ({"resultType": "Status"}, {"status": "Completed"}),
        (RUBRIC, {"achievedLevel": LEVEL}),
    ],
)
def test_results_as_they_are_described_are_none_to_speak_of(description, result):
    assert list(results.problems(_subject(description, result))) == []


@pytest.mark.parametrize(
    ("description", "result", "path"),
    [
        ({"valueMin": "0", "valueMax": "100"}, {"value": "100.5"}, "result[0].value"),
        ({"valueMin": "0", "valueMax": "100"}, {"value": "-1"}, "result[0].value"),
        ({"allowedValue": ["A", "B"]}, {"value": "a"}, "result[0].value"),
        ({"allowedValue": ["A"], "requiredValue": "B"}, {}, "achievement.resultDescription[0].requiredValue"),
        ({"resultType": "Status"}, {"value": "done"}, "result[0].status"),
        (RUBRIC, {"value": "Mastered"}, "result[0].achievedLevel"),
        (RUBRIC, {"achievedLevel": GRADE}, "result[0].achievedLevel"),
        (RUBRIC | {"requiredLevel": GRADE}, {"achievedLevel": LEVEL}, "achievement.resultDescription[0].requiredLevel"),
        ({"resultType": "RubricCriterionLevel"}, {"achievedLevel": LEVEL}, "result[0].achievedLevel"),
    ],
)
def test_results_that_their_description_does_not_know_are_told(description, result, path):
    assert path in dict(results.problems(_subject(description, result)))


# --- whatever the document holds -----------------------------------------------------------------------------------

_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@examples(100)
@given(place=st.sampled_from([each for each in paths(a_badge()) if each]), junk=_JUNK)
def test_nothing_that_stands_anywhere_in_a_badge_makes_it_raise(place, junk):
    badge = deepcopy(a_badge())
    at(badge, place[:-1])[place[-1]] = junk
    assert len(problems(badge)) <= MAX_PROBLEMS


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*a_badge()]), _JUNK))
def test_no_other_document_makes_it_raise(document):
    assert problems(document)
