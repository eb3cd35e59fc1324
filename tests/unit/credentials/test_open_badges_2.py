"""Badges of Open Badges 2.0 are believed where they stand at their issuer's address, or by a key that it lists."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from openbadgeslib.ob2 import Assertion, BadgeClass, CryptographicKey, IdentityObject, OB2Signer, Profile, Verification

from shared.credentials.check import Needs
from shared.credentials.identity import matches_assertion
from shared.credentials.open_badges_2 import CONTEXT, check_assertion, is_assertion
from shared.credentials.open_badges_2_issuer import GONE, REDIRECTS, covers
from shared.credentials.report import CheckedDocument
from tests.support.badges import a_signed_badge, an_ec_key
from tests.support.open_badges_2 import (
    ASSERTION,
    CLASS,
    EMAIL,
    HOST,
    ISSUER,
    KEY,
    LIST,
    RSA,
    SALT,
    UUID,
    a_class,
    a_key_document,
    a_list,
    a_profile,
    an_assertion,
    behind_signed,
    hosted,
    signed,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
P256 = an_ec_key()


def checked(badge: Any, pages: dict[str, Any]) -> CheckedDocument:
    found = check_assertion(badge, now=NOW, fetched=pages)
    assert isinstance(found, CheckedDocument), found
    return found


def outcomes(badge: Any, pages: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {check.name: (check.outcome, check.code) for check in checked(badge, pages).checks}


def worst(badge: Any, pages: dict[str, Any]) -> tuple[str, str, str | None]:
    """The check that decides, as shared.credentials.report.conclude takes it; `valid` where none does."""
    checks = checked(badge, pages).checks
    found = [each for outcome in ("fail", "unknown") for each in checks if each.outcome == outcome]
    return (found[0].name, found[0].outcome, found[0].code) if found else ("", "valid", None)


def asked(badge: Any, pages: dict[str, Any]) -> list[str]:
    """What is asked for, one after the other, until an answer is there."""
    fetched: dict[str, Any] = {}
    urls = []
    while isinstance(found := check_assertion(badge, now=NOW, fetched=fetched), Needs):
        urls += [*found.urls]
        fetched |= {url: pages.get(url) for url in found.urls}
    return urls


def test_a_hosted_badge_holds_where_it_stands_at_its_own_address() -> None:
    found = checked(an_assertion(), hosted())
    assert found.signed_by_issuer
    assert [check.outcome for check in found.checks] == ["pass"] * 6
    facts = found.facts
    assert (facts.id, facts.name, facts.issuer_id, facts.issuer_name) == (ASSERTION, "Rhetoric", ISSUER, "Old College")
    assert (facts.achievement_id, facts.valid_from) == (CLASS, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_hosted_badge_is_asked_for_first_and_it_alone_may_be_led_on() -> None:
    assert asked(an_assertion(), hosted()) == [ASSERTION, CLASS, ISSUER]
    assert check_assertion(an_assertion(), now=NOW, fetched={}) == Needs(urls=(ASSERTION,), redirects=REDIRECTS)
    assert check_assertion(an_assertion(), now=NOW, fetched={ASSERTION: an_assertion()}) == Needs(urls=(CLASS,))


@pytest.mark.parametrize("key", [RSA, P256], ids=["RS256", "ES256"])
def test_a_signed_badge_holds_by_a_key_of_its_issuer(key: Any) -> None:
    found = checked(signed(key), behind_signed(key))
    assert found.signed_by_issuer
    assert [check.outcome for check in found.checks] == ["pass"] * 6
    assert found.facts.verification_methods == (KEY,)
    assert asked(signed(key), behind_signed(key)) == [CLASS, ISSUER, KEY, LIST]


def test_class_and_issuer_may_stand_in_the_badge_and_the_issuer_is_asked_all_the_same() -> None:
    inside = an_assertion(badge=a_class(issuer=a_profile(name="Forged name")))
    pages = hosted(inside)
    assert worst(inside, pages)[1] == "valid"
    assert asked(inside, pages) == [ASSERTION, ISSUER]
    assert checked(inside, pages).facts.issuer_name == "Old College"
    badge = signed(badge=a_class(issuer=a_profile(publicKey=a_key_document())))
    assert asked(badge, behind_signed()) == [CLASS, ISSUER, KEY, LIST][1:]
    own = a_profile(publicKey=[a_key_document(), f"{HOST}/other"])
    assert asked(signed(), behind_signed(profile=own)) == [CLASS, ISSUER]
    assert worst(signed(), behind_signed(profile=own))[1] == "valid"


EVIL = "https://evil.example"
SCOPED = a_profile(verification={"type": "VerificationObject", "allowedOrigins": ["evil.example", "old.example"]})
HOSTED: dict[str, tuple[Any, dict[str, Any], tuple[str, str, str | None]]] = {
    "gone": (an_assertion(), {ASSERTION: GONE}, ("status", "fail", "revoked")),
    "not to be had": (an_assertion(), {ASSERTION: None}, ("proof", "unknown", "assertion_unavailable")),
    "no object": (an_assertion(), {ASSERTION: "a.b.c"}, ("proof", "unknown", "assertion_unavailable")),
    "not by https": (
        an_assertion(id="http://old.example/1"),
        {"http://old.example/1": an_assertion()},
        ("proof", "unknown", "assertion_unavailable"),
    ),
    "another id": (an_assertion(), hosted(an_assertion(id=f"{HOST}/2")), ("proof", "fail", "mismatch")),
    "something else": (an_assertion(), hosted(an_assertion(type="Note")), ("proof", "fail", "mismatch")),
    "revoked": (
        an_assertion(),
        hosted({"id": ASSERTION, "revoked": True, "revocationReason": "A mistake"}),
        ("status", "fail", "revoked"),
    ),
    "revoked as a text": (an_assertion(), hosted(an_assertion(revoked="true")), ("status", "fail", "revoked")),
    "revoked is false": (an_assertion(), hosted(an_assertion(revoked=False)), ("", "valid", None)),
    "another recipient": (
        an_assertion(recipient={"type": "email", "hashed": False, "identity": "eve@example.org"}),
        hosted(),
        ("proof", "fail", "tampered"),
    ),
    "another class": (an_assertion(badge=f"{HOST}/doctor"), hosted(), ("proof", "fail", "tampered")),
    "another end": (
        an_assertion(),
        hosted(an_assertion(expires="2021-01-01T00:00:00Z")),
        ("proof", "fail", "tampered"),
    ),
    "expired": (
        an_assertion(expires="2021-01-01T00:00:00Z"),
        hosted(an_assertion(expires="2021-01-01T00:00:00+00:00")),
        ("validity", "fail", "expired"),
    ),
    "not yet": (
        an_assertion(issuedOn="2027-01-01T00:00:00Z"),
        hosted(an_assertion(issuedOn="2027-01-01T00:00:00Z")),
        ("validity", "fail", "not_yet_valid"),
    ),
    "a class elsewhere": (
        an_assertion(badge=f"{EVIL}/class"),
        {**hosted(an_assertion(badge=f"{EVIL}/class")), f"{EVIL}/class": a_class(id=f"{EVIL}/class")},
        ("issuer", "fail", "issuer_mismatch"),
    ),
    "an issuer elsewhere": (
        an_assertion(id=f"{EVIL}/1"),
        {**hosted(), f"{EVIL}/1": an_assertion(id=f"{EVIL}/1")},
        ("issuer", "fail", "issuer_mismatch"),
    ),
    "an issuer elsewhere whose scope is forged in the badge": (
        an_assertion(id=f"{EVIL}/1", badge=a_class(issuer=SCOPED)),
        {**hosted(), f"{EVIL}/1": an_assertion(id=f"{EVIL}/1", badge=a_class(issuer=SCOPED))},
        ("issuer", "fail", "issuer_mismatch"),
    ),
    "an issuer elsewhere who says so": (
        an_assertion(id=f"{EVIL}/1"),
        {**hosted(profile=SCOPED), f"{EVIL}/1": an_assertion(id=f"{EVIL}/1")},
        ("", "valid", None),
    ),
    "no class": (an_assertion(), {**hosted(), CLASS: None}, ("issuer", "unknown", "issuer_unresolvable")),
    "no issuer": (an_assertion(), {**hosted(), ISSUER: None}, ("issuer", "unknown", "issuer_unresolvable")),
    "no such issuer": (an_assertion(), hosted(profile=GONE), ("issuer", "unknown", "issuer_unresolvable")),
    "another's profile": (
        an_assertion(),
        hosted(profile=a_profile(id=f"{HOST}/else")),
        ("issuer", "unknown", "issuer_unresolvable"),
    ),
    "another's class": (an_assertion(), hosted(kind=a_class(id=EVIL)), ("issuer", "unknown", "issuer_unresolvable")),
    "an issuer without address": (
        an_assertion(badge=a_class(issuer={"type": "Issuer", "name": "x"})),
        hosted(an_assertion(badge=a_class(issuer={"type": "Issuer", "name": "x"}))),
        ("issuer", "unknown", "issuer_unresolvable"),
    ),
}


@pytest.mark.parametrize(("badge", "pages", "said"), HOSTED.values(), ids=HOSTED)
def test_a_hosted_badge_says_what_is_wrong_with_it(badge: Any, pages: Any, said: Any) -> None:
    assert worst(badge, pages) == said


def test_what_is_given_decides_nothing_beyond_where_its_original_stands() -> None:
    given = an_assertion(badge=a_class(name="Doctor", issuer=f"{EVIL}/issuer"), narrative="Forged")
    found = checked(given, hosted())
    assert (found.facts.name, found.facts.issuer_id) == ("Rhetoric", ISSUER)
    assert outcomes(given, hosted())["copy"] == ("warn", "differs")
    assert "copy" not in outcomes(an_assertion(), hosted())


def test_a_hosted_badge_that_comes_as_a_token_is_one_all_the_same() -> None:
    token = signed(id=ASSERTION, verification={"type": "hosted"})
    page = an_assertion(verification={"type": "hosted"})
    assert worst(token, hosted(page))[1] == "valid"
    assert worst(token, {**hosted(), ASSERTION: None})[1:] == ("unknown", "assertion_unavailable")


SIGNED: dict[str, tuple[Any, dict[str, Any], tuple[str, str, str | None]]] = {
    "revoked": (signed(), behind_signed(list=a_list(UUID)), ("status", "fail", "revoked")),
    "revoked with a reason": (
        signed(),
        behind_signed(list=a_list({"id": UUID, "revocationReason": "A mistake"})),
        ("status", "fail", "revoked"),
    ),
    "revoked by its bare uid": (
        signed(),
        behind_signed(list=a_list({"uid": UUID.removeprefix("urn:uuid:")})),
        ("status", "fail", "revoked"),
    ),
    "no list to be had": (signed(), behind_signed(list=None), ("status", "unknown", "status_unavailable")),
    "another's list": (
        signed(),
        behind_signed(list=a_list(issuer=f"{EVIL}/issuer")),
        ("status", "unknown", "status_unverifiable"),
    ),
    "another list": (signed(), behind_signed(list=a_list(id=EVIL)), ("status", "unknown", "status_unverifiable")),
    "a list of something else": (signed(), behind_signed(list=a_list(7)), ("status", "unknown", "status_invalid")),
    "a list that is none": (
        signed(),
        behind_signed(list=a_list(revokedAssertions="x")),
        ("status", "unknown", "status_invalid"),
    ),
    "a list of nothing": (
        signed(),
        behind_signed(list={name: a_list()[name] for name in ("@context", "type", "id", "issuer")}),
        ("status", "unknown", "status_invalid"),
    ),
    "no list": (signed(), behind_signed(profile=a_profile(publicKey=[KEY])), ("", "valid", None)),
    "no signature": (
        an_assertion(id=UUID, verification={"type": "SignedBadge", "creator": KEY}),
        behind_signed(),
        ("proof", "unknown", "proof_missing"),
    ),
    "another key": (
        signed(rsa.generate_private_key(65537, 2048)),
        behind_signed(),
        ("proof", "fail", "tampered"),
    ),
    "a key of another kind": (signed(P256), behind_signed(RSA), ("proof", "fail", "invalid_signature")),
    "a key that is too short": (
        signed(),
        behind_signed(rsa.generate_private_key(65537, 1024)),
        ("issuer", "fail", "invalid_key"),
    ),
    "a key of a kind that is not read": (
        signed(),
        behind_signed(Ed25519PrivateKey.generate()),
        ("issuer", "unknown", "unsupported_key"),
    ),
    "no PEM": (
        signed(),
        behind_signed(key_document=a_key_document(publicKeyPem="x")),
        ("issuer", "fail", "invalid_key"),
    ),
    "no key to be had": (signed(), behind_signed(key_document=None), ("issuer", "unknown", "key_unresolvable")),
    "another's key": (
        signed(),
        behind_signed(key_document=a_key_document(owner=f"{EVIL}/issuer")),
        ("issuer", "fail", "issuer_mismatch"),
    ),
    "a key that the issuer does not list": (
        signed(verification={"type": "signed", "creator": f"{EVIL}/key"}),
        {**behind_signed(), f"{EVIL}/key": a_key_document(id=f"{EVIL}/key")},
        ("issuer", "fail", "unknown_key"),
    ),
    "an issuer without keys": (signed(), behind_signed(profile=a_profile()), ("issuer", "fail", "unknown_key")),
    "an issuer whose keys are forged in the badge": (
        signed(badge=a_class(issuer=a_profile(publicKey=KEY))),
        behind_signed(profile=a_profile()),
        ("issuer", "fail", "unknown_key"),
    ),
    "no creator, one key": (signed(verification={"type": "SignedBadge"}), behind_signed(), ("", "valid", None)),
    "no creator, two keys": (
        signed(verification={"type": "SignedBadge"}),
        behind_signed(profile=a_profile(publicKey=[KEY, f"{HOST}/other"])),
        ("issuer", "fail", "unknown_key"),
    ),
    "claims beside the badge": (signed(aud="x"), behind_signed(), ("proof", "unknown", "unsupported_format")),
    "expired": (signed(expires="2021-01-01T00:00:00Z"), behind_signed(), ("validity", "fail", "expired")),
}


@pytest.mark.parametrize(("badge", "pages", "said"), SIGNED.values(), ids=SIGNED)
def test_a_signed_badge_says_what_is_wrong_with_it(badge: Any, pages: Any, said: Any) -> None:
    assert worst(badge, pages) == said


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256", "crit": ["exp"]}])
def test_a_token_that_no_honest_issuer_writes_is_refused(header: dict[str, Any]) -> None:
    assert worst(signed(header=header), behind_signed()) == ("structure", "fail", "invalid_signature")


def test_a_signed_badge_altered_in_any_part_is_never_valid() -> None:
    head, _, signature = signed().split(".")
    other = signed(issuedOn="2021-01-01T00:00:00Z").split(".")[1]
    assert worst(f"{head}.{other}.{signature}", behind_signed()) == ("proof", "fail", "tampered")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"@context": "https://w3id.org/openbadges/v1"}, "unsupported_format"),
        ({"@context": None}, "unsupported_format"),
        (
            {"uid": "1", "verify": {"type": "hosted", "url": ASSERTION}, "@context": None, "id": None},
            "unsupported_format",
        ),
        ({"id": None}, "malformed"),
        ({"id": "1"}, "malformed"),
        ({"type": "BadgeClass"}, "malformed"),
        ({"recipient": "ada@example.org"}, "malformed"),
        ({"recipient": {"type": "email", "hashed": "true", "identity": "x"}}, "malformed"),
        ({"badge": None}, "malformed"),
        ({"verification": {"type": "hosted", "x": 1, "y": []}, "issuedOn": 1577836800}, "malformed"),
        ({"verification": None}, "malformed"),
        ({"verification": {"type": ["hosted", "signed"]}}, "malformed"),
        ({"verification": {"type": "blockchain"}}, "malformed"),
        ({"expires": "soon"}, "malformed"),
        ({"evidence": [[[]]] * 501}, "too_complex"),
    ],
)
def test_what_is_no_assertion_of_2_0_is_refused_by_name_and_nobody_is_asked(members: Any, code: str) -> None:
    said = worst(an_assertion(**members), {})
    assert said == ("structure", "unknown" if code in ("unsupported_format", "too_complex") else "fail", code)


def test_assertions_are_told_from_credentials() -> None:
    assert is_assertion(an_assertion())
    assert is_assertion({"uid": "1", "badge": CLASS, "recipient": {}, "verify": {}})
    assert not any(is_assertion(each) for each in (a_signed_badge(), {}, [], None, "x", {"type": "BadgeClass"}))
    assert not is_assertion({**an_assertion(), "credentialSubject": {}})


def test_contexts_and_extensions_that_nobody_looked_into_are_told() -> None:
    further = {"@context": [CONTEXT, {"badge": "https://x.example/"}], "extensions:apply": {"type": ["Extension"]}}
    said = outcomes(an_assertion(**further), hosted(an_assertion(**further)))
    assert said["contexts"] == ("warn", "unsupported_context")
    assert said["extensions"] == ("skipped", "not_supported")


@pytest.mark.parametrize(
    ("policy", "url", "fits"),
    [
        (None, f"{HOST}/x", True),
        (None, "https://old.example:8443/x", False),
        (None, "https://old.example.evil.example/x", False),
        (None, "https://old.example@evil.example/x", False),
        (None, "http://old.example/x", False),
        ({"allowedOrigins": "evil.example"}, f"{EVIL}/x", True),
        ({"allowedOrigins": ["https://evil.example"]}, f"{EVIL}/x", True),
        ({"allowedOrigins": "evil.example"}, f"{HOST}/x", False),
        ({"allowedOrigins": []}, f"{HOST}/x", False),
        ({"allowedOrigins": [7, None]}, f"{HOST}/x", False),
        ({"startsWith": f"{HOST}/badges/"}, f"{HOST}/badges/1", True),
        ({"startsWith": f"{HOST}/badges/"}, f"{HOST}/else/1", False),
        ({"startsWith": f"{HOST}/badges/"}, f"{HOST}/badges/../else/1", False),
        ({"startsWith": f"{HOST}/badges/"}, f"{HOST}/badges/%2e%2E/else/1", False),
        ({"startsWith": HOST}, f"{HOST}.evil.example/1", False),
        ({"startsWith": "https://"}, f"{EVIL}/1", False),
        ({"startsWith": [f"{EVIL}/a", f"{HOST}/b"], "allowedOrigins": "old.example"}, f"{HOST}/b", True),
        ({"startsWith": [f"{EVIL}/a", f"{HOST}/b"], "allowedOrigins": "old.example"}, f"{EVIL}/a", False),
        ("evil.example", f"{EVIL}/x", False),
    ],
)
def test_a_profile_covers_its_own_host_or_what_it_says(policy: Any, url: str, fits: bool) -> None:
    profile = a_profile() if policy is None else a_profile(verification=policy)
    assert covers(profile, url) is fits


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (P256, "ES256")], ids=["RS256", "ES256"])
def test_what_another_library_signs_and_publishes_is_read(key: Any, algorithm: str) -> None:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = a_key_document(key)["publicKeyPem"]
    recipient = IdentityObject.create(EMAIL, SALT)
    token = OB2Signer(private, algorithm).sign(Assertion(recipient, CLASS, Verification("SignedBadge", KEY)))
    pages = {
        CLASS: BadgeClass(CLASS, "Rhetoric", "Speaks.", f"{HOST}/image", f"{HOST}/criteria", ISSUER).to_dict(),
        ISSUER: Profile(ISSUER, "Old College", public_key=[KEY]).to_dict(),
        KEY: CryptographicKey(KEY, ISSUER, pem).to_dict(),
    }
    found = checked(token, pages)
    assert found.signed_by_issuer, found
    assert matches_assertion(recipient.to_dict(), {"email": EMAIL}) == "pass"


def test_a_signed_badge_that_holds_its_class_under_anothers_address_says_so() -> None:
    for class_id, told in ((CLASS, False), ("https://famous.example/degree", True)):
        badge = signed(badge=a_class(id=class_id))
        assert worst(badge, behind_signed())[1] == "valid"
        assert (outcomes(badge, behind_signed()).get("creator") == ("warn", "not_the_creator")) is told
