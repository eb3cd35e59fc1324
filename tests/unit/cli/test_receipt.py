"""A receipt is checked with no network: what it shows, what it leaves open, and that every altered byte is found."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.log.files import Finding
from cli.receipt.checking import NO_LATER, check
from cli.receipt.form import read_receipt
from cli.receipt.trust import Trust
from shared.transparency.note_keys import CosignatureSigner
from shared.transparency.notes import parse_note, write_note
from shared.transparency.policy import Log, Policy
from tests.support.log_folders import LogFolder, some_entries
from tests.unit.cli.answering import Services, problem
from tests.unit.cli.receipts import ANSWER, AT, BADGE, Maker, answer, report, version


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(LogFolder(tmp_path / "log", some_entries(40)))


def run(answers: Services, receipt: Any, *options: str) -> tuple[int, str]:
    content = receipt if isinstance(receipt, bytes) else json.dumps(receipt, separators=(",", ":")).encode()
    done = answers.run("receipt", "check", "-", *options, stdin=content)
    assert answers.asked == [], "with no network"
    return done.exit_code, done.stdout + done.stderr


def trusting(maker: Maker) -> list[str]:
    return ["--vkey", maker.log.vkey, "--verifier-key", maker.multikey]


def test_a_receipt_is_proven_to_who_trusts_log_and_verifier(answers: Services, maker: Maker, tmp_path: Path) -> None:
    badge = tmp_path / "badge.json"
    badge.write_text(json.dumps(BADGE))
    code, said = run(answers, maker.receipt(), *trusting(maker), "--badge", str(badge))
    assert code == 0, said
    assert said.startswith("PROVEN: on 2026-11-20 12:00:00 UTC the answer was invalid (suspended).")
    assert NO_LATER in said
    for leaf in (20, 21, 22):
        assert f"leaf {leaf}." in said
    code, said = run(answers, maker.receipt(), *trusting(maker), "--json")
    assert (code, json.loads(said)["result"], json.loads(said)["open"]) == (0, "proven", [NO_LATER])
    badge.write_text(json.dumps({**BADGE, "name": "Surgery"}))
    code, said = run(answers, maker.receipt(), *trusting(maker), "--badge", str(badge))
    assert (code, "another badge" in said) == (1, True)


def test_what_nobody_was_named_for_is_told_as_not_shown(answers: Services, maker: Maker) -> None:
    receipt, (log, verifier) = maker.receipt(), (trusting(maker)[:2], trusting(maker)[2:])
    for options, missing in (([], 2), (log, 1), (verifier, 1)):
        code, said = run(answers, receipt, *options, "--json")
        assert (code, json.loads(said)["result"], len(json.loads(said)["open"])) == (3, "unproven", missing + 1)


def test_the_published_keys_are_taken_from_a_file(answers: Services, maker: Maker, tmp_path: Path) -> None:
    receipt, keys = maker.receipt(), tmp_path / "keys.json"
    options = ["--vkey", maker.log.vkey, "--keys", str(keys)]
    for changes, code in (
        ({}, 0),
        ({"retired_at": "2026-11-20T13:00:00Z"}, 0),
        ({"retired_at": "2026-11-20T11:00:00Z"}, 1),
        ({"id": str(AT)}, 2),
        ({"id": "99999999-0000-4000-8000-000000000000"}, 1),
    ):
        keys.write_text(maker.published(**changes))
        assert run(answers, receipt, *options)[0] == code, changes


def test_a_leaf_that_is_not_opened_is_told_and_a_pending_receipt_too(answers: Services, maker: Maker) -> None:
    code, said = run(answers, maker.receipt("status"), *trusting(maker))
    assert (code, "nothing opens it" in said) == (3, True)
    only = {"issued": version("issued"), "status": version("status")}
    code, said = run(answers, maker.receipt(facts=only), *trusting(maker))
    assert (code, "the verifier says" in said) == (3, True)
    code, said = run(answers, b'{"state": "pending"}', *trusting(maker))
    assert (code, "PENDING" in said) == (3, True)


def test_what_is_no_receipt_is_wrong_and_what_names_nobody_is_refused(answers: Services, maker: Maker) -> None:
    for false in (b"", b"{}", b"[]", b'{"type": 1, "type": 2}', b"\xff"):
        assert run(answers, false)[0] == 1, false
    receipt = maker.receipt()
    for options in (["--vkey", "x"], ["--verifier-key", "z6"], [*trusting(maker), "--keys", "k"], ["--keys", "/none"]):
        assert run(answers, receipt, *options)[0] == 2, options


def found(altered: bytes, trust: Trust) -> str | None:
    """What is wrong with a file, None where nothing is."""
    try:
        said, receipt = read_receipt(altered)
        assert receipt is not None, "it is not pending"
        check(said, receipt, trust, badge=None, now=int(AT.timestamp()))
    except Finding as finding:
        return str(finding)
    return None


def test_every_altered_byte_is_found(maker: Maker) -> None:
    whole = json.dumps(maker.receipt(), separators=(",", ":"), ensure_ascii=False).encode()
    trust = Trust(maker.multikey, policy=Policy((Log(maker.log.signer.verifier),)))
    assert found(whole, trust) is None

    @settings(max_examples=1000, deadline=None)
    @given(place=st.integers(0, len(whole) - 1), byte=st.integers(0, 255))
    def alter(place: int, byte: int) -> None:
        altered = whole[:place] + bytes([byte]) + whole[place + 1 :]
        assert altered == whole or found(altered, trust)

    alter()


LIES: dict[str, dict[str, Any]] = {
    "another verdict": {"report": report(verdict="valid", reason=None)},
    "another time": {"report": report(verified_at="2026-11-21T12:00:00Z")},
    "of another time": {"report": report(as_of="2026-11-01T00:00:00Z")},
    "another standing": {"report": report(issuer={"id": None, "standing": "unknown"})},
    "a status that its grounds do not have": {
        "report": report(checks=[{"name": "status", "outcome": "pass", "detail": "", "code": None}])
    },
    "two digests": {"document_digest": "0" * 64},
    "no events": {"events": []},
    "another log's checkpoint": {"checkpoint": "x"},
}
FORGED = {
    "an answer about another badge": {"verification": answer(credential_id=ANSWER)},
    "an issue that is none": {"issued": version("issued", type="revoked")},
    "a change that is an issue": {"status": version("status", type="issued")},
    "another badge's change": {"status": version("status", credential_id=ANSWER)},
    "another document's change": {"status": version("status", document_digest="0" * 64)},
    "another event": {"issued": version("issued", event_id=ANSWER)},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_verifier_that_signs_what_does_not_fit_is_found(answers: Services, maker: Maker, lie: str) -> None:
    code, said = run(answers, maker.receipt(**LIES[lie]), *trusting(maker))
    assert (code, "WRONG" in said) == (1, True), said


@pytest.mark.parametrize("lie", FORGED)
def test_a_verifier_that_signs_other_events_is_found(answers: Services, maker: Maker, lie: str) -> None:
    honest = {"issued": version("issued"), "status": version("status"), "verification": answer()}
    code, said = run(answers, maker.receipt(facts={**honest, **FORGED[lie]}), *trusting(maker))
    assert (code, "WRONG" in said) == (1, True), said


def test_a_leaf_is_at_its_place_in_the_tree_that_was_signed_and_nowhere_else(answers: Services, maker: Maker) -> None:
    receipt = maker.receipt()
    for member, value in (("log_index", 19), ("log_index", 40), ("leaf_hash", "AA=="), ("inclusion", []), ("salt", "")):
        events = [{**receipt["events"][0], member: value}, *receipt["events"][1:]]
        assert run(answers, maker.signed(_unsigned(receipt, events=events)), *trusting(maker))[0] == 1, member
    events = [receipt["events"][0], *receipt["events"]]
    assert run(answers, maker.signed(_unsigned(receipt, events=events)), *trusting(maker))[0] == 1, "two of a kind"


def test_other_keys_than_the_trusted_ones_prove_nothing(answers: Services, maker: Maker, tmp_path: Path) -> None:
    receipt, other = maker.receipt(), Maker(LogFolder(tmp_path / "other", maker.log.entries))
    assert run(answers, receipt, "--vkey", other.log.vkey, "--verifier-key", maker.multikey)[0] == 1
    assert run(answers, receipt, "--vkey", maker.log.vkey, "--verifier-key", other.multikey)[0] == 1


def test_witnesses_are_counted_and_stale_is_measured_from_the_answer(
    answers: Services, maker: Maker, tmp_path: Path
) -> None:
    witness, file = CosignatureSigner("witness.example/1", Ed25519PrivateKey.generate()), tmp_path / "policy"
    file.write_text(f"log {maker.log.vkey}\nwitness w {witness.vkey}\nquorum w\n")
    options = ["--policy", str(file), "--verifier-key", maker.multikey, "--max-cosignature-age", "3600"]
    receipt, answered = maker.receipt(), int(AT.timestamp())
    assert run(answers, receipt, *options)[0] == 1, "no witness cosigned"
    for time, code in ((answered - 3600, 0), (answered - 3601, 1), (answered + 10, 0), (2**40, 1)):
        note = parse_note(receipt["checkpoint"].encode())
        cosigned = write_note(note.text, [*note.signatures, witness.sign(note.text, time)]).decode()
        assert run(answers, maker.signed(_unsigned(receipt, checkpoint=cosigned)), *options)[0] == code, time


def test_a_receipt_is_fetched_with_the_employers_key(answers: Services, maker: Maker, tmp_path: Path) -> None:
    route, out = f"GET /verifier/v1/verifications/{ANSWER}/receipt", tmp_path / "receipt.json"
    answers.answer(route, maker.receipt())
    assert answers.run("receipt", "get", str(ANSWER), "--out", str(out)).exit_code == 0
    assert (json.loads(out.read_text())["type"], answers.asked[0].key) == ("laurel.receipt.v1", "employer-key")
    answers.answer(route, (202, {"state": "pending"}))
    assert answers.run("receipt", "get", str(ANSWER)).exit_code == 3
    answers.answer(route, problem(404, "verification_not_found", "There is none."))
    assert answers.run("receipt", "get", str(ANSWER)).exit_code == 2


def _unsigned(receipt: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**receipt, **changes}.items() if name != "signature"}
