"""An institution's pages: show the key, choose badges, see what revoking them would be, confirm, follow."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from console.desk import Desk, Refused
from console.forms import is_https, read_form, refuse_others
from console.institution_sessions import COOKIE, PATH, InstitutionSessions, Session, refuse_foreign_form, session
from console.neighbours import Away
from console.sessions import SESSION_SECONDS
from shared.errors import NotFound, RateLimited
from shared.ids import new_secret
from shared.web.auth import address_of
from shared.web.pages import Pages

# Ids in a form; a file of more goes by `laurel revoke --ids`.
MAX_IDS = 4000
MAX_FORM_BYTES = 256 * 1024
MEMBERS = ("ids", "achievement_id", "job_id", "signing_key_id", "from", "to", "reason", "note")
REASONS = {
    "issued_in_error": "Issued in error",
    "withdrawn": "Withdrawn",
    "superseded": "Superseded by another",
    "key_compromise": "The signing key was in other hands",
    "other": "Other, in your own words",
}
NOBODY = dict.fromkeys(MEMBERS, "")

public = APIRouter(prefix=PATH, include_in_schema=False)
router = APIRouter(prefix=PATH, include_in_schema=False, dependencies=[Depends(session)])
pages = Pages("console")

Own = Annotated[Session, Depends(session)]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]


@public.get("/login")
async def login_page() -> Response:
    """The form that asks for the institution's key."""
    return pages.page("institution_login.html", wrong=None)


@public.post("/login")
async def login(request: Request, desk: TheDesk) -> Response:
    """Open a session for whoever has an institution's key."""
    refuse_others(request)
    sessions: InstitutionSessions = request.app.state.institutions
    key = (await read_form(request)).get("key", "").strip()
    try:
        own = await desk.own(key) if key.isascii() and key.isprintable() and key else None
    except (Away, Refused) as error:
        return _not_in(request, error)
    if own is None:
        return pages.page("institution_login.html", 401, wrong="This is no API key.")
    answer = RedirectResponse(PATH, 303)
    cookie = sessions.open(key, own["name"])
    answer.set_cookie(
        COOKIE, cookie, SESSION_SECONDS, path=PATH, secure=is_https(request), httponly=True, samesite="strict"
    )
    return answer


def _not_in(request: Request, error: Away | Refused) -> Response:
    sessions: InstitutionSessions = request.app.state.institutions
    if isinstance(error, Away):
        return pages.page("institution_login.html", 503, wrong=f"The issuer {error}. Try again in a moment.")
    if error.status not in (401, 403):
        return pages.page("institution_login.html", error.status, wrong=str(error))
    try:
        sessions.guesses.spend(address_of(request))
    except RateLimited as limited:
        after = str(limited.members["retry_after"])
        wrong = f"Too many wrong keys came from your address. Try again in {after} seconds."
        return pages.page("institution_login.html", 429, {"Retry-After": after}, wrong=wrong)
    wrong = "This is not an institution's key." if error.status == 401 else f"This key does not do: {error}"
    return pages.page("institution_login.html", 401, wrong=wrong)


@public.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    refuse_others(request)
    sessions: InstitutionSessions = request.app.state.institutions
    sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(f"{PATH}/login", 303)
    if COOKIE in request.cookies:
        answer.delete_cookie(COOKIE, path=PATH, secure=is_https(request), httponly=True, samesite="strict")
    return answer


@router.get("")
async def start(own: Own, desk: TheDesk) -> Response:
    """The form for a selection, and the revocations there are."""
    return await _form_page(own, desk, NOBODY)


@router.post("/preview")
async def preview(request: Request, own: Own, desk: TheDesk) -> Response:
    """What a revocation would be."""
    form = await _own_form(request, own)
    try:
        asked = selection(form)
    except ValueError as error:
        return await _form_page(own, desk, form, 422, str(error))
    return await _shown(own, desk, form, asked)


@router.post("/revocations")
async def confirm(request: Request, own: Own, desk: TheDesk) -> Response:
    """Begin what was seen; shown anew where it has changed."""
    form = await _own_form(request, own)
    try:
        asked = selection(form)
        begun = await desk.confirm(own.key, asked, form.get("digest", ""), form.get("once", ""))
    except ValueError as error:
        return await _form_page(own, desk, form, 422, str(error))
    except Refused as error:
        if error.code != "selection_changed":
            return await _form_page(own, desk, form, error.status, str(error))
        return await _shown(own, desk, form, asked, changed=True)
    except Away as error:
        wrong = f"The issuer {error}. Whether it has begun is to be seen in the list below."
        return await _form_page(own, desk, form, 503, wrong)
    return RedirectResponse(f"{PATH}/revocations/{begun['id']}", 303)


@router.get("/revocations/{revocation_id}")
async def progress(revocation_id: UUID, own: Own, desk: TheDesk) -> Response:
    """How far a revocation is."""
    return await _progress_page(own, desk, revocation_id)


@router.post("/revocations/{revocation_id}/{command}")
async def command(revocation_id: UUID, command: str, request: Request, own: Own, desk: TheDesk) -> Response:
    """Pause, resume or cancel."""
    await _own_form(request, own)
    if command not in ("pause", "resume", "cancel"):
        raise NotFound("page_not_found", "There is no such page.")
    try:
        await desk.command(own.key, str(revocation_id), command)
    except (Refused, Away) as error:
        return await _progress_page(own, desk, revocation_id, wrong=str(error))
    return RedirectResponse(f"{PATH}/revocations/{revocation_id}", 303)


async def key_needed(_: Request, __: Exception) -> Response:
    """Answer KeyNeeded (an exception handler)."""
    return RedirectResponse(f"{PATH}/login", 303)


def selection(form: dict[str, str]) -> dict[str, Any]:
    """Return the issuer's form of what was chosen; raises ValueError, which says what is wrong with it."""
    ids = form.get("ids", "").replace(",", " ").split()
    if len(ids) > MAX_IDS:
        raise ValueError(f"Up to {MAX_IDS} ids are taken here; laurel revoke takes a file.")
    reason = form.get("reason", "")
    if reason == "other":
        reason = form.get("note", "").strip() or "other"
    if not reason:
        raise ValueError("Say why the badges are to be revoked.")
    asked = {name: form.get(name, "").strip() for name in ("achievement_id", "job_id", "signing_key_id")}
    asked |= {"issued_from": _day(form.get("from", "")), "issued_to": _day(form.get("to", ""), after=1)}
    chosen: dict[str, Any] = {name: value for name, value in asked.items() if value} | ({"ids": ids} if ids else {})
    if not chosen:
        raise ValueError("Choose badges: by their achievement, days, job, key or ids.")
    return {**chosen, "reason": reason}


def _day(text: str, after: int = 0) -> str:
    if not text.strip():
        return ""
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=after)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:20]} is no day: write it like 2026-11-26.") from error
    return day.isoformat()


async def _own_form(request: Request, own: Session) -> dict[str, str]:
    refuse_others(request)
    form = await read_form(request, MAX_FORM_BYTES)
    refuse_foreign_form(own, form.get("token", ""))
    return form


async def _shown(
    own: Session, desk: Desk, form: dict[str, str], asked: dict[str, Any], *, changed: bool = False
) -> Response:
    try:
        seen = await desk.look(own.key, asked)
    except Refused as error:
        return await _form_page(own, desk, form, error.status, str(error))
    except Away as error:
        return await _form_page(own, desk, form, 503, f"The issuer {error}. Try again in a moment.")
    return _preview_page(own, form, seen, changed=changed)


async def _form_page(
    own: Session, desk: Desk, form: dict[str, str], status: int = 200, wrong: str | None = None
) -> Response:
    try:
        choices, begun = await desk.choices(own.key), await desk.revocations(own.key)
    except (Away, Refused) as error:
        status, wrong = 503, wrong or f"The issuer: {error}"
        choices, begun = {"achievements": [], "keys": []}, []
    chosen = {name: form.get(name, "") for name in MEMBERS}
    return pages.page(
        "institution.html", status, own=own, chosen=chosen, wrong=wrong, begun=begun, reasons=REASONS, **choices
    )


def _preview_page(own: Session, form: dict[str, str], seen: dict[str, Any], *, changed: bool = False) -> Response:
    chosen = {name: form.get(name, "") for name in MEMBERS}
    status = 409 if changed else 200
    said: dict[str, Any] = {"own": own, "chosen": chosen, "reasons": REASONS, "seen": seen, "changed": changed}
    return pages.page("preview.html", status, **said, once=new_secret())


async def _progress_page(own: Session, desk: Desk, revocation_id: UUID, wrong: str | None = None) -> Response:
    found = None
    status = 409 if wrong else 200
    try:
        found = await desk.revocation(own.key, str(revocation_id))
    except Refused as error:
        status, wrong = error.status, str(error)
    except Away as error:
        status, wrong = 503, f"The issuer {error}. Load the page again in a moment."
    return pages.page("progress.html", status, own=own, found=found, reasons=REASONS, wrong=wrong)
