"""Institutions come from the operator; their keys are shown once, and their DIDs are what others can check."""

from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.credentials import jwt
from shared.credentials.keys import decode_multikey
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.support.people import bearer

PUBLIC = "https://badges.example"


async def test_an_institution_begins_with_a_did_a_signing_key_and_an_api_key(site: Site, north: Institution) -> None:
    assert north.did.startswith("did:key:z6Mk")
    keys = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    assert [key["verification_method"] for key in keys] == [f"{north.did}#{north.did.removeprefix('did:key:')}"]
    for type_ in ("institution", "signing-key", "institution-api-key"):
        assert len(await site.told(f"laurel.{type_}.state.v1")) == 1
    assert (await site.told("laurel.institution.state.v1"))[0]["did"] == north.did


async def test_a_key_tells_whose_it_is(site: Site, north: Institution) -> None:
    await site.institution()
    found = (await north.client.get("/v1/institutions/own")).json()
    assert (found["id"], found["slug"], found["did"]) == (str(north.id), north.slug, north.did)
    assert (await site.operator.get("/v1/institutions/own")).status_code == 403


async def test_only_the_operator_makes_institutions(site: Site, north: Institution) -> None:
    body = {"name": "South", "slug": "south"}
    assert (await north.client.post("/v1/institutions", json=body)).status_code == 403
    nobody = bearer("lrl_" + "0" * 32 + "_x")
    assert (await site.operator.post("/v1/institutions", json=body, headers=nobody)).status_code == 401


async def test_a_taken_slug_is_409_and_a_wrong_one_422(site: Site) -> None:
    north = await site.institution()
    answer = await site.operator.post("/v1/institutions", json={"name": "N", "slug": north.slug})
    assert (answer.status_code, answer.json()["code"]) == (409, "slug_taken")
    for slug in ("", "-a", "a-", "A", "a_b", "a/b", "ä", "a" * 64, "a\n", "../x"):
        assert (await site.operator.post("/v1/institutions", json={"name": "N", "slug": slug})).status_code == 422
    for members in ({"name": " "}, {"url": "javascript:x"}, {"url": "ftp://x.example"}, {"url": "http://[x"}, {"x": 1}):
        body = {"name": "N", "slug": "fresh", **members}
        assert (await site.operator.post("/v1/institutions", json=body)).status_code == 422


async def test_a_repeated_request_does_not_show_the_key_again(site: Site, north: Institution) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"name": "South", "slug": f"south-{uuid4().hex[:8]}"}
    first = await site.operator.post("/v1/institutions", json=body, headers=headers)
    again = await site.operator.post("/v1/institutions", json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "secret_already_shown")
    assert again.json()["id"] == first.json()["id"]
    key = await north.client.post("/v1/api-keys", json={"name": "k"}, headers=headers)
    repeated = await north.client.post("/v1/api-keys", json={"name": "k"}, headers=headers)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "secret_already_shown")
    assert repeated.json()["id"] == key.json()["id"]


async def test_a_public_https_address_makes_did_web_with_a_document_of_all_keys(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    assert north.did == f"did:web:badges.example:institutions:{north.slug}"
    rotated = await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    assert rotated.status_code == 201
    answer = await site.operator.get(f"/institutions/{north.slug}/did.json", headers={"Authorization": ""})
    document = answer.json()
    assert answer.headers["content-type"] == "application/did+ld+json"
    assert document["id"] == north.did
    assert [method["id"] for method in document["verificationMethod"]] == document["assertionMethod"]
    keys = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    assert sorted(document["assertionMethod"]) == sorted(
        [key["verification_method"] for key in keys] + [f"{north.did}#{key['id']}" for key in keys]
    )
    assert keys[-1] == rotated.json()
    assert sorted((key["algorithm"], key["retired_at"] is None) for key in keys) == [
        ("ES256", True), ("EdDSA", False), ("EdDSA", True),
    ]  # fmt: skip
    assert [(key["version"], key["retired_at"] is None) for key in await site.told("laurel.signing-key.state.v1")] == [
        (1, True), (1, True), (2, False), (1, True),
    ]  # fmt: skip


async def test_a_did_document_has_the_keys_of_the_usual_proof_first_and_every_key_as_multikey_before_jwks(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    for _ in range(4):  # ids have no order
        north = await site.institution()
        await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
        methods = (await site.operator.get(f"/institutions/{north.slug}/did.json")).json()["verificationMethod"]
        assert [method["type"] for method in methods] == ["Multikey"] * 3 + ["JsonWebKey"] * 3
        multikeys = [method["publicKeyMultibase"][:4] for method in methods[:3]]
        assert multikeys == ["z6Mk", "z6Mk", "zDna"]
        assert [method["publicKeyJwk"]["alg"] for method in methods[3:]] == ["EdDSA", "EdDSA", "ES256"]


async def test_a_repeated_rotation_rotates_once(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    path, headers = f"/v1/institutions/{north.id}/signing-keys", {"Idempotency-Key": "k"}
    answers = [await north.client.post(path, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await north.client.get(path)).json()["items"]) == 3


async def test_a_did_key_cannot_rotate_and_did_web_needs_https(site: Site, north: Institution) -> None:
    answer = await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    assert (answer.status_code, answer.json()["code"]) == (409, "rotation_needs_did_web")
    body = {"name": "N", "slug": "web", "did_method": "web"}
    refused = await site.operator.post("/v1/institutions", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "did_web_needs_https")


async def test_a_sandbox_may_have_a_did_web_that_is_known_on_this_machine_alone(
    site: Site, make_site: MakeSite
) -> None:
    body = {"name": "N", "slug": "web", "did_method": "web"}
    assert (await site.operator.post("/v1/institutions", json=body)).json()["code"] == "did_web_needs_https"
    college = await site.institution(did_method="web", sandbox=True)
    assert college.did == f"did:web:localhost%3A8002:institutions:{college.slug}"
    made = await college.issue(await college.achievement(), formats=["ecdsa-rdfc-2019", "ob3-jwt"])
    assert made.status_code == 201, made.text
    assert made.json()["credential"]["name"].startswith("DEMO ")
    [key] = [
        each
        for each in (await college.client.get(f"/v1/institutions/{college.id}/signing-keys")).json()["items"]
        if each["algorithm"] == "ES256"
    ]
    kid = jwt.read(made.json()["token"]).header["kid"]
    assert kid == f"http://localhost:8002/institutions/{college.slug}/keys/{key['id']}"
    elsewhere: Site = await make_site(public_url="http://badges.example")
    refused = await elsewhere.operator.post("/v1/institutions", json={**body, "sandbox": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "did_web_needs_https")
    public: Site = await make_site(public_url=PUBLIC)
    assert (await public.institution(sandbox=True)).did.startswith("did:web:badges.example:")


async def test_a_did_key_institution_may_stand_beside_did_web_ones(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution(did_method="key")
    assert north.did.startswith("did:key:")
    made = (await north.issue(await north.achievement())).json()
    assert made["credential"]["name"] == "Bridge building"
    assert made["credential"]["id"] == f"{PUBLIC}/credentials/{made['id']}"


async def test_a_public_key_is_a_bare_jwk_for_anybody(site: Site, north: Institution) -> None:
    [key] = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    answer = await site.operator.get(f"/institutions/{north.slug}/keys/{key['id']}", headers={"Authorization": ""})
    jwk: dict[str, Any] = answer.json()
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    public: Ed25519PublicKey = decode_multikey(key["public_key_multibase"])
    from base64 import urlsafe_b64decode

    assert urlsafe_b64decode(jwk["x"] + "=") == public.public_bytes_raw()
    for path in (f"/institutions/{north.slug}/keys/{uuid4()}", "/institutions/nobody/did.json"):
        assert (await site.operator.get(path)).status_code == 404


async def test_private_keys_are_sealed_in_the_database(site: Site, north: Institution) -> None:
    [row] = await site.rows("select id, sealed, public_key_multibase from signing_keys")
    key = site.signer().open(row["id"], row["sealed"])
    assert key.public_key() == decode_multikey(row["public_key_multibase"])
    assert key.private_bytes_raw() not in row["sealed"]
