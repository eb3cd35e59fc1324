"""`laurel watch`: badges by any of their names, the feed to its end, all of it with the employer's key."""

import json
from typing import Any

import pytest

from tests.unit.cli.answering import Asked, Services

BADGE, WATCH = "6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d", "0d6c2b8e-1111-4222-8333-44445555666a"
MADE = {
    "id": WATCH, "state": "open", "credential_id": BADGE, "verification_id": None, "channels": ["webhook"],
    "until": "2028-06-30T23:59:59Z", "created_at": "2027-06-30T10:00:00Z",
    "answer": {"verdict": "invalid", "reason": "revoked", "standing": "registered"},
    "told": {"number": 1, "change": "revoked", "told_at": "2027-07-01T10:00:00Z"},
}  # fmt: skip


def event(place: int, change: str = "revoked") -> dict[str, Any]:
    return {
        "id": WATCH, "place": place, "watch_id": WATCH, "number": 1, "credential_id": BADGE, "change": change,
        "verdict": "invalid", "reason": "revoked", "standing": "registered", "changed_at": "2027-07-01T10:00:00Z",
        "told_at": "2027-07-01T10:00:01Z",
    }  # fmt: skip


def test_a_badge_is_watched_by_id_address_or_verification(answers: Services) -> None:
    answers.answer("POST /verifier/v1/watches", (201, MADE))
    options = ["--until", "2028-06-30", "--channel", "webhook", "--channel", "mail"]
    said = answers.run("watch", "add", f"https://badges.example/credentials/{BADGE}", *options).stdout
    assert answers.asked[-1].body == {
        "credential_id": BADGE, "until": "2028-06-30", "channels": ["webhook", "mail"],
    }  # fmt: skip
    assert answers.asked[-1].key == "employer-key"
    for told in (BADGE, "2028-06-30 23:59:59 UTC", WATCH, "invalid, revoked"):
        assert told in said
    assert answers.run("watch", "add", "--verification", WATCH).exit_code == 0
    assert answers.asked[-1].body == {"verification_id": WATCH, "channels": []}
    assert json.loads(answers.run("watch", "add", BADGE, "--json").stdout) == MADE


@pytest.mark.parametrize("arguments", [[], [BADGE, "--verification", WATCH], ["no-badge"], ["--verification", "../x"]])
def test_what_names_no_badge_or_two_is_asked_of_nobody(answers: Services, arguments: list[str]) -> None:
    assert answers.run("watch", "add", *arguments).exit_code == 2
    assert answers.asked == []


def test_watches_are_listed_and_ended(answers: Services) -> None:
    answers.answer("GET /verifier/v1/watches", {"items": [MADE], "next": None})
    said = answers.run("watch", "list").stdout
    assert BADGE in said
    assert "revoked, 2027-07-01 10:00:00 UTC" in said
    answers.answer("GET /verifier/v1/watches", {"items": [], "next": None})
    assert "No badge is watched." in answers.run("watch", "list").stdout
    answers.answer(f"DELETE /verifier/v1/watches/{WATCH}", (204, None))
    assert answers.run("watch", "remove", WATCH).exit_code == 0
    assert answers.asked[-1].method == "DELETE"
    assert answers.run("watch", "remove", "../x").exit_code == 2


def test_the_feed_is_read_to_its_end_from_where_it_ended(answers: Services) -> None:
    def page(asked: Asked) -> dict[str, Any]:
        after = int(asked.query["after"][0])
        items = [event(after + 1), event(after + 2, "another")] if after < 6 else []
        return {"items": items, "next": items[-1]["place"] if items else after}

    answers.answer("GET /verifier/v1/watches/events", page)
    said = answers.run("watch", "events", "--after", "2").stdout.splitlines()
    assert [line.split()[0] for line in said[:-1]] == ["3", "4", "5", "6"]
    assert said[-1] == "Up to place 6."
    assert said[1].endswith("is invalid now.")
    found = json.loads(answers.run("watch", "events", "--after", "6", "--json").stdout)
    assert found == {"items": [], "next": 6}
