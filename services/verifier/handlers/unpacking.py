"""Takes the credential out of a file or text that a stranger sent, or that a stranger's link led to."""

from services.verifier.check_worker import Refused, Unpacked
from services.verifier.domain.documents import given_in, refuse_other_kinds, unreadable
from services.verifier.workers import Workers
from shared.credentials.containers import Given, is_picture
from shared.errors import Invalid, Unavailable


async def take_out(raw: bytes, workers: Workers) -> Given:
    """Return the credential, a JSON object or a token, that `raw` is or holds.

    Pictures are unpacked in a worker process, under its bounds of time and memory: parsers of a megabyte of a
    stranger's XML have no place on the event loop, nor beside our secrets. JSON and tokens are read at once, as
    request bodies are. Raises as `given_in` does, Invalid (`too_complex`) and Unavailable (`busy`, `check_failed`).
    """
    if not is_picture(raw):
        return given_in(raw)
    refuse_other_kinds(raw)
    found = await workers.unpack(raw)
    if isinstance(found, Unpacked):
        return found.given
    if isinstance(found, Refused):
        raise unreadable(found.code, found.detail)
    if found.failed == "too_complex":
        raise Invalid("too_complex", "Looking into the file takes longer than anybody's may.")
    raise Unavailable("check_failed", "Something went wrong on our side while the file was looked into.", retry_after=5)
