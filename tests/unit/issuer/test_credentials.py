"""What a badge is made from, and when what was signed must be signed again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.issuer.domain.credentials import make, refuse_impossible
from services.issuer.domain.formats import Formats
from services.issuer.domain.plan import (
    FRESH,
    Draft,
    Numbers,
    Order,
    Plan,
    SealedKey,
    positions,
)
from shared.credentials import jwt
from shared.credentials.keys import Algorithm, PrivateKey, did_key, method_id
from shared.credentials.proofs import verify
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
WEB = "did:web:b.example:institutions:north"
ORDER = Order(email="ada@example.org")
PUBLIC = {method_id(WEB, key.public_key()): key.public_key() for key in KEYS.values()}


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


def a_web_plan(formats: Formats) -> Plan:
    """The plan of a did:web institution with a key of each kind that formats take."""
    keys: dict[Algorithm, SealedKey] = {
        kind: SealedKey(UUID(int=number), method_id(WEB, key.public_key()), b"")
        for number, (kind, key) in enumerate(KEYS.items(), 1)
    }
    return a_plan(did=WEB, keys=keys, formats=formats)


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
            refuse_impossible(a_plan(), order, "https://b.example")
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


def test_every_proof_of_a_set_is_over_the_badge_without_any() -> None:
    formats: Formats = ["ecdsa-rdfc-2019", "eddsa-jcs-2022", "eddsa-rdfc-2022"]
    made = make(a_web_plan(formats), a_draft(ORDER), KEYS, "https://b.example", demo=False)
    names = [proof["cryptosuite"] for proof in made.document["proof"]]
    assert names == ["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019"]
    for proof in made.document["proof"]:
        alone = {**made.document, "proof": proof}
        assert [each.outcome for each in verify(alone, lambda method, _: PUBLIC[method])] == ["pass"]


def test_a_token_of_open_badges_names_a_recipient_without_an_id_as_the_document_does() -> None:
    made = make(a_web_plan(["ob3-jwt"]), a_draft(ORDER), KEYS, "https://b.example", demo=False)
    named = jwt.read(made.token or "")
    assert named.profile == "ob3-jwt"
    assert named.claims["sub"] == made.document["credentialSubject"]["id"] == f"urn:uuid:{UUID(int=9)}"
    assert named.document == {name: member for name, member in made.document.items() if name != "proof"}
    own = Order(recipient_id="did:example:ada")
    named = jwt.read(make(a_web_plan(["ob3-jwt"]), a_draft(own), KEYS, "https://b.example", demo=False).token or "")
    assert named.claims["sub"] == "did:example:ada"


def test_a_recipient_without_an_id_gets_none_where_no_format_needs_it() -> None:
    for formats in (["eddsa-rdfc-2022"], ["vc+jwt"], ["eddsa-jcs-2022", "ecdsa-rdfc-2019"]):
        made = make(a_web_plan(formats), a_draft(ORDER), KEYS, "https://b.example", demo=False)
        assert "id" not in made.document["credentialSubject"]


def test_tokens_name_keys_by_where_a_reader_finds_them_as_jwk() -> None:
    open_badge = make(a_web_plan(["ob3-jwt"]), a_draft(ORDER), KEYS, "https://b.example", demo=False)
    assert jwt.read(open_badge.token or "").header == {
        "alg": "ES256", "typ": "JWT", "kid": f"https://b.example/institutions/north/keys/{UUID(int=2)}",
    }  # fmt: skip
    credential = make(a_web_plan(["vc+jwt"]), a_draft(ORDER), KEYS, "https://b.example", demo=False)
    assert jwt.read(credential.token or "").header["kid"] == f"{WEB}#{UUID(int=1)}"
    of_a_did_key = make(a_plan(formats=["vc+jwt"]), a_draft(ORDER), KEYS, "https://b.example", demo=False)
    assert jwt.read(of_a_did_key.token or "").header["kid"] == a_method(a_key())


def test_what_a_jcs_proof_would_not_see_is_refused_all_the_same() -> None:
    order = Order(email="a@b.example", evidence=[{"id": "https://e.example"}] * 2)
    with pytest.raises(Invalid) as refusal:
        make(a_web_plan(["eddsa-jcs-2022"]), a_draft(order), KEYS, "https://b.example", demo=False)
    assert refusal.value.code == "data_loss"


def test_a_token_counts_for_the_size_that_a_record_may_have() -> None:
    order = Order(email="a@b.example", evidence=[{"narrative": "x" * 200_000}])
    assert make(a_web_plan(["eddsa-rdfc-2022"]), a_draft(order), KEYS, "https://b.example", demo=False).token is None
    with pytest.raises(TooLarge):
        make(a_web_plan(["vc+jwt"]), a_draft(order), KEYS, "https://b.example", demo=False)


def test_a_badge_that_ended_while_it_was_signed_once_more_is_refused_though_one_like_it_was_fit() -> None:
    ends = a_draft(Order(email="ada@example.org", valid_until=NOW + timedelta(seconds=2)))
    assert make(a_plan(), ends, KEYS, "https://b.example", demo=False)
    later = a_plan(now=NOW + timedelta(seconds=5))
    with pytest.raises(Invalid) as refused:
        make(later, ends, KEYS, "https://b.example", demo=False, alike=True)
    assert refused.value.code == "validity_is_empty"
