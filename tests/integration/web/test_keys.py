"""Who may come in: wrong, expired, revoked, foreign and guessed keys."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.integration.web.conftest import Site

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


async def test_a_key_opens_its_tenants_routes(site: Site) -> None:
    tenant = uuid4()
    answer = await site.client.get("/mine", headers=await site.key(tenant))
    assert answer.json() == {"kind": "institution", "tenant": str(tenant)}


async def test_the_operators_key_opens_what_is_the_operators(site: Site) -> None:
    answer = await site.client.get("/mine", headers={"Authorization": "Bearer operator-secret"})
    assert answer.json()["kind"] == "operator"


async def test_without_a_key_the_answer_says_how_to_send_one(site: Site) -> None:
    answer = await site.client.get("/mine")
    assert (answer.status_code, answer.json()["code"]) == (401, "key_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("column", ["expires_at", "revoked_at"])
async def test_a_key_that_has_ended_is_refused(site: Site, column: str) -> None:
    answer = await site.client.get("/mine", headers=await site.key(**{column: YESTERDAY}))
    assert (answer.status_code, answer.json()["code"]) == (401, "key_no_longer_valid")


async def test_a_key_without_the_scope_is_refused(site: Site) -> None:
    answer = await site.client.post("/things", json={"name": "x"}, headers=await site.key(scopes=["read"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_an_auditors_key_reads_and_changes_nothing(site: Site) -> None:
    auditor = await site.key(scopes=["auditor"])
    assert (await site.client.get("/mine", headers=auditor)).status_code == 200
    assert (await site.client.post("/things", json={"name": "x"}, headers=auditor)).status_code == 403


STRANGE = ["x", "lrl_", "lrl_zz_zz", f"lrl_{uuid4().hex}_guess", "lrl_" + "0" * 10_000, "ü"]


@pytest.mark.parametrize("token", STRANGE, ids=range(len(STRANGE)))
async def test_a_token_that_is_no_key_of_ours_is_401(site: Site, token: str) -> None:
    await site.hear()
    answer = await site.client.get("/mine", headers={"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


async def test_guessing_ends_in_429_and_locks_out_nobody_who_holds_a_key(site: Site) -> None:
    guesses = [await site.client.get("/mine", headers={"Authorization": "Bearer lrl_guess"}) for _ in range(40)]
    assert guesses[0].status_code == 401
    assert guesses[-1].status_code == 429
    assert int(guesses[-1].headers["Retry-After"]) > 0
    assert (await site.client.get("/livez")).status_code == 200
    assert (await site.client.get("/mine", headers=await site.key())).status_code == 200


async def test_a_key_in_the_address_is_refused(site: Site) -> None:
    key = (await site.key())["Authorization"].removeprefix("Bearer ")
    answer = await site.client.get("/mine", params={"api_key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "key_in_query")


async def test_foreign_keys_are_good_only_while_their_service_is_heard(site: Site) -> None:
    key = await site.key(kind="employer")
    assert (await site.client.get("/mine", headers=key)).json()["code"] == "keys_out_of_date"
    await site.hear()
    assert (await site.client.get("/mine", headers=key)).json()["code"] == "wrong_kind_of_key"
    async with site.worker.transaction() as tx:
        await tx.execute("update heartbeats set time = time - interval '16 minutes'")
    assert (await site.client.get("/mine", headers=key)).status_code == 503


@pytest.mark.parametrize("state", ["parked", "buried"])
async def test_a_foreign_key_whose_newest_record_waits_opens_nothing(site: Site, state: str) -> None:
    foreign, own = await site.key(kind="employer"), await site.key()
    await site.hear()
    for key in (foreign, own):
        await hold_record_of(site, key, state)
    answer = await site.client.get("/mine", headers=foreign)
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_out_of_date")
    assert (await site.client.get("/mine", headers=own)).status_code == 200


async def test_an_unknown_key_is_not_called_wrong_while_foreign_keys_may_be_missing(site: Site) -> None:
    unknown = {"Authorization": f"Bearer lrl_{uuid4().hex}_secret"}
    answers = [await site.client.get("/mine", headers=unknown) for _ in range(40)]  # no guess: nothing was compared
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(503, "keys_out_of_date")}
    await site.hear()
    assert (await site.client.get("/mine", headers=unknown)).status_code == 401
    await hold_record_of(site, unknown, "parked")
    assert (await site.client.get("/mine", headers=unknown)).status_code == 503


async def hold_record_of(site: Site, key: dict[str, str], state: str) -> None:
    key_id = UUID(key["Authorization"].split("_")[1])
    async with site.worker.transaction() as tx:
        await tx.execute(
            """
            insert into held_records (consumer, state, cause, topic, partition, "offset", aggregate, header_names,
                                      header_bytes, stored_at, reason)
            select 'laurel.probe.state', $1, 'failed', 'verifier.state.v1', 0, count(*), $2, '{}', '{}', now(), 'test'
            from held_records
            """,
            state,
            str(key_id),
        )
