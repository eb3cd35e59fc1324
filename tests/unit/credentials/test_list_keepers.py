"""Whose status list is believed: the badge's issuer's, and that of who is trusted for lists, by their own keys."""

import pytest

from shared.credentials.check import Needs, Policy, check_document
from shared.credentials.dids import did_document, jwk_url
from shared.credentials.foreign_status import Reader, checks
from shared.credentials.jwk import to_jwk
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, method_id
from shared.credentials.known_keys import KnownKeys
from shared.credentials.proofs import sign
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, an_ec_key, signed
from tests.unit.credentials.test_foreign_status import DID, INDEX, a_list, a_signed_list

KEEPER, KEEPERS_PLACE = "did:web:lists.example:oak", "https://lists.example/oak"
KEEPERS_DOCUMENT = f"{KEEPERS_PLACE}/did.json"
KEY, TOKEN_KEY = a_key(2), an_ec_key()
LISTED = did_document(KEEPER, [KEY.public_key(), TOKEN_KEY.public_key()])
KID = jwk_url(KEEPER, "0d6c2b8e-1111-4222-8333-444455556666")
TRUSTING = Policy(list_issuers=frozenset({KEEPER}))
UNVERIFIABLE = ("unknown", "status_unverifiable")


def look(fetched, policy=TRUSTING):
    return check_document(signed(a_badge()), now=NOW, fetched=fetched, policy=policy)


def status(fetched, policy=TRUSTING):
    found = look(fetched, policy)
    assert not isinstance(found, Needs), found
    return next(check for check in found.checks if check.name == "status")


def said(fetched, policy=TRUSTING):
    check = status(fetched, policy)
    return check.outcome, check.code


def keepers_list(*indexes, key=KEY, **members):
    made = a_list(*indexes, issuer=KEEPER, **members)
    return sign(made, key, method_id(KEEPER, key.public_key()), SIGNED_AT)


def keepers_token(*indexes, kid=KID, key=TOKEN_KEY):
    return write_vc(a_list(*indexes, issuer=KEEPER), key, kid, SIGNED_AT)


def test_a_trusted_ones_list_is_believed_by_its_own_keys_and_the_report_says_whose_it_was():
    assert look({}) == Needs(urls=(LIST_URL,))
    assert look({LIST_URL: keepers_list()}) == Needs(urls=(KEEPERS_DOCUMENT,))
    free = status({LIST_URL: keepers_list(), KEEPERS_DOCUMENT: LISTED})
    assert (free.outcome, free.code) == ("pass", None)
    assert KEEPER in free.detail
    assert "trusted" in free.detail
    revoked = status({LIST_URL: keepers_list(INDEX), KEEPERS_DOCUMENT: LISTED})
    assert (revoked.outcome, revoked.code) == ("fail", "revoked")
    assert KEEPER in revoked.detail


def test_nobody_else_is_trusted_and_nothing_is_asked_of_them():
    for policy in (Policy(), Policy(list_issuers=frozenset({f"{KEEPER}:x", "did:web:lists.example"}))):
        assert said({LIST_URL: keepers_list()}, policy) == UNVERIFIABLE
        assert said({LIST_URL: keepers_list(), KEEPERS_DOCUMENT: LISTED}, policy) == UNVERIFIABLE


@pytest.mark.parametrize(
    "document",
    [
        None,
        {**LISTED, "id": "did:web:other.example"},
        {**LISTED, "assertionMethod": []},
        did_document(KEEPER, [a_key(3).public_key()]),
    ],
    ids=["not to be had", "another's", "no key for lists", "another key"],
)
def test_a_trusted_ones_list_without_its_own_key_is_not_known(document):
    assert said({LIST_URL: keepers_list(), KEEPERS_DOCUMENT: document}) == UNVERIFIABLE


def test_trust_in_one_lends_nothing_to_what_others_sign_in_its_name():
    fetched = {KEEPERS_DOCUMENT: LISTED}
    by_issuer = sign(a_list(issuer=KEEPER), a_key(), a_method(a_key()), SIGNED_AT)
    assert said({**fetched, LIST_URL: by_issuer}) == UNVERIFIABLE
    in_the_issuers_name = sign(a_list(), KEY, method_id(KEEPER, KEY.public_key()), SIGNED_AT)
    assert said({**fetched, LIST_URL: in_the_issuers_name}) == UNVERIFIABLE
    unsigned = a_list(issuer=KEEPER)
    assert said({**fetched, LIST_URL: unsigned}) == UNVERIFIABLE
    assert said({**fetched, LIST_URL: keepers_list(validUntil="2020-01-01T00:00:00Z")}) == UNVERIFIABLE


def test_a_trusted_did_key_needs_no_look_up():
    keeper = did_key(KEY.public_key())
    listed = sign(a_list(INDEX, issuer=keeper), KEY, a_method(KEY), SIGNED_AT)
    assert said({LIST_URL: listed}, Policy(list_issuers=frozenset({keeper}))) == ("fail", "revoked")


def test_the_issuers_own_list_is_called_that_whoever_is_trusted_beside():
    check = status({LIST_URL: a_signed_list()})
    assert check.detail == "The issuer's list neither revokes nor suspends this badge."


def test_open_badges_own_lists_are_not_signed_and_so_are_the_issuers_alone():
    entry = {"id": "https://lists.example/revoked", "type": "1EdTechRevocationList"}
    listed = {"id": entry["id"], "issuer": KEEPER, "revokedCredential": []}
    reader = Reader(DID, KnownKeys([], NOW), {entry["id"]: listed}, NOW, TRUSTING.list_issuers)
    [check] = checks({"id": "urn:uuid:1", "credentialStatus": entry}, reader)
    assert (check.outcome, check.code) == UNVERIFIABLE


def test_a_list_token_may_name_its_key_by_an_address_as_a_badge_does():
    fetched = {LIST_URL: keepers_token(), KEEPERS_DOCUMENT: LISTED}
    assert look(fetched) == Needs(urls=(KID,))
    assert said({**fetched, KID: to_jwk(TOKEN_KEY.public_key())}) == ("pass", None)
    revoking = {**fetched, LIST_URL: keepers_token(INDEX), KID: to_jwk(TOKEN_KEY.public_key())}
    assert said(revoking) == ("fail", "revoked")
    for jwk in (None, to_jwk(an_ec_key(2).public_key()), {}):
        assert said({**fetched, KID: jwk}) == UNVERIFIABLE


def test_a_list_tokens_key_at_anybodys_address_is_nobodys():
    kid = "https://lists.example/eve/keys/1"
    fetched = {LIST_URL: keepers_token(kid=kid), KEEPERS_DOCUMENT: did_document(KEEPER, [KEY.public_key()])}
    assert said({**fetched, kid: to_jwk(TOKEN_KEY.public_key())}) == UNVERIFIABLE
