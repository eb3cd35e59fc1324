"""What is wrong in a badge is told by the member of the request that asked for it, where one did."""

import pytest

from services.issuer.domain.asked import member_of_achievement, member_of_order

BADGE = {
    "credentialSubject": {
        "identifier": [{"identityType": "emailAddress"}, {"identityType": "name"}, {"identityType": "studentId"}]
    }
}


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("validUntil", "valid_until"),
        ("evidence[2].id", "evidence[2].id"),
        ("evidence", "evidence"),
        ("credentialSubject.result[0].resultDescription", "results[0].resultDescription"),
        ("credentialSubject.id", "recipient.id"),
        ("credentialSubject.identifier[0].identityHash", "recipient.email"),
        ("credentialSubject.identifier[1]", "recipient.name"),
        ("credentialSubject.identifier[2]", None),
        ("credentialSubject.identifier", None),
        ("credentialSubject.achievement.name", None),
        ("credentialSubject", None),
        ("evidenceless", None),
        ("issuer.name", None),
        ("", None),
    ],
)
def test_a_place_in_a_badge_is_known_by_the_member_of_its_order(path: str, member: str | None) -> None:
    assert member_of_order(path, BADGE) == member


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("resultDescription[1].valueMin", "result_descriptions[1].valueMin"),
        ("tag[0]", "tags[0]"),
        ("inLanguage", "language"),
        ("alignment[0].targetUrl", "alignment[0].targetUrl"),
        ("name", "name"),
        ("image.id", None),
        ("id", None),
    ],
)
def test_a_place_in_an_achievement_is_known_by_the_member_of_its_content(path: str, member: str | None) -> None:
    assert member_of_achievement(path) == member
