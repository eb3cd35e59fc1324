"""A stranger's list is believed where it is the issuer's own, whole and in time; everything else is not known."""

import zlib
from datetime import timedelta

import pytest

from shared.credentials import base64url, foreign_status
from shared.credentials.check import Needs, check_document
from shared.credentials.contexts import CREDENTIALS_V2
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key
from shared.credentials.known_keys import KnownKeys
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, set_bit, status_entry, status_list_credential
from shared.credentials.suites import EDDSA_JCS
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, signed

KEY = a_key()
DID = did_key(KEY.public_key())
INDEX = 94_567


def bits(*indexes, size=MIN_BITS):
    made = bytearray(size // 8)
    for index in indexes:
        set_bit(made, index)
    return made


def a_list(*indexes, purpose="revocation", issuer=DID, subject=None, size=MIN_BITS, **members):
    document = status_list_credential(
        list_url=LIST_URL, issuer=issuer, purpose=purpose, bits=bits(*indexes, size=size), valid_from=SIGNED_AT,
        valid_until=NOW + timedelta(hours=1), ttl=timedelta(minutes=1),
    )  # fmt: skip
    document["credentialSubject"] |= subject or {}
    return {**document, **members}


def a_signed_list(*indexes, key=KEY, **members):
    return sign(a_list(*indexes, **members), key, a_method(key), SIGNED_AT)


def reader(fetched):
    return foreign_status.Reader(DID, KnownKeys([], NOW), fetched, NOW)


def status(found, entry=None, fetched=None):
    badge = signed(a_badge(status=[entry or status_entry(LIST_URL, INDEX, "revocation")]))
    answer = check_document(badge, now=NOW, fetched={LIST_URL: found} if fetched is None else fetched)
    assert not isinstance(answer, Needs)
    return next((check.outcome, check.code) for check in answer.checks if check.name == "status")


def test_lists_are_asked_for_once_the_signature_is_the_issuers_and_then_decide():
    badge = signed(a_badge())
    assert check_document(badge, now=NOW, fetched={}) == Needs(urls=(LIST_URL,))
    tampered = {**badge, "name": "Another"}
    assert not isinstance(check_document(tampered, now=NOW, fetched={}), Needs)
    assert "status" not in {check.name for check in check_document(badge, now=NOW).checks}
    assert status(a_signed_list()) == ("pass", None)
    assert status(a_signed_list(INDEX - 1, INDEX + 1)) == ("pass", None)
    assert status(a_signed_list(INDEX)) == ("fail", "revoked")


def test_a_list_may_come_as_a_token():
    assert status(write_vc(a_list(), KEY, a_method(KEY), SIGNED_AT)) == ("pass", None)
    assert status(f"\n{write_vc(a_list(INDEX), KEY, a_method(KEY), SIGNED_AT)}") == ("fail", "revoked")
    other = a_key(2)
    assert status(write_vc(a_list(), other, a_method(other), SIGNED_AT)) == ("unknown", "status_unverifiable")
    assert status("no token") == ("unknown", "status_unverifiable")


def test_the_worst_of_several_entries_counts():
    def of(*found):
        entries = [status_entry(f"{LIST_URL}{n}", INDEX, purpose) for n, (purpose, _) in enumerate(found)]
        badge = signed(a_badge(status=entries))
        lists = {f"{LIST_URL}{n}": each and {**each, "id": f"{LIST_URL}{n}"} for n, (_, each) in enumerate(found)}
        lists = {url: each and sign(each, KEY, a_method(KEY), SIGNED_AT) for url, each in lists.items()}
        answer = check_document(badge, now=NOW, fetched=lists)
        return next((check.outcome, check.code) for check in answer.checks if check.name == "status")

    suspended, free = a_list(INDEX, purpose="suspension"), a_list()
    assert of(("revocation", free), ("suspension", suspended)) == ("fail", "suspended")
    assert of(("suspension", suspended), ("revocation", a_list(INDEX))) == ("fail", "revoked")
    assert of(("revocation", None), ("suspension", suspended)) == ("fail", "suspended")
    assert of(("revocation", free), ("suspension", None)) == ("unknown", "status_unavailable")
    assert of(*[("revocation", free)] * 5) == ("unknown", "status_unverifiable")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, "status_unavailable"),
        ([], "status_invalid"),
        (7, "status_invalid"),
        ({}, "status_unverifiable"),
        (a_list(), "status_unverifiable"),
        ({**a_signed_list(), "name": "Another"}, "status_unverifiable"),
        (a_signed_list(key=a_key(2)), "status_unverifiable"),
        (a_signed_list(key=a_key(2), issuer=did_key(a_key(2).public_key())), "status_unverifiable"),
        (a_signed_list(type=["VerifiableCredential"]), "status_invalid"),
        (a_signed_list(id="https://uni.example/another"), "status_invalid"),
        (a_signed_list(validUntil="2026-11-22T23:59:59Z"), "status_unverifiable"),
        (a_signed_list(validFrom="2026-11-24T00:00:00Z"), "status_unverifiable"),
        (a_signed_list(purpose="suspension"), "status_invalid"),
        (sign(a_list(validUntil="2020-01-01"), KEY, a_method(KEY), SIGNED_AT, EDDSA_JCS), "status_unverifiable"),
        (write_vc(a_list(exp=1_700_000_000), KEY, a_method(KEY), SIGNED_AT), "status_unverifiable"),
        (write_vc(a_list(nbf=4_000_000_000), KEY, a_method(KEY), SIGNED_AT), "status_unverifiable"),
        (a_signed_list(subject={"encodedList": "uAAAA"}), "status_invalid"),
        (a_signed_list(subject={"encodedList": "H4sI"}), "status_invalid"),
    ],
)
def test_a_list_that_cannot_be_relied_on_is_never_not_revoked(found, code):
    assert status(found) == ("unknown", code)


def test_the_end_of_a_list_is_not_moved_into_its_subject():
    ended = a_signed_list(subject={"id": LIST_URL}, validUntil="2026-11-22T23:59:59Z")
    moved = {name: member for name, member in ended.items() if name != "validUntil"}
    types = ["BitstringStatusList", "VerifiableCredential"]
    moved["credentialSubject"] = {**ended["credentialSubject"], "type": types, "validUntil": ended["validUntil"]}
    assert status(moved) == ("unknown", "status_unverifiable")


def test_a_list_that_is_too_short_is_refused_and_one_that_unpacks_endlessly_is_cut_off():
    def packed(size):
        packer = zlib.compressobj(wbits=31)
        return "u" + base64url.encode(packer.compress(bytes(size)) + packer.flush())

    assert status(a_signed_list(subject={"encodedList": packed(MIN_BITS // 8 - 1)})) == ("unknown", "status_invalid")
    bomb = a_signed_list(subject={"encodedList": packed(64 << 20)})
    assert status(bomb) == ("unknown", "status_unverifiable")


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        ({"statusListIndex": INDEX}, ("pass", None)),
        ({"statusListIndex": "-1"}, ("unknown", "status_invalid")),
        ({"statusListIndex": str(MIN_BITS)}, ("unknown", "status_invalid")),
        ({"statusListIndex": "12x"}, ("unknown", "status_invalid")),
        ({"statusListIndex": "1e3"}, ("unknown", "status_invalid")),
        ({"statusListIndex": "007"}, ("unknown", "status_invalid")),
        ({"statusListIndex": "\u0661"}, ("unknown", "status_invalid")),
        ({"statusListIndex": "9" * 100_000}, ("unknown", "status_invalid")),
        ({"statusSize": 2}, ("unknown", "status_invalid")),
        ({"statusSize": 1}, ("pass", None)),
        ({"statusPurpose": "erasure"}, ("unknown", "status_invalid")),
        ({"type": "SomeOtherStatus"}, ("unknown", "status_unverifiable")),
        ({"statusListCredential": "http://uni.example/list"}, ("unknown", "status_unavailable")),
        ({"statusListCredential": "file:///etc/passwd"}, ("unknown", "status_unavailable")),
        ({"statusListCredential": None}, ("unknown", "status_unavailable")),
    ],
)
def test_an_entry_that_is_not_in_its_form_is_never_not_revoked(members, finding):
    document = {"id": "urn:uuid:1", "credentialStatus": status_entry(LIST_URL, INDEX, "revocation") | members}
    [check] = foreign_status.checks(document, reader({LIST_URL: a_signed_list()}))
    assert (check.outcome, check.code) == finding


def test_open_badges_own_list_names_what_is_revoked():
    def found(*listed, issuer=DID):
        entry = {"id": "https://uni.example/revoked", "type": "1EdTechRevocationList"}
        revoked = {"id": entry["id"], "issuer": issuer, "revokedCredential": list(listed)}
        document = {"id": "urn:uuid:1", "credentialStatus": entry}
        assert foreign_status.needed(document, reader({})) == (entry["id"],)
        [check] = foreign_status.checks(document, reader({entry["id"]: revoked}))
        return check.outcome, check.code

    assert found() == found({"id": "urn:uuid:2"}) == found({"id": "urn:uuid:1", "revoked": False}) == ("pass", None)
    assert found({"id": "urn:uuid:1"}) == found("x", {"id": "urn:uuid:1", "revoked": True}) == ("fail", "revoked")
    assert found("urn:uuid:1") == ("fail", "revoked")
    assert found(issuer="did:web:other.example") == ("unknown", "status_unverifiable")
    assert found(7) == found({}) == found(None) == ("unknown", "status_invalid")


def test_a_list_of_2021_is_read_without_the_prefix_that_it_does_not_have():
    entry = status_entry(LIST_URL, INDEX, "revocation") | {"type": "StatusList2021Entry"}
    for indexes, finding in (((), "pass"), ((INDEX,), "fail")):
        made = a_list(*indexes, type=["VerifiableCredential", "StatusList2021Credential"])
        made["credentialSubject"]["encodedList"] = made["credentialSubject"]["encodedList"][1:]
        # Its own context stands in no package here; a token of it needs none.
        token = write_vc({**made, "@context": [CREDENTIALS_V2]}, KEY, a_method(KEY), SIGNED_AT)
        document = {"id": "urn:uuid:1", "credentialStatus": [entry]}
        [check] = foreign_status.checks(document, reader({LIST_URL: token}))
        assert check.outcome == finding
