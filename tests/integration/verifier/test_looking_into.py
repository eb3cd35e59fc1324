"""What strangers' badges need is fetched once for a request, within its bounds, and what fails is its badge's alone."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from services.verifier.fetch import Fetcher, Got
from services.verifier.fetched import Copies
from services.verifier.handlers import looking_into
from services.verifier.handlers.looking_into import MAX_PER_REQUEST, look_into
from services.verifier.jobs import Found, Job
from services.verifier.workers import Workers
from shared.credentials.dids import did_document
from shared.credentials.keys import method_id
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, status_entry, status_list_credential
from shared.errors import Invalid
from tests.integration.verifier.builders import now
from tests.integration.verifier.conftest import pool
from tests.support.badges import a_badge, a_key

UNI = "did:web:uni.example"
KEYS = "https://uni.example/.well-known/did.json"
KEY = a_key()
METHOD = method_id(UNI, KEY.public_key())
SIGNED_AT = now() - timedelta(hours=1)


class Web(Fetcher):
    """What stands at strangers' addresses; what hangs never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Any] = {KEYS: did_document(UNI, [KEY.public_key()])}
        self.asked: list[str] = []
        self.hanging: set[str] = set()

    async def get(self, url: str, redirects: int = 0) -> Got:
        self.asked.append(url)
        if url in self.hanging:
            await asyncio.sleep(600)
        if url not in self.pages:
            raise Invalid("fetch_failed", "Nothing could be fetched.")
        page = self.pages[url]
        return Got((page if isinstance(page, str) else json.dumps(page)).encode(), None)

    def publish(self, url: str, **members: Any) -> None:
        """Let the university publish an empty list."""
        arguments = {"ttl": timedelta(minutes=5), "valid_until": now() + timedelta(days=1), **members}
        made = status_list_credential(
            list_url=url, issuer=UNI, purpose="revocation", bits=bytearray(MIN_BITS // 8), valid_from=SIGNED_AT,
            **arguments,
        )  # fmt: skip
        self.pages[url] = sign(made, KEY, METHOD, SIGNED_AT)


def a_list(number: int) -> str:
    return f"https://uni.example/lists/{number}"


def a_job(list_url: str) -> Job:
    badge = a_badge(KEY, credential_id="https://uni.example/1", status=[status_entry(list_url, 7, "revocation")])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = UNI
    return Job(badge=sign(badge, KEY, METHOD, SIGNED_AT), now=now())


async def statuses(jobs: list[Job], workers: Workers, copies: Copies) -> list[str]:
    """The outcome of each badge's status, or of its proof where there is none."""
    found = []
    for seen in await look_into(jobs, "somebody", workers, copies, lambda _: False):
        assert isinstance(seen.outcome, Found)
        outcomes = {check.name: check.outcome for check in seen.outcome.checked.checks}
        found.append(outcomes.get("status", f"proof {outcomes['proof']}"))
    return found


async def test_a_hundred_different_lists_are_fetched_once_each_and_one_that_fails_spoils_no_other() -> None:
    web = Web()
    for number in range(1, 100):
        web.publish(a_list(number))
    jobs = [a_job(a_list(number)) for number in range(100)] * 2
    async with pool() as workers:
        said = await statuses(jobs, workers, Copies(web))
    assert said == [*["unknown", *["pass"] * 99] * 2]
    assert sorted(web.asked) == sorted([KEYS, *map(a_list, range(100))])


async def test_a_request_has_a_budget_of_addresses_and_who_comes_too_late_is_unknown() -> None:
    web = Web()
    jobs = [a_job(a_list(number)) for number in range(MAX_PER_REQUEST + 5)]
    for number in range(len(jobs)):
        web.publish(a_list(number))
    async with pool() as workers:
        said = await statuses(jobs, workers, Copies(web))
    assert len(web.asked) == MAX_PER_REQUEST
    assert said == [*["pass"] * (MAX_PER_REQUEST - 1), *["unknown"] * 6]


async def test_hosts_that_hang_cost_a_request_its_seconds_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_into, "MAX_SECONDS", 1.0)
    web = Web()
    web.publish(a_list(0))
    web.hanging = {a_list(number) for number in range(1, 10)}
    async with pool() as workers:
        said = await asyncio.wait_for(
            statuses([a_job(a_list(number)) for number in range(10)], workers, Copies(web)), 30
        )
    assert said == ["pass", *["unknown"] * 9]


async def test_what_is_kept_serves_the_next_request_and_says_how_old_it_is() -> None:
    web, moved = Web(), [0.0]
    web.publish(a_list(1))
    copies = Copies(web, lambda: moved[0])
    async with pool() as workers:
        for seconds, asked in ((0, 2), (59, 2), (61, 3), (121, 3), (299, 4), (301, 5)):
            moved[0] = seconds
            (seen,) = await look_into([a_job(a_list(1))], "somebody", workers, copies, lambda _: False)
            assert len(web.asked) == asked, f"after {seconds} s"
            assert seen.age == timedelta(seconds={0: 0, 301: 2}.get(seconds, seconds)), "the oldest thing counts"


async def test_a_list_that_names_a_shorter_life_is_asked_again_after_it() -> None:
    web, moved = Web(), [0.0]
    web.publish(a_list(1), ttl=timedelta(seconds=2))
    copies = Copies(web, lambda: moved[0])
    async with pool() as workers:
        for seconds in (0, 1, 3):
            moved[0] = seconds
            assert await statuses([a_job(a_list(1))], workers, copies) == ["pass"]
    assert web.asked == [KEYS, a_list(1), a_list(1)]
