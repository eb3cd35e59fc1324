"""The measurements of the log run, each of them, and hold the hashes that they are said to compute."""

import pytest

from bench.log import Grown, hashes_of_proof, main, operations
from shared.transparency import tiles
from shared.transparency.merkle import check_inclusion, leaf_hash


def test_the_log_that_is_measured_proves_its_leaves() -> None:
    log = Grown(1_000)
    for index in (0, 333, 999):
        leaf = leaf_hash(index.to_bytes(32, "big"))
        check_inclusion(index=index, size=1_000, leaf=leaf, proof=log.proof(index), root=log.edge.root)


def test_every_operation_is_done() -> None:
    for measured in operations(600):
        assert measured.operation() is not None or measured.what.startswith("check")


def test_a_proof_in_a_full_tile_takes_all_hashes_of_the_tile_but_those_on_its_own_way() -> None:
    assert hashes_of_proof(0, tiles.FULL) == 255 - tiles.HEIGHT


def test_the_whole_of_it_runs_with_tiny_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    main(sizes=(10, 300), rounds=1, cpu_seconds=0.0001)
    printed = capsys.readouterr().out
    for what in ("append 256 leaves", "prove a leaf", "check that proof", "sign a checkpoint"):
        assert printed.count(what) == 2, what
