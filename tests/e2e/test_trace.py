"""One badge's way through four services, as the console keeps it, over a restart of its own, and shows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.app import running
from console.settings import ConsoleSettings
from tests.e2e.conftest import embedded_settings
from tests.support.people import Institution, bearer, register_employer, register_institution, verify
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.stack import OPERATOR_KEY, Stack, standing

EMAIL = "ada.planted@example.org"
NAME = "Ada Planted-Name"
NOTE = "Planted words on why it was withdrawn"
SERVICES = {"issuer", "registry", "verifier", "notifier"}


@dataclass
class Watched:
    """A stack whose spans a console keeps, and the operator at it."""

    stack: Stack
    operator: httpx.AsyncClient
    folder: Path

    async def story(self, credential_id: str) -> dict[str, Any]:
        """What programs are told of a badge; nothing where nothing is known."""
        answer = await self.operator.get(f"/v1/traces/{credential_id}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {"traces": []}
        return found


@asynccontextmanager
async def console_at(settings: ConsoleSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(settings) as url,
        httpx.AsyncClient(base_url=url, headers=bearer(OPERATOR_KEY), timeout=60) as operator,
    ):
        yield operator


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> AsyncIterator[Watched]:
    """First a console that only takes spans, then another on its port and file that knows where the services are."""
    home = tmp_path_factory.mktemp("trace")
    folder, event_log = home / "spans", await embedded_settings(postgres.create)
    first = ConsoleSettings(port=free_port(), span_folder=folder, operator_key=OPERATOR_KEY)  # type: ignore[arg-type]
    async with AsyncExitStack() as until_the_end:
        async with running(first):
            url = f"http://127.0.0.1:{first.port}"
            up = standing(home, postgres.create, event_log, otlp_endpoint=url)
            stack = await until_the_end.enter_async_context(up)
        urls = {f"{name}_url": url for name, url in stack.urls.items()}
        operator = await until_the_end.enter_async_context(console_at(first.model_copy(update=urls)))
        yield Watched(stack, operator, folder)


def of(story: dict[str, Any], title: str) -> dict[str, Any]:
    """The only trace of that title."""
    (found,) = [each for each in story["traces"] if each["title"] == title]
    return dict(found)


def steps(trace: dict[str, Any]) -> set[tuple[str, str]]:
    """Services and names of a trace's spans."""
    return {(each["service"], each["name"]) for each in trace["spans"]}


async def lived(watched: Watched) -> str:
    """Issue a badge, verify it, revoke it; return its id once all of that is told."""
    institution: Institution = await register_institution(watched.stack.urls, OPERATOR_KEY)
    employer = await register_employer(watched.stack.urls, OPERATOR_KEY)
    issued = await institution.issue(await institution.achievement(), EMAIL, recipient={"email": EMAIL, "name": NAME})

    async def is_valid() -> bool:
        return bool((await verify(employer, issued["credential"]))["verdict"] == "valid")

    await eventually(is_valid)
    await institution.revoke(issued["id"], NOTE)
    credential_id = str(issued["id"])

    async def told() -> bool:
        titles = [each["title"] for each in (await watched.story(credential_id))["traces"]]
        return {"Issued", "Verified: valid", "Revoked"} <= set(titles)

    await eventually(told)
    await employer.aclose()
    return credential_id


async def test_a_badges_issuance_verification_and_revocation_are_told_span_by_span(watched: Watched) -> None:
    credential_id = await lived(watched)

    async def whole() -> Any:
        story = await watched.story(credential_id)
        assert {
            ("issuer", "POST /v1/credentials"),
            ("issuer", "publish issuer.events.v1"),
            ("issuer", "publish issuer.state.v1"),
            ("registry", "handle laurel.credential.issued.v1"),
            ("registry", "publish registry.events.v1"),
            ("verifier", "handle laurel.credential.state.v1"),
            ("notifier", "handle laurel.credential.recorded.v1"),
            ("notifier", "send mail"),
        } <= steps(of(story, "Issued"))
        assert {
            ("issuer", "POST /v1/credentials/{credential_id}/revoke"),
            ("registry", "handle laurel.credential.status-changed.v1"),
            ("notifier", "send mail"),
        } <= steps(of(story, "Revoked"))
        verified = [each for each in story["traces"] if each["relation"] == "verification"]
        assert ("registry", "handle laurel.verification.completed.v1") in steps(verified[-1])
        return story

    story = await eventually(whole)
    assert (story["credential_id"], story["kept_hours"]) == (credential_id, 24)
    titles = [each["title"] for each in story["traces"]]
    assert titles.index("Issued") < titles.index("Verified: valid") < titles.index("Revoked")
    issued = of(story, "Issued")
    assert {each["service"] for each in issued["spans"]} == SERVICES
    depths = {each["name"]: each["depth"] for each in issued["spans"]}
    names = ("POST /v1/credentials", "publish issuer.events.v1", "publish registry.events.v1")
    assert [depths[name] for name in names] == [0, 1, 2]
    named = [each for each in issued["spans"] if each["name"].startswith(("handle ", "publish "))]
    assert {each["attributes"]["laurel.credential_id"] for each in named} == {credential_id}
    handled = [each for each in named if each["kind"] == "consumer"]
    assert all(each["attributes"]["laurel.in_log_ms"] >= 0 for each in handled)
    assert not [each for each in story["traces"] for line in each["spans"] if "heartbeat" in line["name"]]


async def test_the_page_shows_it_with_history_and_deliveries_and_the_start_page_the_services(watched: Watched) -> None:
    credential_id = await lived(watched)

    async def page() -> str:
        text = (await watched.operator.get("/ops/trace", params={"badge": credential_id})).text
        assert "delivered" in text
        assert text.count("credential.revoked") >= 1
        return text

    text = await eventually(page)
    for words in ("Issued", "Verified: valid", "Revoked", "Bridge Building", "publish issuer.events.v1", "in the log"):
        assert words in text
    start = (await watched.operator.get("/ops")).text
    assert start.count(">ready<") == 4
    assert "does not answer" not in start
    unknown = await watched.operator.get("/v1/traces/00000000-0000-4000-8000-000000000000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "credential_not_found")


async def test_nothing_personal_is_in_the_file_of_spans(watched: Watched) -> None:
    await lived(watched)

    def content() -> bytes:
        return b"".join(path.read_bytes() for path in watched.folder.iterdir())

    kept = await asyncio.to_thread(content)
    assert b"POST /v1/credentials" in kept, "the search finds what is there"
    assert [each for each in (EMAIL, NAME, NOTE, "planted", OPERATOR_KEY, "lrl_") if each.encode() in kept] == []
