"""A badge that is a token as well is served as one, to whoever may have its document and to nobody else."""

from datetime import UTC, datetime

import pytest

from shared.credentials import jwt
from shared.ids import new_id
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry, as_app
from tests.integration.registry.pages import BROWSER, known, open_page
from tests.support.badges import a_badge, a_key, a_method, an_ec_key
from tests.support.records import an_api_key, delivery
from tests.support.service import OPERATOR

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY_URL = "https://badges.example/institutions/north/keys/1"


def a_token(profile: str = "vc+jwt") -> str:
    if profile == "vc+jwt":
        return jwt.write_vc(a_badge(), a_key(), a_method(a_key()), NOW)
    badge = a_badge()
    badge["credentialSubject"] = {"id": "did:example:ada", **badge["credentialSubject"]}
    return jwt.write_ob3(badge, an_ec_key(), KEY_URL, NOW)


@pytest.mark.parametrize(("profile", "media_type"), [("vc+jwt", "application/vc+jwt"), ("ob3-jwt", "application/jwt")])
async def test_a_token_is_served_as_it_was_signed_under_the_name_of_its_profile(
    registry: Registry, profile: str, media_type: str
) -> None:
    badge = await known(registry, Badge(token=a_token(profile)))
    async with registry.serving():
        answer = await registry.client.get(f"/credentials/{badge.id}.jwt", params={"owner": badge.owner_token})
    assert (answer.status_code, answer.text) == (200, badge.token)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"].endswith('.jwt"')


async def test_who_may_have_the_token_is_who_may_have_the_document(registry: Registry) -> None:
    badge, other = await known(registry, Badge(token=a_token())), await known(registry, Badge(token=a_token()))
    header, key = an_api_key(badge.institution_id)
    stranger, strangers_key = an_api_key(other.institution_id)
    await registry.feed(delivery(key), delivery(strangers_key))
    asked: list[tuple[dict[str, str], dict[str, str], int]] = [
        ({"owner": badge.owner_token}, {}, 200),
        ({}, header, 200),
        ({}, OPERATOR, 200),
        ({}, {}, 404),
        ({"owner": other.owner_token}, {}, 404),
        ({"owner": ""}, {}, 404),
        ({}, stranger, 404),
    ]
    async with registry.serving():
        for params, headers, status in asked:
            for form in ("json", "jwt"):
                path = f"/credentials/{badge.id}.{form}"
                answer = await registry.client.get(path, params=params, headers=headers)
                assert answer.status_code == status, (form, params, headers)
                assert status == 200 or answer.json()["code"] == "document_not_found"
        form_data = {"owner": badge.owner_token, "shown": "yes"}
        await registry.client.post(f"/credentials/{badge.id}/visibility", data=form_data, headers=BROWSER)
        public = await registry.client.get(f"/credentials/{badge.id}.jwt")
        assert (public.status_code, public.text) == (200, badge.token)
        assert public.headers["access-control-allow-origin"] == "*"


async def test_who_may_have_a_badge_without_a_token_is_told_that_none_was_asked_for(registry: Registry) -> None:
    badge = await known(registry, Badge())
    async with registry.serving():
        told = await registry.client.get(f"/credentials/{badge.id}.jwt", params={"owner": badge.owner_token})
        assert (told.status_code, told.json()["code"]) == (404, "no_token")
        assert "asked for" in told.json()["detail"]
        for credential_id in (badge.id, new_id()):
            answer = await registry.client.get(f"/credentials/{credential_id}.jwt")
            assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")


async def test_the_owners_view_offers_a_token_where_there_is_one(registry: Registry) -> None:
    badge, plain = await known(registry, Badge(token=a_token())), await known(registry, Badge())
    async with registry.serving():
        link = f"/credentials/{badge.id}.jwt?owner={badge.owner_token}"
        assert link in (await open_page(registry, badge, owner=badge.owner_token)).links
        assert not [each for each in (await open_page(registry, badge)).links if ".jwt" in each]
        assert not [
            each for each in (await open_page(registry, plain, owner=plain.owner_token)).links if ".jwt" in each
        ]


async def test_the_database_itself_gives_a_token_to_its_owner_and_its_institution_alone(registry: Registry) -> None:
    badge = await known(registry, Badge(token=a_token()))
    own = "select token from documents where credential_id = $1"
    assert [row["token"] for row in await as_app(registry, own, badge.id, tenant=badge.institution_id)] == [badge.token]
    assert await as_app(registry, own, badge.id, tenant=new_id()) == []
    for token_hash in (b"", b"\x00" * 32):
        assert (await as_app(registry, "select badge_token($1, $2) as t", badge.id, token_hash))[0]["t"] is None


@pytest.mark.parametrize(("profile", "media_type"), [("vc+jwt", "application/vc+jwt"), ("ob3-jwt", "application/jwt")])
async def test_at_a_badges_own_address_the_token_is_for_who_asks_for_its_profile(
    registry: Registry, profile: str, media_type: str
) -> None:
    badge, plain = await known(registry, Badge(token=a_token(profile))), await known(registry, Badge())
    other = "application/jwt" if media_type == "application/vc+jwt" else "application/vc+jwt"
    asked: list[tuple[Badge, str, dict[str, str], int]] = [
        (badge, media_type, {"owner": badge.owner_token}, 200),
        (badge, f"text/plain, {media_type};q=0.9, application/json;q=0.5", {"owner": badge.owner_token}, 200),
        (badge, other, {"owner": badge.owner_token}, 406),
        (plain, media_type, {"owner": plain.owner_token}, 406),
        (plain, media_type, {}, 404),
        (badge, media_type, {}, 404),
    ]
    async with registry.serving():
        for one, accept, params, status in asked:
            answer = await registry.client.get(f"/credentials/{one.id}", params=params, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["vary"]) == (status, "Accept"), (accept, params)
            if status == 200:
                assert (answer.text, answer.headers["content-type"]) == (badge.token, media_type)
            else:
                assert answer.json()["code"] == ("no_token" if status == 406 else "document_not_found")
