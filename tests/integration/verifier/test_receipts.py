"""Receipts: checked without the verifier, made of what the log shows, and refused where the log contradicts itself."""

from base64 import b64decode, urlsafe_b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature

from cli.receipt.checking import check
from cli.receipt.form import read_receipt
from cli.receipt.trust import Trust
from services.verifier.store import receipts
from shared.credentials.keys import decode_multikey
from shared.messaging.events import CheckpointState
from shared.transparency.checkpoints import Checkpoint, open_checkpoint
from shared.transparency.merkle import check_inclusion, leaf_hash
from shared.transparency.policy import Log, Policy
from tests.integration.messaging.conditions import alarms
from tests.integration.verifier.builders import Institution, now, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.logs import Logged
from tests.support.log_site import LogSite, serving_log
from tests.support.poll import eventually
from tests.support.records import beats
from tests.support.service import OPERATOR


@pytest.fixture
async def logged(verifier: Verifier) -> AsyncIterator[Logged]:
    with serving_log(LogSite()) as log:
        async with verifier.serving("api", log_url=log.url):
            yield Logged(verifier, await verifier.employer(), log)


async def checked(logged: Logged, receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check a receipt as who has it, the log's key and the verifier's published key; return its events."""
    keys = (await logged.verifier.client.get("/.well-known/laurel-verifier.json")).json()["receipt_keys"]
    [key] = [each for each in keys if each["id"] == receipt["key"]["id"]]
    signed = {name: value for name, value in receipt.items() if name != "signature"}
    signature = urlsafe_b64decode(receipt["signature"] + "==")
    message = b"laurel receipt v1\n" + rfc8785.dumps(signed)
    decode_multikey(key["public_key_multibase"]).verify(signature, message)  # type: ignore[call-arg,union-attr]  # Ed25519
    checkpoint, _ = open_checkpoint(receipt["checkpoint"].encode(), logged.log.signer.verifier)
    for event in receipt["events"]:
        leaf = b64decode(event["leaf_hash"])
        if event["facts"]:
            salt = urlsafe_b64decode(event["salt"] + "=")
            assert leaf == leaf_hash(sha256(salt + rfc8785.dumps(event["facts"])).digest())
        proof = [b64decode(each) for each in event["inclusion"]]
        size, root = checkpoint.size, checkpoint.root
        check_inclusion(index=event["log_index"], size=size, leaf=leaf, proof=proof, root=root)
    return {event["about"]: event for event in receipt["events"]}


async def test_a_receipt_shows_issue_last_change_and_answer_to_be_logged_to_who_checks_it_alone(logged: Logged) -> None:
    badge = await logged.badge(Institution(), changes=("suspended", "reinstated", "revoked"))
    report = await logged.verify(badge)
    answer = await logged.ask(report)
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    events = await checked(logged, receipt)
    assert list(events) == ["issued", "status", "verification"]
    assert events["issued"]["facts"]["type"] == "issued"
    assert (events["status"]["facts"]["type"], events["status"]["facts"]["version"]) == ("revoked", 4)
    assert events["verification"]["facts"]["verdict"] == receipt["report"]["verdict"] == "invalid"
    assert receipt["document_digest"] == report["credential"]["digest"]
    trust = Trust(receipt["key"]["public_key_multibase"], policy=Policy((Log(logged.log.signer.verifier),)))
    said, form = read_receipt(answer.content)
    assert form is not None
    assert check(said, form, trust, badge=report["credential"]["digest"], now=0).open == []
    with pytest.raises(InvalidSignature):
        await checked(logged, {**receipt, "document_digest": "0" * 64})


async def test_a_receipt_shows_the_change_that_the_answer_rests_on_though_its_time_is_not_vouched_for_yet(
    logged: Logged,
) -> None:
    oak = Institution()
    badge = await logged.badge(oak, changes=("suspended", "revoked"))
    await logged.verifier.hear(beats(now() - timedelta(hours=1)))
    report = await logged.verify(badge)
    assert report["reason"] == "revoked"
    events = await checked(logged, (await logged.ask(report)).json())
    assert events["status"]["facts"]["type"] == "revoked"
    await logged.verifier.execute(
        "update credentials set history = history || jsonb_build_array(history -> 0 || jsonb_build_object("
        "'version', 4, 'event_id', gen_random_uuid()::text))"
    )
    again = await checked(logged, (await logged.ask(report)).json())
    assert again["status"]["facts"] == events["status"]["facts"], "what came later is no ground of this answer"


async def test_a_receipt_of_an_answer_that_does_not_say_its_version_goes_by_the_time_of_its_status(
    logged: Logged,
) -> None:
    report = await logged.verify(await logged.badge(Institution(), changes=("suspended", "reinstated")))
    times = "select (history -> 1 ->> 'time')::timestamptz from credentials"
    await logged.verifier.execute(
        f"update verifications set credential_version = null, status_as_of = ({times}), salt = null"
    )
    events = await checked(logged, (await logged.ask(report)).json())
    assert list(events) == ["issued", "status"]
    assert events["status"]["facts"]["type"] == "suspended"


async def test_a_receipt_of_an_answer_about_the_past_shows_the_change_that_held_then(logged: Logged) -> None:
    report = await logged.verify(await logged.badge(Institution(), changes=("suspended", "reinstated")))
    then = "select (history -> 1 ->> 'time')::timestamptz from credentials"
    await logged.verifier.execute(f"update verifications set salt = null, as_of = ({then})")
    events = await checked(logged, (await logged.ask(report)).json())
    assert events["status"]["facts"]["type"] == "suspended"


async def test_a_receipt_of_a_strangers_badge_shows_the_answer_alone(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    events = await checked(logged, (await logged.ask(report)).json())
    assert list(events) == ["verification"]


async def test_what_is_not_yet_under_a_checkpoint_is_pending(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()), log=False)
    answer = await logged.ask(report)
    assert (answer.status_code, answer.json()) == (202, {"state": "pending"})
    await logged.place(UUID(report["id"]), await logged.commitment_of(report))
    assert (await logged.ask(report)).status_code == 202, "it has a place, and no checkpoint that is served covers it"
    logged.log.publish(logged.entries)
    assert (await logged.ask(report)).status_code == 200


async def test_an_event_whose_salt_is_erased_is_shown_to_be_logged_and_not_opened(logged: Logged) -> None:
    report = await logged.verify(await logged.badge(Institution(), salts=False))
    events = await checked(logged, (await logged.ask(report)).json())
    assert (events["issued"]["facts"], events["issued"]["salt"]) == (None, None)
    assert events["verification"]["facts"] is not None


async def test_a_receipt_is_its_employers_alone(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    another = await logged.verifier.employer("Other Ltd")
    assert (await logged.ask(report, another)).status_code == 404
    assert (await logged.ask({"id": uuid4()})).status_code == 404
    assert (await logged.ask(report, {"Authorization": ""})).status_code == 401


async def test_a_log_that_was_seen_larger_or_otherwise_gets_no_receipt_and_an_alarm(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    assert (await logged.ask(report)).status_code == 200
    before = alarms("log_contradicts")
    forged = [b"forged", *logged.entries[1:]]
    for entries in (logged.entries[:-1], forged, [*forged, b"and more"]):
        logged.log.publish(entries)
        answer = await logged.ask(report)
        assert (answer.status_code, answer.json()["code"]) == (503, "log_contradicts_itself")
    assert alarms("log_contradicts") == before + 3
    logged.log.publish([*logged.entries, b"and more"])
    assert (await logged.ask(report)).status_code == 200


async def test_of_two_views_that_are_read_at_once_the_second_is_found(logged: Logged) -> None:
    """Both were held to the same checkpoint before; only one can take its place, and the other is read again."""
    one, other = (Checkpoint(logged.log.origin, 1, leaf_hash(each)) for each in (b"one", b"other"))
    vkey = logged.log.signer.vkey
    for views in ((one, other), (replace(one, size=2), replace(other, size=2))):
        async with logged.verifier.worker.transaction() as tx:
            before = await receipts.last_seen(tx, logged.log.origin)
            assert await receipts.note_seen(tx, before, vkey, views[0])
            assert not await receipts.note_seen(tx, before, vkey, views[1])
            seen = await receipts.last_seen(tx, logged.log.origin)
            assert (seen["size"], seen["root"]) == (views[0].size, views[0].root)
            assert await receipts.note_seen(tx, seen, vkey, views[0])


async def test_the_first_key_is_believed_from_then_on_and_no_other(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    assert (await logged.ask(report)).status_code == 200
    logged.log.signer = LogSite(logged.log.origin).signer
    logged.log.publish(logged.entries)
    assert (await logged.ask(report)).json()["code"] == "log_contradicts_itself"


async def test_a_log_that_follows_on_the_one_that_is_believed_is_believed_too(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    assert (await logged.ask(report)).status_code == 200
    logged.log.publish([*logged.entries, b"one more"])
    before = alarms("log_contradicts")
    logged.log.succeeded(f"{logged.log.origin}/2")
    assert (await logged.ask(report)).json()["code"] == "log_superseded"
    report = await logged.verifier.verify(strangers_badge(Institution()), logged.employer)
    assert (await logged.ask(report)).status_code == 202, "its leaf is still to come, in the log that is read now"
    assert alarms("log_contradicts") == before
    believed = await logged.verifier.value("select vkey from log_seen order by seen_at desc limit 1")
    assert believed == logged.log.signer.vkey


@pytest.mark.parametrize("how", ["another name", "not its checkpoint", "cut off", "forked", "another key"])
async def test_a_log_that_does_not_follow_is_not_believed(logged: Logged, how: str) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    assert (await logged.ask(report)).status_code == 200
    origin = logged.log.origin
    if how == "cut off":
        logged.log.publish(logged.entries[:-1])
    if how == "forked":
        logged.log.publish([b"forged", *logged.entries[1:], b"more"])
    if how == "another key":
        logged.log.signer = LogSite(origin).signer
        logged.log.publish(logged.entries)
    name = "log.example/another" if how == "another name" else f"{origin}/2"
    logged.log.succeeded(name, b"something else" if how == "not its checkpoint" else None)
    before = alarms("log_contradicts")
    assert (await logged.ask(report)).json()["code"] == "log_contradicts_itself"
    assert alarms("log_contradicts") > before


async def test_a_leaf_that_is_not_the_event_it_should_be_gets_no_receipt(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    await logged.verifier.execute("update log_positions set log_index = 0")
    assert (await logged.ask(report)).json()["code"] == "log_contradicts_itself"


async def test_another_log_than_the_registry_tells_of_gets_no_receipt(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    await logged.verifier.feed(CheckpointState(origin=logged.log.origin, version=2, root="ab" * 32, checkpoint=""))
    assert (await logged.ask(report)).json()["code"] == "log_contradicts_itself"


async def test_a_log_that_does_not_answer_is_no_contradiction(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    logged.log.files.clear()
    answer = await logged.ask(report)
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unreachable")


async def test_a_rotated_key_signs_no_more_and_what_it_signed_is_still_checked(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    old = (await logged.ask(report)).json()
    path = "/v1/ops/receipt-keys/rotate"
    assert (await logged.verifier.client.post(path, headers=logged.employer)).status_code == 403
    answer = await logged.verifier.client.post(path, headers=OPERATOR)
    assert [each["retired_at"] is None for each in answer.json()["receipt_keys"]] == [True, False]
    new = (await logged.ask(report)).json()
    assert new["key"]["id"] == answer.json()["receipt_keys"][0]["id"] != old["key"]["id"]
    for receipt in (old, new):
        await checked(logged, receipt)


async def test_tiles_are_fetched_once(logged: Logged) -> None:
    report = await logged.verify(strangers_badge(Institution()))
    for _ in range(3):
        assert (await logged.ask(report)).status_code == 200
    tiles = [path for path in logged.log.asked if path.startswith("tile/")]
    assert len(tiles) == len(set(tiles)) > 0


async def test_the_receipt_key_is_made_at_the_first_start_kept_and_sealed(verifier: Verifier) -> None:
    published = []
    for _ in range(2):
        async with verifier.serving():

            async def made() -> bool:
                return bool(await verifier.rows("select id from receipt_keys"))

            await eventually(made)
            answer = await verifier.client.get("/.well-known/laurel-verifier.json")
            published.append(answer.json()["receipt_keys"])
    assert published[0] == published[1]
    [key] = published[0]
    assert set(key) == {"id", "public_key_multibase", "created_at", "retired_at"}
    sealed: bytes = await verifier.value("select sealed from receipt_keys")
    assert sealed[:1] == b"\x01"
