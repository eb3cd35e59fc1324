"""Mails are written out as every reader takes them apart, and no header or part says where it ends but we."""

import email
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import mime

TEXTS = st.lists(
    st.one_of(
        st.text(max_size=90),
        st.sampled_from(["\n", "\r\n", "\r", ".", "-- ", "\t", "\n--=_mixed--\n", "\n--=_alternative\n", "é" * 300]),
    ),
    max_size=12,
).map("".join)


@given(text=TEXTS, html=TEXTS, file=st.binary(max_size=300))
def test_what_is_written_is_read_again(text: str, html: str, file: bytes) -> None:
    words = mime.multipart("alternative", mime.text(text), mime.text(html, "html"))
    raw = mime.message(
        [("To", "a@b.example")], mime.multipart("mixed", words, mime.attachment(file, "application/json", "c"))
    )
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 76
    mail = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    found = list(mail.walk())
    assert not any(part.defects for part in found)
    kinds = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/json"]
    assert [part.get_content_type() for part in found] == kinds
    for part, content in zip(found[2:4], (text, html), strict=True):
        assert part.get_content().encode().splitlines() == content.encode().splitlines()
    assert found[4].get_content() == file
    assert found[4].get_filename() == "c"


@pytest.mark.parametrize("value", ["a\r\nBcc: x@evil.example", "a\r\n", "a\n b", "a\r b", "a\r\n \r\n\r\nbody", "é"])
def test_a_header_that_would_end_itself_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"Subject|ascii"):
        mime.message([("Subject", value)], mime.text("said"))


def test_a_header_may_be_folded() -> None:
    raw = mime.message([("Subject", "one\r\n two")], mime.text("said"))
    assert email.message_from_bytes(raw, policy=policy.default)["Subject"] == "one two"


@pytest.mark.parametrize(
    ("text", "encoding"), [("Grüße an alle, die dabei waren", "quoted-printable"), ("贈り物" * 9, "base64")]
)
def test_text_is_written_in_the_encoding_that_is_short_for_it(text: str, encoding: str) -> None:
    assert f"Content-Transfer-Encoding: {encoding}\r\n".encode() in mime.text(text)
