"""A badge is signed in the formats asked for, as our own checks and an independent library see it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt as pyjwt
import pytest

from shared.credentials.canonical import digest
from shared.credentials.check import check_document, check_token
from shared.credentials.dids import jwk_url
from shared.credentials.known_keys import KnownKey
from shared.credentials.report import CheckedDocument
from tests.integration.issuer.conftest import Institution, MakeSite, Site

PUBLIC = "https://badges.example"
PROOFS = ["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019"]
TOKENS = {"ob3-jwt": "ES256", "ob3-jwt-rs256": "RS256", "vc+jwt": "EdDSA"}


@pytest.fixture
async def web(make_site: MakeSite) -> Site:
    """An issuer with a public https address."""
    made: Site = await make_site(public_url=PUBLIC)
    return made


async def known_keys(site: Site, institution: Institution) -> tuple[KnownKey, ...]:
    """The institution's keys, as its public routes have them: bare, and in its DID document."""
    document = (await site.operator.get(f"/institutions/{institution.slug}/did.json")).json()
    multikeys = {each["id"]: each for each in document["verificationMethod"] if each["type"] == "Multikey"}
    listed = (await institution.client.get(f"/v1/institutions/{institution.id}/signing-keys")).json()["items"]
    found = []
    for key in listed:
        multikey = multikeys[key["verification_method"]]["publicKeyMultibase"]
        for method in (key["verification_method"], f"{institution.did}#{key['id']}"):
            named = jwk_url(institution.did, key["id"]) if method == key["verification_method"] else None
            found.append(KnownKey(verification_method=method, public_key_multibase=multikey, jwk_url=named))
    return tuple(found)


def outcomes(checked: CheckedDocument) -> set[tuple[str, str]]:
    return {(check.name, check.outcome) for check in checked.checks if check.outcome != "pass"}


async def read_by_another_library(site: Site, institution: Institution, token: str) -> dict[str, Any]:
    """Return a token's claims as PyJWT reads them, with the key that its `kid` leads to."""
    header = pyjwt.get_unverified_header(token)
    if header["kid"].startswith(PUBLIC):
        jwk = (await site.operator.get(header["kid"].removeprefix(PUBLIC))).json()
    else:
        document = (await site.operator.get(f"/institutions/{institution.slug}/did.json")).json()
        [method] = [each for each in document["verificationMethod"] if each["id"] == header["kid"]]
        assert method["type"] == "JsonWebKey"
        jwk = method["publicKeyJwk"]
    assert jwk["alg"] == header["alg"]
    claims: dict[str, Any] = pyjwt.decode(token, pyjwt.PyJWK(jwk).key, algorithms=[header["alg"]])
    return claims


@pytest.mark.parametrize(
    ("formats", "proofs"),
    [
        *[([each], each) for each in PROOFS],
        (["ecdsa-rdfc-2019", "eddsa-jcs-2022"], ["eddsa-jcs-2022", "ecdsa-rdfc-2019"]),
        (PROOFS[::-1], PROOFS),
    ],
)
async def test_proofs_alone_and_together_hold_by_our_own_checks(
    web: Site, formats: list[str], proofs: str | list[str]
) -> None:
    north = await web.institution()
    answer = await north.issue(await north.achievement(), formats=formats)
    document = answer.json()["credential"]
    made = document["proof"]
    assert (answer.status_code, answer.json()["token"]) == (201, None)
    assert ([each["cryptosuite"] for each in made] if isinstance(made, list) else made["cryptosuite"]) == proofs
    checked = check_document(document, now=datetime.now(UTC), known_keys=await known_keys(web, north))
    assert outcomes(checked) == set()


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("beside", [[], ["eddsa-jcs-2022", "ecdsa-rdfc-2019"]])
async def test_a_token_holds_by_our_own_checks_and_another_librarys(web: Site, token: str, beside: list[str]) -> None:
    north = await web.institution()
    recipient = {"email": "ada@example.org", "name": "Ada"}
    if TOKENS[token] == "RS256":
        key = await north.client.post(f"/v1/institutions/{north.id}/signing-keys", json={"algorithm": "RS256"})
        assert key.status_code == 201, key.text
    made = (await north.issue(await north.achievement(), recipient=recipient, formats=[token, *beside])).json()
    keys = await known_keys(web, north)
    now = datetime.now(UTC)
    checked = check_token(made["token"], now=now, known_keys=keys)
    assert outcomes(checked) == set()
    assert checked.facts.issuer_id == north.did
    proof = made["credential"]["proof"]
    assert proof["cryptosuite"] == "eddsa-rdfc-2022" if not beside else len(proof) == 2
    assert outcomes(check_document(made["credential"], now=now, known_keys=keys)) == set()

    claims = await read_by_another_library(web, north, made["token"])
    badge = {name: member for name, member in made["credential"].items() if name != "proof"}
    assert badge.items() <= claims.items()
    assert pyjwt.get_unverified_header(made["token"])["alg"] == TOKENS[token]
    subject = made["credential"]["credentialSubject"]
    if token.startswith("ob3-jwt"):
        assert (claims["iss"], claims["jti"], claims["sub"]) == (north.did, badge["id"], subject["id"])
        assert subject["id"].startswith("urn:uuid:")
        assert datetime.fromtimestamp(claims["nbf"], UTC) == datetime.fromisoformat(badge["validFrom"])
    else:
        assert "id" not in subject
        assert not {"nbf", "exp", "vc"} & claims.keys()


async def test_a_token_is_told_of_with_its_digest_and_told_again(web: Site) -> None:
    north = await web.institution()
    achievement = await north.achievement()
    made = (await north.issue(achievement, formats=["vc+jwt"])).json()
    await north.issue(achievement)
    events, states = await web.told("laurel.credential.issued.v1"), await web.told("laurel.credential.state.v1")
    assert [event["token"] for event in events] == [made["token"], None]
    assert [state["token_digest"] for state in states] == [sha256(made["token"].encode()).hexdigest(), None]
    assert events[0]["document_digest"] == digest(made["credential"]).hex()
    await north.revoke(made["id"])
    await web.rows("delete from outbox")
    assert (await web.operator.post("/v1/ops/refeed")).status_code == 200
    again = {event["credential_id"]: event["token"] for event in await web.told("laurel.credential.issued.v1")}
    assert again == {event["credential_id"]: event["token"] for event in events}
    [state] = [each for each in await web.told("laurel.credential.state.v1") if each["status"] == "revoked"]
    assert state["token_digest"] == states[0]["token_digest"]


async def test_a_repeated_key_hears_the_same_token_and_other_formats_are_another_request(web: Site) -> None:
    north = await web.institution()
    achievement = await north.achievement()
    first = await north.issue(achievement, "k", formats=["eddsa-rdfc-2022", "ob3-jwt"])
    again = await north.issue(achievement, "k", formats=["eddsa-rdfc-2022", "ob3-jwt"])
    other = await north.issue(achievement, "k", formats=["eddsa-rdfc-2022", "vc+jwt"])
    assert (again.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    seen = (await north.client.get(f"/v1/credentials/{first.json()['id']}")).json()
    assert seen["token"] == first.json()["token"]


@pytest.mark.parametrize("format_", ["ecdsa-rdfc-2019", "ob3-jwt"])
async def test_a_did_key_institution_has_its_one_key_for_its_formats_alone(north: Institution, format_: str) -> None:
    achievement = await north.achievement()
    refused = await north.issue(achievement, formats=["eddsa-rdfc-2022", format_])
    assert (refused.status_code, refused.json()["code"]) == (422, "format_needs_did_web")
    made = (await north.issue(achievement, formats=["eddsa-rdfc-2022", "eddsa-jcs-2022", "vc+jwt"])).json()
    now = datetime.now(UTC)
    for checked in (check_document(made["credential"], now=now), check_token(made["token"], now=now)):
        assert outcomes(checked) == {("demo", "warn")}


async def test_two_tokens_are_refused_alone_and_in_a_batch(web: Site) -> None:
    north = await web.institution()
    achievement = await north.achievement()
    body = {"achievement_id": achievement, "recipients": [{"email": "a@example.org"}], "formats": list(TOKENS)}
    for answer in (
        await north.issue(achievement, formats=list(TOKENS)),
        await north.client.post("/v1/credentials/batch", json=body),
        await north.client.post("/v1/credentials/batch", json={**body, "dry_run": True}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "one_token_per_badge")
    assert await web.rows("select from credentials") == []


async def test_an_institution_of_before_there_were_formats_is_told_which_request_makes_its_key(web: Site) -> None:
    north = await web.institution()
    await web.rows("delete from signing_keys where algorithm <> 'EdDSA'")
    achievement = await north.achievement()
    body = {"achievement_id": achievement, "recipients": [{"email": "a@example.org"}], "formats": ["ob3-jwt"]}
    batch = await north.client.post("/v1/credentials/batch", json=body)
    refused = await north.issue(achievement, formats=["ob3-jwt"])
    for answer in (batch, refused):
        assert (answer.status_code, answer.json()["code"]) == (422, "format_needs_key")
        assert '{"algorithm": "ES256"}' in answer.json()["detail"]
    path = f"/v1/institutions/{north.id}/signing-keys"
    assert (await north.client.post(path, json={"algorithm": "ES256"})).status_code == 201
    assert (await north.issue(achievement, formats=["ob3-jwt"])).status_code == 201


async def test_the_formats_of_a_batch_are_those_of_all_its_badges(web: Site) -> None:
    north = await web.institution()
    rows = [{"email": f"learner{number}@example.org", "idempotency_key": f"row-{number}"} for number in range(3)]
    body = {"achievement_id": await north.achievement(), "recipients": rows, "formats": ["ecdsa-rdfc-2019", "vc+jwt"]}
    assert [each["status"] for each in await results(north, {**body, "dry_run": True})] == ["valid"] * 3
    first = await results(north, body)
    keys, now = await known_keys(web, north), datetime.now(UTC)
    for each in first:
        made = (await north.client.get(f"/v1/credentials/{each['id']}")).json()
        assert made["credential"]["proof"]["cryptosuite"] == "ecdsa-rdfc-2019"
        assert outcomes(check_document(made["credential"], now=now, known_keys=keys)) == set()
        assert outcomes(check_token(made["token"], now=now, known_keys=keys)) == set()
    again = await results(north, {**body, "formats": body["formats"][::-1]})
    assert [each["id"] for each in again] == [each["id"] for each in first]
    other = await results(north, {**body, "formats": ["vc+jwt"]})
    assert {each["error"]["code"] for each in other} == {"idempotency_key_reused"}


async def results(institution: Institution, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await institution.client.post("/v1/credentials/batch", json=body, headers={"Idempotency-Key": uuid4().hex})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_each_kind_of_key_changes_by_itself(web: Site) -> None:
    north = await web.institution()
    path = f"/v1/institutions/{north.id}/signing-keys"
    achievement = await north.achievement()
    before = (await north.issue(achievement, formats=["eddsa-rdfc-2022", "ob3-jwt"])).json()
    await web.list_signer().sign_due()
    renewed = (await north.client.post(path, json={"algorithm": "ES256"})).json()
    after = (await north.issue(achievement, formats=["eddsa-rdfc-2022", "ob3-jwt"])).json()
    assert (
        pyjwt.get_unverified_header(after["token"])["kid"] == f"{PUBLIC}/institutions/{north.slug}/keys/{renewed['id']}"
    )
    assert after["credential"]["proof"]["verificationMethod"] == before["credential"]["proof"]["verificationMethod"]
    assert await web.list_signer().sign_due() == 0  # no status list was signed with that key
    keys, now = await known_keys(web, north), datetime.now(UTC)
    for made in (before, after):
        assert outcomes(check_token(made["token"], now=now, known_keys=keys)) == set()
    for algorithm in ("ES384", "RS256"):
        made = (await north.client.post(path, json={"algorithm": algorithm})).json()
        assert (made["algorithm"], made["retired_at"]) == (algorithm, None)
        jwk = (await web.operator.get(f"/institutions/{north.slug}/keys/{made['id']}")).json()
        assert jwk["alg"] == algorithm
    listed = (await north.client.get(path)).json()["items"]
    in_use = [key["algorithm"] for key in listed if key["retired_at"] is None]
    assert sorted(in_use) == ["ES256", "ES384", "EdDSA", "RS256"]
    assert len(listed) == 5


async def test_a_did_key_institution_gets_no_second_key_of_any_kind(north: Institution) -> None:
    path = f"/v1/institutions/{north.id}/signing-keys"
    for body in ({}, {"algorithm": "EdDSA"}, {"algorithm": "ES256"}):
        answer = await north.client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "rotation_needs_did_web")
    assert (await north.client.post(path, json={"algorithm": "none"})).status_code == 422
    assert len((await north.client.get(path)).json()["items"]) == 1
