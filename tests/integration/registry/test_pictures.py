"""A badge inside its picture: for those who may have the signed document, verifiable, and never a page of ours."""

import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from openbadgeslib import baking as other
from PIL import Image

from services.issuer.svg_images import sanitised
from shared.credentials.containers import Given, unpack
from shared.ids import new_id
from tests.integration.registry.builders import NAME, Badge, achievement
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import BROWSER, known, open_page
from tests.integration.registry.test_tokens import a_token

MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


def drawn() -> bytes:
    """A picture as the issuer keeps it."""
    content = BytesIO()
    Image.effect_noise((200, 160), 80).save(content, "PNG")
    return content.getvalue()


def a_drawing() -> bytes:
    """A picture in SVG as the issuer keeps it."""
    return sanitised(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>')


async def pictured(registry: Registry, picture: bytes | None = None, **members: Any) -> Badge:
    """A badge that is recorded, whose achievement has a picture."""
    badge = Badge(**members)
    await known(registry, badge)
    state = achievement(badge.institution_id, badge.achievement_id, picture or drawn())
    await registry.feed(state.model_copy(update={"version": 2}))
    return badge


async def get(registry: Registry, badge: Badge, kind: str, **query: str) -> httpx.Response:
    return await registry.client.get(f"/credentials/{badge.id}.{kind}", params=query)


async def test_the_owner_gets_the_signed_document_inside_the_picture(registry: Registry) -> None:
    picture = drawn()
    badge = await pictured(registry, picture)
    async with registry.serving():
        for kind, media_type in MEDIA_TYPES.items():
            answer = await get(registry, badge, kind, owner=badge.owner_token)
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert unpack(answer.content) == Given(badge.document, None, kind, "3.0")
            document = await get(registry, badge, "json", owner=badge.owner_token)
            if kind == "png":
                with Image.open(BytesIO(answer.content)) as baked, Image.open(BytesIO(picture)) as plain:
                    assert baked.tobytes() == plain.tobytes()
                assert other.extract_png(answer.content, keyword=other.ITXT_KEYWORD_OB3) == document.text
            else:
                taken = other.extract_svg(answer.content, element=other.SVG_ELEMENT_OB3, text_fallback=True)
                assert json.loads(taken or "") == badge.document
                assert b"<title>Welding I</title>" in answer.content


@pytest.mark.parametrize("profile", ["ob3-jwt", "vc+jwt"])
async def test_the_token_is_put_into_the_picture_where_it_is_asked_for(registry: Registry, profile: str) -> None:
    badge = await pictured(registry, token=a_token(profile))
    async with registry.serving():
        for kind, media_type in MEDIA_TYPES.items():
            answer = await get(registry, badge, kind, owner=badge.owner_token, format="jwt")
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert answer.headers["content-disposition"].endswith(f'.{kind}"')
            assert unpack(answer.content) == Given(None, badge.token, kind, "3.0")
            if kind == "png":
                assert other.extract_png(answer.content, keyword=other.ITXT_KEYWORD_OB3) == badge.token
            else:
                assert f'verify="{badge.token}"' in answer.text
            for asked in ({}, {"format": "json"}):
                by_default = await get(registry, badge, kind, owner=badge.owner_token, **asked)
                assert unpack(by_default.content).document == badge.document
            refused = await get(registry, badge, kind, format="jwt")
            assert (refused.status_code, refused.json()["code"]) == (404, "document_not_found")
            assert (await get(registry, badge, kind, owner=badge.owner_token, format="cwt")).status_code == 422


async def test_a_badge_that_is_no_token_says_so_where_one_is_asked_for_in_a_picture(registry: Registry) -> None:
    badge = await pictured(registry)
    async with registry.serving():
        for kind in MEDIA_TYPES:
            answer = await get(registry, badge, kind, owner=badge.owner_token, format="jwt")
            assert (answer.status_code, answer.json()["code"]) == (404, "no_token")


async def test_a_picture_is_a_file_of_its_own_name_that_is_never_a_page_and_kept_by_nobody(registry: Registry) -> None:
    badge = await pictured(registry)
    async with registry.serving():
        for kind in MEDIA_TYPES:
            headers = (await get(registry, badge, kind, owner=badge.owner_token)).headers
            name = f"welding-i-{str(badge.id)[:8]}.{kind}"
            assert headers["content-disposition"] == f'attachment; filename="{name}"'
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert headers["cache-control"] == "private, no-store"
            assert "access-control-allow-origin" not in headers


async def test_whoever_may_not_have_the_document_cannot_have_it_in_a_picture(registry: Registry) -> None:
    badge, unknown = await pictured(registry), Badge()
    async with registry.serving():
        institution, stranger = await registry.key(badge.institution_id), await registry.key(new_id())
        for kind in ("json", *MEDIA_TYPES):
            address = f"/credentials/{badge.id}.{kind}"
            refused = [
                await get(registry, badge, kind),
                await get(registry, badge, kind, owner="wrong"),
                await get(registry, unknown, kind, owner=badge.owner_token),
                await registry.client.get(address, headers=stranger),
            ]
            assert {(each.status_code, each.json()["code"]) for each in refused} == {(404, "document_not_found")}
            assert len({each.text for each in refused}) == 1, "no such badge and no right to it look the same"
            assert (await registry.client.get(address, headers=institution)).status_code == 200
        shown = {"owner": badge.owner_token, "shown": "yes"}
        await registry.client.post(f"/credentials/{badge.id}/visibility", data=shown, headers=BROWSER)
        for kind in MEDIA_TYPES:
            answer = await get(registry, badge, kind)
            assert unpack(answer.content).document == badge.document
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cache-control"] == "no-cache"


async def test_a_badge_without_a_picture_says_so_to_its_owner_alone(registry: Registry) -> None:
    bare, broken = Badge(), await pictured(registry, b"\x89PNG\r\n\x1a\n planted")
    state = achievement(bare.institution_id, bare.achievement_id, None)
    await registry.feed(bare.issued(), state)
    async with registry.serving():
        for badge in (bare, broken):
            for kind in MEDIA_TYPES:
                owners = await get(registry, badge, kind, owner=badge.owner_token)
                assert (owners.status_code, owners.json()["code"]) == (404, "picture_not_found")
                assert (await get(registry, badge, kind)).json()["code"] == "document_not_found"
        page = await open_page(registry, bare, owner=bare.owner_token)
        assert not [link for link in page.links if ".png" in link or ".svg?" in link]


async def test_a_drawing_is_served_as_one_and_holds_the_badge_itself(registry: Registry) -> None:
    drawing = a_drawing()
    badge = await pictured(registry, drawing)
    async with registry.serving():
        picture = await registry.client.get(f"/achievements/{badge.achievement_id}/1/image")
        assert (picture.content, picture.headers["content-type"]) == (drawing, "image/svg+xml")
        assert picture.headers["content-disposition"] == 'attachment; filename="badge.svg"'
        assert picture.headers["x-content-type-options"] == "nosniff"
        assert picture.headers["content-security-policy"] == "default-src 'none'; sandbox"
        baked = await get(registry, badge, "svg", owner=badge.owner_token)
        assert unpack(baked.content).document == badge.document
        assert b'<circle r="4"' in baked.content
        assert b"<image" not in baked.content
        no_png = await get(registry, badge, "png", owner=badge.owner_token)
        assert (no_png.status_code, no_png.json()["code"]) == (404, "picture_not_found")
        links = (await open_page(registry, badge, owner=badge.owner_token)).links
        assert [link for link in links if f"/{badge.id}.svg" in link]
        assert not [link for link in links if f"/{badge.id}.png" in link]


async def test_the_page_leads_its_owner_to_them_and_everybody_where_the_badge_is_shown(registry: Registry) -> None:
    badge = await pictured(registry)
    async with registry.serving():
        for kind in MEDIA_TYPES:
            address = f"/credentials/{badge.id}.{kind}"
            assert (
                f"{address}?owner={badge.owner_token}"
                in (await open_page(registry, badge, owner=badge.owner_token)).links
            )
            assert address not in (await open_page(registry, badge)).links
        shown = {"owner": badge.owner_token, "shown": "yes"}
        await registry.client.post(f"/credentials/{badge.id}/visibility", data=shown, headers=BROWSER)
        for kind in MEDIA_TYPES:
            assert f"/credentials/{badge.id}.{kind}" in (await open_page(registry, badge)).links


async def test_a_name_cannot_leave_the_title_of_the_svg(registry: Registry) -> None:
    badge = Badge()
    badge.document["name"] = "</title><script>alert(1)</script>\x0b\ufffe"
    await known(registry, badge)
    state = achievement(badge.institution_id, badge.achievement_id, drawn())
    await registry.feed(state.model_copy(update={"version": 2}))
    async with registry.serving():
        answer = await get(registry, badge, "svg", owner=badge.owner_token)
    assert unpack(answer.content).document == badge.document
    assert b"<script" not in answer.content.partition(b"<title>")[2].partition(b"</title>")[0]
    assert NAME in answer.content.decode()
