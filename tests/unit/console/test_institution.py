"""An institution's pages: closed without a key, which stands in no address and on no page; deaf to others' forms."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from console.app import make_app
from console.desk import Desk
from console.institution import selection
from console.institution_sessions import InstitutionSessions
from console.neighbours import Answer, Away, Neighbour
from console.sessions import MAX_SESSIONS, SESSION_SECONDS
from console.settings import ConsoleSettings
from shared.db import to_json

KEY = "lrl_key_of_a_test"
ONE = str(UUID(int=1))
TIME = "2026-11-26T12:00:00Z"
XSS = '"><img src=x onerror=alert(1)>'
PREVIEW = {
    "badges": 2, "learners": 2, "already_revoked": 0, "digest": "d" * 64, "by_status": {}, "by_achievement": [],
    "samples": [{"id": ONE, "status": "issued", "issued_at": TIME}], "credential_ids": [ONE, str(UUID(int=2))],
}  # fmt: skip
BEGUN = {
    "id": ONE, "state": "running", "reason": "withdrawn", "note": None, "badges": 2, "done": 1, "revoked": 1,
    "already_revoked": 0, "reissue": True, "reissued": 1, "trouble": None, "rate": 1.5, "seconds_left": 1,
    "created_at": TIME, "ended_at": None,
}  # fmt: skip


class Services:
    """The issuer and the verifier as a test has them answer (in place of the network)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, tuple[int, Any] | Callable[[Any], tuple[int, Any]]] = {
            "GET /v1/institutions/own": (200, {"id": ONE, "name": f"Oak {XSS}"}),
            "GET /v1/achievements": (200, {"items": [{"id": ONE, "content": {"name": XSS}}]}),
            f"GET /v1/institutions/{ONE}/signing-keys": (200, {"items": []}),
            "GET /v1/revocations": (200, {"items": []}),
            "POST /v1/reach": (200, {"employers": 15, "watches": None}),
            "POST /v1/revocations": lambda body: (200, PREVIEW) if body.get("dry_run") else (202, BEGUN),
            f"GET /v1/revocations/{ONE}": (200, BEGUN),
        }

    async def ask(self, key: str, method: str, url: str, *, body: Any = None, **_: Any) -> Answer:
        path = url.removeprefix("http://issuer").removeprefix("http://verifier")
        self.asked.append((key, f"{method} {path}", body))
        answer = self.answers.get(f"{method} {path}")
        if answer is None:
            raise Away("does not answer")
        status, value = answer(body) if callable(answer) else answer
        return Answer(status, to_json(value))


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
async def visitor(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(ConsoleSettings(operator_key="operator"))
    issuer, verifier = (Neighbour(name, "", f"http://{name}", (f"http://{name}",)) for name in ("issuer", "verifier"))
    app.state.desk = Desk(services, issuer, verifier)  # type: ignore[arg-type]  # what it asks by
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://console") as client:
        yield client


async def let_in(visitor: httpx.AsyncClient) -> str:
    """Show the key; return the token that the session's own forms carry."""
    answer = await visitor.post("/institution/login", data={"key": KEY})
    assert (answer.status_code, answer.headers["location"]) == (303, "/institution")
    for mark in ("HttpOnly", "Secure", "SameSite=strict", "Path=/institution"):
        assert mark in answer.headers["set-cookie"]
    assert KEY not in answer.headers["set-cookie"]
    found = re.search(r'name="token" value="([^"]+)"', (await visitor.get("/institution")).text)
    assert found
    return found[1]


async def test_without_a_session_every_page_leads_to_the_form_for_the_key(visitor: httpx.AsyncClient) -> None:
    for path in ("/institution", f"/institution/revocations/{ONE}"):
        answer = await visitor.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/institution/login")
    for path in ("/institution/preview", "/institution/revocations", f"/institution/revocations/{ONE}/cancel"):
        assert (await visitor.post(path, data={})).headers["location"] == "/institution/login"


async def test_many_badges_are_chosen_seen_confirmed_and_followed(
    visitor: httpx.AsyncClient, services: Services
) -> None:
    form = {"token": await let_in(visitor), "from": "2026-11-01", "to": "2026-11-02", "reason": "withdrawn"}
    seen = await visitor.post("/institution/preview", data=form)
    assert (seen.status_code, "2 badges of 2 learners" in seen.text) == (200, True)
    assert "<dd>15</dd>" in seen.text
    assert "fewer than five employers" in seen.text
    answer = await visitor.post("/institution/revocations", data={**form, "digest": "d" * 64})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/institution/revocations/{ONE}")
    page = await visitor.get(answer.headers["location"])
    assert ("It is under way" in page.text, 'value="1"' in page.text) == (True, True)
    wanted = {"issued_from": "2026-11-01T00:00:00+00:00", "issued_to": "2026-11-03T00:00:00+00:00"}
    bodies = [body for _, path, body in services.asked if path == "POST /v1/revocations"]
    assert bodies == [
        {**wanted, "reason": "withdrawn", "dry_run": True, "with_ids": True},
        {**wanted, "reason": "withdrawn", "digest": "d" * 64},
    ]
    assert {key for key, _, _ in services.asked} == {KEY}
    assert KEY not in seen.text + page.text


async def test_what_has_changed_is_shown_anew_and_not_revoked(visitor: httpx.AsyncClient, services: Services) -> None:
    form = {"token": await let_in(visitor), "ids": ONE, "reason": "other", "note": XSS, "digest": "e" * 64}
    changed = {"code": "selection_changed", "detail": "Changed."}
    services.answers["POST /v1/revocations"] = lambda body: (200, PREVIEW) if body.get("dry_run") else (409, changed)
    answer = await visitor.post("/institution/revocations", data=form)
    assert (answer.status_code, "have changed since you saw them" in answer.text) == (409, True)
    assert f'value="{"d" * 64}"' in answer.text
    assert XSS not in answer.text


async def test_what_has_changed_and_can_t_be_shown_anew_is_told(visitor: httpx.AsyncClient, services: Services) -> None:
    form = {"token": await let_in(visitor), "ids": ONE, "reason": "withdrawn", "digest": "e" * 64}
    changed, gone = {"code": "selection_changed", "detail": "Changed."}, {"code": "gone", "detail": "Not any more."}
    services.answers["POST /v1/revocations"] = lambda body: (404, gone) if body.get("dry_run") else (409, changed)
    answer = await visitor.post("/institution/revocations", data=form)
    assert (answer.status_code, gone["detail"] in answer.text) == (404, True)


async def test_wrong_input_is_said_beside_what_was_filled_in(visitor: httpx.AsyncClient, services: Services) -> None:
    token = await let_in(visitor)
    for form, words in (
        ({"reason": "withdrawn"}, "Choose badges"),
        ({"ids": ONE}, "Say why"),
        ({"from": "1 May", "reason": "withdrawn"}, "is no day"),
        ({"to": "9999-12-31", "reason": "withdrawn"}, "is no day"),
        ({"ids": "x " * 4001, "reason": "withdrawn"}, "Up to 4000"),
    ):
        answer = await visitor.post("/institution/preview", data={"token": token, **form})
        assert (answer.status_code, words in answer.text, 'role="alert"' in answer.text) == (422, True, True)
    refused = {"code": "credentials_not_found", "detail": "1 of these ids are no badges."}
    services.answers["POST /v1/revocations"] = (404, refused)
    answer = await visitor.post("/institution/preview", data={"token": token, "ids": ONE, "reason": "withdrawn"})
    assert (answer.status_code, refused["detail"] in answer.text, ONE in answer.text) == (404, True, True)
    assert XSS not in answer.text


async def test_forms_of_other_sites_and_of_other_sessions_do_nothing(
    visitor: httpx.AsyncClient, services: Services
) -> None:
    token = await let_in(visitor)
    before = len(services.asked)
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        for path in ("login", "logout", "preview", "revocations", f"revocations/{ONE}/cancel"):
            answer = await visitor.post(f"/institution/{path}", data={"token": token}, headers=headers)
            assert answer.status_code == 403, path
    for path in ("preview", "revocations", f"revocations/{ONE}/cancel"):
        answer = await visitor.post(f"/institution/{path}", data={"token": "of another", "ids": ONE})
        assert answer.status_code == 403
    assert len(services.asked) == before


async def test_a_key_in_an_address_is_refused_and_a_wrong_one_is_said_to_be_wrong(
    visitor: httpx.AsyncClient, services: Services
) -> None:
    assert (await visitor.get(f"/institution?key={KEY}")).status_code == 400
    services.answers["GET /v1/institutions/own"] = (401, {"code": "invalid_key", "detail": "Unknown."})
    for status in [401] * 30 + [429]:
        assert (await visitor.post("/institution/login", data={"key": KEY})).status_code == status
    assert "set-cookie" not in (await visitor.post("/institution/login", data={"key": KEY})).headers


async def test_where_a_service_is_away_the_pages_say_so(visitor: httpx.AsyncClient, services: Services) -> None:
    token = await let_in(visitor)
    form = {"token": token, "ids": ONE, "reason": "withdrawn"}
    del services.answers["POST /v1/reach"]
    page = await visitor.post("/institution/preview", data=form)
    assert (page.status_code, "not counted: the verifier does not answer" in page.text) == (200, True)
    services.answers.clear()
    for answer in (
        await visitor.get("/institution"),
        await visitor.post("/institution/preview", data=form),
        await visitor.get(f"/institution/revocations/{ONE}"),
        await visitor.post("/institution/login", data={"key": KEY}),
    ):
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)


def test_sessions_end_after_their_time_when_they_are_ended_and_when_there_are_too_many() -> None:
    sessions = InstitutionSessions()
    first = sessions.open(KEY, "Oak", now=0)
    assert sessions.of(first, now=SESSION_SECONDS - 1)
    assert sessions.of(first, now=SESSION_SECONDS + 1) is sessions.of("another") is None
    tokens = [sessions.open(KEY, "Oak", now=1) for _ in range(MAX_SESSIONS)]
    assert sessions.of(first, now=2) is None
    sessions.end(tokens[0])
    assert sessions.of(tokens[0], now=2) is None
    assert sessions.of(tokens[1], now=2)


def test_words_of_ones_own_are_the_reason_where_it_is_another() -> None:
    assert selection({"ids": f"{ONE}, {ONE}", "reason": "other", "note": " Fire "}) == {
        "ids": [ONE, ONE],
        "reason": "Fire",
    }
