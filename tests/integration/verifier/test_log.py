"""What the verifier has of the transparency log: salts and nothing else of the issuer's events, places, own leaves."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
import rfc8785

from shared.messaging.cloudevents import Delivery
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import (
    Actor,
    CheckpointState,
    CredentialIssued,
    CredentialStatusChanged,
    LogPositionsState,
    LogPositionState,
    Reason,
    SigningKeyChanged,
)
from shared.messaging.ports import Record
from tests.integration.verifier.builders import EMAIL, NAME, Institution, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.test_state import refeed
from tests.support.poll import eventually
from tests.support.records import beats, delivery, record_of
from tests.support.service import OPERATOR

NOTE, LINK = "planted-note-7f3a", "planted-link-7f3a"
ORIGIN = "badges.example/log-7f3a"
SALTS = [bytes([n]) * 32 for n in range(4)]
ACTOR = Actor(role="institution", key_id="planted-key-7f3a")


def text(salt: bytes) -> str:
    return urlsafe_b64encode(salt).rstrip(b"=").decode()


def one_event_of_each(oak: Institution) -> list[Delivery]:
    """An issue, a revocation and a key of an institution, each with a salt and with what nobody here may keep."""
    badge = oak.badge()
    common: dict[str, Any] = {"institution_id": oak.id, "actor": ACTOR}
    credential = {"credential_id": UUID(badge["id"].rpartition("/")[2]), "document_digest": "0" * 64, **common}
    issued = CredentialIssued(
        **credential, credential=badge, status=(), owner_token=LINK, salt=text(SALTS[0]), email=EMAIL,
        achievement_id=uuid4(), achievement_version=1,
    )  # fmt: skip
    revoked = CredentialStatusChanged(
        **credential, version=2, change="revoked", status="revoked", reason=Reason(code="other", note=NOTE),
        salt=text(SALTS[1]),
    )  # fmt: skip
    key = SigningKeyChanged(
        **common, version=1, salt=text(SALTS[2]), key_id=oak.key_id, change="added", verification_method=oak.method,
        public_key_multibase="z6Mk",
    )  # fmt: skip
    return [delivery(each) for each in (issued, revoked, key)]


async def salts(verifier: Verifier) -> dict[UUID, bytes]:
    return dict(await verifier.rows("select event_id, salt from event_salts"))  # type: ignore[arg-type]  # pairs


async def everything(verifier: Verifier) -> str:
    """All that stands in the verifier's database, bytes as text too."""
    tables = await verifier.rows("select quote_ident(tablename) from pg_tables where schemaname = 'public'")
    return repr([await verifier.rows(f"select t::text from {name} t") for (name,) in tables])


async def publish_raw(verifier: Verifier, *records: Record) -> None:
    """Store records that no relay of ours would."""
    log = EmbeddedLog(verifier.settings.eventlog_dsn)
    publisher = await log.publisher()
    assert await publisher.publish(records) == [None] * len(records)
    await publisher.close()
    await log.close()


def altered(record: Record, value: bytes | None = None, **headers: bytes) -> Record:
    merged = {**dict(record.headers), **headers}
    return Record(record.partition, record.key, tuple(merged.items()), record.value if value is None else value)


async def test_of_the_issuers_events_salts_are_kept_and_nothing_else_whatever_their_type(verifier: Verifier) -> None:
    told = one_event_of_each(Institution())
    later, ill_formed = map(record_of, told[:2])
    later_id = uuid4()
    await verifier.publish(*told)
    await publish_raw(
        verifier,
        altered(
            later,
            orjson.dumps({"salt": text(SALTS[3]), "email": EMAIL}),
            ce_id=str(later_id).encode(),
            ce_type=b"new.v1",
        ),
        altered(ill_formed, f"{NOTE} {{".encode()),
    )
    wanted = {**{each.id: salt for each, salt in zip(told, SALTS, strict=False)}, later_id: SALTS[3]}
    async with verifier.serving("all"):

        async def all_there() -> bool:
            return await salts(verifier) == wanted

        await eventually(all_there)
        assert await verifier.rows("select * from held_records") == []
        stored = await everything(verifier)
        for planted in (EMAIL, NAME, NOTE, LINK, ACTOR.key_id):
            assert planted not in stored
            assert planted.encode().hex() not in stored


async def test_positions_come_from_the_registrys_state_and_salts_stay_when_copies_are_rebuilt(
    verifier: Verifier,
) -> None:
    told = one_event_of_each(Institution())
    first, *others = [each.id for each in told]
    places = [
        LogPositionState(event_id=first, origin=ORIGIN, log_index=0),  # as registries of before told
        LogPositionsState(origin=ORIGIN, first=1, event_ids=tuple(others)),
    ]
    checkpoint = CheckpointState(origin=ORIGIN, version=3, root="ab" * 32, checkpoint="note")
    older = checkpoint.model_copy(update={"version": 2})
    await verifier.publish(*told, *[delivery(each) for each in (*places, checkpoint, older)], *beats())

    async def as_told() -> bool:
        positions = await verifier.rows("select event_id, origin, log_index from log_positions order by log_index")
        heard = await verifier.rows("select origin, version, root from log_checkpoints")
        return (
            positions == [(each.id, ORIGIN, n) for n, each in enumerate(told)]
            and heard == [(ORIGIN, 3, "ab" * 32)]
            and len(await salts(verifier)) == 3
        )

    async with verifier.serving("all"):
        await eventually(as_told)
        await verifier.execute("update log_positions set log_index = 99, version = 1")
        answer = await verifier.client.post("/v1/ops/rebuild", headers=OPERATOR)
        assert answer.status_code == 200
        assert len(await salts(verifier)) == 3
        await eventually(as_told)


async def completed(verifier: Verifier) -> list[dict[str, Any]]:
    rows = await verifier.rows(
        "select value from outbox where headers ->> 'ce_type' = 'laurel.verification.completed.v1' order by id"
    )
    return [orjson.loads(value) for (value,) in rows]


def opened(event: dict[str, Any], salt: bytes) -> str:
    """The commitment as an outsider makes it who is shown facts and salt."""
    verified_at = event["verified_at"].removesuffix("Z")
    facts = {
        "record": "verification",
        "event_id": event["verification_id"],
        "verification_id": event["verification_id"],
        "verdict": event["verdict"],
        "standing": event["standing"],
        "verified_at": verified_at + ("" if "." in verified_at else ".000000") + "Z",
        **{name: event[name] for name in ("credential_id", "reason") if event[name] is not None},
    }
    return sha256(salt + rfc8785.dumps(facts)).hexdigest()


async def test_a_verification_is_committed_to_when_its_caller_has_a_key_or_the_badge_is_ours(served: Verifier) -> None:
    oak, employer = Institution(), await served.employer()
    ours, elses = oak.badge(), strangers_badge(Institution())
    await served.know(oak, ours)
    await served.verify(ours)
    await served.verify(elses, employer)
    await served.verify(elses, OPERATOR)
    await served.verify(elses)
    events = await completed(served)
    kept = dict(await served.rows("select id::text, salt from verifications"))  # type: ignore[arg-type]  # pairs
    assert len(events) == len(kept) == 3, "what a stranger asks of a stranger's badge is answered and counted"
    for event in events:
        assert event["commitment"] == opened(event, kept[event["verification_id"]])
    assert len({each["commitment"] for each in events}) == 3
    assert [each["credential_id"] is not None for each in events] == [True, False, False]


async def test_a_batchs_verifications_have_a_salt_each_and_a_repeated_request_makes_no_other(served: Verifier) -> None:
    employer = {**await served.employer(), "Idempotency-Key": "k"}
    body = {"credentials": [strangers_badge(Institution())] * 3}
    for _ in range(2):
        answer = await served.client.post("/v1/verifications/batch", json=body, headers=employer)
        assert answer.status_code == 200, answer.text
    assert await served.value("select count(distinct salt) from verifications") == 3
    assert len({each["commitment"] for each in await completed(served)}) == len(await completed(served)) == 3


async def test_a_commitment_is_told_again_as_it_was_and_its_salt_never(served: Verifier) -> None:
    employer = await served.employer()
    report = await served.verify(strangers_badge(Institution()), employer)
    [before] = await completed(served)
    await served.execute("delete from outbox")
    await refeed(served)
    assert await completed(served) == [before]
    salt: bytes = await served.value("select salt from verifications")
    told: Sequence[tuple[Any, ...]] = await served.rows("select headers::text, convert_from(value, 'utf8') from outbox")
    answers = [
        await served.client.get(f"/v1/verifications{path}", headers=employer) for path in ("", f"/{report['id']}")
    ]
    shown = repr(told) + "".join(answer.text for answer in answers)
    for form in (salt.hex(), text(salt), text(salt).replace("-", "+").replace("_", "/")):
        assert form not in shown


async def test_a_verification_of_before_there_was_a_log_has_no_commitment(served: Verifier) -> None:
    await served.verify({}, await served.employer())
    await served.execute("update verifications set salt = null")
    await served.execute("delete from outbox")
    await refeed(served)
    [event] = await completed(served)
    assert event["commitment"] is None
