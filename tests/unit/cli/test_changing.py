"""`laurel suspend`, `reinstate`, `replace` and `renew` ask the issuer for what was said, and for nothing else."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.answering import Services, problem

BADGE = "6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"
NEW = "0198c0de-0000-7000-8000-000000000017"
MADE = {
    "id": NEW,
    "credential": {"name": "First Aid", "validUntil": "2029-01-31T23:59:59Z"},
    "links": {"badge": f"https://badges.example/credentials/{NEW}"},
}


@pytest.mark.parametrize(("command", "done"), [("suspend", "Suspended"), ("reinstate", "Reinstated")])
def test_a_change_needs_a_reason_and_tells_the_version(answers: Services, command: str, done: str) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/{command}", {"id": BADGE, "version": 2})
    refused = answers.run(command, BADGE)
    assert (refused.exit_code, "--reason" in refused.stderr, answers.asked) == (2, True, [])
    result = answers.run(command, f"https://badges.example/credentials/{BADGE}", "--reason", "Under appeal")
    assert (result.exit_code, result.stdout) == (0, f"{done}: {BADGE}, now at version 2.\n")
    assert (answers.asked[0].key, answers.asked[0].body) == ("institution-key", {"reason": "Under appeal"})


def test_what_the_issuer_refuses_is_a_sentence_and_exit_code_2(answers: Services) -> None:
    detail = "Badges of this achievement cannot be suspended."
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/suspend", problem(409, "not_suspendable", detail))
    result = answers.run("suspend", BADGE, "--reason", "other")
    assert (result.exit_code, detail in result.stderr) == (2, True)


def test_a_replacement_says_what_differs_and_tells_the_new_badge(answers: Services, tmp_path: Path) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/replace", (201, MADE))
    refused = answers.run("replace", BADGE, "--reason", "other")
    assert (refused.exit_code, "What is to differ?" in refused.stderr) == (2, True)
    members = tmp_path / "members.json"
    members.write_text('{"results": [{"value": "A"}], "recipient": {"email": "ada@example.org"}}')
    result = answers.run("replace", BADGE, "--name", "Ada", "--with", str(members), "--valid-until", "2029-01-31")
    assert result.exit_code == 0
    assert NEW in result.stdout
    assert "until 2029-01-31 23:59:59 UTC" in result.stdout
    [asked] = answers.asked
    assert asked.body == {
        "results": [{"value": "A"}],
        "recipient": {"email": "ada@example.org", "name": "Ada"},
        "valid_until": "2029-02-01T00:00:00+00:00",
    }
    assert asked.headers["Idempotency-Key"]


def test_a_renewal_has_the_achievements_dates_unless_others_are_given(answers: Services) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/renew", (201, MADE))
    assert json.loads(answers.run("renew", BADGE, "--json").stdout) == MADE
    answers.run("renew", BADGE, "--valid-until", "2029-01-31T23:59:59Z")
    assert [each.body for each in answers.asked] == [{}, {"valid_until": "2029-01-31T23:59:59+00:00"}]
