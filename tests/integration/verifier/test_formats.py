"""Badges in several formats: each form is known by its digest, and each key by every name that is published for it."""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.credentials import jwt
from shared.credentials.badge import Recipient
from shared.credentials.dids import jwk_method, jwk_url
from shared.credentials.keys import encode_multikey, method_id
from shared.credentials.proofs import prove
from shared.credentials.suites import ECDSA_RDFC
from shared.messaging.events import CredentialState, SigningKeyState
from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier
from tests.support.badges import an_ec_key
from tests.support.records import beats


@dataclass
class Oak(Institution):
    """A did:web institution with a second key, on P-256."""

    did: str = "did:web:badges.example:institutions:oak"
    second: ec.EllipticCurvePrivateKey = field(default_factory=an_ec_key)
    second_id: UUID = field(default_factory=uuid4)

    def second_state(self, **changes: Any) -> SigningKeyState:
        """How its second key stands."""
        public = self.second.public_key()
        named = {"verification_method": method_id(self.did, public), "public_key_multibase": encode_multikey(public)}
        return self.key_state(key_id=self.second_id, **named, **changes)

    def in_every_format(self) -> tuple[dict[str, Any], str, str]:
        """The same badge: with a set of proofs, and as each of the two tokens."""
        signed = self.badge(recipient=Recipient(id="did:example:ada"))
        unsigned = {name: member for name, member in signed.items() if name != "proof"}
        at = now() - timedelta(hours=1)
        further = prove(unsigned, self.second, method_id(self.did, self.second.public_key()), at, ECDSA_RDFC)
        of_open_badges = jwt.write_ob3(unsigned, self.second, jwk_url(self.did, self.second_id), at)
        of_the_data_model = jwt.write_vc(unsigned, self.key, jwk_method(self.did, self.key_id) or "", at)
        return {**unsigned, "proof": [signed["proof"], further]}, of_open_badges, of_the_data_model


async def know(verifier: Verifier, oak: Oak, credential: CredentialState, **second: Any) -> None:
    await verifier.feed(oak.state(), oak.key_state(), oak.second_state(**second), credential)
    await verifier.hear(beats())


async def said_of_token(verifier: Verifier, token: str) -> tuple[str, str | None]:
    """Return what is answered of a token."""
    answer = await verifier.client.post("/v1/verifications", json={"token": token})
    assert answer.status_code == 200, answer.text
    report = answer.json()
    return report["verdict"], report["reason"]


async def test_a_badge_with_a_set_of_proofs_is_valid_by_all_of_its_keys(served: Verifier) -> None:
    oak = Oak()
    document, _, _ = oak.in_every_format()
    await know(served, oak, oak.credential(document))
    report = await served.verify(document)
    assert (report["verdict"], report["reason"]) == ("valid", None)
    await served.feed(oak.second_state(version=2, retired_at=now() - timedelta(days=1)))
    report = await served.verify(document)
    assert (report["verdict"], report["reason"]) == ("invalid", "key_retired")


@pytest.mark.parametrize("place", [1, 2])
async def test_a_token_is_known_by_its_own_digest_beside_its_documents(served: Verifier, place: int) -> None:
    oak = Oak()
    forms = oak.in_every_format()
    document, token = forms[0], str(forms[place])
    digest = sha256(token.encode()).hexdigest()
    await know(served, oak, oak.credential(document, token_digest=digest))
    assert await said_of_token(served, token) == ("valid", None)
    assert (await served.verify(document))["verdict"] == "valid"
    other = str(forms[3 - place])
    assert await said_of_token(served, other) == ("invalid", "tampered"), "the institution's, and never issued"
    await served.feed(oak.credential(document, "revoked", token_digest=digest))
    assert await said_of_token(served, token) == ("invalid", "revoked")


async def test_records_of_before_there_were_tokens_are_read_as_they_were(served: Verifier) -> None:
    oak = Oak()
    document, token, _ = oak.in_every_format()
    old = oak.credential(document).model_dump(exclude={"token_digest"})
    await know(served, oak, CredentialState.model_validate(old))
    assert (await served.verify(document))["verdict"] == "valid"
    assert await said_of_token(served, token) == ("invalid", "tampered")
