"""Mails are taken apart as they were put together, whatever the words in them: no part says where another ends."""

import email
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.mail import compose
from services.notifier.writing import Written

TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=90),
        st.sampled_from(["\n", "\r\n", "\r", ".", "-- ", "\t", "\n--=_mixed--\n", "\n--=_alternative\n", "é" * 300]),
    ),
    max_size=12,
).map(lambda parts: "".join([*parts, "."]))


@given(text=TEXTS, html=TEXTS, badge=st.binary(min_size=1, max_size=300))
def test_what_is_written_is_read_again(text: str, html: str, badge: bytes) -> None:
    said = Written("A badge", text, html)
    raw = compose(
        said,
        sender="badges@laurel.example",
        on_behalf=None,
        to="ada@learner.example",
        name="1",
        at=datetime(2027, 1, 1, tzinfo=UTC),
        badge=badge,
    )
    assert raw.isascii()
    assert not any(b"\r" in line or b"\n" in line for line in raw.split(b"\r\n"))
    mail = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    found = list(mail.walk())
    assert [part.defects for part in found] == [[]] * 5, (text, html, badge)
    kinds = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/json"]
    assert [part.get_content_type() for part in found] == kinds
    for part, content in zip(found[2:4], (text, html), strict=True):
        assert part.get_content().encode().splitlines() == content.encode().splitlines()
    assert found[4].get_content() == badge
    assert found[4].get_filename() == "badge.json"
