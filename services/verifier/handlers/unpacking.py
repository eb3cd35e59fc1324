"""Takes the credential out of a file or text that a stranger sent, or that a stranger's link led to."""

from typing import Any

import orjson

from services.verifier.domain.documents import given_in, refuse_other_kinds, unreadable
from services.verifier.jobs import Failed, Refused, Sound, Unpacked
from services.verifier.workers import Workers
from shared.credentials.containers import Given, is_picture
from shared.credentials.errors import CredentialError
from shared.errors import Invalid, LaurelError, Unavailable

# Reading the oddest JSON of this size takes 20 ms; whoever else is served waits for it.
AT_ONCE_BYTES = 32 * 1024


async def take_out(raw: bytes, workers: Workers) -> Given:
    """Return the credential, a JSON object or a token, that `raw` is or holds.

    Pictures, and texts of more than AT_ONCE_BYTES, are unpacked in a worker process, under its bounds of time and
    memory: parsers of a megabyte of a stranger's XML have no place on the event loop, nor beside our secrets. Raises as
    `given_in` does, Invalid (`too_complex`) and Unavailable (`busy`, `check_failed`).
    """
    if not is_picture(raw) and len(raw) <= AT_ONCE_BYTES:
        return given_in(raw)
    refuse_other_kinds(raw)
    found = await workers.unpack(raw)
    if isinstance(found, Unpacked):
        return found.given
    if isinstance(found, Refused):
        raise unreadable(found.code, found.detail)
    raise _failed(found)


async def read_value(text: bytes, workers: Workers) -> Any:
    """Return the value of a large text in JSON, read with care in a worker process.

    Raises CredentialError as `read_json` does, `too_complex` beside, and Unavailable (`busy`, `check_failed`).
    """
    found = await workers.look_through(text)
    if isinstance(found, Sound):
        return orjson.loads(text)  # in a twentieth of the time: it looks for nothing odd
    if isinstance(found, Refused):
        raise CredentialError(found.detail, found.code)
    if found.failed == "too_complex":
        raise CredentialError("Reading the body takes longer than anybody's may.", "too_complex")
    raise _failed(found)


def _failed(found: Failed) -> LaurelError:
    if found.failed == "too_complex":
        return Invalid("too_complex", "Looking into the file takes longer than anybody's may.")
    detail = "Something went wrong on our side while the file was looked into."
    return Unavailable("check_failed", detail, retry_after=5)
