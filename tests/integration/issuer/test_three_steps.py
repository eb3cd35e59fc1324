"""Between reading the clock and storing anything may happen: what was signed is stored only if it still holds."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.issuer.domain.plan import FRESH, Order
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.storing import Requester
from shared.credentials import jwt
from shared.errors import Unauthorized
from shared.web.auth import Principal
from tests.integration.issuer.conftest import HeldSigner, Institution, MakeSite, Site

ORDER = Order(email="ada@example.org")


def requester(institution: Institution) -> Requester:
    key_id = UUID(institution.api_key.split("_")[1])
    return Requester(Principal("institution", institution.id, str(key_id), frozenset({"issue"})))


async def stored(site: Site, credential_id: UUID) -> dict[str, Any]:
    [row] = await site.rows(
        "select k.*, c.issued_at from credentials c join signing_keys k on k.id = c.signing_key_id where c.id = $1",
        credential_id,
    )
    return dict(row)


async def test_a_signature_older_than_three_seconds_is_made_again(site: Site, north: Institution) -> None:
    signer = HeldSigner(site, pause=FRESH.total_seconds() + 0.2)
    signer.let.set()
    achievement = UUID(await north.achievement())
    [row] = await site.rows("select laurel_clock() as began")
    made = await Issuing(site.app, signer, site.settings).one(requester(north), achievement, ORDER)
    [event] = await site.told("laurel.credential.issued.v1")
    created = datetime.fromisoformat(event["credential"]["proof"]["created"])
    assert signer.asked == 2
    assert (await stored(site, made))["issued_at"] - row["began"] > FRESH
    assert created - row["began"] > FRESH - timedelta(seconds=1)  # `created` has whole seconds


async def test_a_badge_signed_while_the_key_was_rotated_is_signed_again_with_the_new_one(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    signer = HeldSigner(site)
    achievement = UUID(await north.achievement())
    issuing = asyncio.create_task(Issuing(site.app, signer, site.settings).one(requester(north), achievement, ORDER))
    await asyncio.to_thread(signer.began.wait, 60)
    rotated = await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    signer.let.set()
    key = await stored(site, await issuing)
    assert key["verification_method"] == rotated.json()["verification_method"]
    assert key["retired_at"] is None
    [event] = await site.told("laurel.credential.issued.v1")
    assert event["credential"]["proof"]["verificationMethod"] == key["verification_method"]


async def test_a_token_whose_key_was_replaced_while_it_was_signed_is_signed_again_with_the_new_one(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    signer = HeldSigner(site)
    achievement = UUID(await north.achievement())
    issuing = asyncio.create_task(
        Issuing(site.app, signer, site.settings).one(requester(north), achievement, ORDER, ["ob3-jwt"])
    )
    await asyncio.to_thread(signer.began.wait, 60)
    path = f"/v1/institutions/{north.id}/signing-keys"
    replaced = (await north.client.post(path, json={"algorithm": "ES256"})).json()
    signer.let.set()
    key = await stored(site, await issuing)
    assert (key["algorithm"], key["retired_at"]) == ("EdDSA", None)  # that of the first proof
    [event] = await site.told("laurel.credential.issued.v1")
    assert jwt.read(event["token"]).header["kid"].endswith(f"/keys/{replaced['id']}")


async def test_nothing_is_stored_for_an_api_key_that_was_revoked_meanwhile(site: Site, north: Institution) -> None:
    signer = HeldSigner(site)
    achievement = UUID(await north.achievement())
    helper = await north.key(scopes=["issue", "read"])
    helper_id = UUID(helper.headers["Authorization"].split("_")[1])
    who = Requester(Principal("institution", north.id, str(helper_id), frozenset({"issue"})))
    issuing = asyncio.create_task(Issuing(site.app, signer, site.settings).one(who, achievement, ORDER))
    await asyncio.to_thread(signer.began.wait, 60)
    assert (await north.client.delete(f"/v1/api-keys/{helper_id}")).status_code == 204
    signer.let.set()
    with pytest.raises(Unauthorized):
        await issuing
    assert await site.rows("select from credentials") == []
    assert await site.told("laurel.credential.issued.v1") == []
    await helper.aclose()


async def test_numbers_of_what_was_never_stored_stay_unused(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await north.issue(achievement, evidence=[{"id": "https://e.example"}] * 2)  # refused while it is signed
    await north.issue(achievement)
    [row] = await site.rows("select next from status_lists")
    assert row["next"] == 2
    assert len(await site.rows("select from status_positions")) == 1


async def test_no_transaction_is_open_while_a_badge_is_signed(site: Site, north: Institution) -> None:
    signer = HeldSigner(site)
    achievement = UUID(await north.achievement())
    issuing = asyncio.create_task(Issuing(site.app, signer, site.settings).one(requester(north), achievement, ORDER))
    await asyncio.to_thread(signer.began.wait, 60)
    assert site.app.pool.get_idle_size() == site.app.pool.get_size()
    signer.let.set()
    await issuing


async def test_many_requests_finish_on_the_smallest_pool(make_site: MakeSite) -> None:
    site: Site = await make_site(pool_size=2)
    north = await site.institution()
    achievement = await north.achievement()
    answers = await asyncio.gather(*[north.issue(achievement, uuid4().hex) for _ in range(40)])
    assert {answer.status_code for answer in answers} == {201}
