"""The operator's pages: log in, see how the services stand, follow one badge through them."""

import re
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from console.api import TheTeller
from console.forms import is_https, read_form
from console.freshness import freshness
from console.monitor import Monitor, Standing
from console.sessions import COOKIE, SESSION_SECONDS, Sessions, reader
from console.story import badge_id
from shared.errors import RateLimited, Unauthorized, Unavailable
from shared.web.auth import address_of
from shared.web.pages import Pages

START = "/ops"
# Pages of ours that a log-in may lead to: no other host, no step upwards, nothing that is not plainly written.
_OWN = re.compile(r"/ops(?:/trace)?(?:\?[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?")

public = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False, dependencies=[Depends(reader)])
pages = Pages("console")


@public.get("/ops/login")
async def login_page(next: str = START) -> Response:  # noqa: A002  # the parameter's name
    """The form that asks for the operator key."""
    return pages.page("login.html", next=own(next), wrong=None)


@public.post("/ops/login")
async def login(request: Request) -> Response:
    """Open a session for whoever knows the operator key."""
    sessions: Sessions = request.app.state.sessions
    form = await read_form(request)
    target = own(form.get("next", START))
    try:
        sessions.check(form.get("key", "").strip(), address_of(request))
    except (Unauthorized, Unavailable) as error:
        status = 401 if isinstance(error, Unauthorized) else 503
        return pages.page("login.html", status, next=target, wrong=error.detail)
    except RateLimited as error:
        retry = str(error.members["retry_after"])
        wrong = f"Too many wrong keys came from your address. Try again in {retry} seconds."
        return pages.page("login.html", 429, {"Retry-After": retry}, next=target, wrong=wrong)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        sessions.open(),
        SESSION_SECONDS,
        path="/ops",
        secure=is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer


@public.post("/ops/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    sessions: Sessions = request.app.state.sessions
    sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/ops/login", 303)
    if COOKIE not in request.cookies:  # another site's form: the browser keeps the cookie from it, and it stays
        return answer
    answer.delete_cookie(COOKIE, path="/ops", secure=is_https(request), httponly=True, samesite="strict")
    return answer


@router.get("/ops")
async def start(request: Request) -> Response:
    """How the services stand, and the field for a badge."""
    monitor: Monitor = request.app.state.monitor
    await monitor.look()
    verifier = next(each for each in monitor.standings if each.neighbour.name == "verifier")
    fresh = await freshness(request.app.state.asking, verifier.neighbour.inside[0])
    return pages.page(
        "ops.html", services=[_shown(each) for each in monitor.standings], freshness=fresh, asked="", wrong=None
    )


@router.get("/ops/trace")
async def trace(request: Request, tellers: TheTeller, badge: str = "") -> Response:
    """One badge's traces, its history and what was sent of it."""
    found = badge_id(badge)
    if found is None:
        wrong = "This holds no badge's id. Paste the id, or the address of the badge's page." if badge.strip() else None
        return pages.page("trace.html", 400 if wrong else 200, story=None, asked=badge[:500], wrong=wrong)
    if badge != str(found):
        # An address may carry a learner's token: it stays in no history.
        return RedirectResponse(f"/ops/trace?badge={found}", 303)
    story = await tellers.story(found)
    known = story.traces or story.record or story.deliveries
    return pages.page(
        "trace.html",
        200 if known or story.troubles else 404,
        story=story,
        asked=str(found),
        wrong=None,
        kept_hours=tellers.kept_hours,
        collector=tellers.settings.otlp_endpoint or tellers.settings.trace_url,
        badge_page=f"{tellers.registry.url}/credentials/{found}",
    )


def to_login(request: Request) -> Response:
    """Send whoever has no session to the form, and from there back to where they wanted to go."""
    # A badge's address may carry its learner's token: only its id goes on.
    badge = badge_id(request.query_params.get("badge", ""))
    query = f"?badge={badge}" if badge else ""
    return RedirectResponse(f"/ops/login?next={quote(own(request.url.path + query), safe='')}", 303)


async def login_needed(request: Request, _: Exception) -> Response:
    """Answer LoginNeeded (an exception handler)."""
    return to_login(request)


def own(target: str) -> str:
    """Return `target` where it is a page of the operator's here, else the start page."""
    return target if _OWN.fullmatch(target) else START


def _shown(standing: Standing) -> dict[str, Any]:
    counters = standing.numbers.counters if standing.numbers else {}
    return {
        "name": standing.neighbour.name,
        "task": standing.neighbour.task,
        "url": standing.neighbour.url,
        "trouble": standing.trouble,
        "numbers": standing.numbers,
        "rates": {name: (standing.per_minute(name, 60), standing.per_minute(name, 900)) for name in counters},
    }
