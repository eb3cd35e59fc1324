"""The verify page: a person drops a badge, pastes it or gives its link, and reads whether it holds and why."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from services.verifier.api.asked import MAX_URL, ExpectedRecipient
from services.verifier.api.forms import SentFile, read_form
from services.verifier.api.freshness import TheCanary
from services.verifier.api.verifications import Caller, TheDesk, asker_of, caller_name
from services.verifier.domain.known import Rules
from services.verifier.domain.telling import ago, outcome_of, tell
from services.verifier.handlers.freshness import Canary
from services.verifier.handlers.verifications import Question
from shared.credentials.quoting import conceals
from shared.credentials.report import Report
from shared.errors import Invalid, LaurelError
from shared.web.pages import Pages
from shared.web.problems import status_of

PERSON = ("email", "name", "id")
FIELDS = ("text", "link", *PERSON, "as_of")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)

router = APIRouter(include_in_schema=False)
pages = Pages("services.verifier")


@dataclass(frozen=True)
class Asked:
    """What a form holds: its fields as they were typed, and a file with its name, None where none was chosen."""

    fields: Mapping[str, str]
    file: bytes | None = None
    file_name: str = ""

    @property
    def link(self) -> str | None:
        """The link to fetch: in its own field, or pasted where a badge's text would stand; None where there is none."""
        if self.file is not None:
            return None
        text = self.fields["text"].strip()
        return (text if _LINK.fullmatch(text) else None) if text else self.fields["link"].strip() or None

    @property
    def source(self) -> str:
        """In which form the badge was given; the first of several counts."""
        return "file" if self.file is not None else "link" if self.link else "text"

    def expected(self) -> ExpectedRecipient | None:
        """Whose badge it should be; None where nobody is named. Raises Invalid."""
        person = {name: self.fields[name].strip() for name in PERSON if self.fields[name].strip()}
        try:
            return ExpectedRecipient(**person) if person else None
        except ValidationError as error:
            name = error.errors()[0]["loc"][0]
            raise Invalid("invalid_request", f"The person's {name} is longer than any.") from None

    def as_of(self, now: datetime) -> datetime | None:
        """Return the end of the day that is asked about (UTC), None for today or no day. Raises Invalid."""
        text = self.fields["as_of"].strip()
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            raise Invalid("invalid_request", "The day to check for is no date, such as 2026-03-31.") from None
        if day in (None, now.date()):
            return None
        return datetime.combine(day, time(23, 59, 59), UTC)


EMPTY = Asked(dict.fromkeys(FIELDS, ""))


async def _sent(request: Request) -> Asked:
    """What was sent, as it was typed. Raises Malformed, UnsupportedMedia."""
    sent = dict(await read_form(request, len(FIELDS) + 1))
    fields = {name: value if isinstance(value := sent.get(name), str) else "" for name in FIELDS}
    asked, file = Asked(fields), sent.get("file")
    if not isinstance(file, SentFile) or not (file.name or file.content):
        return asked
    return replace(asked, file=file.content, file_name=file.name)


async def _asked(request: Request) -> Asked | LaurelError:
    try:
        return await _sent(request)
    except LaurelError as error:
        return error


TheForm = Annotated[Asked | LaurelError, Depends(_asked)]


@router.get("/")
async def form(canary: TheCanary, link: Annotated[str, Query()] = "") -> Response:
    """The form; a link in the address is put into its field, and fetched when somebody says so."""
    return await _page(canary, replace(EMPTY, fields={**EMPTY.fields, "link": link[:MAX_URL]}))


@router.post("/")
async def answer(request: Request, caller: Caller, desk: TheDesk, canary: TheCanary, form: TheForm) -> Response:
    """The answer, with a form for the next badge; where there is none, the reason, with what was typed."""
    asked = form if isinstance(form, Asked) else EMPTY
    try:
        asker = asker_of(request, caller)
        if isinstance(form, LaurelError):
            raise form
        expected = person.kinds() if (person := asked.expected()) else None
        as_of = asked.as_of(await desk.clock())
        await desk.refuse_future(as_of)
        question = Question(asker, caller_name(request, caller), expected, as_of=as_of)
        if asked.link:
            report = await desk.verify_link(asked.link, question)
        elif asked.file is None and asked.fields["text"].strip():
            report = await desk.verify_text(asked.fields["text"], question)
        else:
            report = await desk.verify_file(_given(asked), question)
    except LaurelError as error:
        retry_after = error.members.get("retry_after")
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        return await _page(canary, asked, status_of(error), headers, error=error, retry_after=retry_after)
    return await _page(canary, asked, report=report, page=_page_of(report, desk.rules))


def _given(asked: Asked) -> bytes:
    """Return the file that is to be read; raises Invalid (`nothing_given`)."""
    if asked.file is None:
        raise Invalid("nothing_given", "You gave nothing to check: choose a file, paste its text, or give its link.")
    if not asked.file.strip():
        raise Invalid("nothing_given", "This file is empty.")
    return asked.file


def _page_of(report: Report, rules: Rules) -> str | None:
    """Return the address of a badge's page, which is the badge's id, where the registry has this very badge."""
    address = report.credential.id or ""
    ours = address.startswith(("https://", "http://")) and address.startswith(rules.credentials_url)
    return address if ours and outcome_of(report.checks, "registry") == "pass" else None


async def _page(
    canary: Canary,
    asked: Asked,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    report: Report | None = None,
    **said: Any,
) -> Response:
    return pages.page(
        "verify.html",
        status,
        headers,
        asked=asked,
        report=report,
        told=tell(report) if report else None,
        raw=visible_json(report) if report else None,
        fresh=await canary.now(),
        ago=ago,
        **{"error": None, "retry_after": None, "page": None, **said},
    )


def visible_json(report: Report) -> str:
    """Return a report as JSON in which nothing hides: what is not seen, or turns the text's direction, is escaped."""
    text = json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return "".join(json.dumps(each)[1:-1] if conceals(each) else each for each in text) if conceals(text) else text
