"""What a credential shows by itself is told check by check."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials import contexts, shape
from shared.credentials.badge import DEMO_PREFIX, Issuer
from shared.credentials.check import check_document
from shared.credentials.keys import did_key, encode_multikey, method_id
from shared.credentials.known_keys import KnownKey
from shared.credentials.proofs import sign
from shared.credentials.report import BESIDE, CheckedDocument
from shared.credentials.suites import ED25519_2020, EDDSA_RDFC
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, a_signed_badge, at, paths, signed

DID = "did:web:badges.example:institutions:uni"


def _checks(document, now=NOW, known_keys=()):
    found = check_document(document, now=now, known_keys=known_keys)
    return {check.name: (check.outcome, check.code) for check in found.checks}


def _is_good(document):
    return all(outcome == "pass" for name, (outcome, _) in _checks(document).items() if name not in BESIDE)


def _known(key, **members):
    multikey = encode_multikey(key.public_key())
    return KnownKey(verification_method=f"{DID}#{multikey}", public_key_multibase=multikey, **members)


def _badge_of_a_did_web(key):
    badge = a_badge(issuer=Issuer(DID, "Uni"))
    return sign(badge, key, method_id(DID, key.public_key()), SIGNED_AT)


def test_a_genuine_badge_passes_every_check_in_their_order():
    assert list(_checks(a_signed_badge()).items()) == [
        ("structure", ("pass", None)),
        ("contexts", ("pass", None)),
        ("issuer", ("pass", None)),
        ("proof", ("pass", None)),
        ("validity", ("pass", None)),
        ("conformance", ("pass", None)),
    ]


def test_the_facts_are_those_that_other_checks_start_from():
    found = check_document(a_signed_badge(), now=NOW)
    facts = found.facts
    assert found.signed_by_issuer
    assert facts.issuer_id == facts.creator_id == did_key(a_key().public_key())
    assert (facts.issuer_name, facts.name, facts.achievement_name) == ("Example University", *["Fire safety"] * 2)
    assert facts.proof_created == facts.valid_from == SIGNED_AT
    assert facts.verification_methods == (a_method(a_key()),)
    [entry] = facts.status
    assert (entry.type, entry.purpose, entry.list_url, entry.index) == (
        "BitstringStatusListEntry",
        "revocation",
        LIST_URL,
        "94567",
    )


def test_the_result_goes_through_json_unchanged():
    found = check_document(a_signed_badge(), now=NOW)
    assert CheckedDocument.model_validate_json(found.model_dump_json()) == found


# --- whose key it is -----------------------------------------------------------------------------------------------


def test_a_good_signature_by_somebody_else_than_the_named_issuer_is_a_mismatch():
    forged = sign(a_badge(a_key(1)), a_key(2), a_method(a_key(2)), SIGNED_AT)
    assert _checks(forged)["issuer"] == ("fail", "issuer_mismatch")


def test_a_second_proof_by_somebody_else_is_a_mismatch():
    badge = a_signed_badge(a_key(1))
    other = sign(badge, a_key(2), a_method(a_key(2)), SIGNED_AT)["proof"]
    assert _checks(badge | {"proof": [badge["proof"], other]})["issuer"] == ("fail", "issuer_mismatch")


def test_a_key_of_a_did_key_goes_only_by_its_one_name():
    key = a_key()
    badge = sign(a_badge(), key, did_key(key.public_key()) + "#key-1", SIGNED_AT)
    assert _checks(badge)["proof"] == ("fail", "unknown_key")


def test_a_known_key_of_the_issuer_is_good():
    assert set(_checks(_badge_of_a_did_web(a_key()), known_keys=(_known(a_key()),)).values()) == {("pass", None)}


def test_a_key_that_the_issuer_does_not_have_is_no_key_of_the_issuer():
    assert _checks(_badge_of_a_did_web(a_key(2)), known_keys=(_known(a_key()),))["proof"] == ("fail", "unknown_key")


def test_an_issuer_whose_keys_cannot_be_looked_up_is_unknown_and_not_invalid():
    assert _checks(_badge_of_a_did_web(a_key()))["proof"] == ("unknown", "key_unresolvable")


@pytest.mark.parametrize(
    ("retired_at", "outcome"), [(SIGNED_AT - timedelta(1), "fail"), (SIGNED_AT, "pass"), (NOW, "pass")]
)
def test_a_retired_key_stands_behind_what_it_signed_before(retired_at, outcome):
    checks = _checks(_badge_of_a_did_web(a_key()), known_keys=(_known(a_key(), retired_at=retired_at),))
    assert checks["proof"] == (outcome, "key_retired" if outcome == "fail" else None)


@pytest.mark.parametrize(
    "method",
    ["../../etc/passwd", "'; drop table keys; --", "k" * 1_000_000, "", "#", "did:web:", "did:key:#z", "https://x/#k"],
)
def test_a_key_id_that_is_no_key_id_leads_nowhere(method):
    badge = a_signed_badge()
    badge["proof"]["verificationMethod"] = method
    assert not _is_good(badge)


# --- contexts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "finding"),
    [
        ([contexts.CREDENTIALS_V2, contexts.OPEN_BADGES_V3, {"@vocab": "urn:x:"}], ("fail", "inline_context")),
        ([contexts.CREDENTIALS_V2, {"achievement": "urn:x"}], ("fail", "inline_context")),
        ([contexts.OPEN_BADGES_V3, contexts.CREDENTIALS_V2], ("fail", "context_order")),
        ([contexts.CREDENTIALS_V2, contexts.MULTIKEY_V1], ("fail", "context_order")),
        ([contexts.CREDENTIALS_V2, contexts.OPEN_BADGES_V3, contexts.DID_V1], ("fail", "context_order")),
        ([contexts.CREDENTIALS_V2, "https://attacker.example/c"], ("unknown", "unsupported_context")),
        ([contexts.CREDENTIALS_V2, "file:///etc/passwd"], ("unknown", "unsupported_context")),
    ],
)
def test_a_badge_has_only_known_contexts_in_their_order_and_none_of_its_own(entries, finding):
    checks = _checks(a_signed_badge() | {"@context": entries})
    assert checks["contexts"] == finding
    assert checks["proof"] == ("skipped", None)


def test_a_context_that_defines_nothing_a_badge_uses_changes_nothing_that_was_signed():
    badge = a_signed_badge()
    assert _is_good(badge | {"@context": [*badge["@context"], contexts.OPEN_BADGES_EXTENSIONS]})
    older = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json"
    plain = a_badge()
    del plain["credentialSubject"]["achievement"]["inLanguage"]
    assert _is_good(signed(plain | {"@context": [contexts.CREDENTIALS_V2, older]}))


# --- dates, forms, demo --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "finding"),
    [
        (SIGNED_AT - timedelta(seconds=31), ("fail", "not_yet_valid")),
        (SIGNED_AT, ("pass", None)),
        (datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC), ("pass", None)),
        (datetime(2028, 1, 1, tzinfo=UTC), ("fail", "expired")),
    ],
)
def test_a_badge_holds_from_its_first_to_before_its_last_moment(now, finding):
    assert _checks(a_signed_badge(), now=now)["validity"] == finding


_INSTANTS = st.datetimes(timezones=st.just(UTC)).map(lambda time: time.isoformat()) | st.sampled_from(
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:29.999999999Z", "0001-01-01T00:00:00+23:59"),
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"),
        *("2026-06-30T23:59:60Z", "2026-11-22T24:00:00Z"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(_INSTANTS, _INSTANTS, _INSTANTS, _INSTANTS)
def test_no_instant_is_too_far_away_to_be_compared(valid_from, valid_until, created, expires):
    badge = a_signed_badge() | {"validFrom": valid_from, "validUntil": valid_until}
    badge["proof"] |= {"created": created, "expires": expires}
    found = check_document(badge, now=NOW)
    assert CheckedDocument.model_validate_json(found.model_dump_json()) == found
    resigned = signed(a_badge() | {"validFrom": valid_from, "validUntil": valid_until})
    assert _checks(resigned)["proof"][0] in ("pass", "skipped")


def test_a_badge_without_an_end_does_not_expire():
    forever = a_signed_badge(valid_until=None)
    assert _checks(forever, now=datetime(9999, 1, 1, tzinfo=UTC))["validity"] == ("pass", None)


@pytest.mark.parametrize(
    "document",
    [None, 7, "x", [], {}, {"@context": [], "proof": {}}, {"type": "VerifiableCredential"}],
)
def test_what_is_no_credential_is_malformed(document):
    assert _checks(document)["structure"] == ("fail", "malformed")


def test_another_kind_of_document_is_unsupported_and_not_invalid():
    older = a_signed_badge() | {"@context": "https://w3id.org/openbadges/v2"}
    other = a_signed_badge() | {"type": ["VerifiablePresentation"]}
    assert _checks(older)["structure"] == _checks(other)["structure"] == ("unknown", "unsupported_format")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("type",), "OpenBadgeCredential"),
        (("type",), ["VerifiableCredential", "OpenBadgeCredential", 7]),
        (("validFrom",), "2026-11-22"),
        (("validFrom",), "2026-02-30T00:00:00Z"),
        (("validUntil",), "0000-01-01T00:00:00Z"),
        (("issuer",), "nobody"),
        (("issuer", "id"), 7),
        (("issuer", "type"), "Organization"),
        (("credentialSubject", "achievement", "creator", "type"), "Person"),
        (("credentialSubject",), [{}, {}]),
        (("credentialSubject", "achievement"), []),
        (("credentialSubject", "achievement", "creditsAvailable"), "2.5"),
        (("credentialSubject", "achievement", "creditsAvailable"), True),
        (("credentialSubject", "identifier", 0, "hashed"), "true"),
        (("credentialStatus", "type"), None),
    ],
)
def test_a_member_in_another_form_is_malformed(path, value):
    badge = a_signed_badge()
    at(badge, path[:-1])[path[-1]] = value
    assert _checks(badge)["structure"] in [("fail", "malformed"), ("unknown", "unsupported_format")]


def test_too_deep_and_too_large_documents_are_too_complex():
    deep = json.loads('{"a":' * 60 + "1" + "}" * 60)
    assert _checks(a_signed_badge() | {"evidence": deep})["structure"] == ("unknown", "too_complex")
    assert _checks(a_signed_badge() | {"evidence": [{}] * 10_000})["structure"] == ("unknown", "too_complex")


_LONG = "x" * 100_000
_HUGE = [_LONG, "\x01" * 2_000, [0] * 100_000, [_LONG] * 10, {_LONG: _LONG}, [{"id": _LONG, "type": _LONG}] * 10]


@pytest.mark.parametrize("path", list(paths(a_signed_badge()))[1:], ids=lambda path: ".".join(map(str, path)))
def test_what_comes_of_a_document_is_small_however_large_one_of_its_members_is(path):
    for huge in _HUGE:
        document = a_signed_badge()
        at(document, path[:-1])[path[-1]] = huge
        assert len(check_document(document, now=NOW).model_dump_json()) < 20_000


def test_a_million_status_entries_come_to_four():
    document = {"credentialStatus": [0] * 1_000_000}
    assert len(shape.facts_of(document).status) == 4
    assert len(check_document(document, now=NOW).model_dump_json()) < 2_000


def test_texts_that_nobody_would_write_count_as_absent():
    facts = shape.facts_of(a_badge() | {"id": "https://x/" + _LONG, "name": _LONG, "issuer": _LONG})
    assert (facts.id, facts.name, facts.issuer_id) == (None, None, None)


def test_a_demo_badge_with_a_long_name_is_one_all_the_same():
    assert shape.facts_of({"name": DEMO_PREFIX + _LONG}).demo


def test_a_poison_graph_by_blank_node_ids_is_refused_for_them():
    clique = [
        {"id": f"_:e{n}", "type": "Profile", "parentOrg": [{"id": f"_:e{m}"} for m in range(8) if m != n]}
        for n in range(8)
    ]
    badge = a_signed_badge()
    badge["credentialSubject"]["achievement"]["creator"]["parentOrg"] = clique
    assert _checks(badge)["proof"] == ("fail", "data_loss")


def test_a_poison_tree_of_equal_parts_is_too_complex():
    tree = {"type": "Profile", "name": "same"}
    for _ in range(4):
        tree = {"type": "Profile", "name": "same", "parentOrg": [deepcopy(tree) for _ in range(3)]}
    badge = a_signed_badge()
    badge["credentialSubject"]["achievement"]["creator"]["parentOrg"] = [tree, deepcopy(tree)]
    assert _checks(badge)["proof"] == ("unknown", "too_complex")


def test_a_demo_badge_is_said_to_be_one():
    assert _checks(a_signed_badge(demo=True))["demo"] == ("warn", "demo")


@pytest.mark.parametrize("version", [contexts.OPEN_BADGES_3_0_1, contexts.OPEN_BADGES_V3])
@pytest.mark.parametrize("suite", [ED25519_2020, EDDSA_RDFC], ids=lambda suite: suite.name)
def test_a_badge_in_version_1_1_of_the_data_model_is_read_with_its_own_names_of_dates(version, suite):
    further = contexts.ED25519_2020_V1 if suite is ED25519_2020 else contexts.DATA_INTEGRITY_V2
    badge = a_badge(valid_until=None, status=[], results=[])
    badge |= {"@context": [contexts.CREDENTIALS_V1, version, further], "issuanceDate": badge.pop("validFrom")}
    achievement = badge["credentialSubject"]["achievement"]
    badge["credentialSubject"]["achievement"] = {
        name: achievement[name] for name in ("id", "type", "name", "description", "criteria")
    }
    for name in ("name", "evidence"):
        del badge[name]
    document = sign(badge, a_key(), a_method(a_key()), SIGNED_AT, suite)
    assert _is_good(document), _checks(document)
    assert check_document(document, now=NOW).facts.valid_from == SIGNED_AT
    assert _checks({**document, "issuanceDate": "2026-11-22T10:00:01Z"})["proof"] == ("fail", "tampered")
    undated = {name: member for name, member in document.items() if name != "issuanceDate"}
    assert _checks(undated)["structure"] == ("fail", "malformed")
    ended = sign({**badge, "expirationDate": "2026-11-22T11:00:00Z"}, a_key(), a_method(a_key()), SIGNED_AT, suite)
    assert _checks(ended)["validity"] == ("fail", "expired")


RENAMED = {
    "credentialStatus": "https://www.w3.org/2018/credentials#credentialStatus",
    "name": "https://schema.org/name",
    "evidence": "https://purl.imsglobal.org/spec/vc/ob/vocab.html#evidence",
}


@pytest.mark.parametrize("name", RENAMED)
def test_a_member_renamed_to_the_address_of_its_term_is_unseen_and_so_refused(name):
    document = a_signed_badge()
    document[RENAMED[name]] = document.pop(name)
    assert _checks(document)["proof"] == ("fail", "data_loss")


def test_nothing_can_be_moved_to_another_part_that_has_the_credentials_own_id():
    badge = a_badge()
    badge["evidence"][0]["id"] = badge["id"]
    document = signed(badge)
    moved = deepcopy(document)
    moved["evidence"][0]["type"] += ["VerifiableCredential"]
    for name in ("validUntil", "credentialStatus"):
        moved["evidence"][0][name] = moved.pop(name)
    assert _checks(moved)["structure"] == ("fail", "data_loss")
    assert _checks(document)["structure"] == ("fail", "data_loss")
    by_name = a_badge(evidence=[{"id": badge["id"]}])
    assert _checks(signed(by_name))["structure"] == ("fail", "data_loss")


def test_an_array_of_one_says_what_its_item_says():
    badge = a_badge(demo=True)
    badge["name"] = [badge["name"]]
    badge["credentialSubject"]["achievement"]["creator"] = [badge["credentialSubject"]["achievement"]["creator"]]
    found = check_document(signed(badge), now=NOW)
    assert found.facts.creator_id == found.facts.issuer_id
    assert {check.name for check in found.checks} >= {"demo"}
