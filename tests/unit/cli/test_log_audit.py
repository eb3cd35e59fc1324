"""An auditor passes a log that only grows, goes on where it was interrupted, and finds whatever was rewritten."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cli.keys import Unusable
from cli.log.auditing import Audit
from cli.log.files import LogFiles
from cli.log.source import Folder
from cli.log.state import State, read_state, write_state
from shared.transparency.merkle import EMPTY_ROOT
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.tiles import Bundle, Tile, write_bundle
from tests.support.log_folders import LogFolder, some_entries
from tests.unit.cli.answering import Services


class Auditor:
    """Somebody who audits a log from time to time, with a state of their own."""

    def __init__(self, services: Services, state: Path) -> None:
        self._services = services
        self.state = state

    def audit(self, log: LogFolder, *options: str) -> tuple[int, dict[str, Any]]:
        arguments = ["log", "audit", str(log.path), "--state", str(self.state), "--json", *options]
        done = self._services.run(*arguments)
        return done.exit_code, json.loads(done.stdout) if done.stdout else {"said": done.stderr}

    def passes(self, log: LogFolder, *options: str) -> dict[str, Any]:
        code, said = self.audit(log, *options)
        assert (code, said["result"], said["size"]) == (0, "ok", log.size), said
        return said

    def finds(self, log: LogFolder, *options: str) -> str:
        code, said = self.audit(log, *options)
        assert (code, said["result"]) == (1, "finding"), said
        assert said["evidence"], said
        return str(said["finding"])

    def cannot(self, log: LogFolder, *options: str) -> str:
        code, said = self.audit(log, *options)
        assert code == 2, said
        return str(said["said"])


@pytest.fixture
def auditor(answers: Services, tmp_path: Path) -> Auditor:
    return Auditor(answers, tmp_path / "state.json")


@pytest.fixture
def log(tmp_path: Path) -> LogFolder:
    return LogFolder(tmp_path / "log", some_entries(600))


@pytest.mark.parametrize("sizes", [(0, 1), (1, 2, 3), (255, 256, 257, 511, 512), (600, 600, 700), (1000, 66_000)])
def test_a_log_that_only_grows_passes_at_every_size(auditor: Auditor, tmp_path: Path, sizes: tuple[int, ...]) -> None:
    entries = some_entries(max(sizes))
    log, before = LogFolder(tmp_path / "log"), 0
    for size in sizes:
        said = auditor.passes(log.append(*entries[before:size]))
        assert said["read"] == size - before
        before = size
    assert auditor.passes(log, "--full")["read"] == before


def test_the_first_run_says_on_what_the_key_is_trusted_and_the_next_keeps_to_it(
    auditor: Auditor, log: LogFolder, tmp_path: Path
) -> None:
    assert auditor.passes(log)["trust"] == "first_use"
    assert auditor.passes(log)["trust"] == "stored"
    assert auditor.passes(log, "--vkey", log.vkey)["trust"] == "given"
    other = LogFolder(tmp_path / "log", log.entries)  # the same leaves and name, another key
    assert "not signed by a known log" in auditor.finds(other)


def test_a_key_that_is_not_the_logs_is_found(auditor: Auditor, log: LogFolder, tmp_path: Path) -> None:
    other = LogFolder(tmp_path / "other")
    assert other.vkey in auditor.finds(log, "--vkey", other.vkey)


def test_a_key_that_is_none_or_not_the_states_is_no_finding(auditor: Auditor, log: LogFolder, tmp_path: Path) -> None:
    assert "no key to trust" in auditor.cannot(log, "--vkey", "nonsense")
    auditor.passes(log)
    assert "another key" in auditor.cannot(log, "--vkey", LogFolder(tmp_path / "other").vkey)


def test_a_log_that_another_took_the_place_of_is_told_from_one_that_was_rewritten(
    auditor: Auditor, log: LogFolder, tmp_path: Path
) -> None:
    auditor.passes(log)
    successor = LogFolder(tmp_path / "log", [log.checkpoint()], origin=f"{log.signer.name}/2")
    assert "Another log took its place" in auditor.finds(successor)


def flip_leaf(log: LogFolder) -> None:
    log.entries[7] = sha256(b"other").digest()
    log.publish()


def reorder_leaves(log: LogFolder) -> None:
    log.entries[300], log.entries[301] = log.entries[301], log.entries[300]
    log.publish()


def drop_leaf(log: LogFolder) -> None:
    del log.entries[100]
    log.publish()


REWRITTEN = {"flipped": flip_leaf, "reordered": reorder_leaves}


@pytest.mark.parametrize("rewrite", REWRITTEN.values(), ids=REWRITTEN)
def test_a_log_that_was_rewritten_and_grew_on_is_found(
    auditor: Auditor, log: LogFolder, rewrite: Callable[[LogFolder], None]
) -> None:
    auditor.passes(log)
    rewrite(log)
    log.append(*some_entries(300, "more"))
    assert "do not begin with the 600 that were signed before" in auditor.finds(log)
    assert auditor.finds(log), "it stays found"


@pytest.mark.parametrize("rewrite", REWRITTEN.values(), ids=REWRITTEN)
def test_a_log_that_was_rewritten_at_its_size_is_found(
    auditor: Auditor, log: LogFolder, rewrite: Callable[[LogFolder], None]
) -> None:
    auditor.passes(log)
    rewrite(log)
    assert "Of 600 leaves this root was signed, and another before" in auditor.finds(log)


def test_a_log_that_was_cut_back_is_found(auditor: Auditor, log: LogFolder) -> None:
    auditor.passes(log)
    drop_leaf(log)
    assert "The log has 599 leaves, and 600 were signed before" in auditor.finds(log)
    log.entries.clear()
    assert "The log has 0 leaves" in auditor.finds(log.publish())


def test_both_checkpoints_are_kept_as_evidence(auditor: Auditor, log: LogFolder) -> None:
    auditor.passes(log)
    before = log.checkpoint()
    flip_leaf(log)
    _, said = auditor.audit(log)
    assert {Path(each).read_bytes() for each in said["evidence"]} == {before, log.checkpoint()}
    assert {each.encode() for each in said["checkpoints"]} == {before, log.checkpoint()}


def test_a_leaf_flipped_under_hashes_of_before_is_found_by_reading_all(auditor: Auditor, log: LogFolder) -> None:
    auditor.passes(log)
    log.write(Bundle(0), write_bundle([b"other", *log.entries[1:256]]))
    auditor.passes(log)
    assert "tile/0/000 and what the log's entries give differ in leaf 0" in auditor.finds(log, "--full")


def altered(log: LogFolder, tile: Tile) -> bytes:
    content = bytearray((log.path / tile.path).read_bytes())
    content[70] ^= 1
    return bytes(content)


def test_an_altered_hash_is_found_and_where(auditor: Auditor, tmp_path: Path) -> None:
    log = LogFolder(tmp_path / "log", some_entries(1000))
    log.write(tile := Tile(0, 1), altered(log, tile))
    assert "tile/0/001 and what the log's entries give differ in leaf 258" in auditor.finds(log)
    log.publish().write(tile := Tile(0, 3, 232), altered(log, tile))
    assert "tile/0/003.p/232" in auditor.finds(log)
    log.publish().write(tile := Tile(1, 0, 3), altered(log, tile))
    assert "tile/1/000.p/3 and what the log's entries give differ in the leaves from 512 on" in auditor.finds(log)


WRONG_FILES = {
    "a tile that is too narrow": (Tile(0, 0), bytes(255 * 32), "does not have 256 hashes"),
    "a tile that is too wide": (Tile(0, 2, 88), bytes(89 * 32), "does not have 88 hashes"),
    "a tile without an end": (Tile(0, 0), bytes(10_000_000), "does not have 256 hashes"),
    "a bundle without an end": (Bundle(0), bytes(20_000_000), "no bundle of 256 entries"),
    "a bundle cut off": (Bundle(1), write_bundle([b"entry"] * 256)[:-1], "no bundle of 256 entries"),
    "a bundle of more entries": (Bundle(2, 88), write_bundle([b"entry"] * 89), "no bundle of 88 entries"),
}


@pytest.mark.parametrize(("thing", "content", "found"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_of_another_form_is_found(
    auditor: Auditor, log: LogFolder, thing: Tile | Bundle, content: bytes, found: str
) -> None:
    log.write(thing, content)
    assert found in auditor.finds(log)


def test_a_file_that_is_withheld_is_found_and_a_full_one_is_taken_instead(auditor: Auditor, log: LogFolder) -> None:
    for path in (Bundle(2, 88).path, Tile(0, 2, 88).path):
        (log.path / path).unlink()
    assert "is not served" in auditor.finds(log)
    longer = [*log.entries, *some_entries(168, "more")]
    log.write(Bundle(2), write_bundle(longer[512:]))
    LogFolder(log.path.parent / "longer", longer)
    log.write(Tile(0, 2), (log.path.parent / "longer" / Tile(0, 2).path).read_bytes())
    auditor.passes(log)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"<html>busy</html>\n", b"\xff" * 100, b"a\n" * 1_000_000, b"log\n01\nAAAA\n\n"]
)
def test_a_checkpoint_that_is_none_is_found(auditor: Auditor, log: LogFolder, content: bytes) -> None:
    auditor.passes(log)
    (log.path / "checkpoint").write_bytes(content)
    assert "serves as its checkpoint is none" in auditor.finds(log)


def test_a_root_that_the_leaves_do_not_give_is_found(auditor: Auditor, log: LogFolder) -> None:
    log.sign(600, sha256(b"other").digest())
    assert "The 600 leaves that are served do not give the root" in auditor.finds(log)
    log.sign(600, log.root)
    assert "Of 600 leaves this root was signed, and another before" in auditor.finds(log), "it has signed both"


def test_an_empty_log_has_the_empty_root(auditor: Auditor, tmp_path: Path) -> None:
    log = LogFolder(tmp_path / "log")
    log.sign(0, sha256(b"other").digest())
    assert "The 0 leaves" in auditor.finds(log)
    auditor.state.unlink()
    log.sign(0, EMPTY_ROOT)
    auditor.passes(log)


def test_two_who_were_shown_different_logs_find_it_out(auditor: Auditor, log: LogFolder, tmp_path: Path) -> None:
    shown = tmp_path / "shown.checkpoint"
    other = LogFolder(tmp_path / "other", some_entries(600))
    other.signer = log.signer
    for size in (400, 600):
        flip_leaf(other)
        shown.write_bytes(other.checkpoint())
        other.entries = other.entries[:size]
        shown.write_bytes(other.publish().checkpoint())
        assert auditor.finds(log, "--against", str(shown))
    shown.write_bytes(other.append(*some_entries(300)).checkpoint())
    assert "were signed for another" in auditor.finds(log, "--against", str(shown))


def test_two_who_were_shown_the_same_log_agree(auditor: Auditor, log: LogFolder, tmp_path: Path) -> None:
    auditor.passes(log)
    log.append(*some_entries(500, "more"))
    second = Auditor(auditor._services, tmp_path / "second.json")
    second.passes(log, "--against", str(auditor.state))
    (tmp_path / "shown").write_bytes(log.checkpoint())
    auditor.passes(log, "--against", str(tmp_path / "shown"))
    (tmp_path / "shown").write_bytes(LogFolder(tmp_path / "other").checkpoint())
    assert "has no checkpoint that this log signed" in auditor.cannot(log, "--against", str(tmp_path / "shown"))


class Breaking(Folder):
    """A log that is away after some files."""

    def __init__(self, folder: Path, files: int) -> None:
        super().__init__(folder)
        self.left = files

    def read(self, path: str, limit: int) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise Unusable("away")
        return super().read(path, limit)


@pytest.mark.parametrize("full", [False, True])
def test_an_audit_goes_on_where_it_was_interrupted(tmp_path: Path, full: bool) -> None:
    log, state = LogFolder(tmp_path / "log", some_entries(20_000)), tmp_path / "state"
    verifier, reads = NoteVerifier.parse(log.vkey), []
    if full:
        write_state(state, State(verifier))
        Audit(LogFiles(Folder(log.path)), State(verifier), lambda each: write_state(state, each)).run()
    while True:
        begun = read_state(state) or State(verifier)
        try:
            run = Audit(LogFiles(Breaking(log.path, 50)), begun, lambda each: write_state(state, each))
            reads.append(run.run(full=full).read)
            break
        except Unusable:
            log.append(*some_entries(10, f"more {log.size}"))  # it grows meanwhile
    assert reads[-1] < 6000, "the last run read little: the others were not for nothing"
    end = read_state(state)
    assert end
    assert end.seen
    assert end.edge.size == end.seen.size == log.size
    assert end.progress is None


def test_what_was_read_of_a_log_that_lies_is_not_gone_on_from(auditor: Auditor, tmp_path: Path) -> None:
    honest = some_entries(17_000)
    log = LogFolder(tmp_path / "log", honest)
    log.write(Tile(0, 66, 104), bytes(104 * 32))
    auditor.finds(log)
    remembered = read_state(auditor.state)
    assert remembered
    assert remembered.progress is None
    auditor.passes(log.publish())


def test_a_damaged_state_is_no_verdict_on_the_log(auditor: Auditor, log: LogFolder) -> None:
    auditor.passes(log)
    whole = auditor.state.read_text()
    sizes = (whole.replace('"size": 600', '"size": 601'), whole.replace('"size": 600', '"size": -1'))
    for damaged in (whole[:-20], "{}", "[" * 100_000, *sizes, whole.replace("+", "-")):
        auditor.state.write_text(damaged)
        assert "was damaged" in auditor.cannot(log)
    assert sorted(each.name for each in auditor.state.parent.iterdir()) == ["log", "state.json"], (
        "nothing half written is left"
    )


def test_what_is_no_log_can_not_be_checked(auditor: Auditor, answers: Services, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for where in (
        "nowhere",
        str(tmp_path / "empty"),
        answers.environment["LAUREL_URL_ISSUER"],
    ):
        done = answers.run("log", "audit", where, "--json")
        assert (done.exit_code, done.stdout) == (2, "")
