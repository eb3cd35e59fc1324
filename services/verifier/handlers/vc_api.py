"""Verifies credentials and presentations for the VC-API's routes: as everywhere, but answered as they want it."""

from collections.abc import Callable
from typing import Any

from services.verifier.domain.vc_api import (
    Asked,
    Verified,
    VerifiedPresentation,
    of_credential,
    of_presentation,
    refused,
)
from services.verifier.handlers.presenting import look_at
from services.verifier.handlers.verifications import Asker, Desk, Question
from services.verifier.jobs import Presenting
from shared.credentials.checks import failed
from shared.credentials.errors import CredentialError
from shared.credentials.presentations import Occasion, compared, opened_credential
from shared.credentials.proofs import ASSERTION, AUTHENTICATION
from shared.credentials.report import Check
from shared.credentials.shape import items
from shared.errors import Invalid

_PRESENTS = [{"proofPurpose": AUTHENTICATION}]  # what every proof of a presentation that holds says


async def verify_credential(
    desk: Desk,
    credential: Any,
    asker: Asker | None,
    *,
    caller: str,
    asked: list[Asked],
    occasion: Occasion,
    purpose: str | None = None,
) -> Verified:
    """Answer for a credential, in JSON or in an envelope; `asker` and `caller` are as `Desk.verify` has them.

    Its proofs must name the occasion and the purpose, where somebody expects them. Raises Unavailable (`busy`).
    """
    try:
        opened = opened_credential(credential)
    except CredentialError as error:
        return refused(error.detail, error.code)
    if not isinstance(opened, dict | str):
        return refused("verifiableCredential is not an object.", "malformed")
    further = _expected(opened, occasion, purpose)
    report = (await desk.verify([opened], Question(asker, caller, vc_api=True)))[0]
    return of_credential(report, further, asked, is_token=isinstance(opened, str))


async def verify_presentation(
    desk: Desk,
    presentation: Any,
    asker: Asker | None,
    *,
    caller: str,
    asked: list[Asked],
    occasion: Occasion,
    purpose: str | None,
    charge: Callable[[], object],
) -> VerifiedPresentation:
    """Answer for a presentation, in JSON or in an envelope, and for each credential in it.

    `charge` counts one, for each credential beyond the first: each costs as much as a request for it. Raises as above,
    and as `charge` does.
    """
    job = Presenting(
        presentation=presentation,
        now=await desk.clock(),
        challenge=occasion.challenge,
        domain=occasion.domain,
        vc_api=True,
    )
    try:
        shown = await look_at(job, caller, desk.workers, desk.copies, desk.rules.is_ours)
    except Invalid as error:
        return VerifiedPresentation(**refused(error.detail, error.code).model_dump())
    checks, credentials = [*shown.checks, *_purpose(_PRESENTS, purpose)], list(shown.credentials)
    if not credentials:
        return of_presentation(checks, [])
    for _ in credentials[1:]:
        charge()
    reports = await desk.verify(credentials, Question(asker, caller, vc_api=True))
    answers = [
        of_credential(report, (), asked, is_token=isinstance(each, str))
        for report, each in zip(reports, credentials, strict=True)
    ]
    return of_presentation(checks, answers)


def _expected(credential: dict[str, Any] | str, occasion: Occasion, purpose: str | None) -> list[Check]:
    """What each proof should name, compared; a token of a credential asserts, and was made for no occasion."""
    token = [{"proofPurpose": ASSERTION}]
    proofs = token if isinstance(credential, str) else items(credential.get("proof", []))
    named = [each for each in proofs if isinstance(each, dict)]
    return [*compared(named, occasion), *_purpose(named, purpose)]


def _purpose(proofs: list[dict[str, Any]], purpose: str | None) -> list[Check]:
    if purpose is None or all(each.get("proofPurpose") == purpose for each in proofs):
        return []
    detail = "The proof was not made for the purpose that was asked for."
    return [failed("purpose", "wrong_proof_purpose", detail)]
