"""Each thing that must never break, broken: the ledger check finds it. What is whole passes."""

import copy
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli import ledger
from cli.ledger import OutOfOrder, Violation

Line = dict[str, Any]
LIST = str(UUID(int=900))


def version(number: int, change: str) -> Line:
    return {"version": number, "type": change, "event_id": str(uuid4())}


def credential(changes: Iterable[str] = ("issued",), index: int = 3) -> Line:
    """A credential as issuer and registry list it."""
    history = [version(number, change) for number, change in enumerate(changes, 1)]
    status = {"issued": "issued", "reinstated": "issued"}.get(history[-1]["type"], history[-1]["type"])
    return {
        "kind": "credential",
        "id": str(uuid4()),
        "institution_id": str(UUID(int=1)),
        "status": status,
        "versions": history,
        "positions": [{"list_id": LIST, "index": index, "purpose": "revocation"}],
        "document_digest": "zDigest",
        "token_digest": None,
    }


def as_registry(line: Line) -> Line:
    return copy.deepcopy({name: member for name, member in line.items() if name != "token_digest"})


def as_verifier(line: Line) -> Line:
    own = {name: line[name] for name in ("kind", "id", "status", "positions", "document_digest", "token_digest")}
    return copy.deepcopy({**own, "version": len(line["versions"])})


def status_list(*bits: int, version: int = 1) -> Line:
    return {"kind": "status_list", "id": f"list:{LIST}", "purpose": "revocation", "epoch_n": version, "set": list(bits)}


class House:
    """What the services have; a test breaks one thing in it."""

    def __init__(self, *credentials: Line) -> None:
        self.issuer = sorted(copy.deepcopy(list(credentials)), key=lambda line: line["id"])
        self.registry = [as_registry(line) for line in self.issuer]
        self.verifier = [as_verifier(line) for line in self.issuer]
        bits = [line["positions"][0]["index"] for line in credentials if line["status"] == "revoked"]
        self.lists = {"issuer": status_list(*bits), "registry": status_list(*bits)}
        self.acknowledged: list[tuple[str, str]] = []

    def check(self) -> list[Violation]:
        return list(
            ledger.check(
                {
                    "issuer": [*self.issuer, self.lists["issuer"]],
                    "registry": [*self.registry, self.lists["registry"]],
                    "verifier": self.verifier,
                },
                [{"id": subject, "action": action} for subject, action in sorted(self.acknowledged)],
            )
        )

    def broken(self) -> set[int]:
        return {violation.invariant for violation in self.check()}


def test_a_house_in_order_has_no_violation() -> None:
    issued, revoked = credential(), credential(["issued", "suspended", "reinstated", "revoked"], index=9)
    house = House(issued, revoked, credential(["issued", "suspended"], index=10))
    house.acknowledged = [(issued["id"], "issue"), (revoked["id"], "issue"), (revoked["id"], "revoke")]
    assert house.check() == []


def test_an_empty_house_has_no_violation() -> None:
    assert list(ledger.check({"issuer": [], "registry": [], "verifier": []})) == []


@pytest.mark.parametrize("service", ["registry", "verifier"])
def test_1_a_credential_that_a_service_lost_is_found(service: str) -> None:
    house = House(credential(), credential(index=4))
    getattr(house, service).pop()
    assert house.broken() == {1}


def test_1_an_acknowledged_issue_that_nobody_has_is_found() -> None:
    house = House(credential())
    house.acknowledged = [(str(uuid4()), "issue")]
    assert house.broken() == {1}


def test_1_an_acknowledged_revocation_that_the_issuer_lacks_is_found() -> None:
    house = House(line := credential())
    house.acknowledged = [(line["id"], "issue"), (line["id"], "revoke")]
    assert house.broken() == {1}


def test_1_an_issue_that_was_acknowledged_once_and_happened_twice_is_found() -> None:
    house = House(line := credential(["issued", "issued"]))
    house.acknowledged = [(line["id"], "issue")]
    assert 1 in house.broken()


@pytest.mark.parametrize("service", ["registry", "verifier"])
def test_2_a_row_without_the_issuers_is_found(service: str) -> None:
    house = House(credential())
    strange = credential(index=5)
    getattr(house, service).append(strange if service == "registry" else as_verifier(strange))
    getattr(house, service).sort(key=lambda line: line["id"])
    assert house.broken() == {2}


@pytest.mark.parametrize("service", ["issuer", "registry", "verifier"])
def test_2_a_row_that_stands_twice_is_found(service: str) -> None:
    house = House(credential())
    getattr(house, service).append(getattr(house, service)[0])
    assert 2 in house.broken()


def test_2_an_event_that_the_issuer_does_not_know_is_found() -> None:
    house = House(credential())
    house.registry[0]["versions"][0]["event_id"] = str(uuid4())
    assert 2 in house.broken()


def test_2_one_event_for_two_versions_is_found() -> None:
    line = credential(["issued", "suspended"])
    line["versions"][1]["event_id"] = line["versions"][0]["event_id"]
    assert House(line).broken() == {2}


def test_2_one_event_for_two_credentials_is_found() -> None:
    events = [("a", "one", "issued"), ("b", "one", "revoked"), ("b", "two", "issued")]
    [violation] = ledger.check_events(events)
    assert violation.invariant == 2
    assert violation.subject == "b"


@pytest.mark.parametrize("service", ["issuer", "registry"])
def test_3_a_gap_in_the_versions_is_found(service: str) -> None:
    house = House(credential(["issued", "suspended", "reinstated"]))
    del getattr(house, service)[0]["versions"][1]
    assert 3 in house.broken()


def test_3_another_order_in_the_registry_is_found() -> None:
    house = House(credential(["issued", "suspended", "reinstated"]))
    _, second, third = house.registry[0]["versions"]
    second["event_id"], third["event_id"] = third["event_id"], second["event_id"]
    assert house.broken() == {3}


@pytest.mark.parametrize("service", ["issuer", "registry", "verifier"])
def test_4_a_revoked_credential_that_a_service_does_not_call_revoked_is_found(service: str) -> None:
    house = House(credential(["issued", "revoked"]))
    getattr(house, service)[0]["status"] = "issued"
    assert 4 in house.broken()


def test_4_a_revoked_credential_that_came_back_is_found() -> None:
    assert 4 in House(credential(["issued", "revoked", "reinstated"])).broken()


def test_5_a_status_that_the_history_does_not_say_is_found() -> None:
    house = House(credential(["issued", "suspended"]))
    house.registry[0]["status"] = "issued"
    assert house.broken() == {5}


def change_version(line: Line) -> None:
    line["version"] = 2


def change_position(line: Line) -> None:
    line["positions"][0]["index"] += 1


def change_digest(line: Line) -> None:
    line["document_digest"] = "zOther"


def change_token_digest(line: Line) -> None:
    line["token_digest"] = "zOther"


@pytest.mark.parametrize("change", [change_version, change_position, change_digest, change_token_digest])
def test_5_a_verifier_that_knows_a_credential_otherwise_is_found(change: Callable[[Line], None]) -> None:
    house = House(credential())
    change(house.verifier[0])
    assert house.broken() == {5}


def test_5_positions_may_be_listed_in_any_order() -> None:
    line = credential()
    line["positions"].append({"list_id": LIST, "index": 8, "purpose": "suspension"})
    house = House(line)
    house.verifier[0]["positions"].reverse()
    assert house.check() == []


@pytest.mark.parametrize("service", ["issuer", "registry"])
@pytest.mark.parametrize("bits", [[], [3, 4], [4]])
def test_5_a_list_with_other_bits_than_the_history_is_found(service: str, bits: list[int]) -> None:
    house = House(credential(["issued", "revoked"], index=3))
    house.lists[service]["set"] = bits
    assert house.broken() == {5}
    assert all(violation.subject == LIST for violation in house.check())


def test_5_lists_of_different_versions_are_found() -> None:
    house = House(credential())
    house.lists["registry"]["epoch_n"] = 2
    assert house.broken() == {5}


def test_5_a_list_that_nobody_has_is_found() -> None:
    line = credential(["issued", "revoked"])
    assert {5} == {
        violation.invariant
        for violation in ledger.check({"issuer": [line], "registry": [line], "verifier": [as_verifier(line)]})
    }


def test_5_a_position_given_to_two_credentials_is_found() -> None:
    assert House(credential(index=7), credential(index=7)).broken() == {5}


EVENTS = [("a", "one", "issued"), ("b", "one", "suspended"), ("c", "one", "revoked")]


def notice(event: str, **members: Any) -> Line:
    """What the notifier lists of an event: whole, and a mail made of it."""
    whole = {"happened": True, "recorded": True, "addressed": True, "deliveries": {"mail": 1}}
    return {"kind": "notice", "id": f"notice:{event}", "event_id": event, **whole, **members}


def test_7_people_are_told_of_every_issue_and_change() -> None:
    assert list(ledger.check_notices([notice("a"), notice("b"), notice("c")], EVENTS)) == []


@pytest.mark.parametrize("lost", ["a", "b", "c"])
def test_7_an_event_that_the_notifier_never_heard_of_is_found(lost: str) -> None:
    [violation] = ledger.check_notices([notice(event) for event in ("a", "b", "c") if event != lost], EVENTS)
    assert (violation.invariant, violation.subject) == (7, lost)


@pytest.mark.parametrize("half", ["happened", "recorded"])
def test_7_half_a_notice_is_found(half: str) -> None:
    lines = [notice("a", deliveries={}, **{half: False}), notice("b"), notice("c")]
    [violation] = ledger.check_notices(lines, EVENTS)
    assert (violation.invariant, violation.subject) == (7, "a")


def test_7_a_learner_with_an_address_and_without_a_mail_is_found() -> None:
    lines = [notice("a", deliveries={"webhook": 2}), notice("b"), notice("c", deliveries={}, addressed=False)]
    [violation] = ledger.check_notices(lines, EVENTS)
    assert (violation.invariant, violation.subject) == (7, "a")


@pytest.mark.parametrize("stranger", ["0", "bb", "d"])
def test_2_a_notice_without_an_event_is_found(stranger: str) -> None:
    lines = sorted([notice("a"), notice("b"), notice("c"), notice(stranger)], key=lambda line: str(line["id"]))
    [violation] = ledger.check_notices(lines, EVENTS)
    assert (violation.invariant, violation.subject) == (2, stranger)


def test_7_a_second_delivery_of_one_event_to_one_target_is_found() -> None:
    fine = [("a", "mail", "t1", ""), ("a", "webhook", "t1", ""), ("a", "webhook", "t2", "")]
    assert list(ledger.check_deliveries(fine, EVENTS)) == []
    [violation] = ledger.check_deliveries([*fine, ("a", "webhook", "t2", "")], EVENTS)
    assert violation.invariant == 7


def test_8_a_delivery_that_is_due_and_that_nobody_sends_is_found() -> None:
    [violation] = ledger.check_deliveries([("a", "mail", "t", "due"), ("c", "mail", "t", "")], EVENTS)
    assert (violation.invariant, violation.subject) == (8, "a")


def test_2_a_delivery_without_an_event_is_found() -> None:
    for stranger in ("0", "aa", "d"):
        [violation] = ledger.check_deliveries([(stranger, "mail", "t", "")], EVENTS)
        assert (violation.invariant, violation.subject) == (2, stranger)


@pytest.mark.parametrize("queue", ["outbox", "refused", "parked", "buried", "lag"])
def test_8_what_still_waits_is_found(queue: str) -> None:
    empty = {"outbox": 0, "refused": 0, "parked": 0, "buried": 0, "lag": 0}
    assert list(ledger.check_queues("issuer", empty)) == []
    [violation] = ledger.check_queues("issuer", {**empty, queue: 1})
    assert violation.invariant == 8


def test_a_ledger_that_does_not_ascend_is_refused() -> None:
    first, second = sorted([credential(), credential(index=4)], key=lambda line: line["id"])
    with pytest.raises(OutOfOrder):
        list(ledger.check({"issuer": [second, first], "registry": [], "verifier": []}))


def test_ledgers_are_read_as_they_are_compared() -> None:
    read = 0

    def many() -> Iterable[Line]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield {**credential(index=number), "id": str(UUID(int=number))}

    for count, _ in enumerate(ledger.aligned({"issuer": many(), "registry": many()}), 1):
        assert read <= 2 * count + 4
