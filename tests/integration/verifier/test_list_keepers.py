"""A badge whose status is kept by another than its issuer: unknown, until that one is trusted for lists."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.verifier.domain.known import Rules
from services.verifier.fetched import Copies
from services.verifier.handlers.verifications import Desk, Question
from services.verifier.workers import Workers
from shared.credentials.dids import did_document, jwk_url
from shared.credentials.jwk import to_jwk
from shared.credentials.jwt import write_vc
from shared.credentials.keys import method_id
from shared.credentials.proofs import prove, sign
from shared.credentials.report import Report
from shared.credentials.status import MIN_BITS, set_bit, status_list_credential
from shared.credentials.suites import ECDSA_JCS
from shared.db import Database
from shared.ids import new_id
from tests.integration.verifier.builders import PUBLIC_URL, now
from tests.integration.verifier.conftest import Verifier, pool
from tests.integration.verifier.test_looking_into import KEY, METHOD, SIGNED_AT, UNI, Web, a_job
from tests.support.badges import an_ec_key
from tests.support.service import FOR_A_WHILE

KEEPER, LIST, INDEX = "did:web:lists.example:oak", "https://lists.example/oak/1", 7
KEEPERS_KEY = an_ec_key()
KID = jwk_url(KEEPER, new_id())


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with pool() as made:
        yield made


class KeptElsewhere(Web):
    """The web with the keeper's list on it, a token whose key is named by its address."""

    def __init__(self, *, revoked: bool) -> None:
        super().__init__()
        bits = bytearray(MIN_BITS // 8)
        if revoked:
            set_bit(bits, INDEX)
        made = status_list_credential(
            list_url=LIST, issuer=KEEPER, purpose="revocation", bits=bits, valid_from=SIGNED_AT,
            valid_until=now() + timedelta(days=1), ttl=timedelta(minutes=5),
        )  # fmt: skip
        self.pages["https://lists.example/oak/did.json"] = did_document(KEEPER, [KEEPERS_KEY.public_key()])
        self.pages |= {LIST: write_vc(made, KEEPERS_KEY, KID, SIGNED_AT), KID: to_jwk(KEEPERS_KEY.public_key())}


async def reports(
    verifier: Verifier, workers: Workers, web: Web, *badges: Any, trusted: frozenset[str] = frozenset(), **asked: Any
) -> list[Report]:
    database = await Database.open(verifier.clean.app, 2)
    try:
        rules = Rules(PUBLIC_URL, FOR_A_WHILE, trusted)
        desk = Desk(database, workers, rules, web, Copies(web))
        return await desk.verify(badges, Question(None, "somebody", **asked))
    finally:
        await database.close()


@pytest.mark.parametrize(("revoked", "outcome"), [(False, "pass"), (True, "fail")])
async def test_it_is_unknown_until_the_keeper_is_trusted_and_the_report_says_whose_word_it_is(
    verifier: Verifier, workers: Workers, revoked: bool, outcome: str
) -> None:
    badge, web = a_job(LIST).badge, KeptElsewhere(revoked=revoked)
    [doubted] = await reports(verifier, workers, web, badge)
    assert (doubted.verdict, doubted.reason) == ("unknown", "status_unverifiable")
    assert web.asked[-1] == LIST, "nothing is asked of who is not trusted"
    [report] = await reports(verifier, workers, web, badge, trusted=frozenset({KEEPER}))
    status = next(check for check in report.checks if check.name == "status")
    assert (status.outcome, KEEPER in status.detail) == (outcome, True)
    assert report.status_as_of is not None
    assert KID in web.asked


async def test_by_the_vc_api_a_co_signer_on_the_web_is_looked_up(verifier: Verifier, workers: Workers) -> None:
    web, other = KeptElsewhere(revoked=False), method_id(KEEPER, KEEPERS_KEY.public_key())
    unsigned = {name: member for name, member in a_job(LIST).badge.items() if name not in ("proof", "credentialStatus")}
    theirs = prove(unsigned, KEEPERS_KEY, other, SIGNED_AT, ECDSA_JCS)
    badge = {**unsigned, "proof": [sign(unsigned, KEY, METHOD, SIGNED_AT)["proof"], theirs]}
    [lenient] = await reports(verifier, workers, web, badge, vc_api=True)
    proof = next(check for check in lenient.checks if check.name == "proof")
    assert (proof.outcome, lenient.issuer.id) == ("pass", UNI)
    [strict] = await reports(verifier, workers, web, badge)
    assert strict.reason == "issuer_mismatch"
