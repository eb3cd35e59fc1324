"""How far a change would reach: counts that tell an institution of its own badges, in fives, and of nobody."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.verifier.api.reach import MAX_IDS
from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.watching import told_all, watch
from tests.support.service import OPERATOR

NOBODY = {"employers": None, "watches": None}


async def verified(verifier: Verifier, institution: Institution, credential_id: UUID, *employers: UUID) -> None:
    """Let employers have verified a badge."""
    for employer in employers:
        await verifier.execute(
            "insert into verifications (id, request_id, place, employer_id, credential_id, institution_id, verdict,"
            " standing, checks, verified_at) values ($1, $1, 0, $2, $3, $4, 'valid', 'registered', '[]', $5)",
            uuid4(), employer, credential_id, institution.id, now(),
        )  # fmt: skip


async def reach(verifier: Verifier, key: dict[str, str], *credential_ids: UUID) -> dict[str, Any]:
    """What an institution is told."""
    body = {"credential_ids": [str(each) for each in credential_ids]}
    answer = await verifier.client.post("/v1/reach", json=body, headers=key)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
async def oak(served: Verifier) -> Institution:
    """An institution that the verifier knows."""
    made = Institution()
    await served.know(made)
    return made


async def test_employers_are_counted_from_five_in_fives_and_each_once(served: Verifier, oak: Institution) -> None:
    key = await served.key(oak.id)
    badges, employers = [uuid4(), uuid4()], [uuid4() for _ in range(10)]
    await verified(served, oak, badges[0], *employers[:4], *employers[:4])
    assert await reach(served, key, *badges) == NOBODY
    await verified(served, oak, badges[1], employers[0], employers[4])
    assert await reach(served, key, badges[1]) == NOBODY
    assert await reach(served, key, *badges, *badges) == {"employers": 5, "watches": None}
    await verified(served, oak, badges[1], *employers[5:9])
    assert (await reach(served, key, *badges))["employers"] == 5
    await verified(served, oak, badges[1], employers[9])
    assert (await reach(served, key, *badges))["employers"] == 10


async def test_another_institutions_badges_count_nothing(served: Verifier, oak: Institution) -> None:
    elm, badge = Institution(name="Elm College"), uuid4()
    await verified(served, oak, badge, *(uuid4() for _ in range(7)))
    assert await reach(served, await served.key(elm.id), badge) == NOBODY
    assert (await reach(served, await served.key(oak.id), badge, uuid4()))["employers"] == 5


async def test_watches_are_counted_where_five_employers_have_them(served: Verifier, oak: Institution) -> None:
    key = await served.key(oak.id)
    states = [told_all(oak, oak.badge()) for _ in range(6)]
    await served.feed(*states)
    ids = [each.credential_id for each in states]
    first, *others = [await served.employer() for _ in range(5)]
    for state in states:
        await watch(served, first, state)
    assert await reach(served, key, *ids) == NOBODY
    for employer in others[:3]:
        await watch(served, employer, states[0])
    assert await reach(served, key, *ids) == NOBODY
    last = await watch(served, others[3], states[0])
    assert await reach(served, key, *ids) == {"employers": None, "watches": 10}
    assert await reach(served, key, ids[0]) == {"employers": None, "watches": 5}
    await served.execute("update watches set until = laurel_clock() where id = $1", UUID(last["id"]))
    assert await reach(served, key, *ids) == NOBODY


async def test_a_hundred_thousand_badges_are_asked_for_at_once_and_no_more(served: Verifier, oak: Institution) -> None:
    key = await served.key(oak.id)
    ids = [uuid4() for _ in range(MAX_IDS)]
    await verified(served, oak, ids[-1], *(uuid4() for _ in range(5)))
    assert await reach(served, key, *ids) == {"employers": 5, "watches": None}
    for wrong in ([str(each) for each in [*ids, uuid4()]], [], ["x"]):
        answer = await served.client.post("/v1/reach", json={"credential_ids": wrong}, headers=key)
        assert answer.status_code in (413, 422)


async def test_an_institution_asks_so_often_and_nobody_else_at_all(verifier: Verifier) -> None:
    oak = Institution()
    async with verifier.serving(reach_rate="2/hour"):
        await verifier.know(oak)
        key = await verifier.key(oak.id)
        for _ in range(2):
            assert await reach(verifier, key, uuid4()) == NOBODY
        body = {"credential_ids": [str(uuid4())]}
        answer = await verifier.client.post("/v1/reach", json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert await reach(verifier, await verifier.key(uuid4()), uuid4()) == NOBODY
        for headers in ({}, await verifier.employer(), OPERATOR):
            answer = await verifier.client.post("/v1/reach", json=body, headers=headers)
            assert answer.status_code in (401, 403)


async def test_the_apis_role_itself_gets_no_finer_count(served: Verifier, oak: Institution) -> None:
    badge = uuid4()
    await verified(served, oak, badge, *(uuid4() for _ in range(4)))
    connection = await asyncpg.connect(served.clean.app)
    try:
        assert tuple(await connection.fetchrow("select * from reach($1, array[$2::uuid])", oak.id, badge)) == (
            None,
            None,
        )
        assert await connection.fetchval("select count(*) from verifications") == 0
    finally:
        await connection.close()
