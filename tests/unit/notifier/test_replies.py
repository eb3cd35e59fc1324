"""Only what says that nobody reads there counts as a bounce."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.replies import read_reply

WHOSE = b"digest"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.1.1 No such user"), (550, "No such user here"), (551, "User not local"), (553, "Name not allowed"),
        (550, "5.2.1 Disabled"), (556, "5.1.10 Null MX"), (550, " 5.1.6 Moved"),
    ],
)  # fmt: skip
def test_nobody_reads_there(code: int, text: str) -> None:
    answer = read_reply(code, text, "recipient", WHOSE)
    assert (answer.outcome, answer.bounced, answer.disable) == ("refused", WHOSE, "gone")


@pytest.mark.parametrize(
    ("code", "text", "word"),
    [
        (550, "5.7.1 Blocked, see our policy", "policy_refused"),
        (554, "5.7.26 Not authenticated", "policy_refused"),
        (554, "Transaction failed", "recipient_refused"),
        (550, "5.4.4 No route", "recipient_refused"),
        (550, "5.6.0 Bad content", "content_refused"),
        (550, "5.1.11111 what", "recipient_refused"),
    ],
)
def test_a_refusal_of_us_or_of_the_way_says_nothing_about_the_mailbox(code: int, text: str, word: str) -> None:
    answer = read_reply(code, text, "recipient", WHOSE)
    assert answer.outcome == "refused"
    assert answer.error == word
    assert answer.bounced is None or word == "recipient_refused"
    assert (answer.disable is None) == (answer.bounced is None)


@pytest.mark.parametrize(
    ("code", "text"),
    [(450, "4.2.1 Later"), (452, "4.2.2 Full"), (552, "5.2.2 Over quota"), (421, "Busy"), (451, "4.7.1 Greylisted")],
)
def test_what_holds_for_now_is_tried_again(code: int, text: str) -> None:
    answer = read_reply(code, text, "recipient", WHOSE)
    assert (answer.outcome, answer.bounced) == ("retry", None)


@pytest.mark.parametrize("text", ["Looks like spam", "5.6.0 Bad content", "5.7.1 Spam", ""])
def test_a_mail_that_is_refused_for_its_content_is_no_bounce(text: str) -> None:
    assert read_reply(550, text, "content", WHOSE).bounced is None


def test_a_server_may_say_after_the_mail_that_nobody_reads_there() -> None:
    assert read_reply(550, "5.1.1 Unknown", "content", WHOSE).bounced == WHOSE


@given(st.integers(400, 599), st.text(max_size=50))
def test_no_text_of_a_server_is_kept(code: int, text: str) -> None:
    answer = read_reply(code, text, "recipient", WHOSE)
    assert answer.error in ("recipient_refused", "mailbox_full", "policy_refused", "content_refused")
