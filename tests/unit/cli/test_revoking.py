"""`laurel revoke` of many shows what it would be and whom it reaches, asks, confirms exactly that, and follows it."""

from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from cli.keys import Unusable
from cli.moments import instant
from tests.unit.cli.answering import Asked, Services, problem

ONE, TWO = str(UUID(int=1)), str(UUID(int=2))
REVOCATION = str(UUID(int=7))
TIME = "2026-11-26T12:00:00Z"
PREVIEW = {
    "badges": 2, "learners": 1, "already_revoked": 0, "by_status": {"issued": 2}, "by_achievement": [],
    "samples": [{"id": ONE, "achievement_id": None, "status": "issued", "version": 1, "issued_at": TIME}],
    "digest": "d" * 64, "credential_ids": [ONE, TWO],
}  # fmt: skip
BEGUN = {
    "id": REVOCATION, "state": "running", "selection": {"ids": 2}, "reason": "withdrawn", "note": None, "badges": 2,
    "done": 0, "revoked": 0, "already_revoked": 0, "reissue": False, "reissued": 0, "trouble": None, "rate": None,
    "seconds_left": None, "confirmed_by": ONE, "created_at": TIME, "ended_at": None,
}  # fmt: skip
DONE = {**BEGUN, "state": "done", "done": 2, "revoked": 2, "ended_at": TIME}
MANY = ("revoke", "--from", "2026-11-01", "--to", "2026-11-02", "--reason", "withdrawn")


@pytest.fixture
def desk(answers: Services) -> Services:
    def revocations(asked: Asked) -> Any:
        return PREVIEW if asked.body.get("dry_run") else (202, BEGUN)

    answers.answer("POST /issuer/v1/revocations", revocations)
    answers.answer("POST /verifier/v1/reach", {"employers": 15, "watches": None})
    answers.answer(f"GET /issuer/v1/revocations/{REVOCATION}", DONE)
    return answers


def sent(desk: Services, path: str) -> list[Any]:
    """The bodies that were sent to a path."""
    return [each.body for each in desk.asked if (each.method, each.path) == ("POST", path)]


def test_the_preview_names_badges_learners_employers_and_watches_and_what_was_shown_is_confirmed(
    desk: Services,
) -> None:
    result = desk.run(*MANY, "--yes")
    assert result.exit_code == 0, result.output
    for words in ("badges", "2", "learners", "15", "left to revoke", "fewer than 5 employers", ONE, "DONE"):
        assert words in result.output
    looked, confirmed = sent(desk, "/issuer/v1/revocations")
    wanted = {"issued_from": "2026-11-01T00:00:00+00:00", "issued_to": "2026-11-03T00:00:00+00:00"}
    assert looked == {**wanted, "reason": "withdrawn", "dry_run": True, "with_ids": True}
    assert confirmed == {**wanted, "reason": "withdrawn", "digest": "d" * 64}
    assert sent(desk, "/verifier/v1/reach") == [{"credential_ids": [ONE, TWO]}]


def test_without_a_yes_or_with_a_dry_run_nothing_is_confirmed(desk: Services) -> None:
    assert desk.run(*MANY, stdin="n\n").exit_code == 2
    assert desk.run(*MANY, "--dry-run").exit_code == 0
    assert all(body["dry_run"] for body in sent(desk, "/issuer/v1/revocations"))


def test_a_verifier_that_is_away_keeps_nobody_from_revoking(desk: Services) -> None:
    desk.answer("POST /verifier/v1/reach", problem(503, "keys_out_of_date", "Not now."))
    result = desk.run(*MANY, "--yes")
    assert (result.exit_code, "not counted: Not now." in result.output) == (0, True)


def test_reach_is_asked_for_once_up_to_100_000_badges_and_of_more_the_number_is_said(desk: Services) -> None:
    ids = [str(UUID(int=n)) for n in range(100_000)]
    desk.answer("POST /issuer/v1/revocations", {**PREVIEW, "badges": 100_000, "credential_ids": ids})
    told = orjson.loads(desk.run(*MANY, "--dry-run", "--json").stdout)
    assert (told["badges"], told["reach"]) == (100_000, {"employers": 15, "watches": None})
    assert "credential_ids" not in told
    assert sent(desk, "/verifier/v1/reach") == [{"credential_ids": ids}]
    assert len(desk.asked) == 2
    for badges, named, words in (
        (120_000, None, "not counted: it is counted for up to 100,000 badges, and these are 120,000"),
        (0, [], "not counted: no badges"),
    ):
        desk.answer("POST /issuer/v1/revocations", {**PREVIEW, "badges": badges, "credential_ids": named})
        assert words in " ".join(desk.run(*MANY, "--dry-run").output.split())
    assert len(sent(desk, "/verifier/v1/reach")) == 1


def test_what_has_changed_since_is_not_revoked_and_says_so(desk: Services) -> None:
    changed = problem(409, "selection_changed", "These badges have changed since they were shown.")
    desk.answer("POST /issuer/v1/revocations", lambda asked: PREVIEW if asked.body.get("dry_run") else changed)
    result = desk.run(*MANY, "--yes")
    assert (result.exit_code, "have changed" in result.stderr) == (2, True)


def test_ids_come_from_a_file_with_a_heading_and_a_line_that_is_none_is_named(desk: Services, tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(f"id,name\n{ONE},Ada\n\nhttps://badges.example/credentials/{TWO};x\n")
    assert desk.run("revoke", "--ids", str(file), "--reason", "withdrawn", "--yes").exit_code == 0
    assert sent(desk, "/issuer/v1/revocations")[0]["ids"] == [ONE, TWO]
    assert sent(desk, "/verifier/v1/reach") == [{"credential_ids": [ONE, TWO]}]
    file.write_text(f"{ONE}\nnobody\n")
    result = desk.run("revoke", "--ids", str(file), "--reason", "withdrawn")
    assert (result.exit_code, "line 2" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [("revoke", "--reason", "withdrawn"), (*MANY, ONE), MANY[:5], ("revoke", ONE, "--reason", "x", "--dry-run")],
)
def test_one_badge_or_many_and_always_a_reason(desk: Services, arguments: tuple[str, ...]) -> None:
    assert desk.run(*arguments).exit_code == 2
    assert desk.asked == []


def test_one_that_was_cancelled_ends_with_1_and_one_that_is_paused_says_what_paused_it(desk: Services) -> None:
    desk.answer(f"GET /issuer/v1/revocations/{REVOCATION}", {**DONE, "state": "cancelled", "done": 1})
    assert desk.run(*MANY, "--yes").exit_code == 1
    paused = {**BEGUN, "state": "paused", "trouble": "key_no_longer_valid"}
    desk.answer(f"GET /issuer/v1/revocations/{REVOCATION}", paused)
    result = desk.run("revocations", "show", REVOCATION, "--follow")
    assert (result.exit_code, "key_no_longer_valid" in result.output) == (1, True)


def test_revocations_are_listed_paused_resumed_and_cancelled(desk: Services) -> None:
    desk.answer("GET /issuer/v1/revocations", {"items": [DONE], "next": None})
    assert REVOCATION in desk.run("revocations", "list").output
    for command in ("pause", "resume", "cancel"):
        desk.answer(f"POST /issuer/v1/revocations/{REVOCATION}/{command}", {**BEGUN, "state": "paused"})
        assert desk.run("revocations", command, REVOCATION).exit_code == 0


def test_a_day_alone_begins_or_ends_with_that_day_and_a_time_needs_its_offset() -> None:
    assert instant("2026-11-26", "--from") == "2026-11-26T00:00:00+00:00"
    assert instant("2026-11-26", "--to", until=True) == "2026-11-27T00:00:00+00:00"
    assert instant("2026-11-26T09:00:00+02:00", "--since") == "2026-11-26T07:00:00+00:00"
    for text in ("2026-11-26T09:00:00", "yesterday", "2026-13-01", ""):
        with pytest.raises(Unusable, match="--since"):
            instant(text, "--since")
