"""Badges as signed tokens, and of issuers whose keys and lists stand with them: each is answered as any other badge."""

import json
from typing import Any
from uuid import UUID

import pytest

from services.verifier.fetch import Fetcher, Got
from shared.credentials import jwt
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.dids import did_document, jwk_url, web_url
from shared.credentials.jwk import to_jwk
from shared.credentials.keys import did_key, method_id
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, set_bit, status_entry, status_list_credential
from tests.integration.verifier.builders import EMAIL, now
from tests.integration.verifier.conftest import Verifier, outcomes
from tests.integration.verifier.page import give, headline, looks_good
from tests.support.badges import SIGNED_AT, a_badge, a_key, an_ec_key
from tests.support.pictures import a_png, an_svg

P256 = an_ec_key()
UNI, ADDRESS = "did:web:uni.example", "https://uni.example/.well-known/did.json"
LIST, INDEX = "https://uni.example/list", 4_711


def a_token(**members: Any) -> str:
    did = did_key(P256.public_key())
    badge = a_badge(P256, **{"credential_id": "urn:uuid:1", "status": [], **members})
    return jwt.write_vc(badge, P256, method_id(did, P256.public_key()), SIGNED_AT)


async def verified(verifier: Verifier, **body: Any) -> dict[str, Any]:
    answer = await verifier.client.post("/v1/verifications", json=body)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def test_a_token_is_answered_alike_in_whatever_it_comes(served: Verifier) -> None:
    token = a_token()
    report = await verified(served, token=token, expected_recipient={"email": "ada@learner.example"})
    assert (report["verdict"], report["issuer"]["standing"]) == ("valid", "unknown")
    assert outcomes(report)["recipient"] == "pass"
    for content in (token.encode(), f"{token}\n".encode(), bake_png(a_png(), token), bake_svg(an_svg(), token)):
        answer = await served.client.post("/v1/verifications", files={"file": ("badge", content)})
        assert answer.json()["verdict"] == "valid", answer.text
        page = await give(served, file=("badge", content))
        assert headline(page) == "Valid, but the issuer is not known here"
    assert headline(await give(served, text=token)) == "Valid, but the issuer is not known here"
    employer = await served.employer()
    both = {"credentials": [token, a_token(valid_until=SIGNED_AT)]}
    answer = await served.client.post("/v1/verifications/batch", json=both, headers=employer)
    assert [each["reason"] for each in answer.json()["results"]] == [None, "expired"]


@pytest.mark.parametrize(
    ("token", "verdict", "reason"),
    [
        ("no token at all", "invalid", "malformed"),
        ("eyJhbGciOiJub25lIn0.e30.", "invalid", "invalid_signature"),
        ("a.b.c.d.e", "unknown", "unsupported_format"),
        ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln~WyJzYWx0Il0~", "unknown", "unsupported_format"),
        (a_token()[:-4] + "AAAA", "invalid", "tampered"),
    ],
)
async def test_a_token_that_does_not_hold_has_a_report_that_says_why(
    served: Verifier, token: str, verdict: str, reason: str
) -> None:
    report = await verified(served, token=token)
    assert (report["verdict"], report["reason"]) == (verdict, reason)
    assert not looks_good(await give(served, text=token))


async def test_one_badge_is_asked_about_in_one_way(served: Verifier) -> None:
    for body in ({"token": "a.b.c", "credential": {}}, {"token": None}, {"token": ""}, {"token": 7}, {}):
        answer = await served.client.post("/v1/verifications", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


class Elsewhere:
    """What stands at other people's addresses; what is asked for is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        elsewhere = self

        async def get(_: Fetcher, url: str, redirects: int = 0) -> Got:
            elsewhere.asked.append(url)
            found = elsewhere.documents.get(url)
            return Got((found if isinstance(found, str) else json.dumps(found)).encode(), max_age=0)

        monkeypatch.setattr(Fetcher, "get", get)

    def publish(self, key: Any, *revoked: int, token: bool = False) -> None:
        """Let the university publish its key, and a list in which some are revoked."""
        self.documents[ADDRESS] = did_document(UNI, [key.public_key()])
        bits = bytearray(MIN_BITS // 8)
        for index in revoked:
            set_bit(bits, index)
        made = status_list_credential(
            list_url=LIST, issuer=UNI, purpose="revocation", bits=bits, valid_from=SIGNED_AT,
            valid_until=now().replace(year=2100), ttl=now() - now().replace(microsecond=0),
        )  # fmt: skip
        method = method_id(UNI, key.public_key())
        self.documents[LIST] = (
            jwt.write_vc(made, key, method, SIGNED_AT) if token else sign(made, key, method, SIGNED_AT)
        )


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return Elsewhere(monkeypatch)


def unis_badge(key: Any, did: str = UNI, **members: Any) -> dict[str, Any]:
    entry = [status_entry(LIST, INDEX, "revocation")]
    badge = a_badge(key, **{"credential_id": "https://uni.example/badges/1", "status": entry, **members})
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = did
    return sign(badge, key, method_id(did, key.public_key()), SIGNED_AT)


async def test_an_issuer_elsewhere_is_asked_for_its_keys_and_its_list_and_told_nothing(
    served: Verifier, elsewhere: Elsewhere
) -> None:
    key = a_key()
    elsewhere.publish(key)
    report = await verified(served, credential=unis_badge(key), expected_recipient={"email": EMAIL})
    assert (report["verdict"], report["reason"]) == ("valid", None), report
    assert (report["issuer"]["standing"], outcomes(report)["status"]) == ("domain_verified", "pass")
    assert "somebody at the domain “uni.example”, whom this registry does not know, who calls" in report["summary"]
    page = await give(served, text=json.dumps(unis_badge(key)))
    assert headline(page) == "Valid, but of its issuer only the domain is known here"
    assert not looks_good(page)
    assert "the domain “uni.example” is known" in page.text
    elsewhere.asked = elsewhere.asked[:2]
    assert elsewhere.asked == [ADDRESS, LIST]
    elsewhere.publish(key, INDEX, token=True)
    report = await verified(served, credential=unis_badge(key))
    assert (report["verdict"], report["reason"]) == ("invalid", "revoked")


async def test_what_cannot_be_had_from_elsewhere_is_unknown_and_never_valid(
    served: Verifier, elsewhere: Elsewhere
) -> None:
    key = a_key()
    assert (await verified(served, credential=unis_badge(key)))["reason"] == "key_unresolvable"
    elsewhere.publish(key)
    del elsewhere.documents[LIST]
    report = await verified(served, credential=unis_badge(key))
    assert (report["verdict"], report["reason"]) == ("unknown", "status_unavailable")
    elsewhere.documents[LIST] = "<html>"
    assert (await verified(served, credential=unis_badge(key)))["reason"] == "status_unavailable"
    elsewhere.publish(a_key(2))
    report = await verified(served, credential=unis_badge(key))
    assert (report["verdict"], report["reason"]) == ("invalid", "unknown_key")


async def test_nobody_is_asked_for_a_badge_whose_signature_does_not_fit_and_we_do_not_ask_ourselves(
    served: Verifier, elsewhere: Elsewhere
) -> None:
    key = a_key()
    elsewhere.publish(key)
    await verified(served, credential={**unis_badge(key), "name": "Another"})
    assert elsewhere.asked == [ADDRESS]
    elsewhere.asked.clear()
    own = unis_badge(key, "did:web:badges.example:institutions:nobody")
    assert (await verified(served, credential=own))["reason"] == "key_unresolvable"
    assert elsewhere.asked == []


async def test_a_token_of_another_registry_has_its_key_at_an_address_that_is_asked_for_last(
    served: Verifier, elsewhere: Elsewhere
) -> None:
    did = "did:web:laurel.example:institutions:oak"
    kid = jwk_url(did, UUID("0d6c2b8e-1111-4222-8333-444455556666"))
    document, public = f"{web_url(did)}/did.json", P256.public_key()
    elsewhere.documents = {document: did_document(did, [public]), kid: to_jwk(public)}
    badge = a_badge(P256, credential_id="https://laurel.example/badges/1", status=[])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = did
    badge["credentialSubject"]["id"] = "did:example:ada"
    report = await verified(served, token=jwt.write_ob3(badge, P256, kid, SIGNED_AT))
    assert (report["verdict"], report["reason"]) == ("valid", None), report
    assert report["issuer"]["standing"] == "domain_verified"
    assert elsewhere.asked == [document, kid]
    # The next institution of that host, with a key of its own, is not this one.
    theirs = jwk_url("did:web:laurel.example:institutions:eve", UUID("0d6c2b8e-1111-4222-8333-444455556666"))
    eve = an_ec_key(2)
    elsewhere.documents[theirs] = to_jwk(eve.public_key())
    report = await verified(served, token=jwt.write_ob3(badge, eve, theirs, SIGNED_AT))
    assert (report["verdict"], report["reason"]) == ("unknown", "key_not_bound")
    report = await verified(served, token=jwt.write_ob3(badge, P256, theirs, SIGNED_AT))
    assert (report["verdict"], report["reason"]) == ("invalid", "tampered")
    elsewhere.asked.clear()
    await verified(served, token=jwt.write_ob3({**badge, "type": ["Other"]}, eve, theirs, SIGNED_AT))
    assert elsewhere.asked == [], "nothing is asked for what is no badge"
