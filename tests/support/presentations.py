"""Builders of credentials that are no badges, and of presentations of any."""

from typing import Any

from shared.credentials.contexts import CREDENTIALS_V2, Terms
from shared.credentials.keys import PrivateKey, did_key
from shared.credentials.proofs import AUTHENTICATION, prove
from shared.credentials.suites import EDDSA_RDFC, Suite
from tests.support.badges import SIGNED_AT, a_key, a_method

WALLET = a_key(7)
SAYS = {"proofPurpose": AUTHENTICATION, "challenge": "a challenge", "domain": "verifier.example"}


def a_credential(key: PrivateKey | None = None, **members: Any) -> dict[str, Any]:
    """A credential about two people, not signed."""
    return {
        "@context": [CREDENTIALS_V2],
        "id": "https://shop.example/credentials/1",
        "type": ["VerifiableCredential"],
        "issuer": {"id": did_key((key or a_key()).public_key()), "name": "A shop"},
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2030-01-01T00:00:00Z",
        "name": "A ticket",
        "credentialSubject": [{"id": "did:example:ada"}, {"id": "did:example:bob"}],
        **members,
    }


def a_presentation(*credentials: Any, holder: PrivateKey = WALLET, **members: Any) -> dict[str, Any]:
    """A presentation that nobody has signed."""
    return {
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiablePresentation"],
        "holder": did_key(holder.public_key()),
        "verifiableCredential": list(credentials),
        **members,
    }


def signed(
    presentation: dict[str, Any],
    key: PrivateKey = WALLET,
    suite: Suite = EDDSA_RDFC,
    says: dict[str, str] = SAYS,
    terms: Terms = Terms(inline=True),
) -> dict[str, Any]:
    """A presentation that its holder has signed, for one occasion."""
    stated = {name: value for name, value in presentation.items() if (name, value) != ("verifiableCredential", [])}
    return {**presentation, "proof": prove(stated, key, a_method(key), SIGNED_AT, suite, terms=terms, further=says)}


def enveloped(token: str, kind: str = "Credential", media_type: str = "vc+jwt", **members: Any) -> dict[str, Any]:
    """A token in an envelope."""
    return {
        "@context": CREDENTIALS_V2,
        "type": f"EnvelopedVerifiable{kind}",
        "id": f"data:application/{media_type},{token}",
        **members,
    }
