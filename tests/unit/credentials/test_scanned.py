"""A scanned text is a link to a badge, a wallet's business, or something for the other readers."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.errors import CredentialError
from shared.credentials.scanned import link_in


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://badges.example/credentials/1", "https://badges.example/credentials/1"),
        ("  HTTPS://BADGES.EXAMPLE/1?a=b \n", "HTTPS://BADGES.EXAMPLE/1?a=b"),
        ("https://badges.example/1#verify?vc=https://x.example", "https://badges.example/1"),
        ("http://badges.example/1", "http://badges.example/1"),
        ("https://[broken?request_uri=", "https://[broken?request_uri="),
        ("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", None),
        ('{"id": "https://badges.example/1"}', None),
        ("did:key:z6Mk", None),
        ("see https://badges.example/1", None),
        ("https://badges.example/1 and more", None),
        ("", None),
    ],
)
def test_a_link_is_a_whole_text_and_loses_its_fragment(text, link):
    assert link_in(text) == link


@pytest.mark.parametrize(
    "text",
    [
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example",
        "openid4vp://?client_id=x&request_uri=https://verifier.example/1",
        "OpenID4VP://authorize?request=e30",
        "haip://?request_uri=https://x.example",
        "didcomm://?_oob=eyJ",
        "dccrequest://request?vc_request_url=https://x.example",
        "https://wallet.example/offer?credential_offer=%7B%7D",
        "https://wallet.example/#x?request_uri=1?request_uri=2".replace("#x?", "?"),
        "https://lcw.example/request?vc_request_url=https%3A%2F%2Fx.example%2Fexchanges%2F1",
        "file:///etc/passwd",
        "javascript://x",
    ],
)
def test_what_only_a_wallet_can_act_on_is_told_apart(text):
    with pytest.raises(CredentialError) as refused:
        link_in(text)
    assert refused.value.code == "wallet_link"


@given(st.text() | st.text("https:/?#&=request_uri%[]@.ab", max_size=40).map(lambda rest: f"https://{rest}"))
def test_no_text_raises_anything_else(text):
    with suppress(CredentialError):
        link = link_in(text)
        assert link is None or (link in text and "#" not in link)
