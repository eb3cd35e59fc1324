"""Which proofs, which token and which keys stand for the formats that a badge is asked for in."""

from typing import get_args

import pytest

from services.issuer.domain.formats import (
    Format,
    Formats,
    algorithms_of,
    proofs_of,
    refuse_two_tokens,
    refuse_without_keys,
    token_of,
)
from shared.errors import Invalid

WEB, KEY = "did:web:badges.example:institutions:north", "did:key:z6Mk"


def suites(*formats: Format) -> list[str]:
    return [suite.name for suite, _ in proofs_of(formats)]


def test_the_proof_that_every_validator_takes_comes_first_however_it_is_asked_for() -> None:
    assert suites("ecdsa-rdfc-2019", "eddsa-jcs-2022", "eddsa-rdfc-2022") == [
        "eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019",
    ]  # fmt: skip
    assert suites("ecdsa-rdfc-2019") == ["ecdsa-rdfc-2019"]


@pytest.mark.parametrize("token", ["ob3-jwt", "vc+jwt"])
def test_a_badge_asked_for_as_a_token_alone_has_the_usual_proof_as_well(token: Format) -> None:
    assert suites(token) == ["eddsa-rdfc-2022"]
    assert suites(token, "eddsa-jcs-2022") == ["eddsa-jcs-2022"]


def test_each_token_is_signed_by_a_key_that_its_validators_take() -> None:
    assert token_of(["eddsa-rdfc-2022", "ob3-jwt"]) == ("ob3-jwt", "ES256")
    assert token_of(["vc+jwt"]) == ("vc+jwt", "EdDSA")
    assert token_of(["eddsa-rdfc-2022", "ecdsa-rdfc-2019"]) is None


@pytest.mark.parametrize(
    ("formats", "kinds"),
    [
        (["eddsa-rdfc-2022"], ["EdDSA"]),
        (["vc+jwt"], ["EdDSA"]),
        (["eddsa-jcs-2022", "eddsa-rdfc-2022"], ["EdDSA"]),
        (["ob3-jwt"], ["EdDSA", "ES256"]),
        (["ecdsa-rdfc-2019"], ["EdDSA", "ES256"]),
        (list(get_args(Format)), ["EdDSA", "ES256"]),
    ],
)
def test_only_the_keys_that_are_needed_are_asked_for(formats: Formats, kinds: list[str]) -> None:
    assert algorithms_of(formats) == kinds


def test_no_badge_has_two_tokens() -> None:
    with pytest.raises(Invalid) as refusal:
        refuse_two_tokens(["vc+jwt", "eddsa-rdfc-2022", "ob3-jwt"])
    assert refusal.value.code == "one_token_per_badge"
    for one in ("vc+jwt", "ob3-jwt"):
        refuse_two_tokens([one, "eddsa-rdfc-2022"])


@pytest.mark.parametrize(("did", "code"), [(KEY, "format_needs_did_web"), (WEB, "format_needs_key")])
def test_a_format_without_its_key_is_refused_with_what_helps(did: str, code: str) -> None:
    for formats in (["ob3-jwt"], ["eddsa-rdfc-2022", "ecdsa-rdfc-2019"]):
        with pytest.raises(Invalid) as refusal:
            refuse_without_keys(formats, did, {"EdDSA"})
        assert refusal.value.code == code
        assert "ES256" in refusal.value.detail
    refuse_without_keys(["vc+jwt", "eddsa-jcs-2022"], did, {"EdDSA"})
    refuse_without_keys(["ob3-jwt"], WEB, {"EdDSA", "ES256"})
