"""`laurel verify` says the verdict first and by its exit code, and shows a stranger's words as they are, harmless."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.answering import Asked, Services, problem

ROUTE = "POST /verifier/v1/verifications"
NOW = "2026-11-26T04:00:00.5Z"


def report(verdict: str = "valid", **members: Any) -> dict[str, Any]:
    issuer = {"id": "did:key:z6Mk", "claimed_name": "Oak", "standing": "registered", "registered_name": "Oak College"}
    credential = {"kind": "badge", "id": "urn:x", "name": "Bridge", "valid_from": NOW, "valid_until": None}
    checks = [{"name": "proof", "outcome": "pass", "detail": "The signature fits."}]
    base = {"verdict": verdict, "reason": None, "summary": "It holds.", "status_as_of": NOW, "verified_at": NOW}
    return {**base, "issuer": issuer, "credential": credential, "checks": checks, **members}


@pytest.mark.parametrize(
    ("verdict", "reason", "words", "code"),
    [
        ("valid", None, "VALID", 0),
        ("invalid", "revoked", "NOT VALID (revoked)", 1),
        ("unknown", "status_unavailable", "COULD NOT BE DECIDED (status_unavailable)", 3),
    ],
)
def test_the_verdict_is_the_first_line_and_the_exit_code(
    answers: Services, verdict: str, reason: str | None, words: str, code: int
) -> None:
    answers.answer(ROUTE, report(verdict, reason=reason))
    result = answers.run("verify", "-", stdin="{}")
    assert result.stdout.splitlines()[:2] == [words, "It holds."]
    assert result.exit_code == code
    assert "Oak College, registered here as did:key:z6Mk" in result.stdout
    assert "pass  proof  The signature fits." in result.stdout
    as_json = answers.run("verify", "-", "--json", stdin="{}")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (code, report(verdict, reason=reason))


@pytest.mark.parametrize(
    ("verdict", "recipient", "code"),
    [
        ("valid", "pass", 0),
        ("valid", "fail", 4),
        ("valid", "unknown", 3),
        ("valid", "skipped", 3),
        ("valid", None, 3),
        ("invalid", "fail", 1),
        ("unknown", "pass", 3),
    ],
)
def test_who_named_a_person_is_not_told_0_of_somebody_elses_badge(
    answers: Services, verdict: str, recipient: str | None, code: int
) -> None:
    checks = report()["checks"] + ([{"name": "recipient", "outcome": recipient, "detail": "."}] if recipient else [])
    answers.answer(ROUTE, report(verdict, checks=checks))
    assert answers.run("verify", "-", "--email", "ada@example.org", stdin="{}").exit_code == code
    if recipient in (None, "skipped"):
        assert answers.run("verify", "-", stdin="{}").exit_code == 0


def test_a_person_with_an_empty_name_is_not_nobody(answers: Services) -> None:
    result = answers.run("verify", "-", "--email", "", stdin="{}")
    assert (result.exit_code, "is empty" in result.stderr) == (2, True)
    assert not answers.asked


def test_an_issuer_that_was_not_looked_at_is_not_called_unknown(answers: Services) -> None:
    checks = [{"name": "standing", "outcome": "skipped", "detail": "Not looked at."}]
    issuer = {"id": "did:key:z6Mk", "claimed_name": "Oak", "standing": "unknown", "registered_name": None}
    answers.answer(ROUTE, report("invalid", reason="tampered", checks=checks, issuer=issuer))
    said = answers.run("verify", "-", stdin="{}").stdout
    assert "not looked at; it names Oak, did:key:z6Mk" in said
    assert "unknown to this registry" not in said


def test_what_is_no_badge_is_called_what_it_is(answers: Services) -> None:
    answers.answer(ROUTE, report(credential={**report()["credential"], "kind": "endorsement"}))
    said = answers.run("verify", "-", stdin="{}").stdout
    assert "  endorsement   Bridge" in said
    assert "badge" not in said


def test_a_badges_text_is_sent_as_it_is_to_the_byte(answers: Services, tmp_path: Path) -> None:
    answers.answer(ROUTE, report())
    text = '{"a": 1.0, "a": 1e2,\n "ü": 12345678901234567890}'
    path = tmp_path / "badge.json"
    path.write_text("\ufeff" + text)
    answers.run("verify", str(path), "--email", "ada@example.org", "--name", "Ada")
    assert text.encode() in answers.asked[0].raw
    assert answers.asked[0].body["expected_recipient"] == {"email": "ada@example.org", "name": "Ada"}
    assert answers.asked[0].key == "employer-key"


def test_what_issuing_answered_is_taken_for_the_badge_in_it(answers: Services) -> None:
    answers.answer(ROUTE, report())
    for answer in ('{"id": "i", "credential": {"@context": []}}', '{"verifiableCredential": {"@context": []}}'):
        answers.run("verify", "-", stdin=answer)
        assert answers.asked[-1].body == {"credential": {"@context": []}}
    presentation = '{"@context": [], "verifiableCredential": {"@context": []}}'
    answers.run("verify", "-", stdin=presentation)
    assert answers.asked[-1].body == {"credential": json.loads(presentation)}


def test_an_address_is_for_the_verifier_to_look_at(answers: Services) -> None:
    answers.answer(ROUTE, report())
    for arguments, stdin in ((["https://b.example/1"], None), (["-"], "https://b.example/1\n")):
        answers.run("verify", *arguments, "--id", "did:x:1", stdin=stdin)
        expected = {"url": "https://b.example/1", "expected_recipient": {"id": "did:x:1"}}
        assert answers.asked[-1].body == expected


def test_no_key_is_needed(answers: Services) -> None:
    answers.answer(ROUTE, report())
    assert answers.run("verify", "-", stdin="{}", LAUREL_EMPLOYER_KEY="").exit_code == 0
    assert answers.asked[0].key is None


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        (b"<html>", "- is none of what is read. What is taken: JSON, a signed token (JWT), or a PNG or SVG picture"),
        (b"all: test\n", "- is none of what is read."),
        (b"\x7fELF\x02\xff", "- is none of what is read."),
        (b"{\xff}", "- is none of what is read."),
        (b"[]", "holds no badge"),
        (b" \n", "- is empty. What is taken"),
        (b"{} {}", "begins as JSON does and is none: Extra data: line 1 column 4"),
    ],
)
def test_what_is_no_badge_is_not_asked_about(answers: Services, stdin: bytes, told: str) -> None:
    result = answers.run("verify", "-", stdin=stdin)
    assert "codec" not in result.stderr
    assert (result.exit_code, told in result.stderr) == (2, True)
    assert not answers.asked


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def test_a_file_of_another_kind_is_named_and_said_not_to_be_read(answers: Services, stdin: bytes, told: str) -> None:
    result = answers.run("verify", "-", stdin=stdin)
    assert (result.exit_code, f"- is {told}. Such files are not read." in result.stderr) == (2, True)
    assert not answers.asked


def test_a_token_is_asked_about_as_one_and_a_picture_is_sent_as_it_is(answers: Services) -> None:
    answers.answer(ROUTE, report())
    answers.run("verify", "-", "--email", "a@b.example", stdin=b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln\n")
    expected = {"token": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "expected_recipient": {"email": "a@b.example"}}
    assert answers.asked[-1].body == expected
    for picture in (b"\x89PNG\r\n\x1a\n", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'):
        answers.run("verify", "-", "--email", "a@b.example", stdin=picture)
        sent = answers.asked[-1].raw
        assert picture.strip() in sent
        assert b'name="email"\r\n\r\na@b.example' in sent


def test_an_institution_that_was_withdrawn_is_no_stranger(answers: Services) -> None:
    issuer = {**report()["issuer"], "standing": "unknown"}
    answers.answer(ROUTE, report("invalid", reason="x", issuer=issuer))
    said = answers.run("verify", "-", stdin="{}").stdout
    assert "Oak College, registered here once and no longer, as did:key:z6Mk" in said
    assert "somebody unknown" not in said


def test_a_strangers_name_cannot_drive_the_terminal_or_turn_the_text(answers: Services) -> None:
    evil = "Oak\x1b[2J\u202eegelloC\nVALID"
    issuer = {"id": None, "claimed_name": evil, "standing": "unknown", "registered_name": None}
    answers.answer(ROUTE, report("unknown", reason="x", issuer=issuer, summary=evil))
    said = answers.run("verify", "-", stdin="{}").stdout
    assert (
        "somebody unknown to this registry, without an id; it calls itself Oak\\x1b[2J\\u202eegelloC\\x0aVALID" in said
    )
    assert not {"\x1b", "\u202e"} & set(said)
    assert "VALID" not in said.splitlines()


def test_a_fresh_answer_rests_on_what_was_known_when_it_was_asked_for(
    answers: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.verifying.PAUSE", 0.0)
    times = iter(["03:59:58", "03:59:59", "04:00:00.7"])

    def answer(_: Asked) -> Any:
        time = next(times)
        verdict = "valid" if time.startswith("03") else "invalid"
        return report(verdict, status_as_of=f"2026-11-26T{time}Z", verified_at=NOW)

    answers.answer(ROUTE, answer)
    assert answers.run("verify", "-", "--fresh", stdin="{}").exit_code == 1
    assert len(answers.asked) == 3


def test_a_fresh_answer_does_not_wait_for_ever_nor_for_strangers(
    answers: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.verifying.PAUSE", 0.0)
    monkeypatch.setattr("cli.verifying.PATIENCE", 0.0)
    answers.answer(ROUTE, report(status_as_of="2026-11-26T03:00:00Z"))
    late = answers.run("verify", "-", "--fresh", stdin="{}")
    assert (late.exit_code, "has not heard" in late.stderr) == (0, True)
    answers.answer(ROUTE, report(status_as_of=None))
    asked = len(answers.asked)
    assert answers.run("verify", "-", "--fresh", stdin="{}").exit_code == 0
    assert len(answers.asked) == asked + 1


def test_a_refusal_is_its_sentence_and_exit_code_2(answers: Services) -> None:
    answers.answer(ROUTE, problem(429, "too_many_requests", "More than 120 per 1 minute.", 60))
    result = answers.run("verify", "-", stdin="{}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "More than 120 per 1 minute. (429 too_many_requests, said the verifier)" in result.stderr


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z"),
        ("2026-03-31", "2026-03-31T23:59:59Z"),
        ("yesterday", "yesterday"),  # the verifier's to judge
        ("today", None),
    ],
)
def test_a_time_is_asked_about_by_itself_or_by_its_day(answers: Services, given: str, sent: str | None) -> None:
    answers.answer(ROUTE, report(as_of=NOW))
    if given == "today":  # which may be another one than when tests were collected
        given = f"{datetime.now(UTC):%Y-%m-%d}"
    result = answers.run("verify", "-", "--as-of", given, stdin="{}")
    assert "as of         2026-11-26 04:00:00 UTC" in result.stdout
    assert answers.asked[-1].body.get("as_of") == sent


def test_the_log_is_required_where_that_is_asked_for_and_its_place_is_told(answers: Services) -> None:
    answers.answer(ROUTE, report(log={"origin": "log.badges.example", "log_index": 41}))
    result = answers.run("verify", "-", "--require-inclusion", stdin="{}")
    assert "leaf 41 of log.badges.example" in result.stdout
    assert answers.asked[-1].body["require_inclusion"] is True
    answers.run("verify", "-", "--require-inclusion", stdin=b"\x89PNG")
    assert b'name="require_inclusion"\r\n\r\ntrue' in answers.asked[-1].raw
    answers.answer(ROUTE, report(log=None))
    assert "leaf" not in answers.run("verify", "-", stdin="{}").stdout
    assert "require_inclusion" not in answers.asked[-1].body
