"""A watch is of all keys by which the form of the badge is signed that its employer has, and of no other."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from shared.messaging.events import CredentialState
from tests.integration.verifier.builders import now
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.test_formats import Oak, know
from tests.integration.verifier.watching import ask, changes, look, told_all, watch
from tests.support.records import beats


async def second_key_is_withdrawn(verifier: Verifier, oak: Oak) -> None:
    """The key of the second proof has not counted since yesterday."""
    await verifier.feed(oak.second_state(version=2, retired_at=now() - timedelta(days=1)))
    await look(verifier)


async def watched_by_its_id(verifier: Verifier) -> tuple[Oak, dict[str, Any], CredentialState, dict[str, str]]:
    """A badge with two proofs, each by its own key, all told by the issuer, and an employer that watches it."""
    oak = Oak()
    document, _, _ = oak.in_every_format()
    state = told_all(oak, document, other_proof_key_ids=(oak.second_id,))
    await know(verifier, oak, state)
    employer = await verifier.employer()
    await watch(verifier, employer, state)
    return oak, document, state, employer


async def test_a_badge_that_is_named_by_its_id_is_watched_by_the_keys_of_all_its_proofs(served: Verifier) -> None:
    oak, document, _, employer = await watched_by_its_id(served)
    await second_key_is_withdrawn(served, oak)
    assert await changes(served, employer) == ["key_withdrawn"]
    assert (await served.verify(document, employer))["reason"] == "key_retired"


@pytest.mark.parametrize("told", ["the first key alone", "a key that has not come yet"])
async def test_a_badge_not_all_of_whose_keys_are_known_here_is_verified_first(served: Verifier, told: str) -> None:
    oak = Oak()
    document, _, _ = oak.in_every_format()
    others = None if told == "the first key alone" else (oak.second_id,)
    state = told_all(oak, document, other_proof_key_ids=others)
    await served.feed(oak.state(), oak.key_state(), state)
    await served.hear(beats())
    employer = await served.employer()
    refused = await ask(served, employer, credential_id=str(state.credential_id))
    assert (refused.status_code, refused.json()["code"]) == (409, "verify_first")


@pytest.mark.parametrize(("named", "told"), [("document", ["key_withdrawn"]), ("token", [])])
async def test_the_verification_that_is_named_says_which_keys_and_not_a_later_one(
    served: Verifier, named: str, told: list[str]
) -> None:
    oak = Oak()
    document, _, token = oak.in_every_format()
    state = told_all(oak, document, token_digest=sha256(token.encode()).hexdigest())
    await know(served, oak, state)
    employer = await served.employer()
    forms: dict[str, dict[str, Any]] = {"document": {"credential": document}, "token": {"token": token}}
    reports = {}
    for form in sorted(forms, key=lambda each: each != named):
        answer = await served.client.post("/v1/verifications", json=forms[form], headers=employer)
        reports[form] = answer.json()
        assert reports[form]["verdict"] == "valid", reports[form]
    made = await ask(served, employer, verification_id=reports[named]["id"])
    assert made.status_code == 201, made.text
    await second_key_is_withdrawn(served, oak)
    assert await changes(served, employer) == told
    again = await served.client.post("/v1/verifications", json=forms[named], headers=employer)
    assert again.json()["verdict"] == ("invalid" if told else "valid")


async def test_asked_for_again_a_watch_is_of_the_form_that_is_named_now(served: Verifier) -> None:
    oak = Oak()
    document, _, token = oak.in_every_format()
    await know(served, oak, told_all(oak, document, token_digest=sha256(token.encode()).hexdigest()))
    employer = await served.employer()
    watches = []
    for form in ({"token": token}, {"credential": document}):
        report = (await served.client.post("/v1/verifications", json=form, headers=employer)).json()
        answer = await ask(served, employer, verification_id=report["id"])
        watches.append((answer.status_code, answer.json()["id"], answer.json()["verification_id"] == report["id"]))
    first = watches[0][1]
    assert watches == [(201, first, True), (200, first, True)]
    await second_key_is_withdrawn(served, oak)
    assert await changes(served, employer) == ["key_withdrawn"]


async def test_a_watch_of_one_key_is_one_of_all_when_it_is_asked_for_again(served: Verifier) -> None:
    oak, _, state, employer = await watched_by_its_id(served)
    await served.execute("update watches set verification_methods = verification_methods[:1]")  # as a release before
    assert (await ask(served, employer, credential_id=str(state.credential_id))).status_code == 200
    await second_key_is_withdrawn(served, oak)
    assert await changes(served, employer) == ["key_withdrawn"]
