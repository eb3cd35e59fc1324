"""The addresses inside badges: status lists now and then, achievements and their images, institutions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from services.registry import handlers
from services.registry.domain.rules import RETRIEVAL_ERROR
from shared.credentials.instants import write_instant
from shared.credentials.jsonld import to_quads
from shared.credentials.status import decode_list, get_bit
from shared.ids import new_id
from tests.integration.registry.builders import PNG, Badge, achievement, institution, status_list
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import keeping, published
from tests.support.service import OPERATOR

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


def at(minutes: float) -> datetime:
    """A time so many minutes after noon, the day before yesterday."""
    return NOON + timedelta(minutes=minutes)


async def get_list(registry: Registry, list_id: object, timestamp: datetime | str | None = None) -> httpx.Response:
    text = timestamp.isoformat() if isinstance(timestamp, datetime) else timestamp
    return await registry.client.get(f"/status-lists/{list_id}", params={"timestamp": text} if text else {})


def set_in(answer: httpx.Response, *indexes: int) -> list[bool]:
    bits = decode_list(answer.json()["credentialSubject"]["encodedList"])
    return [get_bit(bits, index) for index in indexes]


async def test_a_status_list_is_served_as_it_was_signed(registry: Registry) -> None:
    state = status_list(new_id(), 1, at(0), 7, ttl_ms=90_500)
    await registry.feed(state)
    async with registry.serving():
        answer = await get_list(registry, state.list_id)
    assert answer.json() == state.credential
    assert answer.headers["content-type"] == "application/vc"
    assert answer.headers["cache-control"] == "public, max-age=90"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_who_has_the_newest_list_hears_304_until_there_is_a_newer_one(registry: Registry) -> None:
    list_id = new_id()
    await registry.feed(status_list(list_id, (1 << 40) + 1, at(0)))
    async with registry.serving():
        tag = (await get_list(registry, list_id)).headers["etag"]
        assert not tag.startswith("W/")
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await registry.client.get(f"/status-lists/{list_id}", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        await registry.feed(status_list(list_id, (1 << 40) + 2, at(0), 7))
        newer = await registry.client.get(f"/status-lists/{list_id}", headers={"If-None-Match": tag})
    assert newer.status_code == 200
    assert newer.headers["etag"] != tag
    assert set_in(newer, 7) == [True]


AS_TOKEN = {"Accept": "application/vc+jwt"}


async def test_a_list_is_a_token_for_who_asks_for_one_and_each_form_has_its_own_tag(registry: Registry) -> None:
    list_id = new_id()
    await registry.feed(status_list(list_id, (1 << 40) + 1, at(0), token="header.payload.1"))
    await registry.feed(status_list(list_id, (1 << 40) + 2, at(5), 7, token="header.payload.2"))
    url = f"/status-lists/{list_id}"
    async with registry.serving():
        token, json = await registry.client.get(url, headers=AS_TOKEN), await registry.client.get(url)
        then = await registry.client.get(url, headers=AS_TOKEN, params={"timestamp": write_instant(at(1))})
        weighed = {"Accept": "application/vc+jwt;q=0.5, application/vc"}
        assert (await registry.client.get(url, headers=weighed)).headers["content-type"] == "application/vc"
        tag = token.headers["etag"]
        again = await registry.client.get(url, headers={**AS_TOKEN, "If-None-Match": tag})
        other = await registry.client.get(url, headers={"If-None-Match": tag})
    assert (token.text, token.headers["content-type"]) == ("header.payload.2", "application/vc+jwt")
    assert then.text == "header.payload.1"
    assert {each.headers["vary"] for each in (token, json, again)} == {"Accept"}
    assert (again.status_code, other.status_code) == (304, 200)
    assert json.headers["etag"] != tag
    assert set_in(json, 7) == [True]


async def test_a_list_without_a_token_of_its_own_is_406_and_never_an_older_ones(registry: Registry) -> None:
    list_id = new_id()
    await registry.feed(status_list(list_id, 1, at(0), token="header.payload.1"))
    await registry.feed(status_list(list_id, 2, at(0.5), 7))
    async with registry.serving():
        answer = await registry.client.get(f"/status-lists/{list_id}", headers=AS_TOKEN)
        assert (answer.status_code, answer.json()["code"]) == (406, "no_token")
        # A release that knows no tokens leaves the column as it was.
        async with registry.worker.transaction() as tx:
            await tx.execute("update status_list_versions set token = 'old', token_signed_at = $1", at(0))
        assert (await registry.client.get(f"/status-lists/{list_id}", headers=AS_TOKEN)).status_code == 406


async def test_an_older_version_that_comes_late_changes_nothing(registry: Registry) -> None:
    list_id = new_id()
    await registry.feed(status_list(list_id, 2, at(1), 7), status_list(list_id, 1, at(1)))
    async with registry.serving():
        assert set_in(await get_list(registry, list_id), 7) == [True]


async def test_the_last_version_of_each_minute_is_told_as_of_a_time(registry: Registry) -> None:
    list_id = new_id()
    signed = [at(0), at(0.5), at(1.2), at(3)]
    states = [status_list(list_id, n + 1, time, *range(n + 1)) for n, time in enumerate(signed)]
    for state in states:
        await registry.feed(state)
    async with registry.serving():
        for time, version in [(at(0.5), 2), (at(1.1), 2), (at(1.2), 3), (at(2.9), 3), (at(3), 4), (at(999), 4)]:
            answer = await get_list(registry, list_id, time)
            assert answer.headers["etag"] == f'"{version}"', time
            assert set_in(answer, version - 1, version) == [True, False]
    assert await registry.value("select count(*) from status_list_versions") == 3


async def test_before_its_first_signature_a_list_is_not_found_and_the_reason_is_told(registry: Registry) -> None:
    list_id = new_id()
    await registry.feed(status_list(list_id, 1, at(0)))
    async with registry.serving():
        early = await get_list(registry, list_id, at(-1))
        unknown = await get_list(registry, new_id(), at(1))
        long_ago = await get_list(registry, list_id, NOON - timedelta(days=401))
    assert [(each.status_code, each.json()["code"]) for each in (early, unknown, long_ago)] == [
        (404, "status_list_not_yet_signed"),
        (404, "status_list_not_found"),
        (404, "status_list_not_kept"),
    ]
    assert early.json()["type"] == RETRIEVAL_ERROR


@pytest.mark.parametrize(
    "timestamp",
    ["x", "", "2026-11-22", "2026-11-22T10:00:00", "2026-13-22T10:00:00Z", "0001-01-01T00:00:00+14:00", "9" * 5000],
)
async def test_a_malformed_timestamp_is_400(registry: Registry, timestamp: str) -> None:
    await registry.feed(status_list(list_id := new_id(), 1, at(0)))
    async with registry.serving():
        answer = await registry.client.get(f"/status-lists/{list_id}", params={"timestamp": timestamp})
    assert (answer.status_code, answer.json()["code"]) == (400, "timestamp_malformed")


async def test_the_future_of_a_list_is_not_told(registry: Registry) -> None:
    await registry.feed(status_list(list_id := new_id(), 1, at(0)))
    async with registry.serving():
        tomorrow = await get_list(registry, list_id, datetime.now(UTC) + timedelta(days=1))
        now = await get_list(registry, list_id, write_instant(datetime.now(UTC)))
    assert (tomorrow.status_code, tomorrow.json()["code"]) == (400, "timestamp_in_future")
    assert now.status_code == 200


async def test_lists_are_kept_for_400_days_and_the_one_in_force_before_them(registry: Registry) -> None:
    list_id, idle = new_id(), new_id()
    ages = [500, 450, 410, 390, 1]
    days = [datetime.now(UTC) - timedelta(days=age) for age in ages]
    await registry.feed(*(status_list(list_id, n + 1, day) for n, day in enumerate(days)))
    await registry.feed(status_list(idle, 1, days[0]))
    async with registry.worker.transaction() as tx:
        await handlers.drop_old_lists(tx)
    kept = "select version from status_list_versions where list_id = $1 order by version"
    assert await registry.rows(kept, list_id) == [(3,), (4,), (5,)]
    assert await registry.rows(kept, idle) == [(1,)]
    async with registry.serving():
        answer = await get_list(registry, list_id, datetime.now(UTC) - timedelta(days=399))
    assert answer.headers["etag"] == '"3"'


# --- achievements ----------------------------------------------------------------------------------------------------


async def test_an_achievement_is_a_json_ld_document_without_an_undefined_term(registry: Registry) -> None:
    institution_id, achievement_id = new_id(), new_id()
    await registry.feed(institution(institution_id), achievement(institution_id, achievement_id))
    async with registry.serving():
        answer = await registry.client.get(f"/achievements/{achievement_id}/1")
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/ld+json"
    assert document["id"] == f"https://badges.example/achievements/{achievement_id}/1"
    assert document["type"] == ["Achievement"]
    assert document["name"] == "Welding I"
    assert document["creator"] == {"id": "did:web:badges.example:north", "type": ["Profile"]}
    assert "micro_credential" not in document
    assert to_quads(document)


async def test_a_demo_achievement_says_so_like_its_badges(registry: Registry) -> None:
    institution_id, achievement_id = new_id(), new_id()
    await registry.feed(achievement(institution_id, achievement_id))
    async with registry.serving(public_url="http://127.0.0.1:8002"):
        document = (await registry.client.get(f"/achievements/{achievement_id}/1")).json()
    assert document["name"] == "DEMO Welding I"


async def test_an_image_is_a_picture_and_never_a_page(registry: Registry) -> None:
    institution_id, achievement_id = new_id(), new_id()
    await registry.feed(achievement(institution_id, achievement_id))
    async with registry.serving():
        answer = await registry.client.get(f"/achievements/{achievement_id}/1/image")
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "immutable" in answer.headers["cache-control"]


async def test_what_was_not_published_is_404_and_a_wild_number_422(registry: Registry) -> None:
    institution_id, achievement_id = new_id(), new_id()
    await registry.feed(achievement(institution_id, achievement_id, image=None))
    async with registry.serving():
        for path, status in [
            (f"/achievements/{achievement_id}/2", 404),
            (f"/achievements/{achievement_id}/1/image", 404),
            (f"/achievements/{new_id()}/1", 404),
            (f"/achievements/{achievement_id}/{2**31}", 422),
            (f"/achievements/{achievement_id}/-1", 422),
            ("/achievements/1/1", 422),
        ]:
            assert (await registry.client.get(path)).status_code == status, path


# --- institutions ----------------------------------------------------------------------------------------------------


async def test_institutions_are_sent_on_to_the_issuer_where_no_proxy_does_it(registry: Registry) -> None:
    async with registry.serving(issuer_url="http://issuer.example:8001"):
        answer = await registry.client.get("/institutions/north/did.json")
        odd = await registry.client.get("/institutions//evil.example/a%3Fb%23c")
        forged = await registry.client.get("/institutions/x%0d%0aX-Forged:%20y")
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        "http://issuer.example:8001/institutions/north/did.json",
    )
    assert odd.headers["location"] == "http://issuer.example:8001/institutions//evil.example/a%3Fb%23c"
    assert "x-forged" not in forged.headers
    async with registry.serving():
        assert (await registry.client.get("/institutions/north/did.json")).status_code == 404


# --- the operator's ledger, and the description of the api ------------------------------------------------------------


async def test_the_ledger_lists_credentials_leaves_lists_and_checkpoints_page_by_page(registry: Registry) -> None:
    badges = [Badge() for _ in range(3)]
    async with keeping(registry):
        await registry.feed(*(badge.issued() for badge in badges), badges[0].changed())
        await registry.feed(status_list(list_id := new_id(), 5, at(0), 7, 131_071))
        await published(registry, 4)
    lines: list[dict[str, Any]] = []
    after: str | None = None
    async with registry.serving():
        while True:
            params = {"limit": 2, **({"cursor": after} if after else {})}
            page = (await registry.client.get("/v1/ops/ledger", params=params, headers=OPERATOR)).text.splitlines()
            *found, last = [orjson.loads(line) for line in page]
            lines += found
            after = last["next"]
            if after is None:
                break
    assert [line["id"] for line in lines] == sorted({line["id"] for line in lines})
    credentials = [line for line in lines if line["kind"] == "credential"]
    leaves = [line for line in lines if line["kind"] == "leaf"]
    assert sorted((line["log"], line["log_index"]) for line in leaves) == [(1, index) for index in range(4)]
    *_, last = [line for line in lines if line["kind"] == "checkpoint"]
    assert (last["log"], last["size"], last["note"].split("\n")[1]) == (1, 4, "4")
    (signed,) = [line for line in lines if line["kind"] == "status_list"]
    assert [line["id"] for line in credentials] == sorted(str(badge.id) for badge in badges)
    revoked = next(line for line in credentials if line["id"] == str(badges[0].id))
    assert (revoked["status"], [each["version"] for each in revoked["versions"]]) == ("revoked", [1, 2])
    assert revoked["positions"] == [each.model_dump(mode="json") for each in badges[0].positions]
    assert signed == {
        "kind": "status_list",
        "id": f"list:{list_id}",
        "purpose": "revocation",
        "epoch_n": 5,
        "set": [7, 131_071],
    }


async def test_the_api_describes_itself(registry: Registry) -> None:
    async with registry.serving():
        paths = (await registry.client.get("/openapi.json")).json()["paths"]
    assert {"/v1/credentials", "/v1/credentials/{credential_id}", "/status-lists/{list_id}"} <= set(paths)
