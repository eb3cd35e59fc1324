"""An address that is seen at once to be one is what all checks together make of it."""

from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.api.order_body import _PLAIN, Recipient
from tests.support.examples import examples

LOCAL = st.text("az09._+-", min_size=1, max_size=66)
LABEL = st.text("az09-", min_size=1, max_size=33)
TLD = st.sampled_from(["com", "org", "de", "zz", "test", "local", "arpa", "x", "c0", "co1"])


@examples(200)
@given(LOCAL, st.lists(LABEL, max_size=4), TLD)
def test_a_plain_address_is_one_and_stays_as_it_is(local: str, labels: list[str], tld: str) -> None:
    text = f"{local}@{'.'.join([*labels, tld])}"
    if _PLAIN.fullmatch(text):
        assert validate_email(text, check_deliverability=False, test_environment=True).normalized == text


def test_most_addresses_are_plain_and_others_are_read_in_full() -> None:
    assert _PLAIN.fullmatch("ada.lovelace+north@mail.example.org")
    assert Recipient(email=" Ada@EXAMPLE.org ").email == "Ada@example.org"
    assert Recipient(email="ada@bücher.example").email == "ada@bücher.example"
