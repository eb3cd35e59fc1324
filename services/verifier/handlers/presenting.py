"""Takes the one credential out of what somebody presents, signed by whoever holds it or only in an envelope."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from services.verifier.domain.documents import Badge, unreadable
from services.verifier.fetched import Copies
from services.verifier.handlers.looking_into import IsOurs, show
from services.verifier.jobs import Failed, Presenting
from services.verifier.workers import Workers
from shared.credentials.errors import CredentialError
from shared.credentials.presentations import Shown, is_presentation, opened_credential
from shared.errors import Invalid, Unavailable

Clock = Callable[[], Awaitable[datetime]]
_SEVERAL = (
    "The presentation holds several credentials, and this answers for one: "
    "send each by itself, or the presentation to /presentations/verify."
)


async def take_out_of_presentation(
    given: Badge, clock: Clock, caller: str, workers: Workers, copies: Copies, is_ours: IsOurs
) -> tuple[Badge, Shown | None]:
    """Return the credential that was given, out of its presentation or envelope, and what the former shows.

    Raises Invalid: `no_credential`, `several_credentials`, and the finding's code where none can be taken out at all;
    Unavailable (`busy`, `check_failed`).
    """
    if not await asyncio.to_thread(is_presentation, given):
        try:
            return opened_credential(given), None
        except CredentialError as error:
            raise unreadable(error.code, error.detail) from error
    shown = await look_at(Presenting(presentation=given, now=await clock()), caller, workers, copies, is_ours)
    structure = shown.checks[0]
    if structure.outcome != "pass":
        raise unreadable(structure.code or "malformed", structure.detail)
    if not shown.credentials:
        raise Invalid("no_credential", "The presentation holds no credential.")
    if len(shown.credentials) > 1:
        raise Invalid("several_credentials", _SEVERAL)
    return shown.credentials[0], shown


async def look_at(job: Presenting, caller: str, workers: Workers, copies: Copies, is_ours: IsOurs) -> Shown:
    """Return what a presentation shows; raises Invalid (`too_complex`) and Unavailable (`busy`, `check_failed`)."""
    shown = await show(job, caller, workers, copies, is_ours)
    if not isinstance(shown, Failed):
        return shown
    if shown.failed == "too_complex":
        raise Invalid("too_complex", "Looking into the presentation takes longer than anybody's may.")
    detail = "Something went wrong on our side while the presentation was looked into."
    raise Unavailable("check_failed", detail, retry_after=5)
