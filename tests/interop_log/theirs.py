"""What others' programs made, read and checked by ours: a log that the peer signed, and Tessera's own test log."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from shared.transparency import merkle
from shared.transparency.checkpoints import open_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.merkle import check_consistency, check_inclusion, consistency_proof, leaf_hash
from shared.transparency.notes import CosignatureVerifier, NoteVerifier
from shared.transparency.policy import Log, Policy, Witness
from shared.transparency.proof_files import check_proof_file
from shared.transparency.tiles import bundles_of, hashes_in, read_bundle, tiles_of

# Of github.com/transparency-dev/tessera, testdata/build_log.sh.
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

# What is checked, and whether it was accepted.
Finding = tuple[str, bool]


def of_the_peer(made: dict[str, Any]) -> Iterator[Finding]:
    """Check each checkpoint, cosignature, proof and proof file that the peer made."""
    log, witness = NoteVerifier.parse(made["vkey"]), CosignatureVerifier.parse(made["cosigner"])
    policy = Policy((Log(log),), {"w": Witness(witness)}, quorum="w")
    for tree in made["trees"]:
        yield "checkpoints and cosignatures", _accepted(_check_head, tree, policy)
        for shown in tree["inclusions"]:
            yield "inclusion proofs", _accepted(_check_inclusion, shown)
        for shown in tree["older"]:
            yield "consistency proofs", _accepted(_check_consistency, shown)
        yield "proof files", _accepted(_check_file, tree, policy)


def of_tessera(folder: Path) -> Iterator[Finding]:
    """Check every checkpoint of Tessera's test log, its tiles and entries, and that each tree begins the next."""
    log, trees = NoteVerifier.parse(TESSERA_KEY), {}
    for path in folder.glob("checkpoint.*"):
        checkpoint, _ = open_checkpoint(path.read_bytes(), log)
        trees[checkpoint.size] = checkpoint.root
    sizes = sorted(trees)
    for old, new in pairwise(sizes):
        yield "Tessera's trees", _accepted(_check_tree, folder, new, trees[new], old, trees[old])


def _accepted(check: Callable[..., None], *arguments: Any) -> bool:
    try:
        check(*arguments)
    except TransparencyError:
        return False
    return True


def _check_head(tree: dict[str, Any], policy: Policy) -> None:
    checkpoint, _ = policy.open(b64decode(tree["note"]))
    if checkpoint.size != tree["size"]:
        raise TransparencyError("another size was read")


def _check_inclusion(shown: dict[str, Any]) -> None:
    check_inclusion(
        index=shown["index"],
        size=shown["size"],
        leaf=leaf_hash(b64decode(shown["entry"])),
        proof=_hashes(shown["proof"]),
        root=b64decode(shown["root"]),
    )


def _check_consistency(shown: dict[str, Any]) -> None:
    check_consistency(
        old_size=shown["old_size"],
        old_root=b64decode(shown["old_root"]),
        new_size=shown["new_size"],
        new_root=b64decode(shown["new_root"]),
        proof=_hashes(shown["proof"]),
    )


def _check_file(tree: dict[str, Any], policy: Policy) -> None:
    check_proof_file(b64decode(tree["proof_file"]), b64decode(tree["entry"]), policy)


def _check_tree(folder: Path, size: int, root: bytes, old: int, old_root: bytes) -> None:
    tiles = {tile: (folder / tile.path).read_bytes() for tile in tiles_of(size)}
    hash_of = hashes_in(tiles)
    if merkle.root(size, hash_of) != root:
        raise TransparencyError("another root was computed")
    for tile, bundle in zip(tiles, bundles_of(size), strict=False):
        entries = read_bundle((folder / bundle.path).read_bytes(), bundle.width)
        if b"".join(map(leaf_hash, entries)) != tiles[tile]:
            raise TransparencyError("other entries were read")
    proof = consistency_proof(old, size, hash_of)
    check_consistency(old_size=old, old_root=old_root, new_size=size, new_root=root, proof=proof)


def _hashes(written: list[str] | None) -> list[bytes]:
    return [b64decode(each) for each in written or []]


def read_answers(path: Path) -> dict[str, Any]:
    """Return what the peer answered."""
    return dict(json.loads(path.read_text()))
