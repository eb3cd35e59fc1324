"""What runs in a worker process: documents and pictures come in on stdin, what they show goes out on stdout.

    python -m services.verifier.check_worker --cpu-seconds 2 --memory-mib 256

A message is four bytes of length (big-endian) and JSON. The process ends when stdin does, so it never outlives its
parent, and by the kernel's hand (SIGPROF) when one document costs more CPU time than it may: no document can prevent
that, whatever code is busy with it.
"""

import argparse
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.verifier.domain.lifetimes import is_too_old
from services.verifier.jobs import (
    Answer,
    Failed,
    Found,
    Job,
    Presenting,
    Reading,
    Refused,
    Sound,
    Unpacked,
    Unpacking,
    Wanted,
)
from services.verifier.parcels import Unpacker
from services.verifier.qr import text_in
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.baking import is_token
from shared.credentials.baking_png import SIGNATURE
from shared.credentials.check import Needs, Policy, check_document, check_token, document_in
from shared.credentials.compiled import Shapes
from shared.credentials.containers import JPEG, Given, unpack
from shared.credentials.contexts import Terms, from_file
from shared.credentials.errors import CredentialError
from shared.credentials.identity import Kind, Match, matches_assertion, matches_recipient
from shared.credentials.keys import did_key, method_id
from shared.credentials.open_badges_2 import check_assertion, is_assertion
from shared.credentials.open_badges_2_issuer import GONE
from shared.credentials.presentations import Asking, Occasion, Shown, check_presentation
from shared.credentials.proofs import sign
from shared.credentials.report import CheckedDocument
from shared.credentials.scanned import link_in
from shared.credentials.strict_json import read_json

LENGTH_BYTES = 4
Contexts = Mapping[str, Any] | None


def check(job: Job, shapes: Shapes | None = None, known: Contexts = None) -> Found | Wanted:
    """Look into a document and, where a recipient is expected, compare; `known` contexts are the pinned where None."""
    policy = Policy(Terms(known, inline=job.vc_api), others_may_sign=job.vc_api, list_issuers=job.list_issuers)
    fetched = {url: _value(found.text) for url, found in job.fetched.items()}
    if old := _too_old(job, fetched):
        return old
    document = document_in(job.badge)
    checked: CheckedDocument | Needs
    if is_assertion(document):
        gone = {url: GONE for url, found in job.fetched.items() if found.gone}
        checked = check_assertion(job.badge, now=job.now, as_of=job.as_of, fetched={**fetched, **gone})
    else:
        look = check_token if isinstance(job.badge, str) else check_document
        checked = look(
            job.badge,
            now=job.now,
            as_of=job.as_of,
            known_keys=job.known_keys,
            fetched=fetched,
            shapes=shapes,
            policy=policy,
        )
    if isinstance(checked, Needs):
        return Wanted(urls=checked.urls, redirects=checked.redirects)
    return Found(checked=checked, recipient=_match(document, job.expected_recipient))


def _match(document: Any, expected: Mapping[Kind, str] | None) -> Match | None:
    if expected is None:
        return None
    if is_assertion(document):
        return matches_assertion(document.get("recipient"), expected)
    return matches_recipient(document.get("credentialSubject") if isinstance(document, dict) else None, expected)


def _too_old(job: Job, fetched: Mapping[str, Any]) -> Wanted | None:
    """Return what must be fetched anew, in the way in which it was fetched before; the rest waits for the next time."""
    old = [
        (url, found.redirects)
        for url, found in job.fetched.items()
        if fetched[url] is not None and is_too_old(fetched[url], found.age, job.as_of or job.now, job.max_status_age)
    ]
    if not old:
        return None
    redirects = old[0][1]
    return Wanted(urls=tuple(url for url, each in old if each == redirects), redirects=redirects)


def present(job: Presenting, shapes: Shapes | None = None, known: Contexts = None) -> Shown | Wanted:
    """Look into a presentation."""
    asking = Asking(
        now=job.now,
        occasion=Occasion(job.challenge, job.domain),
        terms=Terms(known, inline=job.vc_api),
        fetched={url: _value(found.text) for url, found in job.fetched.items()},
        shapes=shapes,
    )
    shown = check_presentation(job.presentation, asking)
    return Wanted(urls=shown.urls) if isinstance(shown, Needs) else shown


def _value(text: str | None) -> Any:
    """Return what a fetched text is: a token's text, or the value of JSON; None for anything else."""
    stripped = (text or "").strip()
    if is_token(stripped):
        return stripped
    try:
        return read_json(stripped.encode())
    except CredentialError:
        return None


def take_out(job: Unpacking | Reading) -> Unpacked | Sound | Refused:
    """Take the credential out of a file, or tell that a text is sound."""
    try:
        if isinstance(job, Unpacking):
            return Unpacked(given=_unpacked(job.raw))
        read_json(job.json_text, max_bytes=len(job.json_text))  # how long it may be was decided when it was received
        return Sound()
    except CredentialError as error:
        return Refused(code=error.code, detail=error.detail)


def _unpacked(raw: bytes) -> Given:
    """Return what a file holds, or what the QR code says that it shows; pixels are looked at where nothing else is."""
    try:
        return unpack(raw)
    except CredentialError as error:
        shows = raw.startswith(JPEG) or (raw.startswith(SIGNATURE) and error.code == "no_badge_inside")
        text = text_in(raw) if shows else None
        if text is None:
            raise
    link = link_in(text)
    return replace(unpack(text.encode()), source="qr") if link is None else Given(None, None, "qr", url=link)


def main() -> None:
    """Answer job after job until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m services.verifier.check_worker", description=__doc__)
    parser.add_argument("--cpu-seconds", type=float, required=True)
    parser.add_argument("--memory-mib", type=int, required=True)
    parser.add_argument("--extra-contexts", type=Path)
    options = parser.parse_args()
    incoming, outgoing = _pipes()
    parcels, shapes, known = Unpacker(), Shapes(), from_file(options.extra_contexts)
    _warm_up(shapes)
    _bound_memory(options.memory_mib)
    _write(outgoing, b"ready")
    while (message := _read(incoming)) is not None:
        signal.setitimer(signal.ITIMER_PROF, options.cpu_seconds)
        answer = _answer(message, parcels, shapes, known)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(outgoing, answer.model_dump_json().encode())


def _answer(message: bytes, parcels: Unpacker, shapes: Shapes, known: Contexts) -> Answer:
    try:
        job = parcels.job(message)
        if isinstance(job, Unpacking | Reading):
            return Answer(outcome=take_out(job))
        return Answer(outcome=check(job, shapes, known) if isinstance(job, Job) else present(job, shapes, known))
    except (MemoryError, RecursionError):
        return Answer(outcome=Failed(failed="too_complex"))
    except Exception as error:  # noqa: BLE001  # the kind alone: messages may quote the document
        return Answer(outcome=Failed(failed="error", error=_kind_and_place(error)))


def _kind_and_place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout away from everything else, so that no stray print can break a message."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes stdin
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdin.close()
    return incoming, outgoing


def _warm_up(shapes: Shapes) -> None:
    """Check one badge, so that the first document pays neither for imports nor for reading the contexts."""
    key = Ed25519PrivateKey.generate()
    did = did_key(key.public_key())
    badge = open_badge(
        credential_id="urn:uuid:00000000-0000-4000-8000-000000000000",
        issuer=Issuer(did, "Warm-up"),
        achievement={"id": "urn:warm-up", "name": "A", "description": "B", "criteria": {"narrative": "C"}},
        recipient=Recipient(id="urn:nobody"),
        valid_from=datetime.now(UTC),
    )
    signed = sign(badge, key, method_id(did, key.public_key()), datetime.now(UTC))
    found = check(Job(badge=signed, now=datetime.now(UTC)), shapes)
    if not (isinstance(found, Found) and found.checked.signed_by_issuer):
        raise RuntimeError("this process can't verify what it has just signed")


def _bound_memory(mib: int) -> None:
    limit = mib * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold somebody's badge


def _read(incoming: BinaryIO) -> bytes | None:
    head = incoming.read(LENGTH_BYTES)
    return incoming.read(int.from_bytes(head)) if len(head) == LENGTH_BYTES else None


def _write(outgoing: BinaryIO, message: bytes) -> None:
    outgoing.write(len(message).to_bytes(LENGTH_BYTES) + message)
    outgoing.flush()


if __name__ == "__main__":
    main()
