"""What the notifier takes from its environment, and what it refuses at its start."""

import pytest
from pydantic import ValidationError

from services.notifier.settings import NotifierSettings


@pytest.mark.parametrize(
    "address", ["Laurel <badges@laurel.example>", "badges", "a@b@c", "a@b\r\nBcc: c@d", "a@b, c@d", ""]
)
def test_mails_come_from_an_address_alone(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("LAUREL_MAIL_FROM", address)
    with pytest.raises(ValidationError, match="mail_from"):
        NotifierSettings()


def test_a_host_of_ones_own_is_address_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUREL_MAIL_FROM", "badges@localhost")
    assert NotifierSettings().mail_from == "badges@localhost"
