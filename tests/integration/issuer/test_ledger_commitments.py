"""What the issuer's ledger says that the transparency log should have is what the registry logs of its events."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.registry.domain.leaves import leaf_of_change, told_in
from services.registry.domain.rules import change_of
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import BY_TYPE
from tests.integration.issuer.conftest import Institution, Site
from tests.integration.issuer.test_batch import learners


async def ledger(site: Site) -> tuple[str, dict[str, str | None]]:
    """The ledger's text, and what it says of commitments by event."""
    text = (await site.operator.get("/v1/ops/ledger")).text
    lines = [orjson.loads(line) for line in text.splitlines()]
    versions = [version for line in lines for version in line.get("versions", ())]
    said = {each["event_id"]: each["commitment"] for each in versions}
    changes = [line for line in lines if line["kind"] == "change"]
    return text, said | {line["id"].removeprefix("leaf:"): line["commitment"] for line in changes}


async def told(site: Site) -> list[Delivery]:
    """The issuer's events as the registry reads them."""
    rows = await site.rows("select event_id, headers, value from outbox where topic = 'issuer.events.v1'")
    return [_delivery(row["event_id"], row["headers"], row["value"]) for row in rows]


def _delivery(event_id: UUID, headers: dict[str, Any], value: bytes) -> Delivery:
    message = BY_TYPE[headers["ce_type"]].model_validate_json(value)
    return Delivery(event_id, headers["ce_source"], datetime.fromisoformat(headers["ce_time"]), message, None)


async def some_badges(north: Institution) -> None:
    results = (await north.batch(await north.achievement(), learners(3))).json()["results"]
    assert (await north.revoke(results[0]["id"])).status_code == 200


async def test_the_registry_makes_the_same_commitment_of_every_event(site: Site, north: Institution) -> None:
    await some_badges(north)
    text, said = await ledger(site)
    events = await told(site)
    assert {str(each.id) for each in events} == said.keys()
    assert len({type(each.message) for each in events}) == 5, "there is one of each kind"
    for each in events:
        changed, other = change_of(each), told_in(each)
        leaf = leaf_of_change(changed) if changed else other.leaf if other else None
        assert leaf is not None
        assert said[str(each.id)] == leaf.entry.hex()
        assert each.message.model_dump()["salt"] not in text, "no salt is told"


async def test_there_is_no_commitment_to_what_was_erased(site: Site, north: Institution) -> None:
    await some_badges(north)
    await site.rows("update credential_history set salt = null")
    await site.rows("update recorded_changes set salt = null")
    _, said = await ledger(site)
    assert len(said) > 5
    assert set(said.values()) == {None}
