"""A credential that the institution wrote itself (VC-API): what is refused of it, and what is filled in.

Source: Verifiable Credentials Data Model 2.0 and 1.1; VC-API, section on issuing.
"""

from typing import Any

from services.issuer.domain.formats import proofs_of, token_of
from services.issuer.domain.lint import refuse_young_terms
from services.issuer.domain.plan import Draft, Given, Plan
from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, ED25519_2020_V1
from shared.credentials.data_model import refuse_other_than_credential
from shared.credentials.errors import CredentialError
from shared.credentials.instants import write_instant
from shared.credentials.jsonld import refuse_excess
from shared.credentials.shape import MAX_TEXT, id_of, items, refuse_second_mention
from shared.credentials.status import status_entry
from shared.credentials.suites import ED25519_2020
from shared.errors import Malformed


def refuse_unfit(plan: Plan, given: Given, public_url: str) -> None:
    """Raise Malformed where a document is no credential that this institution can issue."""
    try:
        refuse_excess(given.document)
        document = _completed(plan, given)
        refuse_other_than_credential(document)
        refuse_second_mention(document)
    except CredentialError as error:
        raise Malformed(error.code, error.detail) from error
    if "proof" in document:
        raise Malformed("proof_present", "A credential is issued without a proof, and has one then.")
    if id_of(document["issuer"]) != plan.issuer_did:
        raise Malformed("issuer_mismatch", f"The issuer is not the institution, whose DID is {plan.issuer_did}.")
    if token_of(plan.formats) and document["@context"][0] != CREDENTIALS_V2:
        raise Malformed("format_needs_v2", "A vc+jwt is a credential of the data model 2.0.")
    _refuse_names_of_ours(given, public_url)
    refuse_young_terms(document)


def unsigned(plan: Plan, draft: Draft, given: Given, public_url: str) -> dict[str, Any]:
    """Return the document with what was left to us: its issuer, a date that 1.1 demands, contexts, a status.

    A status is written only where a reader of the data model knows how to read it, and whose list has the same issuer.
    """
    document = _completed(plan, given)
    if document["@context"][0] == CREDENTIALS_V2 and "credentialStatus" not in document and plan.issuer_did == plan.did:
        [place] = draft.positions
        list_url = f"{public_url}/status-lists/{place.list_id}"
        document["credentialStatus"] = status_entry(list_url, place.index, place.purpose)
    return document


def _completed(plan: Plan, given: Given) -> dict[str, Any]:
    document, stated = dict(given.document), given.document.get("issuer", plan.issuer_did)
    document["issuer"] = {"id": plan.issuer_did, **stated} if isinstance(stated, dict) else stated
    contexts = document.get("@context")
    if isinstance(contexts, list) and contexts:
        document["@context"] = _contexts(plan, contexts)
        if contexts[0] == CREDENTIALS_V1:
            document.setdefault("issuanceDate", write_instant(plan.now))
    return document


def _contexts(plan: Plan, stated: list[Any]) -> list[Any]:
    """Return the contexts with those that define the proof's own terms, which the data model itself may lack."""
    [(suite, _), *_] = proofs_of(plan.formats)
    if suite is ED25519_2020:
        needed = ED25519_2020_V1
    elif stated[0] == CREDENTIALS_V1:
        needed = DATA_INTEGRITY_V2
    else:
        return stated
    return stated if needed in stated else [*stated, needed]


def _refuse_names_of_ours(given: Given, public_url: str) -> None:
    """Refuse a name that this registry gives itself: another credential's address, a place in a list of ours."""
    if len((given.client_id or "").encode()) > MAX_TEXT:
        raise Malformed("id_too_long", f"A credential's id has {MAX_TEXT} bytes at most.")
    if given.client_id is not None and given.client_id.startswith(f"{public_url}/"):
        raise Malformed("id_is_ours", f"Ids under {public_url}/ are given by this registry, to status lists too.")
    for entry in items(given.document.get("credentialStatus", [])):
        listed = entry.get("statusListCredential") if isinstance(entry, dict) else None
        if isinstance(listed, str) and listed.startswith(f"{public_url}/status-lists/"):
            raise Malformed("status_is_ours", "Places in status lists of this registry are given by it: leave it out.")
