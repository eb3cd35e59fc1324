"""Verifies credentials and presentations for the VC-API's routes: as everywhere, but answered as they want it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from services.verifier.check_worker import Presenting
from services.verifier.domain.vc_api import (
    Asked,
    Verified,
    VerifiedPresentation,
    of_credential,
    of_presentation,
    refused,
)
from services.verifier.handlers.presenting import look_at
from services.verifier.handlers.verifications import Asker, Desk
from shared.credentials import jwt
from shared.credentials.errors import CredentialError
from shared.credentials.presentations import Occasion, compared, opened_credential
from shared.credentials.proofs import ASSERTION
from shared.credentials.report import Check
from shared.credentials.shape import items
from shared.errors import Invalid


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
    further = await asyncio.to_thread(_expected, opened, occasion, purpose)
    report = (await desk.verify([opened], asker, caller=caller, vc_api=True))[0]
    return of_credential(report, further, asked, is_token=isinstance(opened, str))


async def verify_presentation(
    desk: Desk, presentation: Any, asker: Asker | None, *, caller: str, asked: list[Asked], occasion: Occasion
) -> VerifiedPresentation:
    """Answer for a presentation, in JSON or in an envelope, and for each credential in it; raises as above."""
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
    credentials = list(shown.credentials)
    if not credentials:
        return of_presentation(shown.checks, [])
    reports = await desk.verify(credentials, asker, caller=caller, vc_api=True)
    answers = [
        of_credential(report, (), asked, is_token=isinstance(each, str))
        for report, each in zip(reports, credentials, strict=True)
    ]
    return of_presentation(shown.checks, answers)


def _expected(credential: dict[str, Any] | str, occasion: Occasion, purpose: str | None) -> list[Check]:
    """A token names its occasion in its claims, and is there to assert what it says."""
    if isinstance(credential, str):
        claims = _claims_in(credential)
        proofs = [{"challenge": claims.get("nonce"), "domain": claims.get("aud"), "proofPurpose": ASSERTION}]
    else:
        proofs = [each for each in items(credential.get("proof", [])) if isinstance(each, dict)]
    checks = compared(proofs, occasion)
    if purpose is not None and any(each.get("proofPurpose") != purpose for each in proofs):
        detail = "The proof was not made for the purpose that was asked for."
        checks.append(Check(name="purpose", outcome="fail", detail=detail, code="wrong_proof_purpose"))
    return checks


def _claims_in(text: str) -> Mapping[str, Any]:
    try:
        token = jwt.read(text)
    except CredentialError:
        return {}
    return {**token.document, **token.claims}
