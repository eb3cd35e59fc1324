"""What an input goes through, by what the verifier's worker process calls, and what must never come of it."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.verifier.check_worker import check, present, take_out
from services.verifier.jobs import Found, Job, Presenting, Text, Unpacked, Unpacking, Wanted
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.check import document_in
from shared.credentials.compiled import Shapes
from shared.credentials.errors import CredentialError
from shared.credentials.identity import Kind
from shared.credentials.jwt import read
from shared.credentials.open_badges_2 import is_assertion
from shared.credentials.presentations import Shown
from shared.credentials.report import CheckedDocument
from shared.credentials.strict_json import read_json
from tests.fuzz.pages import pages, world
from tests.fuzz.shapes import Shape
from tests.support.badges import NOW
from tests.support.presentations import SAYS
from tests.support.signed_badges import KNOWN

MAX_CPU_SECONDS = 2.0
_SHAPES = Shapes()
_LOOKS = 8  # of a badge that wants one thing after the other
_EXPECTED: dict[Kind, str] = {"email": "ada@learner.example", "name": "A", "id": "urn:x"}


@dataclass(frozen=True)
class Outcome:
    """What became of one input: what it cost, and what is wrong with us, if anything."""

    cpu_seconds: float
    finding: str | None


def look_into(shape: Shape, raw: bytes) -> Outcome:
    """Send an input through every reader of its kind; nothing but our own errors may come out, and soon."""
    began = time.process_time()
    try:
        _look(shape.comes_as, raw)
        finding = None
    except Exception as error:  # whatever it is, it is a finding
        finding = f"{type(error).__name__}: {str(error)[:200]}"
    spent = time.process_time() - began
    return Outcome(spent, finding or (f"took {spent:.1f} s" if spent > MAX_CPU_SECONDS else None))


def _look(comes_as: str, raw: bytes) -> None:
    if comes_as == "file":
        _file(raw)
    elif comes_as == "credential":
        checked(document_or_token(raw), vc_api=True)
    elif comes_as == "presentation":
        presented(document_or_token(raw))
    else:
        page = pages()[comes_as]
        checked(page.asked_by, {page.address: raw.decode("utf-8", "replace")})


def _file(raw: bytes) -> None:
    with suppress(CredentialError):
        read(raw.decode("utf-8", "replace"))
    for bake in (bake_png, bake_svg):
        with suppress(CredentialError):
            bake(raw, "{}")
    unpacked = take_out(Unpacking(raw=raw))
    if isinstance(unpacked, Unpacked) and unpacked.given.url is None:
        given = unpacked.given
        checked(given.document if given.document is not None else str(given.token))


def document_or_token(raw: bytes) -> Any:
    """Return a JSON value, or the text of a token."""
    with suppress(CredentialError):
        return read_json(raw)
    return raw.decode("utf-8", "replace")


def checked(badge: Any, there: dict[str, str] | None = None, *, vc_api: bool = False) -> CheckedDocument:
    """Check as often as something more is wanted; `there` is what stands at an address instead of what does usually."""
    document = document_in(badge)
    at_home = {document["id"]: json.dumps(document)} if is_assertion(document) and _has_id(document) else {}
    everywhere, fetched = {**world(), **at_home, **(there or {})}, dict[str, Text]()
    for _ in range(_LOOKS):
        job = Job(badge=badge, now=NOW, known_keys=KNOWN, expected_recipient=_EXPECTED, fetched=fetched, vc_api=vc_api)
        found = check(job, _SHAPES)
        if isinstance(found, Found):
            json.loads(found.model_dump_json())  # as it leaves the process
            return found.checked
        fetched |= _fetched(found, everywhere)
    raise AssertionError("wants more and more")


def presented(presentation: Any) -> Shown:
    """Check a presentation and the credentials in it, as VC-API does."""
    fetched: dict[str, Text] = {}
    for _ in range(_LOOKS):
        asked = Presenting(presentation=presentation, now=NOW, fetched=fetched, vc_api=True)
        shown = present(asked.model_copy(update={name: SAYS[name] for name in ("challenge", "domain")}), _SHAPES)
        if isinstance(shown, Shown):
            json.loads(shown.model_dump_json())
            for each in shown.credentials:
                checked(each, vc_api=True)
            return shown
        fetched |= _fetched(shown, world())
    raise AssertionError("wants more and more")


def _fetched(wanted: Wanted, everywhere: Mapping[str, str]) -> dict[str, Text]:
    return {url: Text(text=everywhere.get(url), redirects=wanted.redirects) for url in wanted.urls}


def _has_id(document: Any) -> bool:
    return isinstance(document.get("id"), str)
