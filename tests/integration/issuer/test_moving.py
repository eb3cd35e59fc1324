"""A did:key institution moves to a did:web: what it issued stays as it is, what it issues from then on is new."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.issuer.domain.plan import Order
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.refeed import refeed
from services.issuer.handlers.storing import Requester
from shared.credentials.dids import controller_of
from shared.credentials.keys import decode_multikey
from shared.credentials.proofs import verify
from shared.credentials.status import decode_list, get_bit
from shared.errors import Unavailable
from shared.web.auth import Principal
from tests.integration.issuer.conftest import HeldSigner, Institution, MakeSite, Site

PUBLIC = "https://badges.example"
WEB = {"did_method": "web"}


@pytest.fixture
async def public(make_site: MakeSite) -> Site:
    """An issuer with a public https address."""
    made: Site = await make_site(public_url=PUBLIC)
    return made


async def move(north: Institution, **headers: str) -> Any:
    return await north.client.post(f"/v1/institutions/{north.id}/did", json=WEB, headers=headers)


async def keys_of(north: Institution) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    return found


async def newest_lists(site: Site) -> dict[str, dict[str, Any]]:
    """The newest signature of each status list, by its address."""
    return {each["credential"]["id"]: each["credential"] for each in await site.told("laurel.status-list.state.v1")}


def is_set(badge: dict[str, Any], lists: dict[str, dict[str, Any]]) -> bool:
    entry = badge["credentialStatus"]
    encoded = lists[entry["statusListCredential"]]["credentialSubject"]["encodedList"]
    return get_bit(decode_list(encoded), int(entry["statusListIndex"]))


async def test_it_has_a_did_web_with_a_key_of_each_kind_and_tells_both_dids(public: Site) -> None:
    north = await public.institution(did_method="key")
    answer = await move(north)
    assert answer.status_code == 200, answer.text
    did = f"did:web:badges.example:institutions:{north.slug}"
    moved = {"id": str(north.id), "slug": north.slug, "did": did, "former_dids": [north.did]}
    assert answer.json() == moved
    old, *new = await keys_of(north)
    assert old["retired_at"] is not None
    assert {(key["algorithm"], key["retired_at"]) for key in new} == {("EdDSA", None), ("ES256", None)}
    assert {controller_of(key["verification_method"]) for key in new} == {did}
    _, state = await public.told("laurel.institution.state.v1")
    assert (state["version"], state["did"], state["former_dids"]) == (2, did, [north.did])
    states = await public.told("laurel.signing-key.state.v1")
    assert [(each["did"], each["version"], each["retired_at"] is None) for each in states] == [
        (north.did, 1, True), (north.did, 2, False), (did, 1, True), (did, 1, True),
    ]  # fmt: skip


async def test_the_new_document_has_the_new_keys_alone_and_names_the_old_did(public: Site) -> None:
    north = await public.institution(did_method="key")
    await move(north)
    old, *new = await keys_of(north)
    document = (await public.operator.get(f"/institutions/{north.slug}/did.json")).json()
    assert document["alsoKnownAs"] == [north.did]
    multikeys = [each["publicKeyMultibase"] for each in document["verificationMethod"] if "publicKeyMultibase" in each]
    assert sorted(multikeys) == sorted(key["public_key_multibase"] for key in new)
    assert old["public_key_multibase"] not in str(document["verificationMethod"])
    assert (await public.operator.get(f"/institutions/{north.slug}/keys/{old['id']}")).status_code == 200


async def test_badges_of_before_and_after_have_lists_in_their_own_issuers_name_and_both_are_revoked(
    public: Site,
) -> None:
    north = await public.institution(did_method="key")
    achievement = await north.achievement()
    before = (await north.issue(achievement)).json()
    await move(north)
    after = (await north.issue(achievement, formats=["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "ob3-jwt"])).json()
    issuers = [each["credential"]["issuer"]["id"] for each in (before, after)]
    assert issuers == [north.did, f"did:web:badges.example:institutions:{north.slug}"]
    for each in (before, after):
        assert (await north.revoke(each["id"])).status_code == 200
    signer = public.list_signer()
    while await signer.sign_due():
        pass
    lists = await newest_lists(public)
    resolved = {
        key["verification_method"]: decode_multikey(key["public_key_multibase"]) for key in await keys_of(north)
    }
    for badge, issuer in zip((before["credential"], after["credential"]), issuers, strict=True):
        listed = lists[badge["credentialStatus"]["statusListCredential"]]
        assert listed["issuer"] == issuer
        [finding] = verify(listed, lambda method, _: resolved[method])
        assert (finding.outcome, controller_of(finding.verification_method or "")) == ("pass", issuer)
        assert is_set(badge, lists)


async def test_the_old_key_goes_on_signing_the_old_lists_when_they_are_renewed(public: Site) -> None:
    north = await public.institution(did_method="key")
    before = (await north.issue(await north.achievement())).json()["credential"]
    await move(north)
    await public.rows("update status_lists set renew_at = laurel_clock(), signed_changes = changes returning 1")
    assert await public.list_signer().sign_due() == 2  # the new DID's list, too, which no badge points into yet
    listed = (await newest_lists(public))[before["credentialStatus"]["statusListCredential"]]
    [old, *_] = await keys_of(north)
    assert (listed["issuer"], listed["proof"]["verificationMethod"]) == (north.did, old["verification_method"])


async def test_what_was_signed_before_the_move_and_not_stored_yet_is_asked_for_again(public: Site) -> None:
    north, signer = await public.institution(did_method="key"), HeldSigner(public)
    achievement, key_id = await north.achievement(), north.api_key.split("_")[1]
    requester = Requester(Principal("institution", north.id, str(UUID(key_id)), frozenset({"issue"})))
    issuing = Issuing(public.app, signer, public.settings)
    under_way = asyncio.create_task(issuing.one(requester, UUID(achievement), Order(email="ada@example.org")))
    await asyncio.to_thread(signer.began.wait, 60)
    did = (await move(north)).json()["did"]
    signer.let.set()
    with pytest.raises(Unavailable) as refused:
        await under_way
    assert refused.value.code == "institution_moved"
    assert await public.rows("select from credentials") == []
    again = (await north.issue(achievement)).json()["credential"]
    assert again["issuer"]["id"] == did


async def test_a_repeated_request_moves_once_and_another_is_409(public: Site) -> None:
    north = await public.institution(did_method="key")
    first, again = [await move(north, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await keys_of(north)) == 3
    other = await move(north)
    assert (other.status_code, other.json()["code"]) == (409, "did_web_already")
    born_there = await public.institution()
    assert (await move(born_there)).json()["code"] == "did_web_already"


async def test_it_takes_a_public_https_address_an_institution_that_issues_and_its_own_key(
    site: Site, public: Site
) -> None:
    private = await move(await site.institution())
    assert (private.status_code, private.json()["code"]) == (422, "did_web_needs_https")
    north, south = [await public.institution(did_method="key") for _ in range(2)]
    path = f"/v1/institutions/{north.id}/did"
    assert (await south.client.post(path, json=WEB)).status_code == 404
    assert (await public.operator.post(path, json=WEB)).status_code == 403
    async with await north.key(scopes=["issue", "read"]) as issuer:
        assert (await issuer.post(path, json=WEB)).status_code == 403
    assert (await north.client.post(path, json={"did_method": "key"})).status_code == 422
    await public.rows("update institutions set standing = 'withdrawn' where id = $1 returning 1", north.id)
    assert (await move(north)).json()["code"] == "institution_withdrawn"


async def test_it_has_anew_each_kind_of_key_that_it_had(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC, vc_api_open_institution="suites")
    suites = await site.institution(slug="suites", did_method="key")
    path = f"/v1/institutions/{suites.id}/signing-keys"
    assert (await suites.client.post(path, json={"algorithm": "ES384"})).status_code == 201
    did = (await move(suites)).json()["did"]
    new = [key for key in await keys_of(suites) if key["retired_at"] is None]
    assert {key["algorithm"] for key in new} == {"EdDSA", "ES256", "ES384"}
    assert {controller_of(key["verification_method"]) for key in new} == {did}


async def test_all_of_it_is_told_again_by_a_refeed(public: Site) -> None:
    north = await public.institution(did_method="key")
    await move(north)
    await refeed(public.worker)
    *_, state = await public.told("laurel.institution.state.v1")
    assert (state["version"], state["former_dids"]) == (2, [north.did])
