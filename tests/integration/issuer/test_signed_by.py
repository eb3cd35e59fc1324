"""A badge is found by each key that signed it: those of all its proofs, and that of its token."""

from typing import Any, get_args

import httpx
import pytest

from services.issuer.domain.formats import Format, proofs_of
from services.issuer.handlers.past_signatures import PAGE, find
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.test_revocations import WHY, confirm, look

SIGNED_BY: dict[tuple[str, ...], set[str]] = {
    ("eddsa-rdfc-2022",): {"EdDSA"},
    ("eddsa-jcs-2022", "eddsa-rdfc-2022"): {"EdDSA"},
    ("ecdsa-rdfc-2019",): {"ES256"},
    ("ecdsa-rdfc-2019", "eddsa-rdfc-2022"): {"EdDSA", "ES256"},
    ("ob3-jwt",): {"EdDSA", "ES256"},
    ("ob3-jwt-rs256", "ecdsa-rdfc-2019"): {"ES256", "RS256"},
    ("ob3-jwt-rs256", "ecdsa-rdfc-2019", "eddsa-jcs-2022"): {"EdDSA", "ES256", "RS256"},
    ("vc+jwt",): {"EdDSA"},
    ("vc+jwt", "ecdsa-rdfc-2019"): {"EdDSA", "ES256"},
}
KEYS = "select id, signing_key_id, other_proof_key_ids, token_key_id from credentials order by id"


@pytest.fixture
async def web(make_site: MakeSite) -> Site:
    """An issuer whose institutions can have keys of all kinds."""
    made: Site = await make_site(public_url="https://badges.example")
    return made


async def keys_in_use(north: Institution) -> dict[str, str]:
    """The institution's keys in use, by their kind."""
    listed = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    return {each["algorithm"]: each["id"] for each in listed if each["retired_at"] is None}


async def issued_in_all_formats(north: Institution) -> dict[tuple[str, ...], str]:
    """One badge in each choice of formats; return their ids."""
    achievement = await north.achievement()
    path = f"/v1/institutions/{north.id}/signing-keys"
    for algorithm in {"ES256", "RS256"} - (await keys_in_use(north)).keys():
        assert (await north.client.post(path, json={"algorithm": algorithm})).status_code == 201
    made = {}
    for formats in SIGNED_BY:
        answer = await north.issue(achievement, formats=list(formats))
        assert answer.status_code == 201, answer.text
        made[formats] = str(answer.json()["id"])
    return made


async def test_each_key_finds_all_that_it_signed(web: Site) -> None:
    north, south = await web.institution(), await web.institution()
    badges, keys = await issued_in_all_formats(north), await keys_in_use(north)
    await issued_in_all_formats(south)
    for algorithm in ("EdDSA", "ES256", "RS256"):
        selection = {"signing_key_id": keys[algorithm]}
        wanted = {badges[formats] for formats, kinds in SIGNED_BY.items() if algorithm in kinds}
        listed = (await north.client.get("/v1/credentials", params=selection)).json()["items"]
        assert {each["id"] for each in listed} == wanted, algorithm
        assert (await look(north.client, **selection))["badges"] == len(wanted), algorithm
    refused = await south.client.post("/v1/revocations", json={**WHY, **selection, "dry_run": True})
    assert (refused.status_code, refused.json()["code"]) == (404, "signing_key_not_found")


async def test_what_a_second_key_signed_is_revoked_and_issued_anew_by_others(web: Site) -> None:
    north = await web.institution()
    badges, keys = await issued_in_all_formats(north), await keys_in_use(north)
    assert (await north.client.post(f"{_keys_path(north)}", json={"algorithm": "ES256"})).status_code == 201
    selection: dict[str, Any] = {"signing_key_id": keys["ES256"], "reissue": True}
    seen = await look(north.client, **selection)
    begun = await confirm(north.client, seen["digest"], **selection)
    assert begun.status_code == 202, begun.text
    worker = web.revoker()
    while await worker.round():
        pass
    rows = await web.rows("select * from credentials")
    ended = {str(row["id"]) for row in rows if row["status"] == "revoked"}
    assert ended == {badges[formats] for formats, kinds in SIGNED_BY.items() if "ES256" in kinds}
    assert {str(row["replaces"]) for row in rows if row["replaces"]} == ended
    assert (await look(north.client, signing_key_id=keys["ES256"]))["badges"] == len(ended)
    assert (await look(north.client, signing_key_id=(await keys_in_use(north))["ES256"]))["badges"] == len(ended)


async def test_keys_of_what_an_older_release_issued_are_found_in_its_signatures(web: Site) -> None:
    norths = [await web.institution(), await web.institution()]
    for north in norths:
        await issued_in_all_formats(north)
    known = await web.rows(KEYS)
    assert await find(web.worker) == 0
    await web.rows("update credentials set other_proof_key_ids = null, token_key_id = null")
    for north in norths:
        refused = await ask(north, (await keys_in_use(north))["ES256"])
        assert {each.status_code for each in refused} == {503}
        assert {each.json()["code"] for each in refused} == {"signing_keys_not_known_yet"}
    assert await find(web.worker) == len(known) == 2 * len(SIGNED_BY)
    assert await web.rows(KEYS) == known
    assert await find(web.worker) == 0
    assert {each.status_code for each in await ask(norths[0], (await keys_in_use(norths[0]))["ES256"])} == {200}


def test_proofs_of_a_badge_have_two_keys_at_most_as_the_selection_by_key_takes_for_granted() -> None:
    assert len({kind for _, kind in proofs_of(get_args(Format))}) == 2


def test_each_format_is_tried_here_with_all_kinds_of_keys() -> None:
    assert {each for formats in SIGNED_BY for each in formats} == set(get_args(Format))


async def ask(north: Institution, key: str) -> list[httpx.Response]:
    """Ask by a signing key: for a list, and for a preview."""
    selection = {"signing_key_id": key}
    preview = {**WHY, **selection, "dry_run": True}
    return [
        await north.client.get("/v1/credentials", params=selection),
        await north.client.post("/v1/revocations", json=preview),
    ]


async def test_many_old_ones_are_looked_through_page_by_page(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    for _ in range(2):
        rows = [{"email": f"l{n}@example.org"} for n in range(PAGE * 3 // 4)]
        assert (await north.batch(achievement, rows)).status_code == 200
    await site.rows("update credentials set other_proof_key_ids = null")
    assert await find(site.worker) == PAGE * 3 // 2
    assert await site.rows("select from credentials where other_proof_key_ids is distinct from '{}'") == []


def _keys_path(north: Institution) -> str:
    return f"/v1/institutions/{north.id}/signing-keys"
