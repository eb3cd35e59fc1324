"""What the operator sees of the issuer, and what it tells again when it is asked to."""

from typing import Any

import orjson

from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.test_batch import learners


async def records(site: Site) -> list[tuple[str, bytes, dict[str, str]]]:
    """Return id, value and headers of what is in the outbox, by type and key, in the order in which it was added."""
    rows = await site.rows("select event_id, value, headers, key from outbox order by id")
    return [(str(row["event_id"]), row["value"], row["headers"]) for row in rows]


def without_trace(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("traceparent", "tracestate")}


async def test_a_refeed_tells_every_event_and_newest_state_again_with_its_id_and_content(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution(url="https://north.example")
    achievement = await north.achievement(suspendable=True, tags=["a"])
    ids = [result["id"] for result in (await north.batch(achievement, learners(3))).json()["results"]]
    await north.revoke(ids[0], "a reason of our own")
    await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    await (await north.key()).aclose()
    await site.list_signer().sign_due()
    before = await records(site)
    await site.rows("delete from outbox")

    answer = await site.operator.post("/v1/ops/refeed")
    after = await records(site)
    assert answer.json()["count"] == len(after)
    assert {each[0] for each in after} <= {each[0] for each in before}
    known = {event_id: (value, without_trace(headers)) for event_id, value, headers in before}
    for event_id, value, headers in after:
        assert (value, without_trace(headers)) == known[event_id]

    def events(told: list[tuple[str, bytes, dict[str, str]]], key: str) -> list[str]:
        return [
            each[0]
            for each in told
            if each[2]["ce_type"].startswith("laurel.credential.") and each[2]["ce_subject"] == key
        ]

    # Superseded states are not told again; every event and every newest state is, in its order.
    newest = {
        (each[2]["ce_type"], each[2]["ce_subject"]): each[0] for each in before if ".state." in each[2]["ce_type"]
    }
    assert set(newest.values()) | {each[0] for each in before if ".state." not in each[2]["ce_type"]} == {
        each[0] for each in after
    }
    assert events(after, ids[0])[0] == events(before, ids[0])[0]


async def test_a_refed_event_keeps_the_trace_in_which_it_happened(site: Site, north: Institution) -> None:
    await north.issue(await north.achievement())

    async def traces() -> set[str]:
        rows = await site.rows("select headers from outbox where headers ->> 'ce_type' = 'laurel.credential.issued.v1'")
        return {row["headers"]["traceparent"].split("-")[1] for row in rows if "traceparent" in row["headers"]}

    before = await traces()
    await site.operator.post("/v1/ops/refeed")
    assert await traces() == before


async def test_the_ledger_shows_every_credential_and_list_page_by_page(site: Site, north: Institution) -> None:
    results = (await north.batch(await north.achievement(suspendable=True), learners(5))).json()["results"]
    ids = [result["id"] for result in results]
    await north.revoke(ids[2])
    await site.list_signer().sign_due()
    lines: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        answer = await site.operator.get("/v1/ops/ledger", params={"limit": 2, **({"cursor": after} if after else {})})
        *found, page = [orjson.loads(line) for line in answer.text.splitlines()]
        lines += found
        after = page["next"]
        if after is None:
            break
    credentials = [line for line in lines if line["kind"] == "credential"]
    assert [line["id"] for line in credentials] == sorted(ids)
    revoked = next(line for line in credentials if line["id"] == ids[2])
    assert [(entry["version"], entry["type"]) for entry in revoked["versions"]] == [(1, "issued"), (2, "revoked")]
    assert [place["purpose"] for place in revoked["positions"]] == ["revocation", "suspension"]
    lists = {line["purpose"]: line["set"] for line in lines if line["kind"] == "status_list"}
    assert lists == {"revocation": [revoked["positions"][0]["index"]], "suspension": []}
    changes = [line for line in lines if line["kind"] == "change"]
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert len(lines) == 7 + len(changes)


async def test_operator_routes_are_closed_to_institutions(north: Institution) -> None:
    for method, path in (("GET", "/v1/ops/ledger"), ("POST", "/v1/ops/refeed"), ("GET", "/v1/ops/dead-letters")):
        assert (await north.client.request(method, path)).status_code == 403


async def test_the_api_describes_itself(site: Site) -> None:
    document = (await site.operator.get("/openapi.json")).json()
    assert "/v1/credentials/batch" in document["paths"]
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]
