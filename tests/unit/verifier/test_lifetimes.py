"""What says how a badge stands is used for as long as it says itself, and as any status may be old."""

from datetime import UTC, datetime

import pytest

from services.verifier.check_worker import check
from services.verifier.domain.lifetimes import is_too_old
from services.verifier.jobs import Job, Text, Wanted
from tests.support.badges import a_signed_badge

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = {"id": "did:web:x.example", "verificationMethod": [], "assertionMethod": []}
LATER, BEFORE = "2026-11-22T12:00:01Z", "2026-11-22T12:00:00Z"


def a_list(ttl: object = None, **members: object) -> dict[str, object]:
    subject = {"type": "BitstringStatusList", **({} if ttl is None else {"ttl": ttl})}
    return {"type": ["VerifiableCredential"], "credentialSubject": subject, **members}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(a_list(), 60, id="says nothing"),
        pytest.param(a_list(ttl=5_000), 5, id="its ttl"),
        pytest.param(a_list(ttl=86_400_000), 60, id="a ttl longer than any status may be old"),
        pytest.param(a_list(ttl=0), 0, id="never"),
        pytest.param(a_list(ttl="5000"), 0, id="a ttl that is none"),
        pytest.param(a_list(ttl=True), 0, id="a ttl that is none, though it counts as one"),
        pytest.param(a_list(validUntil=LATER), 60, id="in time"),
        pytest.param(a_list(validUntil=BEFORE), 0, id="over"),
        pytest.param(a_list(expirationDate=BEFORE), 0, id="over, as 1.1 has it"),
        pytest.param({**a_list(), **KEYS}, 60, id="a list that says it is keys"),
        pytest.param({"revokedCredential": [], **KEYS}, 60, id="a revocation list that says it is keys"),
        pytest.param({"type": "Assertion", "verification": {"type": "HostedBadge"}}, 60, id="an assertion"),
        pytest.param("no.token.here", 60, id="no document"),
        pytest.param([], 60, id="no object"),
    ],
)
def test_a_status_lives_for_as_long_as_it_says_and_a_status_may_be_old(value: object, seconds: float) -> None:
    assert not is_too_old(value, seconds, NOW, 60)
    assert is_too_old(value, seconds + 0.01, NOW, 60)


def test_what_was_fetched_for_this_request_is_never_too_old() -> None:
    assert not is_too_old(a_list(ttl=0, validUntil=BEFORE), -0.5, NOW, 60)


def test_keys_live_for_as_long_as_they_are_kept() -> None:
    assert not is_too_old(KEYS, 299, NOW, 60)
    assert not is_too_old({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, 299, NOW, 60)


def test_a_badge_wants_anew_what_is_too_old_and_nothing_else() -> None:
    fetched = {
        "https://x.example/keys": Text(text='{"id": "x", "assertionMethod": []}', age=100),
        "https://x.example/list": Text(text='{"credentialSubject": {"ttl": 7000}}', age=8),
        "https://x.example/none": Text(text=None, age=100),
    }
    wanted = check(Job(badge=a_signed_badge(), now=NOW, fetched=fetched))
    assert wanted == Wanted(urls=("https://x.example/list",))
