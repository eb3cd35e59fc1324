"""Each reason code of the contract has its words wherever people meet it."""

import json
from pathlib import Path
from typing import get_args

import pytest

from cli.badges import REASONS
from console.institution import REASONS as CHOICES
from services.notifier.words import FOLDER
from shared.messaging.events import ReasonCode

BADGE_PAGE = Path("services/registry/templates/badge.html")


@pytest.mark.parametrize("code", get_args(ReasonCode))
def test_a_reason_code_has_words_in_commands_pages_and_mails(code: str) -> None:
    assert code in REASONS.split(", ")
    assert code in CHOICES
    assert f'"{code}": ' in BADGE_PAGE.read_text()
    for language in FOLDER.glob("*/words.json"):
        assert code in json.loads(language.read_text())["reasons"], language
