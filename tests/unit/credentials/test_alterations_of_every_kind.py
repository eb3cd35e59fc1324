"""Whatever a badge is signed with, no single change of it is ever found good: suites, profiles, sets and chains."""

import json
from copy import deepcopy
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.credentials import base64url
from tests.support.alterations import altered, as_sets
from tests.support.badges import at, paths
from tests.support.signed_badges import is_good, signed_badges

DOCUMENTS = {kind: signed for kind, signed in signed_badges().items() if isinstance(signed, dict)}
TOKENS = {kind: signed for kind, signed in signed_badges().items() if isinstance(signed, str)}
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MANY = 200  # of a token's places


@pytest.mark.parametrize("kind", signed_badges())
def test_unchanged_a_badge_is_good(kind):
    assert is_good(signed_badges()[kind])


def _is_the_same(document, signed):
    """By what JSON-LD reads, or because a whole proof went: which no signature can tell that nobody else made."""
    proofs, left = signed["proof"], document.get("proof") if isinstance(document, dict) else None
    fewer = isinstance(proofs, list) and left in (proofs[:1], proofs[1:], proofs[:1][0], proofs[1:][0])
    return as_sets({**document, "proof": proofs} if fewer else document) == as_sets(signed)


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_document_changed_anywhere_is_never_found_good(kind, data):
    document = data.draw(altered(DOCUMENTS[kind]))
    assume(not _is_the_same(document, DOCUMENTS[kind]))
    assert not is_good(document)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_without_one_of_its_members_or_items_is_never_found_good(kind):
    for path in list(paths(DOCUMENTS[kind]))[1:]:
        document = deepcopy(DOCUMENTS[kind])
        del at(document, path[:-1])[path[-1]]
        assert _is_the_same(document, DOCUMENTS[kind]) or not is_good(document), path


@pytest.mark.parametrize("kind", [kind for kind in DOCUMENTS if "jcs" in kind])
def test_to_a_jcs_proof_one_value_and_an_array_of_it_differ(kind):
    document = deepcopy(DOCUMENTS[kind])
    document["issuer"]["type"] = "Profile"
    assert not is_good(document)


@pytest.mark.parametrize("kind", ["a chain", "a chain with jcs"])
def test_the_end_of_a_chain_can_be_left_out_unnoticed_and_nothing_before_it(kind):
    first, second = DOCUMENTS[kind]["proof"]
    assert is_good({**DOCUMENTS[kind], "proof": first})
    assert not is_good({**DOCUMENTS[kind], "proof": second})
    assert is_good({**DOCUMENTS[kind], "proof": [second, first]})
    for member in first:
        assert not is_good({**DOCUMENTS[kind], "proof": [{**first, member: "urn:x:1"}, second]}), member


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_with_another_letter_one_more_or_one_less_is_never_found_good(kind):
    token, random = TOKENS[kind], Random(kind)
    for place in random.sample(range(len(token)), _MANY):
        other = random.choice(_BASE64URL.replace(token[place], ""))
        for changed in (token[:place] + other + token[place + 1 :], token[:place] + token[place + 1 :]):
            assert not is_good(changed), place
        assert not is_good(token[:place] + other + token[place:]), place


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("part", [0, 1], ids=["header", "payload"])
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_token_changed_in_its_json_is_never_found_good(kind, part, data):
    parts = TOKENS[kind].split(".")
    signed = json.loads(base64url.decode(parts[part], 1_000_000))
    parts[part] = base64url.encode(json.dumps(data.draw(altered(signed)), separators=(",", ":")).encode())
    assume(".".join(parts) != TOKENS[kind])
    assert not is_good(".".join(parts))


@pytest.mark.parametrize("kind", TOKENS)
def test_parts_of_two_tokens_make_no_good_one(kind):
    parts = TOKENS[kind].split(".")
    for other in TOKENS.values():
        for place, its in enumerate(other.split(".")):
            mixed = ".".join([*parts[:place], its, *parts[place + 1 :]])
            assert mixed in TOKENS.values() or not is_good(mixed)
