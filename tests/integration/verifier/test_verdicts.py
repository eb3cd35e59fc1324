"""What the verifier says of badges, over HTTP, from copies of the issuer's state and real worker processes."""

import copy
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.credentials.badge import Issuer
from shared.messaging.events import ISSUER_STATE
from tests.integration.verifier.builders import (
    EMAIL,
    NAME,
    PUBLIC_URL,
    Institution,
    a_poison_badge,
    a_stranger,
    now,
    strangers_badge,
)
from tests.integration.verifier.conftest import Verifier, outcomes


def said(report: dict[str, Any]) -> tuple[str, str | None]:
    return report["verdict"], report["reason"]


def id_of(badge: dict[str, Any]) -> UUID:
    return UUID(badge["id"].rpartition("/")[2])


async def test_a_badge_of_ours_is_valid_and_the_report_says_what_was_and_was_not_checked(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    report = await served.verify(badge)
    assert said(report) == ("valid", None)
    assert report["issuer"] == {
        "id": oak.did,
        "claimed_name": "Oak College",
        "standing": "registered",
        "registered_name": "Oak College",
    }
    assert outcomes(report) == {
        **dict.fromkeys(("structure", "contexts", "issuer", "proof"), "pass"),
        **dict.fromkeys(("signing_time", "key", "registry", "status", "validity", "conformance", "standing"), "pass"),
        **dict.fromkeys(("evidence", "recipient"), "skipped"),
    }
    assert report["verdicts"] == {"proof": "pass", "status": "pass", "conformance": "pass"}
    assert "Whose badge it is was not checked." in report["summary"]
    assert report["status_as_of"] <= report["verified_at"]
    assert report["credential"]["id"] == badge["id"]
    assert "credentialSubject" not in report["credential"]


async def test_a_sandboxes_credential_is_a_demonstration_though_it_does_not_say_so(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await served.feed(oak.state(version=2, sandbox=True))
    report = await served.verify(badge)
    assert (said(report), outcomes(report)["demo"]) == (("valid", None), "warn")
    assert "demonstration" in report["summary"]


async def test_a_registered_institutions_name_comes_from_the_registry_alone(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge(issuer=Issuer(oak.did, "University of Oxford"))
    await served.know(oak, badge)
    report = await served.verify(badge)
    assert said(report) == ("valid", None)
    assert "Oak College" in report["summary"]
    assert "Oxford" not in report["summary"]


async def test_of_a_replaced_badge_is_told_which_one_has_its_place(served: Verifier) -> None:
    oak, newer = Institution(), uuid4()
    badge = oak.badge()
    await served.feed(oak.state(), oak.key_state(), oak.credential(badge, "revoked", replaced_by=newer))
    report = await served.verify(badge)
    assert said(report) == ("invalid", "revoked")
    place = f"It was replaced: {PUBLIC_URL}/credentials/{newer} has its place."
    assert report["summary"].endswith(place)
    assert [check["detail"].endswith(place) for check in report["checks"] if check["name"] == "status"] == [True]


async def test_a_revoked_badge_is_revoked_and_stays_so_whatever_comes_late(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await served.feed(oak.credential(badge, "revoked"))
    assert said(await served.verify(badge)) == ("invalid", "revoked")
    await served.feed(oak.credential(badge))
    await served.execute("update heartbeats set time = time - interval '1 hour'")
    assert said(await served.verify(badge)) == ("invalid", "revoked")


async def test_a_stale_status_is_unknown_and_never_valid(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await served.execute("update heartbeats set time = now() - interval '241 seconds'")
    report = await served.verify(badge)
    assert said(report) == ("unknown", "status_unavailable")
    assert report["status_as_of"] is not None


async def test_ten_idle_minutes_with_running_heartbeats_leave_a_badge_valid(verifier: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await verifier.know(oak, badge)
    await verifier.execute("update heartbeats set time = now() + interval '10 minutes'")
    superuser = await asyncpg.connect(verifier.clean.superuser)
    await superuser.execute(f"alter database {verifier.clean.name} set app.clock_offset = '10 minutes'")
    await superuser.close()
    async with verifier.serving():
        assert said(await verifier.verify(badge)) == ("valid", None)


async def test_a_badge_with_a_parked_or_buried_record_is_unknown_whatever_the_heartbeat_says(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    for state in ("parked", "buried"):
        await served.execute(
            """
            insert into held_records (consumer, state, cause, topic, partition, "offset", aggregate, header_names,
                                      header_bytes, stored_at, reason)
            values ('laurel.verifier.state', $1, 'failed', $2, 0, 1, $3, '{}', '{}', now(), 'test')
            """,
            state,
            ISSUER_STATE,
            str(id_of(badge)),
        )
        assert said(await served.verify(badge)) == ("unknown", "status_unavailable")
        await served.execute("delete from held_records")
    assert said(await served.verify(badge)) == ("valid", None)


async def test_a_badge_that_is_not_recorded_is_unknown_first_and_invalid_later(served: Verifier) -> None:
    oak = Institution()
    await served.know(oak)
    assert said(await served.verify(oak.badge(created=now()))) == ("unknown", "not_yet_recorded")
    assert said(await served.verify(oak.badge(created=now() - timedelta(seconds=30)))) == ("invalid", "not_in_registry")
    assert said(await served.verify(oak.badge(created=now() + timedelta(hours=1)))) == ("invalid", "created_in_future")


async def test_a_stranger_that_calls_itself_like_an_institution_is_told_apart(served: Verifier) -> None:
    oak, stranger = Institution(), a_stranger(name="Oak College")
    await served.know(oak)
    report = await served.verify(strangers_badge(stranger))
    assert said(report) == ("valid", None)
    assert report["issuer"] == {
        "id": stranger.did,
        "claimed_name": "Oak College",
        "standing": "unknown",
        "registered_name": None,
    }
    assert "whom this registry does not know, who calls itself “Oak College”" in report["summary"]
    assert outcomes(report)["standing"] == "warn"
    assert outcomes(report)["status"] == "skipped"


async def test_a_stranger_that_copies_an_institutions_did_is_invalid(served: Verifier) -> None:
    oak, stranger = Institution(), a_stranger()
    await served.know(oak)
    badge = strangers_badge(stranger, issuer=Issuer(oak.did, oak.name))
    assert said(await served.verify(badge)) == ("invalid", "issuer_mismatch")


async def test_a_stranger_under_an_id_of_ours_is_invalid(served: Verifier) -> None:
    oak, stranger = Institution(), a_stranger()
    badge = oak.badge()
    await served.know(oak, badge)
    for credential_id in (badge["id"], f"{PUBLIC_URL}/credentials/{uuid4()}"):
        forged = strangers_badge(stranger, credential_id=credential_id)
        assert said(await served.verify(forged)) == ("invalid", "issuer_mismatch")


async def test_a_strangers_badge_with_a_status_elsewhere_is_unknown_until_statuses_are_fetched(
    served: Verifier,
) -> None:
    badge = a_stranger().badge(credential_id=f"urn:uuid:{uuid4()}")
    assert said(await served.verify(badge)) == ("unknown", "status_unavailable")


async def test_a_did_web_that_is_not_ours_is_unknown(served: Verifier) -> None:
    stranger = Institution(did="did:web:elsewhere.example")
    report = await served.verify(strangers_badge(stranger))
    assert report["verdict"] == "unknown"
    assert outcomes(report)["proof"] == "unknown"


async def test_a_did_web_of_ours_is_resolved_from_its_state_and_never_fetched(served: Verifier) -> None:
    oak = Institution(did="did:web:badges.example:institutions:oak")
    badge = oak.badge()
    assert (await served.verify(badge))["verdict"] == "unknown"
    await served.know(oak, badge)
    assert said(await served.verify(badge)) == ("valid", None)
    other = Institution(did=oak.did)
    assert said(await served.verify(other.badge())) == ("invalid", "unknown_key")
    await served.feed(oak.key_state(version=2, retired_at=now() - timedelta(hours=2)))
    assert said(await served.verify(badge)) == ("invalid", "key_retired")


async def test_dates_go_by_the_databases_clock(served: Verifier) -> None:
    oak = Institution()
    over = oak.badge(valid_until=now() - timedelta(minutes=1))
    later = oak.badge(valid_from=now() + timedelta(hours=1))
    just_now = oak.badge(valid_from=now() + timedelta(seconds=20))
    await served.know(oak, over, later, just_now)
    assert said(await served.verify(over)) == ("invalid", "expired")
    assert said(await served.verify(later)) == ("invalid", "not_yet_valid")
    assert said(await served.verify(just_now)) == ("valid", None)


async def test_a_demo_badge_says_so(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge(demo=True)
    await served.know(oak, badge)
    report = await served.verify(badge)
    assert (said(report), outcomes(report)["demo"]) == (("valid", None), "warn")
    assert "demonstration" in report["summary"]


async def test_whose_badge_it_is_is_a_check_of_its_own(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    for expected, outcome, words in (
        ({"email": EMAIL}, "pass", "to the person asked about"),
        ({"email": EMAIL.upper()}, "pass", "to the person asked about"),
        ({"name": NAME}, "pass", "to the person asked about"),
        ({"email": EMAIL, "name": NAME}, "pass", "to the person asked about"),
        ({"email": "somebody@else.example"}, "fail", "to somebody else"),
        ({"email": EMAIL, "name": "Somebody Else"}, "fail", "to somebody else"),
        ({"id": "did:key:z6Mk"}, "unknown", "can't be told"),
    ):
        report = await served.verify(badge, expected_recipient=expected)
        assert said(report) == ("valid", None)
        assert outcomes(report)["recipient"] == outcome, expected
        assert words in report["summary"]


async def test_members_in_another_order_leave_a_badge_valid(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    assert said(await served.verify(shuffled(badge, random.Random(7)))) == ("valid", None)


@pytest.mark.parametrize("ours", [True, False])
async def test_a_badge_altered_in_any_member_is_never_valid(served: Verifier, ours: bool) -> None:
    oak = Institution()
    badge = oak.badge() if ours else strangers_badge(oak)
    if ours:
        await served.know(oak, badge)
    assert said(await served.verify(badge)) == ("valid", None)
    employer = await served.employer()
    altered = list(alterations(badge, random.Random(7)))
    assert len(altered) > 300
    for start in range(0, len(altered), 100):
        some = altered[start : start + 100]
        answer = await served.client.post("/v1/verifications/batch", json={"credentials": some}, headers=employer)
        assert answer.status_code == 200, answer.text
        for each, report in zip(some, answer.json()["results"], strict=True):
            assert report["verdict"] != "valid", each


async def test_a_poison_graph_is_too_complex_and_the_next_is_answered(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    assert said(await served.verify(a_poison_badge())) == ("unknown", "too_complex")
    assert said(await served.verify(badge)) == ("valid", None)


async def test_content_that_is_no_badge_is_a_report_and_no_error(served: Verifier) -> None:
    no_context = {"@context": "x", "type": "VerifiableCredential"}
    for credential in ({}, {"a": None}, {"@context": [], "type": []}, {"proof": {}}, no_context):
        report = await served.verify(credential)
        assert report["verdict"] in ("invalid", "unknown")
        assert report["reason"] in ("malformed", "unsupported_format")


# No careful reader takes these as JSON.
UNREADABLE = (
    b'{"credential": ' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"credential": {"n": ' + b"9" * 1_000_000 + b"}}",
    b'{"credential": {"n": 1e400}}',
    b'{"credential": {"n": NaN}}',
    b'{"credential": {"n": Infinity}}',
    b'{"credential": {"a": 1, "a": 2}}',
    b'{"credential": {"a": "\\ud800"}}',
    b'{"credential": {"a": "\\u0000"}}',
    b'\xef\xbb\xbf{"credential": {}}',
)
WRONG = (
    b'{"credential": "text"}',
    b'{"credential": []}',
    b"{}",
    b"[]",
    b'{"credential": {}, "expected_recipient": {}}',
    b'{"credential": {}, "expected_recipient": {"email": null}}',
    b'{"credential": {}, "verdict": "valid"}',
)


async def test_input_from_which_no_credential_can_be_taken_is_a_problem(served: Verifier) -> None:
    json_body = {"Content-Type": "application/json"}
    for bodies, expected in ((UNREADABLE, (400, "malformed")), (WRONG, (422, "invalid_request"))):
        for body in bodies:
            answer = await served.client.post("/v1/verifications", content=body, headers=json_body)
            assert (answer.status_code, answer.json()["code"]) == expected, body[:60]


async def test_unusual_text_in_a_credential_is_answered_and_recorded(served: Verifier) -> None:
    employer = await served.employer()
    odd = {"id": "https://x/credentials/\ufffd\u202e", "issuer": {"id": "\x01" * 100, "name": "x" * 100_000}}
    report = await served.verify(odd, headers=employer)
    assert report["verdict"] == "invalid"


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same document with the members of every object in another order."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance) for name in names}
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


def alterations(badge: dict[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    """The badge with one member gone, one value changed, one member or item added: once for each place in it."""
    for path, value in places(badge):
        for new in changed(value, chance):
            yield with_value(badge, path, new)
        yield without(badge, path)
        if isinstance(value, dict):
            yield with_value(badge, path, {**value, "description": "added"})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every path in a document but its root, with what stands there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in items:
        yield (*path, name), member
        yield from places(member, (*path, name))


def changed(value: Any, chance: random.Random) -> list[Any]:
    """Other values of the same kind, and one of another."""
    match value:
        case bool():
            return [not value]
        case str():
            at = chance.randrange(len(value))
            return [value[:at] + ("y" if value[at] == "x" else "x") + value[at + 1 :], value + "x", [value, "x"], None]
        case int() | float():
            return [value + 1, str(value)]
        case list():
            return [[*value, value[0]], [*value, "x"], []]
        case _:
            return [[value, value], "x"]


def with_value(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The document with another value at a path."""
    altered = copy.deepcopy(document)
    parent: Any = altered
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return altered


def without(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The document without what stands at a path."""
    altered = copy.deepcopy(document)
    parent: Any = altered
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    return altered
