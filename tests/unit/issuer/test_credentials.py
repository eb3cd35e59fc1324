"""What a badge is made from, and when what was signed must be signed again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.issuer.domain.credentials import (
    FRESH,
    Draft,
    Numbers,
    Order,
    Plan,
    SealedKey,
    make,
    positions,
    refuse_impossible,
)
from shared.credentials.keys import Algorithm, PrivateKey, did_key
from shared.errors import Invalid, TooLarge
from shared.messaging.events import StatusPosition
from tests.support.badges import a_key, a_method, an_ec_key

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

KEYS: dict[Algorithm, PrivateKey] = {"EdDSA": a_key(), "ES256": an_ec_key()}
OTHER_KEYS: dict[Algorithm, SealedKey] = {"EdDSA": SealedKey(UUID(int=2), "did:example:other#key", b"")}
ACHIEVEMENT = {
    "id": "https://b.example/achievements/1/1",
    "name": "Bridges",
    "description": "Builds.",
    "criteria": {"narrative": "Build."},
    "resultDescription": [{"id": "urn:x:1", "name": "Grade", "resultType": "Percent"}],
}


def a_plan(**members: Any) -> Plan:
    key = a_key()
    plan = Plan(
        now=NOW,
        institution_id=uuid4(),
        did=did_key(key.public_key()),
        name="North",
        url=None,
        achievement_id=uuid4(),
        achievement_number=1,
        achievement=ACHIEVEMENT,
        suspendable=False,
        keys={"EdDSA": SealedKey(UUID(int=1), a_method(key), b"")},
    )
    return replace(plan, **members)


def a_draft(order: Order) -> Draft:
    place = StatusPosition(list_id=UUID(int=7), index=94_567, purpose="revocation")
    return Draft(0, order, UUID(int=3), uuid4(), UUID(int=9), (place,), "salt", "token", b"s" * 32)


def test_a_signature_holds_for_three_seconds_and_for_its_key() -> None:
    plan = a_plan()
    assert not plan.outdated_by(replace(plan, now=NOW + FRESH))
    assert plan.outdated_by(replace(plan, now=NOW + FRESH + timedelta(milliseconds=1)))
    assert plan.outdated_by(replace(plan, keys=OTHER_KEYS))


def test_a_plan_that_is_renewed_keeps_the_achievement_for_which_places_were_taken() -> None:
    plan = a_plan()
    later = a_plan(now=NOW + timedelta(seconds=9), keys=OTHER_KEYS, achievement_number=2, suspendable=True)
    renewed = plan.renewed_by(later)
    assert (renewed.now, renewed.keys) == (later.now, OTHER_KEYS)
    assert (renewed.achievement_number, renewed.suspendable) == (1, False)


def test_places_of_consecutive_numbers_differ_and_lie_in_the_list() -> None:
    taken = [
        Numbers(uuid4(), purpose, 0, 131_072, bytes([n]) * 32) for n, purpose in enumerate(("revocation", "suspension"))
    ]
    places = list(positions(taken, 500))
    for column in range(2):
        indexes = [place[column].index for place in places]
        assert len(set(indexes)) == 500
        assert all(0 <= index < 131_072 for index in indexes)
    assert {place[1].purpose for place in places} == {"suspension"}


def test_the_same_draft_and_plan_make_the_same_badge() -> None:
    order = Order(email="ada@example.org", results=[{"resultDescription": "urn:x:1", "value": "90"}])
    first, second = (make(a_plan(), a_draft(order), KEYS, "https://b.example", demo=False) for _ in range(2))
    assert first.document == second.document
    assert first.document["id"] == f"https://b.example/credentials/{UUID(int=3)}"
    assert first.document["credentialStatus"]["id"] == f"https://b.example/status-lists/{UUID(int=7)}#94567"
    assert first.document["validFrom"] == first.document["proof"]["created"] == "2026-11-22T10:00:00Z"


def test_an_order_that_makes_no_badge_is_refused() -> None:
    for order, code in (
        (Order(name="Ada"), "recipient_missing"),
        (Order(email="a@b.example", valid_until=NOW), "validity_is_empty"),
        (Order(email="a@b.example", valid_from=NOW, valid_until=NOW - timedelta(1)), "validity_is_empty"),
        (Order(email="a@b.example", results=[{"resultDescription": "urn:x:2"}]), "result_description_unknown"),
    ):
        with pytest.raises(Invalid) as refusal:
            refuse_impossible(a_plan(), order)
        assert refusal.value.code == code


def test_a_badge_that_would_not_fit_into_a_record_is_too_large() -> None:
    order = Order(email="a@b.example", evidence=[{"narrative": "x" * 450_000}])
    with pytest.raises(TooLarge):
        make(a_plan(), a_draft(order), KEYS, "https://b.example", demo=False)


def test_a_sandbox_issues_demonstrations_wherever_it_stands() -> None:
    order = Order(email="ada@example.org")
    made = make(a_plan(sandbox=True), a_draft(order), KEYS, "https://b.example", demo=False)
    assert made.document["name"].startswith("DEMO ")
    real = make(a_plan(), a_draft(order), KEYS, "https://b.example", demo=False)
    assert not real.document["name"].startswith("DEMO ")
