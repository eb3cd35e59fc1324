"""What institutions and operators do with `laurel`: keys go into private files, a badge goes by its id or address."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from cli.achievements import SAMPLE
from cli.output import plain
from cli.tracing import BAR, bar, waterfall
from shared.messaging.events import ReasonCode
from tests.unit.cli.answering import Asked, Services, problem

BADGE = "6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"
MADE = {"id": "i", "slug": "north", "did": "did:key:z", "sandbox": True, "api_key": "lrl_planted"}
NOTHING = {"tenants": 0, "api_keys": 0, "credentials": 0, "watches": 0}


def add(answers: Services, *arguments: str) -> Any:
    return answers.run("institution", "add", "North", "--slug", "north", *arguments)


def test_a_new_institutions_key_is_shown_once_or_written_for_its_owner_alone(answers: Services, tmp_path: Path) -> None:
    answers.answer("POST /issuer/v1/institutions", MADE)
    assert "lrl_planted" in add(answers).stdout
    file = tmp_path / "north.key"
    for arguments in (["--key-file", str(file)], ["--key-file", str(tmp_path / "other"), "--json"]):
        result = add(answers, "--sandbox", "--url", "https://north.example", *arguments)
        assert result.exit_code == 0
        assert "lrl_planted" not in result.output
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("lrl_planted\n", 0o600)
    assert answers.asked[-1].key == "operator-key"
    assert answers.asked[-1].body == {"name": "North", "slug": "north", "sandbox": True, "url": "https://north.example"}


def test_a_new_institutions_kind_of_did_is_asked_for(answers: Services) -> None:
    answers.answer("POST /issuer/v1/institutions", MADE)
    assert add(answers, "--did", "key").exit_code == 0
    assert answers.asked[-1].body["did_method"] == "key"
    assert add(answers).exit_code == 0
    assert "did_method" not in answers.asked[-1].body
    assert add(answers, "--did", "jwk").exit_code == 2


def test_an_institution_moves_by_its_own_key_and_both_dids_are_told(answers: Services) -> None:
    moved = {"id": BADGE, "slug": "north", "did": "did:web:b.example:institutions:north", "former_dids": ["did:key:z"]}
    answers.answer(f"POST /issuer/v1/institutions/{BADGE}/did", moved)
    said = answers.run("institution", "move", BADGE).stdout
    assert moved["did"] in said
    assert "did:key:z" in said
    assert (answers.asked[-1].key, answers.asked[-1].body) == ("institution-key", {"did_method": "web"})
    assert json.loads(answers.run("institution", "move", BADGE, "--json").stdout) == moved
    assert answers.run("institution", "move", "../x").exit_code == 2


def test_a_key_file_is_made_before_the_key_and_never_overwritten(answers: Services, tmp_path: Path) -> None:
    file = tmp_path / "north.key"
    answers.answer("POST /issuer/v1/institutions", problem(409, "slug_taken", "Another institution has this slug."))
    assert "Another institution has this slug." in add(answers, "--key-file", str(file)).stderr
    assert not file.exists()
    file.write_text("another key")
    asked = len(answers.asked)
    assert "exists already" in add(answers, "--key-file", str(file)).stderr
    assert "can't be written" in add(answers, "--key-file", str(tmp_path / "no" / "folder")).stderr
    assert (file.read_text(), len(answers.asked)) == ("another key", asked)


def test_an_achievement_is_added_published_and_told_what_it_lacks(answers: Services, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(answers.run("achievement", "sample").stdout)
    assert json.loads(path.read_text()) == SAMPLE
    answers.answer("POST /issuer/v1/achievements", (201, {"id": BADGE, "version": 1, "state": "draft"}))
    published = {"id": BADGE, "version": 1, "state": "published", "missing": ["language"]}
    answers.answer(f"POST /issuer/v1/achievements/{BADGE}/publish", published)
    said = answers.run("achievement", "add", str(path)).stdout
    assert "Published: First Aid at Work, version 1" in said
    assert said.splitlines()[-1] == "  language"
    draft = answers.run("achievement", "add", "-", "--no-publish", "--json", stdin=path.read_text())
    assert json.loads(draft.stdout)["state"] == "draft"
    answers.answer(f"POST /issuer/v1/achievements/{BADGE}/publish", problem(503, "busy", "Busy."))
    assert f"The draft {BADGE} was made" in answers.run("achievement", "add", str(path)).stderr


def test_every_mistake_of_a_body_is_told(answers: Services) -> None:
    errors = [{"path": name, "message": "Field required", "type": "x"} for name in ("name", "criteria")]
    answers.answer("POST /issuer/v1/achievements", problem(422, "invalid_request", "name: x", errors=errors))
    told = answers.run("achievement", "add", "-", stdin="{}").stderr
    assert told.startswith("name: Field required; criteria: Field required (422 invalid_request")


@pytest.mark.parametrize(
    "given",
    [BADGE, BADGE.upper(), f"https://b.example/credentials/{BADGE}", f"http://b.example/credentials/{BADGE}.json"],
)
def test_a_badge_may_be_given_by_id_or_address(answers: Services, given: str) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", {"id": BADGE, "status": "revoked", "version": 2})
    answers.answer(f"GET /issuer/v1/credentials/{BADGE}", {"id": BADGE, "status": "issued", "version": 1})
    assert answers.run("revoke", given, "--reason", "withdrawn").stdout == f"Revoked: {BADGE}, now at version 2.\n"
    assert answers.asked[-1].body == {"reason": "withdrawn"}


def test_a_badge_revoked_before_is_told_as_such(answers: Services) -> None:
    revoked = {"id": BADGE, "status": "revoked", "version": 2}
    answers.answer(f"GET /issuer/v1/credentials/{BADGE}", revoked)
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", revoked)
    said = answers.run("revoke", BADGE, "--reason", "withdrawn")
    assert (said.exit_code, said.stdout) == (0, f"{BADGE} was revoked already, at version 2; nothing changed.\n")


def test_a_key_that_may_revoke_and_not_read_revokes(answers: Services) -> None:
    answers.answer(f"GET /issuer/v1/credentials/{BADGE}", problem(403, "forbidden", "This key may not."))
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", {"id": BADGE, "status": "revoked", "version": 2})
    assert answers.run("revoke", BADGE, "--reason", "withdrawn").stdout.startswith("Revoked: ")


def test_without_a_reason_nothing_is_revoked_and_the_codes_are_told(answers: Services) -> None:
    for arguments in ([], ["--reason", " "]):
        result = answers.run("revoke", BADGE, *arguments)
        assert (result.exit_code, set(get_args(ReasonCode)) <= set(re.findall("[a-z_]+", result.stderr))) == (2, True)
    assert not answers.asked
    assert set(get_args(ReasonCode)) <= set(re.findall("[a-z_]+", answers.run("revoke", "--help").stdout))


def test_a_badge_may_be_given_by_a_file_that_holds_it(answers: Services, tmp_path: Path) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", {"id": BADGE, "status": "revoked", "version": 2})
    file = tmp_path / "badge.json"
    file.write_text(json.dumps({"id": f"https://b.example/credentials/{BADGE}"}))
    assert answers.run("revoke", str(file), "--reason", "withdrawn").exit_code == 0
    file.write_text('{"id": "https://b.example/other/1"}')
    for given in (str(file), "x", "../../v1/api-keys", f"https://b.example/achievements/{BADGE}/1"):
        result = answers.run("revoke", given, "--reason", "withdrawn")
        assert (result.exit_code, "is no badge" in result.stderr) == (2, True)


def test_status_shows_record_and_history(answers: Services) -> None:
    history = [
        {"version": 1, "type": "issued", "time": "2026-11-26T04:00:00.123Z"},
        {"version": 2, "type": "revoked", "time": "2026-11-26T05:00:00Z"}
        | {"actor": {"role": "institution", "key_id": "k"}, "reason": {"code": "other", "note": "why\x1b"}},
    ]
    record = {"status": "revoked", "version": 2, "history": history, "issuer": {"id": "did:x", "name": "North"}}
    record |= {"achievement": {"name": "Bridge"}, "issued_at": "2026-11-26T04:00:00Z", "institution_id": "i"}
    answers.answer(f"GET /registry/v1/credentials/{BADGE}", record)
    said = answers.run("status", BADGE).stdout
    assert said.startswith("REVOKED, version 2\n")
    assert "2  revoked  2026-11-26 05:00:00 UTC  by the institution, key k  other: why\\x1b" in said
    nobody = {"LAUREL_INSTITUTION_KEY": "", "LAUREL_OPERATOR_KEY": ""}
    assert answers.run("status", BADGE, **nobody).exit_code == 0
    assert answers.asked[-1].key is None


@pytest.mark.parametrize("role", ["operator", "system"])
def test_status_names_operator_and_system_without_a_key(answers: Services, role: str) -> None:
    history: list[dict[str, Any]] = [{"version": 1, "type": "issued", "time": "2026-11-26T04:00:00Z", "reason": None}]
    history[0] |= {"actor": {"role": role, "key_id": role}}
    record = {"status": "issued", "version": 1, "history": history, "issuer": None, "institution_id": "i"}
    record |= {"achievement": {"name": "Bridge"}, "issued_at": "2026-11-26T04:00:00Z"}
    answers.answer(f"GET /registry/v1/credentials/{BADGE}", record)
    assert answers.run("status", BADGE).stdout.endswith(f"  by the {role}\n")


def test_deliveries_are_listed_with_attempts_and_one_is_sent_again(answers: Services) -> None:
    attempt = {"number": 1, "started_at": "2026-11-26T04:00:00Z", "outcome": "retry", "status": 502, "error": None}
    delivery = {"id": BADGE, "type": "credential.issued", "channel": "webhook", "endpoint_id": "e", "state": "waiting"}
    delivery |= {"next_attempt_at": "2026-11-26T04:05:00Z", "attempts": [attempt]}
    answers.answer("GET /notifier/v1/deliveries", {"items": [delivery], "next": None})
    said = answers.run("deliveries", BADGE).stdout.splitlines()
    assert said[0] == "credential.issued by webhook to endpoint e: waiting, next attempt 2026-11-26 04:05:00 UTC"
    assert said[2].split() == ["1", "2026-11-26", "04:00:00", "UTC", "retry", "502"]
    assert answers.asked[0].query["credential_id"] == [BADGE]
    answers.answer(f"POST /notifier/v1/deliveries/{BADGE}/replay", delivery)
    assert answers.run("deliveries", "--replay", BADGE).exit_code == 0
    assert answers.run("deliveries").exit_code == 2
    assert "no delivery's id" in answers.run("deliveries", "--replay", "../x").stderr


def test_deliveries_of_a_time_are_sent_again_page_by_page(answers: Services) -> None:
    def replayed(asked: Asked) -> dict[str, Any]:
        return {"replayed": 3, "next": None} if asked.query.get("cursor") else {"replayed": 10_000, "next": "further"}

    answers.answer("POST /notifier/v1/deliveries/replay", replayed)
    span = ("--replay-from", "2026-11-22T08:00:00", "--to", "2026-11-22T12:00:00")
    done = answers.run("deliveries", *span, "--endpoint", BADGE, "--failed")
    assert done.stdout == "10003 deliveries are sent again.\n"
    assert [asked.body for asked in answers.asked] == [
        {
            "from": "2026-11-22T08:00:00+00:00",
            "to": "2026-11-22T12:00:00+00:00",
            "endpoint_id": BADGE,
            "state": "failed",
        }
    ] * 2
    assert answers.run("deliveries", BADGE, "--replay-from", "2026-11-22").exit_code == 2
    assert answers.run("deliveries", "--replay-from", "yesterday").exit_code == 2


SPANS = [
    {"service": "laurel-issuer", "name": "POST /v1/credentials", "offset_ms": 0, "duration_ms": 100, "depth": 0}
    | {"status": "ok", "attributes": {"http.request.method": "POST"}},
    {"service": "laurel-notifier", "name": "mail", "offset_ms": 150, "duration_ms": 50, "depth": 1, "status": "error"}
    | {"attributes": {}},
]
TRACE = {"trace_id": "t", "title": "issued", "started_at": "2026-11-26T04:00:00Z", "duration_ms": 200}


def test_a_trace_is_a_waterfall_of_one_width(answers: Services) -> None:
    found = {"credential_id": BADGE, "kept_hours": 24, "elsewhere": ["https://t.example/t"]}
    found["traces"] = [{**TRACE, "relation": "own", "spans": SPANS}]
    answers.answer(f"GET /console/v1/traces/{BADGE}", found)
    head, first, second, _, elsewhere = answers.run("trace", BADGE).stdout.splitlines()
    assert head == "issued (the badge itself), 2026-11-26 04:00:00 UTC, 200 ms, trace t"
    assert first.split("|")[1] == ("=" * (BAR // 2)).ljust(BAR)
    assert second.split("|")[1] == ("=" * (BAR // 4)).rjust(BAR)
    assert len(first) == len(second)
    assert second.startswith("notifier    mail !")
    assert elsewhere == "elsewhere: https://t.example/t"
    answers.answer(f"GET /console/v1/traces/{BADGE}", {**found, "traces": []})
    assert "kept for 24 hours" in answers.run("trace", BADGE).stdout


def test_a_trace_leaves_statements_out_unless_asked_for_them(answers: Services) -> None:
    statement = {**SPANS[0], "name": "SELECT", "depth": 1, "attributes": {"db.system.name": "postgresql"}}
    found = {"credential_id": BADGE, "kept_hours": 24, "elsewhere": []}
    found["traces"] = [{**TRACE, "relation": "own", "spans": [SPANS[0], statement, statement, SPANS[1]]}]
    answers.answer(f"GET /console/v1/traces/{BADGE}", found)
    said = answers.run("trace", BADGE).stdout
    assert "SELECT" not in said
    assert "mail !" in said
    assert "2 statements to databases left out; --statements shows them." in said
    everything = answers.run("trace", BADGE, "--statements").stdout
    assert everything.count("SELECT") == 2
    assert "left out" not in everything
    assert json.loads(answers.run("trace", BADGE, "--json").stdout) == found


def test_a_trace_says_how_long_a_record_lay_in_the_log() -> None:
    handled = {**SPANS[1], "attributes": {"laurel.in_log_ms": 8.04}}
    sent, told = waterfall({**TRACE, "relation": "own", "spans": [SPANS[0], handled]})[1:]
    assert told.endswith(" ms, after 8.0 ms in the log")
    assert "in the log" not in sent


@pytest.mark.parametrize(("offset", "duration"), [(0, 0), (1e9, 5), (-5, 5), (0, 1e9)])
def test_a_bar_stays_within_its_place_whatever_a_span_says(offset: float, duration: float) -> None:
    for whole in (0, 100):
        assert len(bar({"offset_ms": offset, "duration_ms": duration}, whole)) == BAR
    assert waterfall({**TRACE, "relation": "verification", "spans": []})[0].startswith("issued (a verification)")


def removing(answers: Services, *shares: dict[str, int]) -> None:
    left = iter([*shares, NOTHING])
    answers.answer("POST /issuer/v1/ops/remove-sandboxes", lambda _: next(left))
    answers.answer("POST /verifier/v1/ops/remove-sandboxes", NOTHING)


def test_a_sandbox_is_removed_share_by_share_and_the_demo_forgotten(answers: Services, tmp_path: Path) -> None:
    noted = {"urls": {"console": "http://c"}, "operator_key": "o", "institution_key": "i", "credential_id": "c"}
    demo = tmp_path / "demo.json"
    demo.write_text(json.dumps(noted))
    removing(answers, {"tenants": 1, "api_keys": 2, "credentials": 100}, {**NOTHING, "credentials": 50})
    result = answers.run("sandbox", "remove", "--yes", "--json", LAUREL_HOME=str(tmp_path))
    assert json.loads(result.stdout)["issuer"] == {"tenants": 1, "api_keys": 2, "credentials": 150, "watches": 0}
    kept = json.loads(demo.read_text())
    assert kept.pop("demo_removed")
    assert kept == {"urls": {"console": "http://c"}, "operator_key": "o"}
    assert demo.stat().st_mode & 0o077 == 0
    removing(answers)
    again = answers.run("sandbox", "remove", "--yes", "--json", LAUREL_HOME=str(tmp_path))
    assert json.loads(again.stdout)["demo_forgotten"] is False


def test_nothing_is_removed_unasked(answers: Services) -> None:
    result = answers.run("sandbox", "remove", stdin="y\n")
    assert (result.exit_code, "say --yes" in result.stderr) == (2, True)
    assert not answers.asked


def test_a_key_that_is_not_known_is_told_by_where_it_came_from(answers: Services, tmp_path: Path) -> None:
    refusal = problem(401, "invalid_key", "This API key is not known here.")
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", refusal)
    file, demo = tmp_path / "k", tmp_path / "demo.json"
    file.write_text("planted-secret\n")
    demo.write_text('{"institution_key": "planted-secret"}')
    sources = {
        "LAUREL_INSTITUTION_KEY": {"LAUREL_INSTITUTION_KEY": "planted-secret"},
        f"LAUREL_INSTITUTION_KEY_FILE ({file})": {"LAUREL_INSTITUTION_KEY_FILE": str(file)},
        f"{demo} (institution_key)": {"LAUREL_HOME": str(tmp_path)},
    }
    for source, environment in sources.items():
        nothing = {"LAUREL_INSTITUTION_KEY": "", "LAUREL_INSTITUTION_KEY_FILE": ""}
        told = answers.run("revoke", BADGE, "--reason", "x", **{**nothing, **environment}).stderr
        assert told.endswith(f"The key was that of {source}.")
        assert "planted-secret" not in told


def test_a_key_or_an_address_that_is_lacking_is_named(answers: Services, tmp_path: Path) -> None:
    def told(**environment: str) -> str:
        return str(answers.run("revoke", BADGE, "--reason", "x", **environment).stderr)

    assert "LAUREL_INSTITUTION_KEY_FILE; /nowhere/demo.json has none" in told(LAUREL_INSTITUTION_KEY="")
    missing = {"LAUREL_INSTITUTION_KEY": "", "LAUREL_INSTITUTION_KEY_FILE": str(tmp_path / "no")}
    assert "LAUREL_INSTITUTION_KEY_FILE: " in told(**missing)
    assert "holds no API key" in told(LAUREL_INSTITUTION_KEY="two\nlines")
    assert "Where is the issuer?" in told(LAUREL_URL_ISSUER="")
    assert "does not answer" in told(LAUREL_URL_ISSUER="http://127.0.0.1:1")
    assert "does not answer" in told(LAUREL_URL_ISSUER="no address")
    (tmp_path / "demo.json").write_text("{")
    assert "can't be read" in told(LAUREL_HOME=str(tmp_path))


def test_an_answer_that_is_no_problem_document_is_told_harmlessly(answers: Services) -> None:
    answers.answer(f"POST /issuer/v1/credentials/{BADGE}/revoke", (502, "Bad\x1bGateway"))
    assert "502 no_problem_document" in answers.run("revoke", BADGE, "--reason", "x").stderr
    assert plain("a\x1b\u202eb\u200d\ud800") == "a\\x1b\\u202eb\\u200d\\ud800"
