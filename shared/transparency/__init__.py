"""A transparency log's arithmetic and formats (RFC 6962, C2SP tlog-tiles and its kin): no I/O, no clock, no state.

merkle.py       hashes, and proofs of inclusion and consistency: made and checked
tiles.py        the static files that a tree is served as: names, hash tiles, entry bundles
growing.py      appending leaves with nothing at hand but the tree's right edge
notes.py        signed notes (signed-note), note_keys.py the keys that sign them (tlog-cosignature)
checkpoints.py  the signed head of a tree (tlog-checkpoint)
proof_files.py  `.tlog-proof` files (tlog-proof)
policy.py       which logs are believed, and whose cosignatures are asked for (tlog-policy)
commitments.py  what a leaf of Laurel's own log commits to
errors.py       what may be wrong with any of them
"""
