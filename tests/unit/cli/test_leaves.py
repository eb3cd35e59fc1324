"""Each thing that may be wrong between the log and the ledgers, made wrong: it is found. What fits passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cli.leaves import Leaves
from cli.ledger import Violation
from cli.log.files import LogFiles
from cli.log.served import check_served
from cli.log.source import Folder
from shared.transparency.tiles import Bundle, Tile, write_bundle
from tests.support.log_folders import LogFolder, some_entries

Line = dict[str, Any]


def event(number: int) -> str:
    return str(UUID(int=number))


class Record:
    """What issuer, verifier and registry list of a log of one credential, one other change and one verification."""

    def __init__(self, folder: Path) -> None:
        self.log = LogFolder(folder, some_entries(4))
        self.notes = [(4, self.log.checkpoint())]
        entries = [each.hex() for each in self.log.entries]
        self.credential: Line = {
            "kind": "credential",
            "id": event(900),
            "versions": [{"version": n + 1, "event_id": event(n), "commitment": entries[n]} for n in range(2)],
        }
        self.change: Line = {"kind": "change", "id": f"leaf:{event(2)}", "type": "t", "key": "k", "version": 1}
        self.change["commitment"] = entries[2]
        self.verification: Line = {"kind": "verification", "id": f"verification:{event(3)}", "commitment": entries[3]}
        self.leaves: list[Line] = [
            {"kind": "leaf", "id": f"leaf:{event(n)}", "log": 1, "log_index": n, "entry": entries[n]} for n in range(4)
        ]

    def found(self) -> list[Violation]:
        leaves = Leaves()
        published = [{"kind": "checkpoint", "log": 1, "size": size, "note": note.decode()} for size, note in self.notes]
        for lines in ([self.credential, self.change], [self.verification], [*self.leaves, *published]):
            list(leaves.taken_from(iter(lines)))
        found = list(leaves.check())
        return found + list(check_served(self._files, leaves.places, leaves.checkpoints))

    def broken(self) -> set[int]:
        return {violation.invariant for violation in self.found()}

    def _files(self, number: int) -> LogFiles:
        return LogFiles(Folder(self.log.path if number == 1 else self.log.path / str(number)))


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "log")


def test_what_fits_has_no_violation(record: Record) -> None:
    assert record.found() == []


def test_the_lines_that_speak_of_credentials_go_on(record: Record) -> None:
    lines = [record.credential, record.change, *record.leaves]
    assert list(Leaves().taken_from(iter(lines))) == [record.credential]


@pytest.mark.parametrize("number", range(4))
def test_1_an_event_without_a_leaf_is_found(record: Record, number: int) -> None:
    del record.leaves[number]
    assert 1 in record.broken()


def test_1_a_leaf_that_waits_is_found_while_it_waits(record: Record) -> None:
    record.leaves[3] |= {"log": None, "log_index": None}
    assert Violation(1, event(3), f"waits for its place in the log; it is of {event(3)}") in record.found()


def test_2_a_leaf_without_an_event_is_found(record: Record) -> None:
    record.leaves.append({"kind": "leaf", "id": f"leaf:{event(77)}", "log": 1, "log_index": 4, "entry": "00"})
    assert Violation(2, event(77), "has a leaf in the log, and nobody knows of such an event") in record.found()


def test_2_two_leaves_of_one_event_are_found(record: Record) -> None:
    record.leaves.append({**record.leaves[3], "log_index": 4})
    assert 2 in record.broken()


def test_3_a_gap_and_a_place_that_two_have_are_found(record: Record) -> None:
    record.leaves[3]["log_index"] = 5
    assert 3 in record.broken()
    record.leaves[3]["log_index"] = 2
    assert 3 in record.broken()


def test_3_versions_in_another_order_are_found(record: Record) -> None:
    first, second = record.credential["versions"]
    first["event_id"], second["event_id"] = second["event_id"], first["event_id"]
    first["commitment"], second["commitment"] = second["commitment"], first["commitment"]
    assert record.found() == [Violation(3, event(900), "has its versions in another order in the log")]
    record.leaves[0]["backfilled"] = record.leaves[1]["backfilled"] = True
    assert record.found() == [], "what was backfilled goes first, as it is found"


def test_5_a_leaf_that_is_not_the_tellers_commitment_is_found(record: Record) -> None:
    for line in (record.credential["versions"][0], record.change, record.verification):
        was, line["commitment"] = line["commitment"], "00" * 32
        assert record.broken() == {5}
        line["commitment"] = was


def test_what_was_erased_is_compared_by_its_leaf_alone(record: Record) -> None:
    for line in (*record.credential["versions"], record.change, record.verification):
        line["commitment"] = None
    assert record.found() == []
    record.leaves[0]["entry"] = "00" * 32
    assert record.broken() == {5}, "the served leaf is another"
    del record.leaves[0]
    assert {1, 3, 5} <= record.broken(), "an erased badge's leaf stays"


def test_a_verification_of_before_there_was_a_log_needs_no_leaf(record: Record) -> None:
    old = {"kind": "verification", "id": f"verification:{event(50)}", "commitment": None}
    record.change, record.verification = {**record.change}, record.verification
    leaves = Leaves()
    list(leaves.taken_from([old]))
    assert list(leaves.check()) == []


ALTERED: dict[str, tuple[Callable[[LogFolder], None], int]] = {
    "a bundle": (lambda log: log.write(Bundle(0, 4), write_bundle([b"other", *log.entries[1:]])), 5),
    "a hash tile": (lambda log: log.write(Tile(0, 0, 4), bytes(128)), 5),
    "a bundle of another width": (lambda log: log.write(Bundle(0, 4), write_bundle(log.entries[:3])), 5),
}


@pytest.mark.parametrize(("alter", "number"), ALTERED.values(), ids=ALTERED)
def test_5_files_that_say_something_else_than_the_rows_are_found(
    record: Record, alter: Callable[[LogFolder], None], number: int
) -> None:
    alter(record.log)
    assert record.broken() == {number}


def test_5_rows_that_were_changed_beside_the_files_are_found(record: Record) -> None:
    record.leaves[1]["entry"] = record.credential["versions"][1]["commitment"] = "00" * 32
    assert record.found() == [Violation(5, event(1), "is served as another leaf 1 than the registry has")]


def test_6_every_published_checkpoint_is_compared_with_the_leaves(record: Record, tmp_path: Path) -> None:
    honest = record.log.entries
    record.notes = []
    for size in range(5):
        record.log.entries = honest[:size]
        record.notes.append((size, record.log.publish().checkpoint()))
    assert record.found() == []
    record.log.sign(3, bytes(32))
    record.notes[3] = (3, record.log.checkpoint())
    assert {(each.invariant, each.subject) for each in record.found()} == {(6, "log 1 of 3 leaves")}
    record.notes[3] = (3, LogFolder(tmp_path / "other", honest[:3]).checkpoint())
    assert record.broken() == {6}


def test_8_a_leaf_that_no_checkpoint_covers_is_found(record: Record) -> None:
    record.log.entries.pop()
    record.notes = [(3, record.log.publish().checkpoint())]
    assert {(each.invariant, each.subject) for each in record.found()} == {(8, event(3))}


def test_the_first_leaf_of_a_log_that_followed_another_is_nobodys_event(record: Record) -> None:
    entry = record.log.checkpoint()
    after = LogFolder(record.log.path / "2", [entry], origin=f"{record.log.signer.name}/2")
    record.leaves.append({"kind": "leaf", "id": f"leaf:{event(70)}", "log": 2, "log_index": 0, "entry": entry.hex()})
    leaves = [*record.leaves]
    note = {"kind": "checkpoint", "log": 2, "size": 1, "note": after.checkpoint().decode()}
    record.leaves = [*leaves, note]
    assert record.found() == []
    record.leaves[-2]["log_index"] = 1
    assert 2 in record.broken()


def test_many_checkpoints_over_many_bundles_are_compared(record: Record) -> None:
    more = some_entries(1000, "more")
    record.notes = []
    for number, entry in enumerate(more):
        index = len(record.log.entries)
        record.log.entries.append(entry)
        record.leaves.append(
            {"kind": "leaf", "id": f"leaf:{event(1000 + number)}", "log": 1, "log_index": index, "entry": entry.hex()}
        )
        change = {**record.change, "id": f"leaf:{event(1000 + number)}", "key": str(number), "commitment": entry.hex()}
        record.leaves.append(change)
        if number % 37 == 0 or number in (251, 252, 999):
            record.notes.append((index + 1, record.log.publish().checkpoint()))
    assert record.found() == []
