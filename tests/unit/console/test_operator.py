"""The operator's pages: closed without the key, and honest where something is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from console.app import make_app
from console.monitor import Monitor, Standing, grown, numbers, samples
from console.neighbours import Asking, neighbours
from console.ops import own
from console.sessions import MAX_SESSIONS, SESSION_SECONDS, Sessions
from console.settings import ConsoleSettings
from console.spans import Span
from shared.messaging.metrics import LAG
from tests.support.ports import free_port
from tests.unit.console.builders import BADGE, span

KEY = "operator-key-of-a-test"
BEARER = {"Authorization": f"Bearer {KEY}"}
XSS = '"><img src=x onerror=alert(1)>'


def alone(**settings: object) -> ConsoleSettings:
    """A console none of whose services answers."""
    urls = {f"{name}_url": f"http://127.0.0.1:{free_port()}" for name in ("issuer", "registry", "verifier", "notifier")}
    return ConsoleSettings(**{"operator_key": KEY, **urls, **settings})  # type: ignore[arg-type]


@asynccontextmanager
async def visiting(
    settings: ConsoleSettings, *spans: Span, base_url: str = "http://console"
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a console that keeps `spans`."""
    app = make_app(settings)
    await app.state.spans.add(lambda: spans)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
        yield client


@pytest.fixture
async def visitor() -> AsyncIterator[httpx.AsyncClient]:
    async with visiting(alone()) as client:
        yield client


async def log_in(client: httpx.AsyncClient, key: str = KEY, target: str = "/ops") -> httpx.Response:
    return await client.post("/ops/login", data={"key": key, "next": target})


@pytest.mark.parametrize("path", ["/ops", "/ops/trace", f"/ops/trace?badge={BADGE}"])
async def test_without_a_session_every_page_leads_to_the_log_in_and_back(visitor: httpx.AsyncClient, path: str) -> None:
    sent = await visitor.get(path)
    assert sent.status_code == 303
    form = await visitor.get(sent.headers["location"])
    assert form.status_code == 200
    assert f'name="next" value="{path}"' in form.text
    assert (await log_in(visitor, target=path)).headers["location"] == path


async def test_a_session_is_a_cookie_of_the_operators_pages_alone_and_ends_at_the_log_out(
    visitor: httpx.AsyncClient,
) -> None:
    opened = await log_in(visitor)
    cookie = opened.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/ops", f"Max-Age={SESSION_SECONDS}"):
        assert part in cookie
    assert "Secure" not in cookie
    assert (await visitor.get("/ops")).status_code == 200
    stolen = {"Cookie": f"laurel_ops={visitor.cookies['laurel_ops']}"}
    assert (await visitor.post("/ops/logout")).status_code == 303
    assert not visitor.cookies
    assert (await visitor.get("/ops", headers=stolen)).status_code == 303


@pytest.mark.parametrize(
    ("base_url", "headers"), [("https://console", {}), ("http://c", {"X-Forwarded-Proto": "https"})]
)
async def test_who_came_by_https_gets_a_cookie_for_https_alone(base_url: str, headers: dict[str, str]) -> None:
    async with visiting(alone(), base_url=base_url) as client:
        opened = await client.post("/ops/login", data={"key": KEY}, headers=headers)
    assert "Secure" in opened.headers["set-cookie"]


async def test_public_pages_set_no_cookie(visitor: httpx.AsyncClient) -> None:
    for path in ("/", "/ops/login", "/ops", f"/v1/traces/{BADGE}", "/readyz"):
        assert "set-cookie" not in (await visitor.get(path)).headers


async def test_a_wrong_key_opens_nothing_and_many_are_stopped(visitor: httpx.AsyncClient) -> None:
    wrong = await log_in(visitor, "wrong")
    assert (wrong.status_code, "not the operator key" in wrong.text) == (401, True)
    assert "set-cookie" not in wrong.headers
    statuses = [(await log_in(visitor, f"wrong-{n}")).status_code for n in range(40)]
    assert statuses[-1] == 429
    assert (await visitor.get("/ops", headers={"Authorization": "Bearer wrong"})).status_code == 429
    assert (await log_in(visitor)).status_code == 303, "the operator behind the same address is not shut out"


async def test_without_a_configured_key_nothing_opens() -> None:
    async with visiting(alone(operator_key=None)) as client:
        for key in ("", "None", KEY):
            assert (await log_in(client, key)).status_code == 503
        assert (await client.get("/ops", headers={"Authorization": "Bearer "})).status_code != 200


async def test_a_key_file_with_a_line_break_is_the_key_without_it(tmp_path: Path) -> None:
    (tmp_path / "operator").write_text(f"{KEY}\n")
    async with visiting(alone(operator_key="", operator_key_file=tmp_path / "operator")) as client:
        assert (await log_in(client)).status_code == 303


async def test_programs_show_the_key_with_each_request(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/ops", headers=BEARER)).status_code == 200
    assert (await visitor.get(f"/v1/traces/{BADGE}")).json()["code"] == "key_missing"
    assert (await visitor.get(f"/v1/traces/{BADGE}", headers={"Authorization": "Bearer x"})).status_code == 401
    assert (await visitor.get("/v1/traces/4711", headers=BEARER)).status_code == 422


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/ops", "//evil.example/ops", "/ops//evil.example", "/ops/../x", "/opsx", "ops",
        "/ops\\evil",
        "/ops/trace?\r\nSet-Cookie: a=b", "/ops/logout", "/ops/trace/x", "javascript:alert(1)", "", f"/ops?{XSS}",
    ],
)  # fmt: skip
def test_the_log_in_leads_to_pages_of_ours_alone(target: str) -> None:
    assert own(target) == "/ops"


@pytest.mark.parametrize("body", [b"x" * 5000, b"key=\xff\xff", b"&".join(b"a=1" for _ in range(50))])
async def test_a_form_that_is_none_of_ours_is_refused(visitor: httpx.AsyncClient, body: bytes) -> None:
    assert (await visitor.post("/ops/login", content=body)).status_code in (400, 413)


async def test_services_that_are_away_are_shown_as_such(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/ops", headers=BEARER)
    assert page.status_code == 200
    assert page.text.count("does not answer") == 4
    assert "It tells no numbers" in page.text


FRESH = {
    "status_as_of": "2026-11-26T03:45:07Z", "age_seconds": 0.84, "fresh": True,
    "revoke_to_seen": {"last_hour": {"count": 3, "p50_seconds": 0.21, "p99_seconds": 0.9}, "last_day": {"count": 0}},
}  # fmt: skip
STALE = {"status_as_of": None, "age_seconds": None, "fresh": False}


@pytest.mark.parametrize(
    ("said", "shown", "hidden"),
    [
        (FRESH, ["0.8 s ago", ">fresh<", "p50 0.21 s, p99 0.90 s, of 3", "none, sandboxes not counted"], []),
        (STALE, ["not known", "too old"], ["Revoked to seen"]),
        ({"something": "else"}, ["How the services stand"], ["How fresh"]),
        ([], ["How the services stand"], ["How fresh"]),
    ],
    ids=["fresh", "stale", "another form", "no object"],
)
async def test_the_verifiers_freshness_is_shown_as_far_as_it_says(
    said: object, shown: list[str], hidden: list[str]
) -> None:
    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(said)

    app = make_app(alone())
    verifier = Starlette(routes=[Route("/v1/freshness", answer)])
    app.state.asking._client = httpx.AsyncClient(transport=httpx.ASGITransport(verifier))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console") as client:
        page = await client.get("/ops", headers=BEARER)
    assert page.status_code == 200
    assert [words for words in shown if words not in page.text] == []
    assert [words for words in hidden if words in page.text] == []


async def test_a_badge_whose_services_are_away_has_its_spans_all_the_same() -> None:
    async with visiting(alone(), span(name="POST /v1/credentials")) as client:
        page = await client.get(f"/ops/trace?badge={BADGE}", headers=BEARER)
        told = (await client.get(f"/v1/traces/{BADGE}", headers=BEARER)).json()
    assert page.status_code == 200
    assert "The registry does not answer" in page.text
    assert "The notifier does not answer" in page.text
    assert "POST /v1/credentials" in page.text
    assert [each["title"] for each in told["traces"]] == ["Issued"]
    assert (told["credential_id"], told["kept_hours"], told["elsewhere"]) == (BADGE, 24, [])


async def test_of_what_can_not_be_known_now_programs_are_told_so(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get(f"/v1/traces/{uuid4()}", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "badge_not_found_now")


async def test_what_holds_no_id_is_said_to_hold_none_and_stays_text(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/ops/trace", params={"badge": XSS}, headers=BEARER)
    assert page.status_code == 400
    assert "holds no badge" in page.text
    assert "<img src=x" not in page.text
    assert (await visitor.get("/ops/trace", headers=BEARER)).status_code == 200


async def test_a_learners_token_in_a_pasted_address_stays_in_no_history(visitor: httpx.AsyncClient) -> None:
    pasted = f"https://badges.example/credentials/{BADGE}?owner=secret"
    sent = await visitor.get("/ops/trace", params={"badge": pasted}, headers=BEARER)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/ops/trace?badge={BADGE}")


async def test_what_a_forger_sends_as_a_span_is_text() -> None:
    forged = span(
        name=XSS, service=XSS, status="error", attributes={"laurel.credential_id": BADGE, "laurel.verdict": XSS}
    )
    async with visiting(alone(), forged) as client:
        page = await client.get(f"/ops/trace?badge={BADGE}", headers=BEARER)
    assert "&lt;img src=x" in page.text
    assert "<img src=x" not in page.text
    assert "style=" not in page.text


async def test_with_a_collector_the_page_and_the_programs_are_led_there() -> None:
    kept = span()
    elsewhere = f"https://jaeger.example/trace/{kept.trace_id}"
    async with visiting(alone(trace_url="https://jaeger.example/trace/{trace_id}"), kept) as client:
        assert f'href="{elsewhere}"' in (await client.get(f"/ops/trace?badge={BADGE}", headers=BEARER)).text
        assert (await client.get(f"/v1/traces/{BADGE}", headers=BEARER)).json()["elsewhere"] == [elsewhere]
    async with visiting(alone(otlp_endpoint="http://collector:4318")) as client:
        assert "another collector" in (await client.get(f"/ops/trace?badge={BADGE}", headers=BEARER)).text


@pytest.mark.parametrize("url", ["https://jaeger.example/trace/", "javascript:alert({trace_id})"])
def test_a_collectors_address_that_leads_nowhere_is_refused_at_the_door(url: str) -> None:
    with pytest.raises(ValueError, match="trace_id"):
        alone(trace_url=url)


def test_sessions_end_by_themselves_and_are_bounded() -> None:
    sessions = Sessions(KEY)
    first = sessions.open(now=0)
    assert sessions.holds(first, now=SESSION_SECONDS - 1)
    assert not sessions.holds(first, now=SESSION_SECONDS)
    tokens = [sessions.open(now=1) for _ in range(MAX_SESSIONS + 1)]
    assert (sessions.holds(tokens[0], now=2), sessions.holds(tokens[-1], now=2)) == (False, True)
    assert not sessions.holds("", now=2)


METRICS = """\
# TYPE laurel_outbox_sent_total counter
laurel_outbox_sent_total {sent}
laurel_outbox_age_seconds 3.5
laurel_inbox_lag_records{{consumer="a"}} {lag}
laurel_inbox_buried_records{{consumer="a"}} 2.0
laurel_inbox_buried_records{{consumer="b"}} 1.0
laurel_alarms_total{{kind="buried"}} 3.0
python_gc_objects_collected_total{{generation="0"}} 1.0
"""


def test_of_several_processes_counts_and_lag_are_added_and_the_same_queue_is_counted_once() -> None:
    pages = [METRICS.format(sent=10, lag=4), METRICS.format(sent=5, lag=1)]
    told = numbers([each for page in pages for each in samples(page)])
    assert (told.counters["sent"], told.lag, told.gauges["outbox_age"], told.gauges["dead"]) == (15, 5, 3.5, 3)
    assert told.alarms == {"buried": 6}
    assert numbers([]).lag is None


def test_a_rate_is_what_a_counter_grew_by_also_over_a_restart() -> None:
    assert grown([5, 8, 8, 2, 4]) == 3 + 0 + 2 + 2
    standing = Standing(neighbours(alone())[0])
    assert standing.per_minute("sent", 60) is None
    standing.looks.extend((at, {"sent": at * 2.0}) for at in range(0, 900, 10))
    assert standing.per_minute("sent", 60) == standing.per_minute("sent", 900) == 120


async def test_what_is_no_service_of_ours_breaks_no_page() -> None:
    LAG.clear()  # another test of this process may have consumed
    settings = alone()
    console = make_app(settings)
    asking = Asking(KEY)
    asking._client = httpx.AsyncClient(transport=httpx.ASGITransport(console), base_url="http://console")
    monitor = Monitor(asking, neighbours(settings))
    await monitor.look()
    assert {each.trouble for each in monitor.standings} == {None}, "the console itself answers there"
    assert all(each.numbers and each.numbers.lag is None for each in monitor.standings)
