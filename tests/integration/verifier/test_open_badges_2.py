"""Badges of Open Badges 2.0 by API and page, in every form in which they come: what they rest on is fetched."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.verifier.fetch import Fetcher, Gone, Got
from shared.credentials.instants import write_instant
from shared.errors import Invalid
from tests.integration.verifier.builders import PUBLIC_URL, Institution, now
from tests.integration.verifier.conftest import Verifier, outcomes
from tests.integration.verifier.test_pages import give, headline, looks_good
from tests.support.open_badges_2 import (
    ASSERTION,
    CLASS,
    EMAIL,
    ISSUER,
    KEY,
    LIST,
    a_class,
    a_key_document,
    a_list,
    a_profile,
    an_assertion,
    behind_signed,
    hosted,
    signed,
)
from tests.support.pictures import a_png, itxt

HOSTED_PNG = a_png(itxt(ASSERTION.encode(), b"openbadges"))


@dataclass
class Web:
    """What stands at strangers' addresses: a text, JSON, or None for what is gone; `asked` with how many redirects."""

    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()

    async def get(_: Fetcher, url: str, redirects: int = 0) -> Got:
        made.asked.append((url, redirects))
        if url not in made.pages:
            raise Invalid("fetch_failed", "Nothing could be fetched.")
        if made.pages[url] is None:
            raise Gone("document_withheld", "It is gone.")
        found = made.pages[url]
        return Got(found if isinstance(found, bytes) else json.dumps(found).encode(), max_age=0)

    monkeypatch.setattr(Fetcher, "get", get)
    return made


async def said(verifier: Verifier, **body: Any) -> dict[str, Any]:
    answer = await verifier.client.post("/v1/verifications", json=body)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def uploaded(verifier: Verifier, raw: bytes) -> Any:
    return await verifier.client.post("/v1/verifications", files={"file": ("badge", raw)})


async def test_a_hosted_badge_is_asked_for_at_its_own_address_and_its_recipient_compared(
    served: Verifier, web: Web
) -> None:
    web.pages = hosted()
    report = await said(served, credential=an_assertion(), expected_recipient={"email": EMAIL})
    assert (report["verdict"], report["reason"]) == ("valid", None), report
    assert web.asked == [(ASSERTION, 3), (CLASS, 0), (ISSUER, 0)]
    assert outcomes(report)["recipient"] == "pass"
    assert report["credential"]["name"] == "Rhetoric"
    assert report["issuer"] | {"id": ISSUER, "claimed_name": "Old College"} == report["issuer"]
    assert report["issuer"]["standing"] == "domain_verified"
    assert report["status_as_of"] == report["verified_at"]
    report = await said(served, credential=an_assertion(), expected_recipient={"email": "eve@example.org"})
    assert outcomes(report)["recipient"] == "fail"


async def test_a_signed_badge_is_read_as_a_token_and_its_list_looked_up(served: Verifier, web: Web) -> None:
    web.pages = behind_signed()
    report = await said(served, token=signed())
    assert (report["verdict"], report["reason"]) == ("valid", None), report
    assert web.asked == [(url, 0) for url in (CLASS, ISSUER, KEY, LIST)]
    web.pages[LIST] = a_list("urn:uuid:7b2b6b4c-1111-4222-8333-444455556666")
    assert (await said(served, token=signed()))["reason"] == "revoked"


async def test_a_badge_that_is_gone_is_revoked_and_one_that_cannot_be_had_is_unknown(
    served: Verifier, web: Web
) -> None:
    web.pages = {ASSERTION: None}
    report = await said(served, credential=an_assertion())
    assert (report["verdict"], report["reason"]) == ("invalid", "revoked")
    assert len(outcomes(report)) == len(report["checks"]), "each check stands once"
    report = await said(served, credential=an_assertion(id=f"{ASSERTION}/else"))
    assert (report["verdict"], report["reason"]) == ("unknown", "assertion_unavailable")


async def test_a_picture_may_name_where_its_badge_is_and_is_led_on_as_hosted_badges_are(
    served: Verifier, web: Web
) -> None:
    web.pages = hosted()
    answer = await uploaded(served, HOSTED_PNG)
    assert answer.json()["verdict"] == "valid", answer.text
    assert web.asked == [(ASSERTION, 3), (ASSERTION, 3), (CLASS, 0), (ISSUER, 0)]
    page = await give(served, file=("badge.png", HOSTED_PNG))
    assert headline(page).startswith("Valid, but")
    assert not looks_good(page)
    baked = a_png(itxt(json.dumps(an_assertion()).encode(), b"openbadges"))
    assert (await uploaded(served, baked)).json()["verdict"] == "valid"
    web.pages = behind_signed()
    baked = a_png(itxt(signed().encode(), b"openbadges"))
    assert (await uploaded(served, baked)).json()["verdict"] == "valid"


async def test_a_link_to_a_hosted_badge_or_to_its_picture_is_answered_as_the_badge(served: Verifier, web: Web) -> None:
    web.pages = {**hosted(), "https://old.example/badge.png": HOSTED_PNG}
    assert (await said(served, url=ASSERTION))["verdict"] == "valid"
    assert (await said(served, url="https://old.example/badge.png"))["verdict"] == "valid"


async def test_a_picture_that_leads_to_a_picture_leads_nowhere(served: Verifier, web: Web) -> None:
    web.pages = {ASSERTION: HOSTED_PNG}
    answer = await uploaded(served, HOSTED_PNG)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_badge_inside")
    assert web.asked == [(ASSERTION, 3)]


async def test_a_picture_that_leads_inside_is_refused(served: Verifier) -> None:
    for address in (b"https://169.254.169.254/latest", b"http://127.0.0.1:8000/", b"https://localhost/"):
        answer = await uploaded(served, a_png(itxt(address, b"openbadges")))
        assert answer.status_code == 422
        assert answer.json()["code"] in ("url_refused", "address_refused")


async def test_a_batch_mixes_generations_and_an_older_one_is_told_as_such(served: Verifier, web: Web) -> None:
    web.pages = hosted() | behind_signed()
    older = {"uid": "1", "badge": CLASS, "recipient": {}, "verify": {"type": "hosted", "url": ASSERTION}}
    badges = [an_assertion(), signed(), older, an_assertion(badge=a_class(id=f"{CLASS}/else"))]
    body = {"credentials": badges}
    answer = await served.client.post("/v1/verifications/batch", json=body, headers=await served.employer())
    reports = answer.json()["results"]
    assert [(each["verdict"], each["reason"]) for each in reports] == [
        ("valid", None),
        ("valid", None),
        ("unknown", "unsupported_format"),
        ("invalid", "tampered"),
    ]
    assert [url for url, _ in web.asked].count(ISSUER) == 1


async def test_an_assertion_is_not_taken_for_an_institutions_because_it_names_that_as_its_issuer(
    served: Verifier, web: Web
) -> None:
    oak = Institution()
    await served.know(oak)
    id_, named = f"{PUBLIC_URL}/credentials/0d6c2b8e-1111-4222-8333-444455556666", {"issuer": oak.did}
    web.pages = behind_signed(profile=a_profile(publicKey=a_key_document(id=oak.method)))
    verification = {"type": "SignedBadge", "creator": oak.method}
    token = signed(id=id_, verification=verification, issuedOn=write_instant(now()), **named)
    report = await said(served, token=token)
    assert report["issuer"]["standing"] == "domain_verified", report
    assert report["issuer"]["registered_name"] is None
    assert report["verdict"] != "valid"


async def test_by_the_vc_api_what_is_gone_is_not_verified_whatever_is_asked_of_it(served: Verifier, web: Web) -> None:
    body = {"verifiableCredential": an_assertion(), "options": {"checks": ["proof"]}}
    web.pages = hosted()
    answer = await served.client.post("/credentials/verify", json=body)
    assert (answer.status_code, answer.json()["verified"]) == (200, True)
    web.pages = {ASSERTION: None}
    answer = await served.client.post("/credentials/verify", json=body)
    assert (answer.status_code, answer.json()["verified"]) == (400, False)
