"""What an input goes through, as in the verifier's worker process, and what must never come of it."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.check import Needs, check_document, check_token, document_in
from shared.credentials.compiled import Shapes
from shared.credentials.containers import unpack
from shared.credentials.errors import CredentialError
from shared.credentials.identity import matches_recipient
from shared.credentials.jwt import read
from shared.credentials.report import CheckedDocument
from shared.credentials.strict_json import read_json
from tests.fuzz.shapes import DID_URL, Shape, a_badge_of_did_web, a_strangers_badge
from tests.support.badges import LIST_URL, NOW
from tests.support.signed_badges import KNOWN

MAX_CPU_SECONDS = 2.0
_SHAPES = Shapes()
_LOOKS = 4  # of a badge that wants one thing after the other


@dataclass(frozen=True)
class Outcome:
    """What became of one input: what it cost, and what is wrong with us, if anything."""

    cpu_seconds: float
    finding: str | None


def look_into(shape: Shape, raw: bytes) -> Outcome:
    """Send an input through every reader of its kind; nothing but our own errors may come out, and soon."""
    target: Callable[[bytes], None] = {"file": _file, "status list": _status_list, "controller": _controller}[
        shape.comes_as
    ]
    began = time.process_time()
    try:
        target(raw)
        finding = None
    except Exception as error:  # whatever it is, it is a finding
        finding = f"{type(error).__name__}: {str(error)[:200]}"
    spent = time.process_time() - began
    return Outcome(spent, finding or (f"took {spent:.1f} s" if spent > MAX_CPU_SECONDS else None))


def _file(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    with suppress(CredentialError):
        read(text)
    for bake in (bake_png, bake_svg):
        with suppress(CredentialError):
            bake(raw, "{}")
    with suppress(CredentialError):
        given = unpack(raw)
        if given.document is not None:
            _check(given.document, {})
        else:
            _check(str(given.token), {})


def _status_list(raw: bytes) -> None:
    found = _fetched(raw)
    _check(a_strangers_badge(), {LIST_URL: found})


def _controller(raw: bytes) -> None:
    found = _fetched(raw)
    _check(a_badge_of_did_web(), {DID_URL: found})


def _fetched(raw: bytes) -> Any:
    """As the verifier hands on what an address gave: JSON, the text of a token, or nothing."""
    with suppress(CredentialError):
        return read_json(raw)
    return raw.decode("ascii", "ignore") if raw.startswith(b"e") else None


def _check(badge: Any, fetched: dict[str, Any]) -> None:
    for _ in range(_LOOKS):
        checked = (
            check_token(badge, now=NOW, known_keys=KNOWN, fetched=fetched)
            if isinstance(badge, str)
            else check_document(badge, now=NOW, known_keys=KNOWN, fetched=fetched, shapes=_SHAPES)
        )
        if not isinstance(checked, Needs):
            break
        fetched |= dict.fromkeys(checked.urls)
    assert isinstance(checked, CheckedDocument), "wants more and more"
    json.loads(checked.model_dump_json())  # as it leaves the process
    document = document_in(badge)
    if isinstance(document, dict):
        matches_recipient(
            document.get("credentialSubject"), {"email": "ada@learner.example", "name": "A", "id": "urn:x"}
        )
