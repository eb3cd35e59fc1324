"""As of a time, a stranger's badge is good where its dates, keys and a list of that time say so; else it is unknown."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.credentials import foreign_status
from shared.credentials.check import Needs, check_document
from shared.credentials.dids import did_document
from shared.credentials.instants import read_instant
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, method_id
from shared.credentials.known_keys import KnownKeys
from shared.credentials.open_badges_2 import check_assertion
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, set_bit, status_entry, status_list_credential
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, signed

KEY = a_key()
DID = did_key(KEY.public_key())
INDEX = 94_567
AS_OF = SIGNED_AT + timedelta(hours=2, microseconds=500_000)
ENTRY = status_entry(LIST_URL, INDEX, "revocation")
MINUTE = timedelta(minutes=1)


def a_list(*set_, begins=AS_OF - MINUTE, ends=AS_OF + MINUTE, **members):
    bits = bytearray(MIN_BITS // 8)
    for index in set_:
        set_bit(bits, index)
    made = status_list_credential(
        list_url=LIST_URL, issuer=DID, purpose="revocation", bits=bits, valid_from=begins, valid_until=ends, ttl=MINUTE
    )
    return {name: value for name, value in {**made, **members}.items() if value is not None}


def a_signed_list(*set_, at=AS_OF - MINUTE, **members):
    return sign(a_list(*set_, **members), KEY, a_method(KEY), at)


def needed(badge, fetched=None):
    answer = check_document(badge, now=NOW, as_of=AS_OF, fetched=fetched or {})
    assert isinstance(answer, Needs)
    return answer.urls


def status(found, entry=ENTRY):
    badge = signed(a_badge(status=[entry]))
    (url,) = needed(badge)
    answer = check_document(badge, now=NOW, as_of=AS_OF, fetched={url: found})
    return next((check.outcome, check.code) for check in answer.checks if check.name == "status")


def test_a_list_is_asked_for_as_of_the_time_to_the_instant_and_by_no_other_address():
    (url,) = needed(signed(a_badge(status=[ENTRY])))
    assert url.partition("?")[0] == LIST_URL
    (timestamp,) = parse_qs(urlsplit(url).query)["timestamp"]
    assert read_instant(timestamp) == AS_OF
    (url,) = needed(signed(a_badge(status=[status_entry(f"{LIST_URL}?of=oak", INDEX, "revocation")])))
    assert parse_qs(urlsplit(url).query)["of"] == ["oak"]
    # The list of today, which may have been fetched for somebody else, is no answer.
    assert needed(signed(a_badge(status=[ENTRY])), {LIST_URL: a_signed_list()}) != (LIST_URL,)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(a_signed_list(), ("pass", None), id="not revoked then"),
        pytest.param(a_signed_list(INDEX), ("fail", "revoked"), id="revoked then"),
        pytest.param(write_vc(a_list(INDEX), KEY, a_method(KEY), AS_OF - MINUTE), ("fail", "revoked"), id="a token"),
        pytest.param(None, ("unknown", "status_unavailable"), id="none is had"),
        pytest.param(
            a_signed_list(begins=NOW - MINUTE, ends=NOW + MINUTE, at=NOW - MINUTE),
            ("unknown", "status_unavailable"),
            id="that of today",
        ),
        pytest.param(a_signed_list(at=NOW), ("unknown", "status_unavailable"), id="signed later"),
        pytest.param(a_signed_list(validUntil=None), ("unknown", "status_unavailable"), id="without an end"),
        pytest.param(a_signed_list(validFrom=None), ("unknown", "status_unavailable"), id="without a beginning"),
        pytest.param(a_signed_list(ends=AS_OF), ("unknown", "status_unverifiable"), id="over by then"),
    ],
)
def test_a_list_counts_where_it_had_been_signed_by_then_and_covers_that_time(found, said):
    assert status(found) == said


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY | {"type": "StatusList2021Entry"},
        {"id": "https://college.example/revoked", "type": "1EdTechRevocationList"},
    ],
)
def test_lists_of_other_kinds_have_no_past_and_are_not_asked_for(entry):
    document = {"id": "urn:uuid:1", "credentialStatus": [entry]}
    reader = foreign_status.Reader(DID, KnownKeys([], NOW, as_of=AS_OF), {}, AS_OF, in_past=True)
    assert foreign_status.needed(document, reader) == ()
    [said] = foreign_status.checks(document, reader)
    assert (said.outcome, said.code) == ("unknown", "status_unavailable")
    assert "now alone" in said.detail


@pytest.mark.parametrize(
    ("from_then", "until", "said"),
    [
        (SIGNED_AT, NOW - MINUTE, ("pass", None)),
        (SIGNED_AT, AS_OF, ("fail", "expired")),
        (AS_OF + MINUTE, NOW, ("fail", "not_yet_valid")),
    ],
)
def test_dates_are_compared_with_that_time(from_then, until, said):
    badge = signed(a_badge(status=[], valid_from=from_then, valid_until=until))
    answer = check_document(badge, now=NOW, as_of=AS_OF, fetched={})
    assert next((each.outcome, each.code) for each in answer.checks if each.name == "validity") == said


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (None, ("pass", None)),
        (NOW + MINUTE, ("pass", None)),
        (NOW - MINUTE, ("unknown", "key_ended_since")),
        (AS_OF, ("fail", "key_retired")),
    ],
)
@pytest.mark.parametrize("member", ["revoked", "expires"])
def test_a_key_that_ended_by_then_is_retired_and_one_that_ended_since_proves_nothing(member, end, said):
    uni = "did:web:uni.example"
    method = method_id(uni, KEY.public_key())
    badge = a_badge(KEY, status=[])
    badge["issuer"]["id"] = uni
    document = did_document(uni, [KEY.public_key()])
    if end is not None:
        for each in document["verificationMethod"]:
            each[member] = f"{end:%Y-%m-%dT%H:%M:%S.%fZ}"
    fetched = {"https://uni.example/.well-known/did.json": document}
    answer = check_document(sign(badge, KEY, method, SIGNED_AT), now=NOW, as_of=AS_OF, fetched=fetched)
    assert not isinstance(answer, Needs)
    assert next((each.outcome, each.code) for each in answer.checks if each.name == "proof") == said


@pytest.mark.parametrize("revoked", [False, True])
def test_how_a_badge_of_open_badges_2_stood_is_not_known_whatever_is_said_of_now(revoked):
    url, profile, kind = (f"https://college.example/{name}" for name in ("badges/1", "profile", "class"))
    context = "https://w3id.org/openbadges/v2"
    assertion = {
        "@context": context, "type": "Assertion", "id": url, "badge": kind, "issuedOn": "2026-11-22T10:00:00Z",
        "recipient": {"type": "email", "hashed": False, "identity": "a@b.example"},
        "verification": {"type": "HostedBadge"},
    }  # fmt: skip
    fetched = {
        url: {**assertion, "revoked": revoked},
        kind: {"@context": context, "type": "BadgeClass", "id": kind, "name": "Knots", "issuer": profile},
        profile: {"@context": context, "type": "Issuer", "id": profile, "name": "College"},
    }
    now = check_assertion(assertion, now=NOW, fetched=fetched)
    assert not isinstance(now, Needs)
    assert next(each.outcome for each in now.checks if each.name == "status") == ("fail" if revoked else "pass")
    then = check_assertion(assertion, now=NOW, as_of=AS_OF, fetched=fetched)
    assert not isinstance(then, Needs)
    said = next(each for each in then.checks if each.name == "status")
    assert (said.outcome, said.code) == ("unknown", "status_unavailable")
