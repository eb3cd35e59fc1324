"""PyLD or rfc8785 with cryptography alone, both ways: what they sign is good here, what is signed here is good there.

The badges are those that go to other programs (`make interop`): any characters, any of the usual members.
"""

import json
import re

import pytest
from cryptography.exceptions import InvalidSignature

from shared.credentials.check import check_document
from shared.credentials.instants import write_instant
from shared.credentials.keys import did_key
from shared.credentials.proofs import sign
from shared.credentials.suites import SUITES
from tests.interop.badges import generated
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method
from tests.support.other_libraries import SUITES as BY_OTHERS
from tests.support.other_libraries import signed_by_others, verify_by_others

KEY = a_key()
PUBLIC = KEY.public_key()
BADGES = [a_badge(), *(generated(number, did_key(PUBLIC)) for number in range(24))]
# As JSON writes them: characters that PyLD 3.3 does not escape as RDFC-1.0 does.
_CONTROL = re.compile(r"\\(?:[tbf]|u00[01].)|\x7f")


def _badges(suite):
    if suite == "eddsa-jcs-2022":
        return BADGES
    return [json.loads(_CONTROL.sub("c", json.dumps(badge, ensure_ascii=False))) for badge in BADGES]


def _codes(badge):
    return {each.name: each.code for each in check_document(badge, now=NOW).checks}


@pytest.mark.parametrize("suite", BY_OTHERS)
def test_what_they_sign_is_good_here_and_altered_is_not(suite):
    for badge in _badges(suite):
        signed = signed_by_others(badge, KEY, a_method(KEY), suite, write_instant(SIGNED_AT))
        assert (_codes(signed)["issuer"], _codes(signed)["proof"]) == (None, None)
        assert _codes({**signed, "validFrom": "2020-01-01T00:00:01Z"})["proof"] == "tampered"


@pytest.mark.parametrize("suite", BY_OTHERS)
def test_what_is_signed_here_is_good_there_and_altered_is_not(suite):
    for badge in _badges(suite):
        signed = sign(badge, KEY, a_method(KEY), SIGNED_AT, SUITES[suite])
        verify_by_others(signed, PUBLIC)
        with pytest.raises(InvalidSignature):
            verify_by_others({**signed, "validFrom": "2020-01-01T00:00:01Z"}, PUBLIC)


@pytest.mark.parametrize("suite", BY_OTHERS)
def test_both_make_the_same_proof(suite):
    """Ed25519 always gives the same signature of the same bytes: equal proofs are equal canonical forms."""
    ours = sign(a_badge(), KEY, a_method(KEY), SIGNED_AT, SUITES[suite])["proof"]
    theirs = signed_by_others(a_badge(), KEY, a_method(KEY), suite, write_instant(SIGNED_AT))["proof"]
    assert ours["proofValue"] == theirs["proofValue"]
