"""No name, whoever chose it, adds to a mail's headers or to what stands before its first part."""

import email
from base64 import b64encode
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, Message
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notifier import letters, writing
from services.notifier.headers import one_line
from services.notifier.letters import Places
from services.notifier.mail import compose
from services.notifier.payloads import TYPES
from services.notifier.store.parcels import Letter
from services.notifier.words import languages
from tests.support.badges import a_badge, an_achievement

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENDER, LEARNER = "badges@laurel.example", "ada@learner.example"
HEADERS = ["subject", "from", "to", "date", "message-id", "auto-submitted", "mime-version", "content-type"]


def encoded(text: str) -> str:
    """`text` as an encoded word (RFC 2047), which readers of headers turn back."""
    return f"=?utf-8?b?{b64encode(text.encode()).decode()}?="


REPLY_TO = f"W {encoded(chr(13) + chr(10) + 'Reply-To: boss@evil.example' + chr(13) + chr(10) + 'X: ')} x"
BODY = f"W {encoded(chr(13) + chr(10) * 2 + 'Pay here: https://evil.example')}"
SECOND_SENDER = f"{encoded('boss@evil.example,')} ü, boss <boss@evil.example>,"
# Names made of what headers are made of, so that chance finds what would have a meaning there.
PIECES = [
    "=?", "?=", "=\u200e?", "=\\?", '="?', "utf-8?q?=0D=0AX:?=", "\r\n", "\u2028", *',;:<>"@()\u00e9', "a" * 80,
]  # fmt: skip
NAMES = st.lists(
    st.one_of(st.text(max_size=60), st.text(max_size=30).map(encoded), st.sampled_from(PIECES)), max_size=8
).map("".join)


DOCUMENT = a_badge()
LEARNERS = [kind for kind in TYPES if kind.startswith("credential.")]
ATTACK = '<script src="https://evil.example/x.js"></script><img src=x>'


def written(
    institution: str, badge: str, learner: str = "Ada", template: str = "credential.issued", language: str = "en"
) -> bytes:
    """The bytes of a mail on `badge` from `institution` to `learner`; whatever else strangers say is `badge` too."""
    achievement = an_achievement(name=badge, description=badge, criteria={"narrative": badge})
    name = {"type": "IdentityObject", "identityType": "name", "hashed": False, "identityHash": learner}
    subject = {"type": ["AchievementSubject"], "identifier": [name], "achievement": achievement}
    subject["result"] = [{"type": ["Result"], "value": badge}]
    document = {**DOCUMENT, "credentialSubject": subject}
    letter = Letter(
        LEARNER, "token", document, institution, f"https://{institution}", "withdrawn", badge, language=language
    )
    said = letters.said(letter, UUID(int=1), Places("https://badges.example"))
    words = writing.written(template, said, language)
    return compose(words, sender=SENDER, on_behalf=one_line(institution), to=LEARNER, name="mail-1", at=AT)


def lines(mail: bytes) -> list[str]:
    """The lines of its text part."""
    text = read(mail).get_body(("plain",))
    assert text is not None
    return text.get_content().splitlines()


def read(mail: bytes) -> EmailMessage:
    return email.message_from_bytes(mail, _class=EmailMessage, policy=policy.default)


@given(
    template=st.sampled_from(LEARNERS),
    language=st.sampled_from(languages()),
    institution=NAMES,
    badge=NAMES,
    learner=NAMES,
)
@example("credential.issued", "en", "North", "Welding\u2028Pay here: https://evil.example", "Ada\x85Pay")
@example("credential.revoked", "de", "North", "Welding\u2028Pay here: https://evil.example", "Ada\x85Pay")
def test_no_name_adds_a_line_to_a_mail(
    template: str, language: str, institution: str, badge: str, learner: str
) -> None:
    ours = lines(written("North", "Welding", "Ada", template, language))
    found = lines(written(institution, badge, learner, template, language))
    # A name of nothing but spaces takes its own line away.
    assert len(found) <= len(ours)
    # Our headings are whole lines in capitals.
    assert [each for each in found if each.isupper()] == [each for each in ours if each.isupper()]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("template", LEARNERS)
def test_html_in_names_is_shown_and_not_obeyed_in_any_mail(template: str, language: str) -> None:
    mail = read(written(ATTACK, ATTACK, ATTACK, template, language))
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert html
    assert text.get_content().count(ATTACK) >= 3
    assert "<script" not in html.get_content()
    assert "<img" not in html.get_content()
    assert html.get_content().count("&lt;script") >= 3


@pytest.mark.parametrize("reader", [policy.default, policy.compat32])
@given(institution=NAMES, badge=NAMES, learner=NAMES)
@example(institution=REPLY_TO, badge="Welding", learner="Ada")
@example(institution="North Academy", badge=REPLY_TO, learner="Ada")
@example(institution="North Academy", badge=BODY, learner="Ada")
@example(institution=BODY, badge="Welding", learner="Ada")
@example(institution=SECOND_SENDER, badge="Welding", learner="Ada")
@example(institution="North Academy", badge="Welding", learner=REPLY_TO)
@example(institution="North Academy", badge="Welding", learner=BODY)
def test_a_mail_has_the_headers_that_we_set_once_each_whatever_the_names(
    reader: policy.Policy, institution: str, badge: str, learner: str
) -> None:
    mail: Message[str, str] = email.message_from_bytes(written(institution, badge, learner), policy=reader)
    assert [name.lower() for name in mail] == HEADERS
    assert not mail.defects
    assert mail.preamble is None
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@given(url=NAMES)
@example(url="https://hooks.example/\u2028Pay here: https://evil.example")
def test_an_endpoints_url_stays_on_one_line(url: str) -> None:
    said = {"id": "1", "place": url, "why": "gone", "to_contact": True}
    words = writing.written("endpoint.disabled", said)
    mail = compose(words, sender=SENDER, on_behalf=None, to=LEARNER, name="mail-1", at=AT)
    assert len(lines(mail)) == 8


@given(institution=NAMES, badge=NAMES)
@example(institution=REPLY_TO, badge=REPLY_TO)
@example(institution=SECOND_SENDER, badge="Welding")
def test_a_mail_has_one_sender_and_one_recipient_whatever_the_names(institution: str, badge: str) -> None:
    mail = read(written(institution, badge))
    assert [each.addr_spec for each in mail["from"].addresses] == [SENDER]
    assert [each.addr_spec for each in mail["to"].addresses] == [LEARNER]
    for name in ("from", "subject"):
        assert len(mail[name].splitlines()) == 1
        assert not mail[name].defects
