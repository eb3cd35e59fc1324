"""Finds where the services' ledgers disagree: pure functions over iterables of ledger lines, in the order of their ids.

What never breaks, by number:

    1  What was acknowledged stands once in issuer, registry and verifier.
    2  Nothing stands anywhere, and nobody is told anything, without the issuer's event; no event counts twice.
    3  A credential's versions are 1 to n without a gap, the same in issuer and registry.
    4  A revoked credential is revoked everywhere and stays so.
    5  Status and status bits are the fold of the history, everywhere the same.
    7  Whoever is concerned is told, and of nothing twice: the notifier has both halves of every issue and change,
       a mail where there is an address, and one delivery for each event, channel and target.
    8  Nothing waits any more: no row in an outbox, no record unread, parked or given up, no delivery that is due.

What 1, 2, 3 and 5 ask of the transparency log is in leaves.py, and 6, that its checkpoints are consistent, in
log/served.py. Memory does not grow with the ledgers: lines are merged as they come, and of status lists only bits are
kept.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

Line = Mapping[str, Any]
Found = Mapping[str, Sequence[Line]]
# An event of the issuer's: its id, its credential's id, what changed.
Event = tuple[str, str, str]
# A delivery: its event's id, the channel, a digest of the target, and "due" or nothing.
Telling = tuple[str, str, str, str]

SERVICES = ("issuer", "registry", "verifier")
ACKNOWLEDGED = "acknowledged"
# Ids of the notifier's lines on what there was to tell begin with this, and go on with the event's id.
NOTICE = "notice:"
_HEARD = {"happened": "happened", "recorded": "is recorded"}
_STATUS_AFTER = {"issued": "issued", "suspended": "suspended", "reinstated": "issued", "revoked": "revoked"}
_STATUS_THAT_RAISES = {"revocation": "revoked", "suspension": "suspended"}


class Violation(NamedTuple):
    """One disagreement: the number of what is broken, the id of what it is about, what is wrong."""

    invariant: int
    subject: str
    detail: str


class OutOfOrder(ValueError):
    """A ledger's ids do not ascend, so it can't be compared with the others."""


def check(ledgers: Mapping[str, Iterable[Line]], acknowledged: Iterable[Line] = ()) -> Iterator[Violation]:
    """Compare the ledgers of issuer, registry and verifier, and what was acknowledged.

    Lines are those of `GET /v1/ops/ledger`; lines of `acknowledged` have `id` and `action` ("issue" or "revoke"), in
    the order of their ids. Raises OutOfOrder.
    """
    bits = Bits()
    for subject, found in aligned({**ledgers, ACKNOWLEDGED: acknowledged}):
        if subject.startswith("list:"):
            yield from bits.check(subject.removeprefix("list:"), found)
        else:
            yield from check_credential(subject, found)
            yield from bits.note(subject, found.get("issuer", ()))
    yield from bits.missing()


def aligned(ledgers: Mapping[str, Iterable[Line]]) -> Iterator[tuple[str, dict[str, list[Line]]]]:
    """Merge ledgers by id: for each id, the lines that each ledger has for it. Raises OutOfOrder."""
    tagged = [_ascending(name, lines) for name, lines in ledgers.items()]
    for subject, entries in groupby(heapq.merge(*tagged, key=lambda entry: entry[0]), key=lambda entry: entry[0]):
        found: dict[str, list[Line]] = {}
        for _, name, line in entries:
            found.setdefault(name, []).append(line)
        yield subject, found


def _ascending(name: str, lines: Iterable[Line]) -> Iterator[tuple[str, str, Line]]:
    last = ""
    for line in lines:
        if line["id"] < last:
            raise OutOfOrder(f"the ledger of {name} has {line['id']} after {last}")
        last = line["id"]
        yield last, name, line


# --- one credential --------------------------------------------------------------------------------------------------


def check_credential(subject: str, found: Found) -> Iterator[Violation]:
    """Check all that the services have of one credential, and what was acknowledged of it."""
    yield from _once_everywhere(subject, found)
    issuer, registry = (_history(found, name) for name in ("issuer", "registry"))
    yield from _acknowledged(subject, found, issuer)
    yield from _versions(subject, issuer, registry)
    yield from _revoked_for_good(subject, found, issuer)
    yield from _folds(subject, found)


def _once_everywhere(subject: str, found: Found) -> Iterator[Violation]:
    for name in SERVICES:
        count = len(found.get(name, ()))
        if count > 1:
            yield Violation(2, subject, f"stands {count} times in {name}")
        if count and "issuer" not in found:
            yield Violation(2, subject, f"stands in {name}, and the issuer does not know it")
        if not count and "issuer" in found:
            yield Violation(1, subject, f"is missing in {name}")


def _acknowledged(subject: str, found: Found, issuer: Sequence[Line]) -> Iterator[Violation]:
    for line in found.get(ACKNOWLEDGED, ()):
        change = {"issue": "issued", "revoke": "revoked"}[line["action"]]
        count = sum(each["type"] == change for each in issuer)
        if count != 1:
            yield Violation(1, subject, f"'{line['action']}' was acknowledged, and the issuer has it {count} times")


def _versions(subject: str, issuer: Sequence[Line], registry: Sequence[Line]) -> Iterator[Violation]:
    for name, history in (("issuer", issuer), ("registry", registry)):
        numbers = [each["version"] for each in history]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation(3, subject, f"has the versions {numbers} in {name}")
    events = {each["event_id"] for each in issuer}
    if len(events) < len(issuer):
        yield Violation(2, subject, "has one event for two versions")
    for strange in sorted({each["event_id"] for each in registry} - events):
        yield Violation(2, subject, f"has the event {strange} in registry, and the issuer does not know it")
    if issuer and registry and _steps(issuer) != _steps(registry):
        yield Violation(3, subject, f"went {_steps(issuer)} in issuer and {_steps(registry)} in registry")


def _revoked_for_good(subject: str, found: Found, issuer: Sequence[Line]) -> Iterator[Violation]:
    changes = [each["type"] for each in issuer]
    if "revoked" not in changes:
        return
    if after := changes[changes.index("revoked") + 1 :]:
        yield Violation(4, subject, f"was revoked, and then {', '.join(after)}")
    for name in SERVICES:
        for line in found.get(name, ()):
            if line["status"] != "revoked":
                yield Violation(4, subject, f"was revoked, and is {line['status']} in {name}")


def _folds(subject: str, found: Found) -> Iterator[Violation]:
    for name in ("issuer", "registry"):
        for line in found.get(name, ()):
            status = _STATUS_AFTER[line["versions"][-1]["type"]] if line["versions"] else None
            if status != line["status"]:
                yield Violation(5, subject, f"is {line['status']} in {name}, whose history says {status}")
    forms = {name: _form(found[name][0]) for name in SERVICES if found.get(name)}
    for name, form in forms.items():
        for what in form if "issuer" in forms else ():
            if form[what] != forms["issuer"].get(what):
                yield Violation(5, subject, f"differs in {name}: {what} {form[what]}, issuer {forms['issuer'][what]}")


def _form(line: Line) -> dict[str, Any]:
    """What every service must say alike of a credential; the registry tells no digest of a token."""
    return {
        "version": line["version"] if "version" in line else len(line["versions"]),
        "status": line["status"],
        "positions": sorted((each["list_id"], each["index"], each["purpose"]) for each in line["positions"]),
        "document_digest": line["document_digest"],
        **({"token_digest": line["token_digest"]} if "token_digest" in line else {}),
    }


def _history(found: Found, name: str) -> Sequence[Line]:
    lines = found.get(name, ())
    return lines[0]["versions"] if lines else ()


def _steps(history: Sequence[Line]) -> str:
    return " ".join(f"{each['version']}:{each['type']}:{each['event_id']}" for each in history)


# --- status lists ----------------------------------------------------------------------------------------------------


class Bits:
    """The bits that the credentials' histories ask for, one bitmap a list."""

    def __init__(self) -> None:
        self._given: dict[str, bytearray] = {}
        self._raised: dict[str, bytearray] = {}

    def note(self, subject: str, lines: Iterable[Line]) -> Iterator[Violation]:
        """Take in a credential's positions; finds positions that another credential has too."""
        for line in lines:
            for place in line["positions"]:
                list_id, index = place["list_id"], place["index"]
                if _is_set(self._given.get(list_id, b""), index):
                    yield Violation(5, subject, f"shares its position {index} of list {list_id} with another")
                _set(self._given.setdefault(list_id, bytearray()), index)
                if line["status"] == _STATUS_THAT_RAISES[place["purpose"]]:
                    _set(self._raised.setdefault(list_id, bytearray()), index)

    def check(self, list_id: str, found: Found) -> Iterator[Violation]:
        """Compare each service's signed list with what the histories ask for; every list is checked once."""
        raised = self._raised.pop(list_id, bytearray())
        asked = set(_indexes(raised))
        for name, lines in found.items():
            for index in sorted(asked ^ set(lines[0]["set"])):
                state = "is not set" if index in asked else "is set"
                yield Violation(5, list_id, f"bit {index} {state} in {name}, against the history")
        versions = {name: lines[0]["epoch_n"] for name, lines in found.items()}
        if len(set(versions.values())) > 1:
            yield Violation(5, list_id, f"has different versions: {versions}")
        for name in ("issuer", "registry"):
            if name not in found:
                yield Violation(5, list_id, f"is missing in {name}")

    def missing(self) -> Iterator[Violation]:
        """Find lists that should have a bit set, and that no service has."""
        for list_id in self._raised:
            yield Violation(5, list_id, "is nowhere, and credentials with a bit in it are revoked or suspended")


def _set(bits: bytearray, index: int) -> None:
    if len(bits) <= index // 8:
        bits.extend(bytes(index // 8 + 1 - len(bits)))
    bits[index // 8] |= 1 << index % 8


def _is_set(bits: bytes | bytearray, index: int) -> bool:
    return index // 8 < len(bits) and bool(bits[index // 8] >> index % 8 & 1)


def _indexes(bits: bytes | bytearray) -> Iterator[int]:
    for place, byte in enumerate(bits):
        if byte:
            yield from (place * 8 + bit for bit in range(8) if byte >> bit & 1)


# --- telling people, and quiet ---------------------------------------------------------------------------------------


def check_events(events: Iterable[Event]) -> Iterator[Violation]:
    """Find events that stand for two things; `events` come in the order of their ids."""
    for event, entries in groupby(events, key=lambda entry: entry[0]):
        if len(subjects := [subject for _, subject, _ in entries]) > 1:
            yield Violation(2, event, f"is one event for {len(subjects)} versions: {', '.join(subjects)}")


def check_notices(notices: Iterable[Line], events: Iterable[Event]) -> Iterator[Violation]:
    """Find what happened and nobody could be told of.

    `notices` are the notifier's lines and `events` the issuer's, both in the order of the events' ids.
    """
    wanted = ({"id": f"{NOTICE}{event}"} for event, _, _ in events)
    for notice, found in aligned({"issuer": wanted, "notifier": notices}):
        event, lines = notice.removeprefix(NOTICE), found.get("notifier", ())
        if "issuer" not in found:
            yield Violation(2, event, "is to be told, and the issuer has no such event")
        elif not lines:
            yield Violation(7, event, "is not known to the notifier, so nobody is told")
        for line in lines:
            yield from _whole(event, line)


def _whole(event: str, line: Line) -> Iterator[Violation]:
    for half in ("happened", "recorded"):
        if not line[half]:
            yield Violation(7, event, f"is not told: the notifier has not heard that it {_HEARD[half]}")
    if line["happened"] and line["recorded"] and line["addressed"] and not line["deliveries"].get("mail"):
        yield Violation(7, event, "is not told to the learner, whose address is known")


def check_deliveries(deliveries: Iterable[Telling], events: Iterable[Event]) -> Iterator[Violation]:
    """Find what was told twice or without an event of the issuer's, and what is due without being sent; both sorted."""
    known = iter(events)
    event = next(known, None)
    for (event_id, channel, _), entries in groupby(deliveries, key=lambda delivery: delivery[:3]):
        dues = [due for *_, due in entries]
        if len(dues) > 1:
            yield Violation(7, event_id, f"has {len(dues)} deliveries by {channel} to one target")
        if any(dues):
            yield Violation(8, event_id, f"is due by {channel}, and nobody sends it")
        while event is not None and event[0] < event_id:
            event = next(known, None)
        if event is None or event[0] != event_id:
            yield Violation(2, event_id, f"was told by {channel}, and the issuer has no such event")


def check_queues(service: str, queues: Mapping[str, int]) -> Iterator[Violation]:
    """Find what still waits in a service: outbox rows, refused rows, records that lag, are parked or buried."""
    for queue, count in queues.items():
        if count:
            yield Violation(8, service, f"has {queue} rows that wait")
