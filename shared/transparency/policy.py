"""Which logs are believed, and whose cosignatures a checkpoint needs (C2SP tlog-policy)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.transparency.base64_lines import read_number
from shared.transparency.checkpoints import Checkpoint, open_of_any
from shared.transparency.errors import MalformedPolicy, UntrustedCheckpoint
from shared.transparency.note_keys import MAX_TIME
from shared.transparency.notes import CosignatureVerifier, NoteVerifier, Verified

NO_QUORUM = "none"
MAX_POLICY = 1_000_000
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Log:
    """A log that is believed, and where it may be read."""

    verifier: NoteVerifier
    url: str | None = None


@dataclass(frozen=True)
class Witness:
    """A cosigner, and where it may be asked."""

    verifier: CosignatureVerifier
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """A group counts as having cosigned once `threshold` of its members have: witnesses, or groups before it."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The logs, the witnesses and groups by the names that they have here, and which of these is the quorum.

    The default quorum is nobody. A quorum that names nothing is never met.
    """

    logs: tuple[Log, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NO_QUORUM

    def satisfied(self, cosignatures: Iterable[Verified], *, since: int = 0, until: int = MAX_TIME) -> bool:
        """Tell whether these verified cosignatures, of which those from `since` to `until` count, are the quorum."""
        counted = {each.verifier for each in cosignatures if each.time is not None and since <= each.time <= until}
        met = {NO_QUORUM, *(name for name, witness in self.witnesses.items() if witness.verifier in counted)}
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(name)
        return self.quorum in met

    def open(self, note: bytes, *, since: int = 0, until: int = MAX_TIME) -> tuple[Checkpoint, list[Verified]]:
        """Return the checkpoint that one of the logs signed, and its known cosignatures.

        Raises what `open_of_any` raises, and UntrustedCheckpoint if the quorum is not met by cosignatures of
        `since` to `until` (POSIX seconds).
        """
        cosigners = [witness.verifier for witness in self.witnesses.values()]
        checkpoint, cosignatures = open_of_any(note, [log.verifier for log in self.logs], cosigners)
        if not self.satisfied(cosignatures, since=since, until=until):
            raise UntrustedCheckpoint("The checkpoint has not the cosignatures that the policy asks for.")
        return checkpoint, cosignatures


def parse_policy(content: bytes) -> Policy:
    """Return the policy that a file describes; raises MalformedPolicy, or MalformedNote for a vkey."""
    if len(content) > MAX_POLICY or _CONTROL.search(content) or not content.endswith(b"\n"):
        raise MalformedPolicy("The policy is too long, has control characters, or does not end with a newline.")
    reader = _Reader()
    # Names are octets: what is not UTF-8 is kept as it is.
    for line in content.decode(errors="surrogateescape").split("\n"):
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            reader.take(words)
    return reader.policy()


class _Reader:
    """Takes a policy's lines in order; each may only name what stands above it."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorums: list[str] = []
        self.members: set[str] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._add_log(Log(NoteVerifier.parse(vkey), *url))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._add_witness(name, Witness(CosignatureVerifier.parse(vkey), *url))
            case ["group", name, threshold, *members] if members:
                self._add_group(name, threshold, tuple(members))
            case ["quorum", name]:
                _need(name == NO_QUORUM or self._is_defined(name), "The quorum is not defined above its line.")
                self.quorums.append(name)
            case _:
                raise MalformedPolicy("A line of the policy says nothing that a policy may say.")

    def policy(self) -> Policy:
        _need(len(self.quorums) == 1, "The policy does not have exactly one quorum.")
        return Policy(tuple(self.logs), self.witnesses, self.groups, self.quorums[0])

    def _add_log(self, log: Log) -> None:
        known = [each.verifier.public_key for each in self.logs]
        _need(log.verifier.public_key not in known, "A log's key stands in the policy twice.")
        self.logs.append(log)

    def _add_witness(self, name: str, witness: Witness) -> None:
        known = [each.verifier.public_key for each in self.witnesses.values()]
        _need(witness.verifier.public_key not in known, "A witness's key stands in the policy twice.")
        self._need_new(name)
        self.witnesses[name] = witness

    def _add_group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        self._need_new(name)
        for member in members:
            _need(self._is_defined(member), "A group's member is not defined above it.")
            _need(member not in self.members, "A name is a member twice.")
            self.members.add(member)
        least = {"any": 1, "all": len(members)}.get(threshold, read_number(threshold))
        if least is None or not 1 <= least <= len(members):
            raise MalformedPolicy("A group's threshold is no number of its members.")
        self.groups[name] = Group(least, members)

    def _need_new(self, name: str) -> None:
        _need(name != NO_QUORUM and not self._is_defined(name), "A name of the policy stands for two things.")

    def _is_defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise MalformedPolicy(otherwise)
