"""Two hundred changes of one list from several processes at once: none is lost, and its last place can be revoked."""

import asyncio
from pathlib import Path

import httpx
import pytest

from shared.credentials.permutation import permuted
from shared.credentials.status import decode_list, set_indexes
from tests.integration.issuer.conftest import Institution, Site, environment
from tests.integration.issuer.test_batch import learners
from tests.support.people import bearer
from tests.support.stack import Process

GROUP = 66


async def _issued_with_the_last_place(site: Site, north: Institution) -> list[str]:
    """Issue three groups of badges and two more, of which the last one has the last bit of its revocation list."""
    achievement = await north.achievement(suspendable=True)
    answer = await north.batch(achievement, learners(3 * GROUP + 1))
    ids = [str(each["id"]) for each in answer.json()["results"]]
    [row] = await site.rows("select id, size, secret from status_lists where purpose = 'revocation'")
    last = row["size"] - 1
    number = next(n for n in range(len(ids), row["size"]) if permuted(n, row["size"], row["secret"]) == last)
    await site.rows("update status_lists set next = $2 where id = $1", row["id"], number)
    made = await north.issue(achievement)
    assert made.json()["credential"]["credentialStatus"][0]["statusListIndex"] == str(last)
    return [*ids, str(made.json()["id"])]


@pytest.mark.timeout(600)
async def test_of_two_hundred_changes_at_once_from_three_processes_none_is_lost(
    site: Site, north: Institution, tmp_path: Path
) -> None:
    ids = await _issued_with_the_last_place(site, north)
    revoked, suspended, reinstated = ids[2 * GROUP :], ids[:GROUP], ids[GROUP : 2 * GROUP]
    await asyncio.gather(*[north.change(each, "suspend", reason="other") for each in reinstated])
    processes = [Process("issuer", "api", environment(site), tmp_path / str(n)) for n in range(2)]
    urls = [site.url, *(process.url for process in processes)]
    orders = [(badge, "revoke") for badge in revoked] + [(badge, "suspend") for badge in suspended]
    orders += [(badge, "reinstate") for badge in reinstated]
    signer, begun = site.list_signer(), len(await site.told("laurel.credential.status-changed.v1"))
    assert len(orders) == 200
    try:
        for n, process in enumerate(processes):
            (tmp_path / str(n)).mkdir()
            process.start()
        await asyncio.gather(*[process.ready() for process in processes])
        async with httpx.AsyncClient(headers=bearer(north.api_key), timeout=240) as client:
            asked = [
                client.post(f"{urls[n % 3]}/v1/credentials/{badge}/{command}", json={"reason": "other"})
                for n, (badge, command) in enumerate(orders)
            ]
            answers, *_ = await asyncio.gather(asyncio.gather(*asked), signer.sign_due(), signer.sign_due())
    finally:
        for process in processes:
            process.sigkill()
    assert {answer.status_code for answer in answers} == {200}
    await signer.sign_due()
    assert len(await site.told("laurel.credential.status-changed.v1")) == begun + 200
    places = await site.rows("select credential_id, purpose, index from status_positions")
    wanted = {
        purpose: sorted(row["index"] for row in places if row["purpose"] == purpose and str(row["credential_id"]) in of)
        for purpose, of in (("revocation", revoked), ("suspension", suspended))
    }
    signed = {each["purpose"]: each["credential"] for each in await site.told("laurel.status-list.state.v1")}
    found = {
        purpose: set_indexes(decode_list(each["credentialSubject"]["encodedList"])) for purpose, each in signed.items()
    }
    assert {purpose: sorted(indexes) for purpose, indexes in found.items()} == wanted
    assert len(wanted["revocation"]) == len(revoked) == 68
    versions = await site.rows(
        "select credential_id, array_agg(version order by version) as v from credential_history group by 1"
    )
    assert all(row["v"] == list(range(1, len(row["v"]) + 1)) for row in versions)
