"""A `.tlog-proof` file is checked with no network, and what it opens is told only where that is what the log has."""

import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from shared.transparency.commitments import commitment
from shared.transparency.merkle import inclusion_proof, nodes_for_inclusion
from shared.transparency.proof_files import write_proof_file
from shared.transparency.tiles import hashes_in, tiles_for
from tests.support.log_folders import LogFolder, some_entries
from tests.unit.cli.answering import Services

SALT = bytes(range(32))
FACTS = {"record": "credential", "event_id": "11111111-0000-4000-8000-000000000000", "type": "issued", "version": 1}
OPENING = {"facts": FACTS, "salt": urlsafe_b64encode(SALT).rstrip(b"=").decode()}
PLACE = 300


@pytest.fixture
def log(tmp_path: Path) -> LogFolder:
    entries = some_entries(600)
    entries[PLACE] = commitment(SALT, FACTS)
    return LogFolder(tmp_path / "log", entries)


def proof_file(log: LogFolder, extra: Any = OPENING, index: int = PLACE) -> bytes:
    tiles = tiles_for(nodes_for_inclusion(index, log.size), log.size)
    hash_of = hashes_in({tile: (log.path / tile.path).read_bytes() for tile in tiles})
    opened = None if extra is None else json.dumps(extra).encode()
    return write_proof_file(index, inclusion_proof(index, log.size, hash_of), log.checkpoint(), opened)


def check(answers: Services, content: bytes, *options: str) -> tuple[int, str]:
    done = answers.run("log", "proof", "check", "-", *options, stdin=content)
    return done.exit_code, done.stdout + done.stderr


def test_what_a_file_opens_is_told_once_it_is_shown_to_be_in_the_log(answers: Services, log: LogFolder) -> None:
    code, said = check(answers, proof_file(log), "--vkey", log.vkey)
    assert (code, "IN THE LOG log.badges.example: leaf 300 of 600" in said) == (0, True), said
    assert FACTS["event_id"] in said
    code, said = check(answers, proof_file(log), "--vkey", log.vkey, "--json")
    assert (json.loads(said)["facts"], json.loads(said)["log_index"]) == (FACTS, 300)
    assert answers.asked == [], "with no network"


def test_a_file_that_opens_nothing_is_checked_against_an_entry(answers: Services, log: LogFolder) -> None:
    content, entry = proof_file(log, None), log.entries[PLACE].hex()
    assert check(answers, content, "--vkey", log.vkey, "--entry", entry)[0] == 0
    assert check(answers, content, "--vkey", log.vkey, "--entry", "00" * 32)[0] == 1
    for wrong in ([], ["--entry", "nothing"]):
        assert check(answers, content, "--vkey", log.vkey, *wrong)[0] == 2
    assert check(answers, proof_file(log), "--vkey", log.vkey, "--entry", "00" * 32)[0] == 1


ALTERED_OPENINGS = [
    {**OPENING, "facts": {**FACTS, "type": "revoked"}},
    {**OPENING, "salt": "A" * 43},
    {**OPENING, "salt": "A"},
    {**OPENING, "salt": 7},
    {"facts": [], "salt": ""},
    {"facts": {"a": 1.5}, "salt": OPENING["salt"]},
    [],
    "text",
]


@pytest.mark.parametrize("opening", ALTERED_OPENINGS, ids=str)
def test_an_opening_that_is_not_the_leafs_is_not_told(answers: Services, log: LogFolder, opening: Any) -> None:
    code, said = check(answers, proof_file(log, opening), "--vkey", log.vkey)
    assert (code, "NOT SHOWN" in said) == (1, True), said


def test_an_altered_file_shows_nothing(answers: Services, log: LogFolder, tmp_path: Path) -> None:
    content = proof_file(log)
    for false in (
        content.replace(b"index 300", b"index 301"),
        content[:-20],
        b"",
        content.replace(b"\n600\n", b"\n601\n"),
    ):
        assert check(answers, false, "--vkey", log.vkey)[0] == 1
    other = LogFolder(tmp_path / "other", log.entries)
    assert check(answers, proof_file(other), "--vkey", log.vkey)[0] == 1


def test_somebody_must_be_trusted(answers: Services, log: LogFolder, tmp_path: Path) -> None:
    content, policy = proof_file(log), tmp_path / "policy"
    policy.write_text(f"log {log.vkey}\nquorum none\n")
    assert check(answers, content, "--policy", str(policy))[0] == 0
    witness = f"witness.example/1+00000000+{b64encode(b'x' * 33).decode()}"
    for wrong in ([], ["--vkey", "nonsense"], ["--vkey", log.vkey, "--policy", str(policy)], ["--vkey", witness]):
        assert check(answers, content, *wrong)[0] == 2
    policy.write_text(f"log {log.vkey}\nquorum nobody\n")
    assert check(answers, content, "--policy", str(policy))[0] == 2
