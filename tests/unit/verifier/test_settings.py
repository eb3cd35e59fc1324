"""What the verifier reads from its environment, and does not start with."""

import pytest

from services.verifier.settings import VerifierSettings


def test_whose_lists_are_trusted_is_named_with_commas_and_is_nobody_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert VerifierSettings().trusted_list_issuers == frozenset()
    monkeypatch.setenv("LAUREL_TRUSTED_LIST_ISSUERS", "did:web:lists.example, https://lists.example/1,")
    assert VerifierSettings().trusted_list_issuers == {"did:web:lists.example", "https://lists.example/1"}


@pytest.mark.parametrize(
    "wrong", ["lists.example", "http://lists.example", "*", "did:web:a.example;did:web:b.example x,y"]
)
def test_it_does_not_start_trusting_what_is_no_issuer(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("LAUREL_TRUSTED_LIST_ISSUERS", wrong)
    with pytest.raises(ValueError, match="no DID"):
        VerifierSettings()
