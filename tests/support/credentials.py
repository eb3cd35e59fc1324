"""Credentials that are no badges, as institutions write them, and whether what came of them holds."""

from datetime import datetime
from typing import Any

from shared.credentials import proofs
from shared.credentials.contexts import Terms
from shared.credentials.keys import PublicKey, key_of_did
from tests.support.badges import a_badge

V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
PLAIN_2: dict[str, Any] = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "name": "Membership",
    "credentialSubject": {"id": "did:example:ada", "name": "Ada"},
}
PLAIN_1: dict[str, Any] = {
    "@context": [V1],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:ada"},
}
# A badge without what its issuer adds.
BADGE: dict[str, Any] = {
    name: member for name, member in a_badge().items() if name not in ("id", "issuer", "credentialStatus")
}


def key_of_method(method: str, _: datetime | None) -> PublicKey:
    """Return the key that a did:key's verification method is."""
    return key_of_did(method.partition("#")[0])


def holds(document: dict[str, Any], *, inline: bool = False) -> bool:
    """Tell whether a document has one proof, and that is its did:key issuer's; `inline`: under terms of its own."""
    [finding] = proofs.verify(document, key_of_method, terms=Terms(inline=inline))
    return finding.outcome == "pass"
