"""Random lives of real badges: bits and versions are the fold of history in issuer, registry and verifier alike."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from services.registry import handlers as registry
from services.verifier.handlers import state as verifier
from shared.credentials.status import decode_list, set_indexes
from shared.db import Database
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import BY_TYPE, ISSUER_EVENTS, ISSUER_STATE
from tests.integration.issuer.conftest import Institution, Site
from tests.support.examples import examples
from tests.support.postgres import CleanDatabase
from tests.support.records import delivery

_MEANS = {"revocation": "revoked", "suspension": "suspended"}
_OUTBOX = "select id, event_id, headers, value from outbox where id > $1 order by id"
_LISTS = """
    select distinct on (list_id) list_id, credential from status_list_versions order by list_id, version desc
"""
_PLACES = """
    select p.credential_id, p.purpose, p.raised, c.version, c.status
    from status_positions p join credentials c on c.id = p.credential_id
"""
_BECOMES = {"issued": "issued", "reinstated": "issued", "suspended": "suspended", "revoked": "revoked"}


@dataclass
class World:
    """An issuer that serves, an institution of it, and the databases of those who hear of it."""

    site: Site
    institution: Institution
    achievement: str
    registry: Database
    verifier: Database
    heard: int = 0
    told: list[Delivery] = field(default_factory=list)

    async def news(self) -> list[Delivery]:
        """Return what the issuer has told since the last time."""
        rows = await self.site.rows(_OUTBOX, self.heard)
        self.heard = max([self.heard, *(row["id"] for row in rows)])
        return [
            delivery(BY_TYPE[row["headers"]["ce_type"]].model_validate(orjson.loads(row["value"])), row["event_id"])
            for row in rows
        ]

    async def pass_on(self, again: int) -> None:
        """Hand what is new, and the last `again` of what is not, to registry and verifier."""
        new = await self.news()
        told = self.told[len(self.told) - min(again, len(self.told)) :] + new
        self.told += new
        events = [each for each in told if each.message.TOPIC == ISSUER_EVENTS]
        states = [each for each in told if each.message.TOPIC == ISSUER_STATE]
        for handle, database, batch in (
            (registry.record_changes, self.registry, events),
            (registry.copy_state, self.registry, states),
            (verifier.follow, self.verifier, states),
        ):
            async with database.transaction() as tx:
                await handle(tx, batch)

    async def bits(self) -> dict[UUID, str]:
        """Return each badge's status by its bits in the lists that the registry serves, signed now."""
        await self.site.list_signer().sign_due()
        await self.pass_on(0)
        lists = {row["list_id"]: _raised_in(row["credential"]) for row in await rows_of(self.registry, _LISTS)}
        places = await self.site.rows("select credential_id, purpose, list_id, index from status_positions")
        found: dict[UUID, str] = {}
        for place in places:
            raised = place["index"] in lists[place["list_id"]]
            status = _MEANS[place["purpose"]] if raised else "issued"
            assert "issued" in (status, found.get(place["credential_id"], "issued"))  # never both bits
            found[place["credential_id"]] = status if status != "issued" else found.get(place["credential_id"], status)
        return found


def _raised_in(credential: str) -> set[int]:
    return set(set_indexes(decode_list(orjson.loads(credential)["credentialSubject"]["encodedList"])))


async def rows_of(database: Database, sql: str) -> list[Any]:
    async with database.transaction() as tx:
        return list(await tx.fetch(sql))


class Lives(RuleBasedStateMachine):
    """What is asked of one institution's badges; `do` runs it where the connections live."""

    badges: Bundle[str] = Bundle("badges")
    world: World
    do: Callable[[Coroutine[Any, Any, Any]], Any]

    @initialize(target=badges)
    def begin(self) -> str:
        return self._issued()

    @rule(target=badges)
    def issue(self) -> str:
        return self._issued()

    def _issued(self) -> str:
        answer = self.do(self.world.institution.issue(self.world.achievement, valid_until="2126-01-01T00:00:00Z"))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    @rule(badge=badges, command=st.sampled_from(("suspend", "reinstate", "revoke")))
    def change(self, badge: str, command: str) -> None:
        answer = self.do(self.world.institution.change(badge, command, reason="other"))
        assert answer.status_code in (200, 409), answer.text

    @rule(target=badges, badge=badges, command=st.sampled_from(("replace", "renew")))
    def succeed(self, badge: str, command: str) -> Any:
        answer = self.do(self.world.institution.change(badge, command))
        assert answer.status_code in (201, 409), answer.text
        return str(answer.json()["id"]) if answer.status_code == 201 else multiple()

    @rule(again=st.integers(0, 6))
    def hear(self, again: int) -> None:
        self.do(self.world.pass_on(again))

    @invariant()
    def bits_are_the_fold_of_history(self) -> None:
        history = self.do(self.world.site.rows("select * from credential_history order by credential_id, version"))
        rows = self.do(self.world.site.rows(_PLACES))
        last = {row["credential_id"]: row for row in history}
        for row in rows:
            assert row["version"] == last[row["credential_id"]]["version"]
            assert row["status"] == _BECOMES[last[row["credential_id"]]["type"]]
            assert row["raised"] == (row["status"] == _MEANS[row["purpose"]])

    def teardown(self) -> None:
        self.do(self._everybody_agrees())

    async def _everybody_agrees(self) -> None:
        await self.world.pass_on(3)
        ask = "select id, version, status, replaced_by from credentials order by id"
        wanted = [tuple(row) for row in await self.world.site.rows(ask)]
        for heard in (self.world.registry, self.world.verifier):
            assert [tuple(row) for row in await rows_of(heard, ask)] == wanted
        assert await self.world.bits() == {row[0]: row[2] for row in wanted}
        history = await rows_of(self.world.registry, "select credential_id, version, type from history order by 1, 2")
        told = "select credential_id, version, type from credential_history order by 1, 2"
        assert [tuple(row) for row in history] == [tuple(row) for row in await self.world.site.rows(told)]
        for id_, version, status, _ in wanted:
            life = [row["type"] for row in history if row["credential_id"] == id_]
            assert [row["version"] for row in history if row["credential_id"] == id_] == list(range(1, version + 1))
            assert _BECOMES[life[-1]] == status


@pytest.mark.timeout(600)
async def test_status_bits_are_the_fold_of_history_in_issuer_registry_and_verifier(
    site: Site, north: Institution, clean_database: Callable[[str], CleanDatabase]
) -> None:
    heard = await Database.open(clean_database("registry").worker, 2)
    copied = await Database.open(clean_database("verifier").worker, 2)
    world = World(site, north, await north.achievement(suspendable=True), heard, copied)
    loop = asyncio.get_running_loop()

    class Here(Lives):
        pass

    Here.world = world
    Here.do = staticmethod(lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(120))
    limits = settings(examples(6), stateful_step_count=12)
    await asyncio.to_thread(run_state_machine_as_test, Here, settings=limits)
    await heard.close()
    await copied.close()
