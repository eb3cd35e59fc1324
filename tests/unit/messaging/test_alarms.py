"""Every alarm has its line in the runbook."""

import re
from pathlib import Path
from typing import get_args

from shared.messaging.metrics import AlarmKind

RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"


def test_the_runbook_says_what_to_do_about_each_kind_of_alarm_and_no_other() -> None:
    section = RUNBOOK.read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == list(get_args(AlarmKind))
