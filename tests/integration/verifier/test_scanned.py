"""What a scanner reads off a QR code, and a picture of the code itself, are answered as the badge they lead to."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.integration.verifier.builders import Institution
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.page import give, headline
from tests.integration.verifier.test_links import Shelf, a_shelf, ask
from tests.support.qr import photograph, qr_png

OFFER = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example%2Foffer"


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with a_shelf() as made:
        yield made


@pytest.fixture
async def linked(verifier: Verifier) -> AsyncIterator[Verifier]:
    async with verifier.serving(allow_loopback_fetches=True):
        yield verifier


async def test_a_code_that_leads_to_a_badge_is_answered_as_that_badge(linked: Verifier, shelf: Shelf) -> None:
    oak = Institution()
    shelf.badge = oak.badge()
    await linked.know(oak, shelf.badge)
    for body in ({"token": shelf.url}, {"token": f"{shelf.url}#top"}, {"url": f"{shelf.url}#top"}):
        answer = await ask(linked, **body)
        assert (answer.status_code, answer.json().get("verdict")) == (200, "valid"), answer.text
    said = await ask(linked, token=json.dumps(shelf.badge))
    assert (said.status_code, said.json()["verdict"]) == (200, "valid")
    for picture in (qr_png(shelf.url), photograph(shelf.url)):
        sent = await linked.client.post("/v1/verifications", files={"file": ("code", picture)})
        assert (sent.status_code, sent.json().get("verdict")) == (200, "valid"), sent.text
    page = await give(linked, text=f"{shelf.url}#top")
    assert page.status_code == 200, page.text
    assert headline(page) == headline(await give(linked, file=("code.jpg", photograph(shelf.url))))
    assert set(shelf.asked) == {"/badge.json"}


async def test_what_only_a_wallet_can_act_on_is_a_problem_of_its_own(linked: Verifier) -> None:
    for answer in (
        await ask(linked, token=OFFER),
        await ask(linked, url="https://wallet.example/?request_uri=https://x.example"),
        await linked.client.post("/v1/verifications", files={"file": ("code", qr_png(OFFER))}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "wallet_link"), answer.text
    page = await give(linked, text=OFFER)
    assert page.status_code == 422
    assert "asks a wallet" in page.text
