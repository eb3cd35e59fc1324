"""What is said of a badge follows from what it shows and from what is known here, and never says more than is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.verifier.domain.judgement import judge, not_asked, recipient_check
from services.verifier.domain.known import Institution, Known, Recorded, Rules, SigningKey, credential_id_in, known_keys
from shared.credentials.report import Check, CheckedDocument, CredentialFacts, StatusEntry
from shared.ids import partition_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)
OAK, ELM = UUID(int=1), UUID(int=2)
KEY, BADGE = UUID(int=3), UUID("0d6c2b8e-1111-4222-8333-444455556666")
RULES = Rules("https://badges.example", timedelta(seconds=60))
METHOD = "did:key:zOak#zOak"

FACTS = CredentialFacts(
    id=f"https://badges.example/credentials/{BADGE}",
    issuer_id="did:key:zOak",
    issuer_name="Oak College",
    status=(StatusEntry(type="BitstringStatusListEntry", purpose="revocation", list_url="https://x", index="1"),),
    verification_methods=(METHOD,),
    proof_created=AN_HOUR_AGO,
    digest="d1",
)
SIGNED = tuple(Check(name=name, outcome="pass", detail="") for name in ("structure", "contexts", "issuer", "proof"))
WITHIN_DATES = Check(name="validity", outcome="pass", detail="")
OAK_COLLEGE = Institution(OAK, "Oak College", "did:key:zOak", "registered")
OAK_KEY = SigningKey(KEY, METHOD, "zOak", NOW - timedelta(days=400), None)
FRESH = dict.fromkeys(range(16), NOW - timedelta(seconds=1))
STALE = dict.fromkeys(range(16), NOW - timedelta(seconds=61))
KNOWN = Known(
    now=NOW,
    issuer=OAK_COLLEGE,
    keys=(OAK_KEY,),
    credential_id=BADGE,
    recorded=Recorded(BADGE, OAK, "issued", "d1"),
    owner=OAK_COLLEGE,
    heard=FRESH,
    held=frozenset(),
)
AS_TOKEN = replace(KNOWN, recorded=Recorded(BADGE, OAK, "issued", "d1", token_digest="t1"))
OTHER = "did:key:zOak#zOther"
TWO_KEYS = replace(KNOWN, keys=(OAK_KEY, SigningKey(UUID(int=9), OTHER, "zOther", NOW - timedelta(days=1), None)))
STRANGE = replace(KNOWN, issuer=None, keys=(), recorded=None, owner=None)


def verdict(known=KNOWN, proof=SIGNED, dates=WITHIN_DATES, **facts):
    checked = CheckedDocument(checks=(*proof, dates), facts=FACTS.model_copy(update=facts))
    judgement = judge(checked, known, RULES, [not_asked()])
    return judgement.conclusion.verdict, judgement.conclusion.reason


def recorded(status="issued", digest="d1", owner=OAK):
    return replace(KNOWN, recorded=Recorded(BADGE, owner, status, digest))


def just_signed(seconds):
    return {"proof_created": NOW - timedelta(seconds=seconds)}


@pytest.mark.parametrize(
    ("known", "facts", "said"),
    [
        pytest.param(KNOWN, {}, ("valid", None), id="recorded, fresh"),
        pytest.param(recorded("revoked"), {}, ("invalid", "revoked"), id="revoked"),
        pytest.param(recorded("suspended"), {}, ("invalid", "suspended"), id="suspended"),
        pytest.param(recorded(digest="d2"), {}, ("invalid", "tampered"), id="another document under this id"),
        pytest.param(recorded(owner=ELM), {}, ("invalid", "issuer_mismatch"), id="another institution's id"),
        # A badge that is a token as well has a digest in each form.
        pytest.param(AS_TOKEN, {}, ("valid", None), id="the document of a badge with a token"),
        pytest.param(AS_TOKEN, {"digest": "t1"}, ("valid", None), id="its token"),
        pytest.param(AS_TOKEN, {"digest": "t2"}, ("invalid", "tampered"), id="another token under this id"),
        pytest.param(KNOWN, {"digest": "t1"}, ("invalid", "tampered"), id="a token where none was issued"),
        pytest.param(KNOWN, {"digest": None}, ("invalid", "tampered"), id="no digest, and no token"),
        # A set of proofs rests on all of its keys.
        pytest.param(TWO_KEYS, {"verification_methods": (METHOD, OTHER)}, ("valid", None), id="two keys"),
        pytest.param(
            TWO_KEYS,
            {"verification_methods": (METHOD, OTHER), "proof_created": NOW - timedelta(days=2)},
            ("invalid", "key_not_yet_in_use"),
            id="the second key not yet in use",
        ),
        pytest.param(
            KNOWN,
            {"verification_methods": (METHOD, OTHER)},
            ("unknown", "issuer_unresolvable"),
            id="a key not here",
        ),
        pytest.param(
            replace(TWO_KEYS, held=frozenset({str(UUID(int=9))})),
            {"verification_methods": (METHOD, OTHER)},
            ("unknown", "status_unavailable"),
            id="the second key held",
        ),
        # Freshness: stale is unknown, and a revocation is final however old the word on it is.
        pytest.param(replace(KNOWN, heard=STALE), {}, ("unknown", "status_unavailable"), id="stale"),
        pytest.param(replace(KNOWN, heard={}), {}, ("unknown", "status_unavailable"), id="never heard"),
        pytest.param(
            replace(KNOWN, heard=dict.fromkeys(range(16), NOW + timedelta(minutes=1))),
            {},
            ("unknown", "status_unavailable"),
            id="heard in the future",
        ),
        pytest.param(replace(recorded("revoked"), heard=STALE), {}, ("invalid", "revoked"), id="revoked, stale"),
        pytest.param(
            replace(recorded("suspended"), heard=STALE), {}, ("unknown", "status_unavailable"), id="suspended, stale"
        ),
        pytest.param(
            replace(recorded("revoked"), held=frozenset({str(BADGE)})), {}, ("invalid", "revoked"), id="revoked, held"
        ),
        # A record that waits unread.
        *[
            pytest.param(
                replace(KNOWN, held=frozenset({str(key)})), {}, ("unknown", "status_unavailable"), id=f"{name} held"
            )
            for name, key in (("badge", BADGE), ("key", KEY), ("institution", OAK))
        ],
        # Row 26: not here yet, or not ours.
        pytest.param(
            replace(KNOWN, recorded=None), just_signed(1), ("unknown", "not_yet_recorded"), id="signed a second ago"
        ),
        pytest.param(
            replace(KNOWN, recorded=None), just_signed(5.9), ("unknown", "not_yet_recorded"), id="just before the bound"
        ),
        pytest.param(
            replace(KNOWN, recorded=None), just_signed(6.1), ("invalid", "not_in_registry"), id="just after the bound"
        ),
        pytest.param(replace(KNOWN, recorded=None), {}, ("invalid", "not_in_registry"), id="an hour old, not here"),
        pytest.param(
            replace(KNOWN, recorded=None, heard=STALE), {}, ("unknown", "status_unavailable"), id="not here, stale"
        ),
        pytest.param(
            replace(KNOWN, recorded=None, held=frozenset({str(BADGE)})),
            {},
            ("unknown", "status_unavailable"),
            id="not here, held",
        ),
        pytest.param(
            replace(KNOWN, recorded=None, credential_id=None),
            {"id": "urn:uuid:0"},
            ("invalid", "not_in_registry"),
            id="ours, with an id of no form of ours",
        ),
        # The signing key.
        pytest.param(replace(KNOWN, keys=()), {}, ("unknown", "issuer_unresolvable"), id="key not here"),
        pytest.param(replace(KNOWN, keys=()), just_signed(1), ("unknown", "not_yet_recorded"), id="key not here yet"),
        pytest.param(
            replace(KNOWN, keys=(replace(OAK_KEY, retired_at=NOW - timedelta(minutes=30)),)),
            {},
            ("valid", None),
            id="key retired after it signed",
        ),
        pytest.param(
            replace(KNOWN, keys=(replace(OAK_KEY, retired_at=NOW - timedelta(hours=2)),)),
            {},
            ("invalid", "key_retired"),
            id="key retired before it signed",
        ),
        pytest.param(
            replace(KNOWN, keys=(replace(OAK_KEY, retired_at=NOW),)),
            {"proof_created": None},
            ("invalid", "key_retired"),
            id="key retired, signature undated",
        ),
        pytest.param(
            replace(KNOWN, keys=(replace(OAK_KEY, created_at=NOW - timedelta(minutes=30)),)),
            {},
            ("invalid", "key_not_yet_in_use"),
            id="dated before the key was made",
        ),
        # Clocks.
        pytest.param(KNOWN, just_signed(-29), ("valid", None), id="dated 29 s ahead"),
        pytest.param(KNOWN, just_signed(-31), ("invalid", "created_in_future"), id="dated 31 s ahead"),
        # Times at the ends of the calendar.
        pytest.param(
            replace(KNOWN, recorded=None),
            {"proof_created": datetime.max.replace(tzinfo=UTC)},
            ("invalid", "created_in_future"),
            id="dated at the end of time",
        ),
        pytest.param(
            replace(STRANGE, owner=None),
            {"proof_created": datetime.max.replace(tzinfo=UTC)},
            ("invalid", "created_in_future"),
            id="a stranger under an id of ours, dated at the end of time",
        ),
        pytest.param(
            replace(KNOWN, recorded=None),
            {"proof_created": datetime.min.replace(tzinfo=UTC)},
            ("invalid", "key_not_yet_in_use"),
            id="dated at the beginning of time",
        ),
        # Strangers.
        pytest.param(STRANGE, {}, ("invalid", "issuer_mismatch"), id="stranger under an id of ours"),
        pytest.param(
            replace(STRANGE, owner=OAK_COLLEGE, heard={}), {}, ("invalid", "issuer_mismatch"), id="under a badge's id"
        ),
        pytest.param(
            STRANGE, just_signed(1), ("unknown", "not_yet_recorded"), id="perhaps an institution not here yet"
        ),
        pytest.param(replace(STRANGE, heard={}), {}, ("unknown", "status_unavailable"), id="nothing known here"),
        pytest.param(
            STRANGE, {"id": "https://elsewhere.example/1", "status": ()}, ("valid", None), id="stranger, no status"
        ),
        pytest.param(
            STRANGE,
            {"id": "https://elsewhere.example/1"},
            ("unknown", "status_unavailable"),
            id="stranger, status elsewhere",
        ),
    ],
)
def test_the_verdict_is(known, facts, said):
    assert verdict(known, **facts) == said


@pytest.mark.parametrize("shard_of", [BADGE, KEY, OAK])
def test_the_smallest_time_of_all_partitions_counts(shard_of):
    old = NOW - timedelta(seconds=61)
    assert verdict(replace(KNOWN, heard=FRESH | {partition_of(str(shard_of)): old})) == (
        "unknown",
        "status_unavailable",
    )


def test_partitions_on_which_the_answer_does_not_rest_do_not_count():
    needed = {partition_of(str(key)) for key in (BADGE, KEY, OAK)}
    assert verdict(replace(KNOWN, heard=dict.fromkeys(needed, NOW))) == ("valid", None)


def test_a_revoked_badge_stays_revoked_when_it_has_also_expired():
    expired = Check(name="validity", outcome="fail", detail="", code="expired")
    assert verdict(recorded("revoked"), dates=expired) == ("invalid", "revoked")
    assert verdict(KNOWN, dates=expired) == ("invalid", "expired")


def test_a_badge_with_a_bad_signature_says_nothing_of_its_issuer_or_status():
    tampered = (*SIGNED[:3], Check(name="proof", outcome="fail", detail="", code="tampered"))
    checked = CheckedDocument(checks=(*tampered, WITHIN_DATES), facts=FACTS)
    judgement = judge(checked, recorded("revoked"), RULES, [recipient_check(checked, "pass")])
    assert (judgement.conclusion.verdict, judgement.conclusion.reason) == ("invalid", "tampered")
    assert (judgement.issuer.standing, judgement.issuer.registered_name) == ("unknown", None)
    assert (judgement.recorded, judgement.status_as_of) == (None, None)
    skipped = {check.name for check in judgement.checks if check.outcome == "skipped"}
    assert skipped == {"signing_time", "registry", "status", "standing", "recipient"}


def test_a_key_that_a_known_institution_may_have_made_just_now_is_not_yet_called_unknown():
    other_key = (*SIGNED[:3], Check(name="proof", outcome="fail", detail="", code="unknown_key"))
    assert verdict(KNOWN, other_key) == ("invalid", "unknown_key")
    assert verdict(KNOWN, other_key, verification_methods=("did:key:zOak#new",), **just_signed(1)) == (
        "unknown",
        "not_yet_recorded",
    )


def test_the_registered_name_is_the_registrys_and_the_claimed_one_the_badges():
    checked = CheckedDocument(checks=SIGNED, facts=FACTS.model_copy(update={"issuer_name": "Oxford"}))
    issuer = judge(checked, KNOWN, RULES, []).issuer
    assert (issuer.standing, issuer.registered_name, issuer.claimed_name) == ("registered", "Oak College", "Oxford")


def test_an_institution_that_has_left_is_no_longer_called_registered():
    gone = replace(KNOWN, issuer=replace(OAK_COLLEGE, standing="withdrawn"))
    judgement = judge(CheckedDocument(checks=SIGNED, facts=FACTS), gone, RULES, [])
    assert (judgement.conclusion.verdict, judgement.issuer.standing) == ("valid", "unknown")
    assert ("standing", "warn", "unknown_issuer") in {(c.name, c.outcome, c.code) for c in judgement.checks}


@pytest.mark.parametrize(
    ("match", "words"), [("pass", "to the person"), ("fail", "somebody else"), ("unknown", "can't")]
)
def test_whose_badge_it_is_decides_nothing_and_is_said(match, words):
    checked = CheckedDocument(checks=(*SIGNED, WITHIN_DATES), facts=FACTS)
    conclusion = judge(checked, KNOWN, RULES, [recipient_check(checked, match)]).conclusion
    assert conclusion.verdict == "valid"
    assert words in conclusion.summary


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"https://badges.example/credentials/{BADGE}", BADGE),
        (f"http://127.0.0.1:8002/credentials/{BADGE}", BADGE),
        (f"https://badges.example/credentials/{str(BADGE).upper()}", None),
        (f"https://badges.example/credentials/{BADGE.hex}", None),
        (f"https://badges.example/credentials/{BADGE}/", None),
        (f"urn:uuid:{BADGE}", None),
        ("", None),
        (None, None),
    ],
)
def test_an_id_names_a_record_in_its_one_form_alone(text, found):
    assert credential_id_in(text) == found


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"issuer_name": "Ox\u202eford"}, ["issuer_name"]),
        ({"name": "Diplo\u200bma"}, ["credential_name"]),
        ({"achievement_name": "Diplo\u2060ma"}, ["credential_name"]),
        ({"issuer_name": "Universit\u00e4t \u05d0\u05d1", "name": "\u5b66\u4f4d"}, []),
    ],
)
def test_a_name_that_is_not_what_it_seems_is_a_warning_and_changes_no_verdict(facts, names):
    checked = CheckedDocument(checks=(*SIGNED, WITHIN_DATES), facts=FACTS.model_copy(update=facts))
    judgement = judge(checked, KNOWN, RULES, [not_asked()])
    warned = [check for check in judgement.checks if check.code == "deceptive_name"]
    assert [(check.name, check.outcome) for check in warned] == [(name, "warn") for name in names]
    assert judgement.conclusion.verdict == "valid"
    assert judgement.conclusion.summary.isprintable()


def test_the_key_of_a_did_web_is_known_by_each_name_that_its_institution_publishes():
    did = "did:web:badges.example:institutions:oak"
    key = replace(OAK_KEY, verification_method=f"{did}#zOak", retired_at=NOW)
    by_method, as_jwk = known_keys(replace(KNOWN, keys=(key,)))
    assert (by_method.verification_method, as_jwk.verification_method) == (f"{did}#zOak", f"{did}#{KEY}")
    assert by_method.jwk_url == f"https://badges.example/institutions/oak/keys/{KEY}"
    assert {each.retired_at for each in (by_method, as_jwk)} == {NOW}
    assert {each.public_key_multibase for each in (by_method, as_jwk)} == {"zOak"}


def test_a_key_that_stands_at_no_address_is_known_by_none():
    key = replace(OAK_KEY, verification_method="did:key:zOak#zOak")
    assert {each.jwk_url for each in known_keys(replace(KNOWN, keys=(key,)))} == {None}


def test_a_key_of_an_institution_for_trying_out_is_known_by_its_address_on_this_machine():
    key = replace(OAK_KEY, verification_method="did:web:localhost%3A8443:institutions:oak#zOak")
    by_method, _ = known_keys(replace(KNOWN, keys=(key,)))
    assert by_method.jwk_url == f"http://localhost:8443/institutions/oak/keys/{KEY}"


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://badges.example/x", True),
        ("https://BADGES.example/x", True),
        ("https://badges.example:443/x", True),
        ("https://badges.example", True),
        ("https://badges.example./x", True),
        ("https://badges.example?x", True),
        ("https://badges.example:99999/x", True),
        ("https://badges.example.evil.example/x", False),
        ("https://badges.example:8443/x", False),
        ("https://uni.example/badges.example", False),
    ],
)
def test_our_own_addresses_are_known_however_they_are_written(url: str, ours: bool) -> None:
    assert RULES.is_ours(url) is ours


HOSTS = {
    "did:web:uni.example": "uni.example",
    "did:web:uni.example:departments:law": "uni.example",
    "https://uni.example/issuers/1": "uni.example",
    "https://uni.example@evil.example/": "evil.example",
}


@pytest.mark.parametrize("issuer", [*HOSTS, "did:key:zOak", "did:jwk:e30", "urn:uuid:1", None])
def test_of_a_stranger_with_a_domain_the_domain_is_known_and_nothing_more(issuer):
    checked = CheckedDocument(checks=(*SIGNED, WITHIN_DATES), facts=FACTS.model_copy(update={"issuer_id": issuer}))
    judgement = judge(checked, STRANGE, RULES, [not_asked()])
    standing = next(check for check in judgement.checks if check.name == "standing")
    assert standing.outcome == "warn"
    assert judgement.issuer.registered_name is None
    if issuer in HOSTS:
        assert (judgement.issuer.standing, standing.code) == ("domain_verified", "only_domain_known")
        assert f"“{HOSTS[issuer]}”" in standing.detail
    else:
        assert (judgement.issuer.standing, standing.code) == ("unknown", "unknown_issuer")


def test_a_domain_is_not_known_by_a_signature_that_does_not_fit_nor_that_of_a_withdrawn_institution():
    tampered = (*SIGNED[:3], Check(name="proof", outcome="fail", detail="", code="tampered"))
    facts = FACTS.model_copy(update={"issuer_id": "did:web:uni.example"})
    unsigned = CheckedDocument(checks=(*tampered, WITHIN_DATES), facts=facts)
    assert judge(unsigned, STRANGE, RULES, []).issuer.standing == "unknown"
    withdrawn = replace(KNOWN, issuer=Institution(OAK, "Oak College", "did:web:uni.example", "withdrawn"))
    signed = CheckedDocument(checks=(*SIGNED, WITHIN_DATES), facts=facts)
    assert judge(signed, withdrawn, RULES, []).issuer.standing == "unknown"


def test_a_status_that_was_looked_up_says_as_of_when():
    looked_up = Check(name="status", outcome="pass", detail="Not revoked.")
    checked = CheckedDocument(checks=(*SIGNED, looked_up, WITHIN_DATES), facts=FACTS)
    at = NOW - timedelta(seconds=42)
    judgement = judge(checked, replace(STRANGE, looked_up_at=at, credential_id=None), RULES, [])
    assert judgement.status_as_of == at
    status = next(check for check in judgement.checks if check.name == "status")
    assert status.detail == "Not revoked. As of 2026-11-22 11:59:18 UTC."
