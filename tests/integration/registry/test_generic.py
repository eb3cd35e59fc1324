"""A credential that is no badge is recorded as badges are, and its page says what is known of it and no more."""

from typing import Any

import pytest

from shared.ids import new_id
from shared.messaging.events import Actor, GenericCredentialIssued, Message
from tests.integration.registry.builders import DIGEST, EMAIL, NAME, Badge, institution
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import BROWSER, open_page
from tests.support.records import an_api_key, delivery

HOSTILE = "<script>alert(1)</script>\u202egnp"


class Generic(Badge):
    """One credential that its institution wrote, and the events of its life."""

    def __init__(self, types: Any = ("VerifiableCredential", "Membership"), **members: Any) -> None:
        super().__init__()
        self.document = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": list(types) if isinstance(types, tuple) else types,
            "name": f"Membership of {NAME}",
            "credentialSubject": {"id": "did:example:ada", "email": EMAIL},
            **members,
        }

    def issued(self) -> Any:
        """Version 1."""
        return GenericCredentialIssued(
            credential_id=self.id,
            institution_id=self.institution_id,
            credential=self.document,
            document_digest=DIGEST,
            status=self.positions[:1],
            owner_token=self.owner_token,
            salt=self.salt,
            actor=Actor(role="institution", key_id=self.key_id),
            client_id="urn:uuid:its-own",
        )

    def life(self) -> list[Message]:
        """Issued, revoked."""
        return [self.issued(), self.changed()]


async def known(registry: Registry, credential: Generic, *further: Message) -> Generic:
    await registry.feed(credential.issued(), *further, institution(credential.institution_id))
    await registry.hear()
    return credential


async def test_its_record_and_history_are_public_and_name_no_achievement(registry: Registry) -> None:
    membership = await known(registry, Generic())
    await registry.feed(*membership.life())  # what is recorded is not recorded again
    async with registry.serving():
        for address in (f"/v1/credentials/{membership.id}", f"/credentials/{membership.id}"):
            answer = await registry.client.get(address, headers={"Accept": "application/json"})
            record = answer.json()
            assert (record["kind"], record["types"]) == ("generic", ["VerifiableCredential", "Membership"])
            assert (record["achievement"], record["status"]) == (None, "revoked")
            assert [entry["type"] for entry in record["history"]] == ["issued", "revoked"]
            assert NAME not in answer.text
            assert EMAIL not in answer.text
    assert await registry.value("select count(*) from outbox") == 2


async def test_its_page_tells_type_issuer_and_status_and_nothing_of_what_is_in_it(registry: Registry) -> None:
    membership = await known(registry, Generic())
    async with registry.serving():
        page = await open_page(registry, membership)
        assert page.tone == "good"
        for told in ("Membership", "Issued by North Academy", "It is no badge", "1. Issued"):
            assert told in page.text
        for planted in (NAME, EMAIL, "did:example:ada", membership.owner_token, "urn:uuid:its-own"):
            assert planted not in page.answer.text
        assert not page.all("form")
        await registry.feed(membership.changed())
        await registry.hear()
        revoked = await open_page(registry, membership)
    assert revoked.tone == "bad"
    assert "revoked this credential" in revoked.text


@pytest.mark.parametrize(
    "types", [("VerifiableCredential", HOSTILE), HOSTILE, {"x": [HOSTILE]}, ("VerifiableCredential",)]
)
async def test_whatever_it_says_that_it_is_nothing_of_it_runs(registry: Registry, types: Any) -> None:
    membership = await known(registry, Generic(types))
    async with registry.serving():
        page = await open_page(registry, membership)
    assert "<script>alert" not in page.answer.text
    assert "\u202e" not in page.answer.text.partition("</title>")[0]
    assert ("alert(1)" in page.text) == (HOSTILE in types)


@pytest.mark.parametrize(
    ("dates", "tone"),
    [
        ({"issuanceDate": "2020-01-01T00:00:00Z", "expirationDate": "2021-01-01T00:00:00Z"}, "bad"),
        ({"issuanceDate": "2999-01-01T00:00:00Z"}, "care"),
        ({"validUntil": "2021-01-01T00:00:00Z"}, "bad"),
        ({"issuanceDate": "2020-01-01T00:00:00Z"}, "good"),
    ],
    ids=["1.1, expired", "1.1, not yet valid", "2.0, expired", "1.1, within its dates"],
)
async def test_its_dates_count_by_the_names_of_either_data_model(
    registry: Registry, dates: dict[str, str], tone: str
) -> None:
    membership = await known(registry, Generic(**dates))
    async with registry.serving():
        assert (await open_page(registry, membership)).tone == tone


async def test_its_document_is_for_its_institution_and_there_is_no_picture_of_it(registry: Registry) -> None:
    membership, other = await known(registry, Generic()), await known(registry, Generic())
    header, key = an_api_key(membership.institution_id)
    stranger, strangers_key = an_api_key(other.institution_id)
    await registry.feed(delivery(key), delivery(strangers_key))
    address = f"/credentials/{membership.id}"
    async with registry.serving():
        own = await registry.client.get(f"{address}.json", headers=header)
        assert own.json() == membership.document
        assert (await registry.client.get(f"/v1{address}", headers=header)).json()["credential"] == membership.document
        for headers in ({}, stranger):
            for form in ("json", "jwt", "png", "svg"):
                answer = await registry.client.get(f"{address}.{form}", headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")
        for form in ("png", "svg"):
            answer = await registry.client.get(f"{address}.{form}", headers=header)
            assert (answer.status_code, answer.json()["code"]) == (404, "picture_not_found")
        assert (await registry.client.get(f"{address}.jwt", headers=header)).json()["code"] == "no_token"
        found = (await registry.client.get("/v1/credentials", headers=header)).json()["items"]
        assert [(each["id"], each["achievement_id"]) for each in found] == [(str(membership.id), None)]
        assert (await registry.client.get(f"/credentials/{new_id()}", headers=BROWSER)).status_code == 404
