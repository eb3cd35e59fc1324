"""What strict readers of Open Badges would refuse is refused before it is signed, by its place."""

from typing import Any

import pytest

from tests.integration.issuer.conftest import BADGE, Institution, Site

GRADE = "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"
GRADED = {"result_descriptions": [{"id": GRADE, "name": "Grade", "result_type": "LetterGrade", "allowed_value": ["A"]}]}
RESULT_B = {"results": [{"result_description": GRADE, "value": "B"}]}
PLACE = "credentialSubject.result[0].value"


async def test_a_result_that_its_description_does_not_allow_is_refused_and_nothing_is_stored(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement(**GRADED)
    answer = await north.issue(achievement, **RESULT_B)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_conformant")
    assert answer.json()["errors"] == [
        {"path": PLACE, "message": "is not among the values that its description allows.", "member": "results[0].value"}
    ]
    assert f"{PLACE} (in the request: results[0].value) is not" in answer.json()["detail"]
    assert await site.rows("select from credentials") == []


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_row_that_would_be_refused_is_an_error_and_stops_no_other(north: Institution, dry_run: bool) -> None:
    achievement = await north.achievement(**GRADED)
    rows: list[dict[str, Any]] = [{"email": "a@example.org", **RESULT_B}, {"email": "b@example.org"}]
    body = {"achievement_id": achievement, "recipients": rows, "dry_run": dry_run}
    first, second = (await north.client.post("/v1/credentials/batch", json=body)).json()["results"]
    assert (first["status"], first["error"]["code"]) == ("error", "not_conformant")
    assert "(in the request: results[0].value)" in first["error"]["detail"]
    assert second["status"] == ("valid" if dry_run else "issued")


async def test_an_achievement_whose_every_badge_would_be_refused_is_not_published(north: Institution) -> None:
    levels = {"result_descriptions": [{"name": "Level", "result_type": "RubricCriterionLevel"}]}
    made = (await north.client.post("/v1/achievements", json={**BADGE, **levels})).json()
    answer = await north.client.post(f"/v1/achievements/{made['id']}/publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_conformant")
    assert [(each["path"], each["member"]) for each in answer.json()["errors"]] == [
        ("resultDescription[0].rubricCriterionLevel", "result_descriptions[0].rubricCriterionLevel")
    ]
    draft = (await north.client.get(f"/v1/achievements/{made['id']}")).json()
    assert draft["state"] == "draft"


async def test_a_level_of_a_rubric_is_declared_and_achieved(north: Institution) -> None:
    level = "urn:uuid:1b5b1e4e-0000-4000-8000-000000000002"
    rubric = {"id": GRADE, "name": "Level", "result_type": "RubricCriterionLevel", "required_level": level}
    rubric["rubric_criterion_level"] = [{"id": level, "name": "Mastered", "points": "3"}]
    achievement = await north.achievement(result_descriptions=[rubric])
    issued = await north.issue(achievement, results=[{"result_description": GRADE, "achieved_level": level}])
    assert issued.status_code == 201, issued.text
    described = issued.json()["credential"]["credentialSubject"]["achievement"]["resultDescription"][0]
    assert described["rubricCriterionLevel"][0]["type"] == ["RubricCriterionLevel"]
    other = await north.issue(achievement, results=[{"result_description": GRADE, "achieved_level": GRADE}])
    assert (other.status_code, other.json()["code"]) == (422, "not_conformant")


async def test_what_was_asked_for_and_some_readers_will_not_take_is_a_warning(north: Institution) -> None:
    plain = (await north.issue(await north.achievement())).json()
    assert plain["warnings"] == []
    suspendable = (await north.issue(await north.achievement(suspendable=True))).json()
    assert [(each["path"], each["member"]) for each in suspendable["warnings"]] == [("credentialStatus", None)]
    jcs = await north.issue(await north.achievement(), formats=["eddsa-jcs-2022"])
    assert [(each["path"], each["member"]) for each in jcs.json()["warnings"]] == [("proof", "formats")]
