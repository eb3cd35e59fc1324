"""Achievements: a draft may change, what is published never does, and what is missing is said."""

import base64
from io import BytesIO
from typing import Any
from uuid import uuid4

from PIL import Image

from tests.integration.issuer.conftest import BADGE, Institution, Site


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 400), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


async def test_publishing_freezes_a_version_and_says_what_is_missing(site: Site, north: Institution) -> None:
    made = (await north.client.post("/v1/achievements", json={**BADGE, "language": "en"})).json()
    assert made == {"id": made["id"], "version": 1, "state": "draft"}
    answers = [(await north.client.post(f"/v1/achievements/{made['id']}/publish")).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["state"] == "published"
    assert "micro_credential.learning_outcomes" in answers[0]["missing"]
    assert "language" not in answers[0]["missing"]
    [state] = await site.told("laurel.achievement.state.v1")
    assert (state["number"], state["achievement"]["inLanguage"]) == (1, "en")
    with Image.open(BytesIO(base64.b64decode(state["image"]))) as image:
        assert image.format == "PNG"


async def test_nothing_is_missing_of_a_whole_micro_credential(site: Site, north: Institution) -> None:
    elements = {
        "learning_outcomes": ["Builds"], "workload_hours": 25, "eqf_level": 4, "assessment_type": "exam",
        "supervision": "onsite", "identity_check": "identity card", "participation": "blended",
        "quality_assurance": "ESG agency", "country": "AT",
    }  # fmt: skip
    content = {**BADGE, "language": "en", "credits_available": 1, "micro_credential": elements}
    made = (await north.client.post("/v1/achievements", json=content)).json()
    assert (await north.client.post(f"/v1/achievements/{made['id']}/publish")).json()["missing"] == []
    [state] = await site.told("laurel.achievement.state.v1")
    assert state["achievement"]["micro_credential"]["country"] == "AT"
    badge = (await north.issue(made["id"])).json()["credential"]["credentialSubject"]["achievement"]
    assert "micro_credential" not in badge


async def test_a_change_after_publication_begins_the_next_version_and_badges_stay_with_the_published_one(
    north: Institution,
) -> None:
    achievement = await north.achievement()
    path = f"/v1/achievements/{achievement}"
    changed = await north.client.put(path, json={**BADGE, "name": "Bridges II"})
    assert changed.json() == {"id": achievement, "version": 2, "state": "draft"}
    assert (await north.issue(achievement)).json()["achievement_version"] == 1
    await north.client.post(f"{path}/publish")
    made = (await north.issue(achievement)).json()
    assert made["achievement_version"] == 2
    assert made["credential"]["name"] == "DEMO Bridges II"
    assert made["credential"]["credentialSubject"]["achievement"]["id"] == made["links"]["achievement"]


async def test_a_change_that_rests_on_an_old_reading_is_412(north: Institution) -> None:
    path = f"/v1/achievements/{(await north.client.post('/v1/achievements', json=BADGE)).json()['id']}"
    tag = (await north.client.get(path)).headers["ETag"]
    assert (await north.client.put(path, json=BADGE, headers={"If-Match": tag})).status_code == 200
    for method, where in (("PUT", path), ("POST", f"{path}/publish")):
        request = {"json": BADGE} if method == "PUT" else {}
        stale = await north.client.request(method, where, headers={"If-Match": tag}, **request)
        assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")


async def test_a_repeated_definition_makes_one_achievement(north: Institution) -> None:
    answers = [
        await north.client.post("/v1/achievements", json=BADGE, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len((await north.client.get("/v1/achievements")).json()["items"]) == 1


async def test_what_cannot_be_signed_or_shown_safely_is_422(north: Institution) -> None:
    wrong: list[dict[str, Any]] = [
        {"criteria": {}},
        {"criteria": {"id": "javascript:alert(1)"}},
        {"criteria": {"id": "data:text/html,x"}},
        {"criteria": {"id": "https://x.example/<>"}},
        {"alignment": [{"targetName": "x", "targetUrl": "JavaScript:alert(1)"}]},
        {"alignment": [{"targetName": "x"}]},
        {"tags": ["a", "a"]},
        {"tags": [""]},
        {"name": "   "},
        {"achievement_type": "Sport"},
        {"language": "english please"},
        {"credits_available": -1},
        {"result_descriptions": [{"name": "x", "resultType": "Colour"}]},
        {"result_descriptions": [{"id": "urn:x:1", "name": "x", "resultType": "Percent"}] * 2},
        {"micro_credential": {"country": "Austria"}},
        {"micro_credential": {"eqf_level": 9}},
        {"state": "published"},
        {"version": 3},
        {"institution_id": str(uuid4())},
    ]
    for members in wrong:
        answer = await north.client.post("/v1/achievements", json={**BADGE, **members})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), members


async def test_an_uploaded_picture_becomes_a_png_of_pixels_alone(site: Site, north: Institution) -> None:
    made = (await north.client.post("/v1/achievements", json=BADGE)).json()
    path = f"/v1/achievements/{made['id']}"
    exif = Image.Exif()
    exif[0x010E] = "planted-description"
    for kind, media_type in (("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("PNG", "image/png")):
        body = picture(kind, exif=exif)
        assert b"planted-description" in body
        answer = await north.client.put(f"{path}/image", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 200, answer.text
        [row] = await site.rows("select image from achievement_versions")
        assert b"planted-description" not in row["image"]
        with Image.open(BytesIO(row["image"])) as image:
            assert (image.format, image.size) == ("PNG", (512, 341))
    await north.client.post(f"{path}/publish")
    [state] = await site.told("laurel.achievement.state.v1")
    assert base64.b64decode(state["image"]) == row["image"]


async def test_a_drawing_is_kept_as_one_without_what_does_more_than_draw(north: Institution, site: Site) -> None:
    path = f"/v1/achievements/{(await north.client.post('/v1/achievements', json=BADGE)).json()['id']}"
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"{}>{}<circle r="4" fill="red"/></svg>'
    media_type = {"Content-Type": "image/svg+xml"}
    script = drawing.format("", "<script>alert(1)</script>")
    refused = await north.client.put(f"{path}/image", content=script, headers=media_type)
    assert (refused.status_code, refused.json()["code"]) == (422, "image_not_harmless")
    handled = drawing.format(' onload="alert(1)"', "")
    assert (await north.client.put(f"{path}/image", content=handled, headers=media_type)).status_code == 200
    published = await north.client.post(f"{path}/publish")
    assert published.status_code == 200, published.text
    [state] = await site.told("laurel.achievement.state.v1")
    kept = base64.b64decode(state["image"]).decode()
    assert '<circle r="4" fill="red">' in kept
    assert "alert" not in kept


async def test_other_kinds_of_pictures_are_refused_with_the_kinds_that_are_taken(north: Institution) -> None:
    path = f"/v1/achievements/{(await north.client.post('/v1/achievements', json=BADGE)).json()['id']}/image"
    gif = await north.client.put(path, content=picture("GIF"), headers={"Content-Type": "image/gif"})
    assert (gif.status_code, gif.json()["code"]) == (415, "image_type_not_taken")
    assert gif.json()["types"] == ["image/png", "image/jpeg", "image/webp", "image/svg+xml"]
    for broken in (b"", b"\x89PNG\r\n\x1a\n" + b"x" * 100, picture("GIF"), picture()[:-40]):
        answer = await north.client.put(path, content=broken, headers={"Content-Type": "image/png"})
        assert (answer.status_code, answer.json()["code"]) == (422, "image_unreadable")
    huge = await north.client.put(path, content=picture(size=(5000, 10)), headers={"Content-Type": "image/png"})
    assert (huge.status_code, huge.json()["code"]) == (413, "image_too_large")
