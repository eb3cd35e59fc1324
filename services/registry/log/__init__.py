"""Keeps the transparency log: one Merkle tree that only grows, and checkpoints of it that others hold it to.

An event's leaf waits in `log_entries` from the transaction that records it (domain/leaves.py). One worker at a time
(keeper.py) gives what waits its place (appending.py) and signs what the tree has become (checkpoints.py); before it
does either it holds the tree against what was seen of it before (checks.py), and refuses where the two differ. Anybody
reads the log as static files (log_files.py beside this folder), and asks for proofs (proofs.py there, made by tree.py).
Where a log can't go on another follows it (succession.py).
"""

from services.registry.log.checks import SecondPlaces
from services.registry.log.keeper import LogKeeper, Terms
from services.registry.log.tree import TreeChanged

__all__ = ["LogKeeper", "SecondPlaces", "Terms", "TreeChanged"]
