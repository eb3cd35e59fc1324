"""Whom a revocation would reach is asked of each service once, of a hundred thousand badges as of one."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from console.desk import MAX_REACH, Desk
from console.neighbours import Asking, Neighbour
from tests.unit.cli.answering import Services, answering

SELECTED = {"issued_from": "2026-11-01T00:00:00+00:00", "reason": "withdrawn"}
REACHED = {"employers": 15, "watches": None}


@pytest.fixture
def services() -> Iterator[Services]:
    with answering() as found:
        found.answer("POST /verifier/v1/reach", REACHED)
        yield found


@pytest.fixture
async def desk(services: Services) -> AsyncIterator[Desk]:
    urls = {name: f"http://127.0.0.1:{services.server_port}/{name}" for name in ("issuer", "verifier")}
    issuer, verifier = (Neighbour(name, "", url, (url,)) for name, url in urls.items())
    asking = Asking(None)
    yield Desk(asking, issuer, verifier)
    await asking.close()


def select(services: Services, badges: int, ids: list[str] | None) -> None:
    """Let so many badges be selected."""
    services.answer("POST /issuer/v1/revocations", {"badges": badges, "digest": "d" * 64, "credential_ids": ids})


async def reach(desk: Desk) -> dict[str, Any]:
    """Whom it would reach; no id goes on to the page."""
    seen = await desk.look("key", SELECTED)
    assert "credential_ids" not in seen
    found: dict[str, Any] = seen["reach"]
    return found


async def test_of_a_hundred_thousand_badges_it_is_counted_by_one_question(desk: Desk, services: Services) -> None:
    ids = [str(UUID(int=n)) for n in range(MAX_REACH)]
    select(services, MAX_REACH, ids)
    assert await reach(desk) == {**REACHED, "trouble": None}
    looked, counted = services.asked
    assert looked.body == {**SELECTED, "dry_run": True, "with_ids": True}
    assert (counted.path, counted.body) == ("/verifier/v1/reach", {"credential_ids": ids})


async def test_of_more_the_number_is_said_and_of_none_nobody_is_asked(desk: Desk, services: Services) -> None:
    select(services, 120_000, None)
    words = "it is counted for up to 100,000 badges, and these are 120,000"
    assert await reach(desk) == {"trouble": words}
    select(services, 0, [])
    assert await reach(desk) == {"trouble": "no badges"}
    assert [each.path for each in services.asked] == ["/issuer/v1/revocations"] * 2


async def test_a_verifier_that_is_slow_or_refuses_is_said_to_be_beside_the_preview(
    desk: Desk, services: Services
) -> None:
    select(services, 1, [str(UUID(int=1))])
    services.answer("POST /verifier/v1/reach", (429, {"code": "rate_limited", "detail": "Sixty an hour."}))
    assert await reach(desk) == {"trouble": "the verifier says: Sixty an hour."}
    over = threading.Event()
    services.answer("POST /verifier/v1/reach", lambda _: over.wait() and REACHED)
    try:
        assert await reach(replace(desk, reach_seconds=0.1)) == {"trouble": "the verifier takes too long to answer"}
    finally:
        over.set()
