"""What is recorded is logged: an outsider with the log's key reads it, whole and in order, and its owners open it."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.registry import operations
from services.registry.domain.leaves import Opening, committed
from shared.ids import new_id, new_secret
from shared.messaging.events import (
    AchievementPublished,
    Actor,
    InstitutionStandingChanged,
    Message,
    SigningKeyChanged,
)
from shared.transparency.merkle import EMPTY_ROOT, leaf_hash
from shared.transparency.tiles import tiles_of
from tests.integration.registry.builders import Badge, verification
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import ORIGIN, as_owner, keeping, log_badges, published, reader
from tests.support.records import delivery
from tests.support.service import OPERATOR

ACTOR = Actor(role="operator", key_id="operator")


async def test_what_happens_to_a_badge_is_in_the_log_and_its_record_says_where(registry: Registry) -> None:
    badge = Badge()
    async with registry.serving(), keeping(registry):
        await registry.feed(*badge.life())
        await published(registry, 4)
        record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
        assert [each["log_index"] for each in record["history"]] == [0, 1, 2, 3]
        outsider = await reader(registry)
        for entry in record["history"]:
            proof = await outsider.proven(entry["event_id"])
            assert (proof["log_index"], proof["origin"], proof["opening"]) == (entry["log_index"], ORIGIN, None)


async def test_an_outsider_computes_the_same_tree_from_the_entries(registry: Registry) -> None:
    await log_badges(registry, 300)
    async with registry.serving():
        outsider = await reader(registry)
        checkpoint = await outsider.checkpoint()
        assert checkpoint.size == 300
        hashes = [leaf_hash(entry) for entry in await outsider.entries(300)]
        assert checkpoint.root == _root(hashes)
        for tile in tiles_of(300):
            assert (await registry.client.get(f"/log/{tile.path}")).status_code == 200


def _root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY_ROOT
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + _root(hashes[:split]) + _root(hashes[split:])).digest()


async def test_how_large_it_was_at_a_time_anybody_may_know(registry: Registry) -> None:
    async with registry.serving():

        async def size(at: datetime) -> dict[str, Any]:
            answer = await registry.client.get("/v1/log/size", params={"at": at.isoformat()})
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        before = datetime.now(UTC)
        assert ((await size(before))["size"], (await size(before))["log"]) == (0, None)
        await log_badges(registry, 3)
        between = await registry.value("select laurel_clock()")
        await log_badges(registry, 2)
        then = await size(between)
        assert (then["size"], then["log"], then["origin"], then["current"]) == (3, 1, ORIGIN, True)
        assert datetime.fromisoformat(then["published_at"]) <= between
        assert (await size(before))["size"] == 0
        assert (await size(await registry.value("select laurel_clock()")))["size"] == 5
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        answer = await registry.client.get("/v1/log/size", params={"at": tomorrow})
        assert (answer.status_code, answer.json()["code"]) == (422, "at_in_future")


async def test_an_empty_log_has_a_checkpoint_and_no_tiles(registry: Registry) -> None:
    async with registry.serving(), keeping(registry):
        await published(registry, 0)
        checkpoint = await (await reader(registry)).checkpoint()
        assert (checkpoint.size, checkpoint.root) == (0, EMPTY_ROOT)
        assert (await registry.client.get("/log/tile/0/000.p/1")).status_code == 404


async def test_before_there_is_a_log_nothing_is_told_of_it(registry: Registry) -> None:
    badge = Badge()
    await registry.feed(badge.issued())
    async with registry.serving():
        for path in ("/log/checkpoint", "/log/vkey", "/log/tile/0/000", "/log/1/checkpoint", "/log/1/vkey"):
            assert (await registry.client.get(path)).status_code == 404
        record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
        waiting = await registry.client.get(f"/v1/log/proofs/{record['history'][0]['event_id']}")
        assert (waiting.status_code, waiting.json()["code"]) == (404, "not_yet_logged")
        unknown = await registry.client.get(f"/v1/log/proofs/{new_id()}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "event_not_found")


@pytest.mark.parametrize(
    "path",
    [
        "x001/../0/000.p/3", "0/x001/../000.p/3", "0/000.p/0", "0/000.p/256", "0/000.p/03", "0/0000.p/3", "0/00.p/3",
        "0/x000/000.p/3", "00/000.p/3", "64/000.p/3", "-1/000.p/3", "0/000.p/4", "0/000", "0/%3000.p/3", "0/000.p/3/",
        "0//000.p/3", "entries/000.p/4", "entries/x000/000.p/3", "entries/000.p/0", "0/000.p/3%00",
        "0/%D9%A0%D9%A0%D9%A0.p/3", "0/x036/x028/x797/x018/x963/967", "entries/x036/x028/x797/x018/x963/967",
    ],
)  # fmt: skip
async def test_a_tile_is_found_under_its_one_canonical_path(registry: Registry, path: str) -> None:
    await log_badges(registry, 3)
    async with registry.serving():
        right = await registry.client.get("/log/tile/0/000.p/3")
        assert (right.status_code, len(right.content)) == (200, 96)
        # As it is written here: a client would tidy it up.
        wrong = await registry.client.get("/", extensions={"target": f"/log/tile/{path}".encode()})
        assert wrong.status_code == 404, wrong.text


async def test_tiles_of_every_published_width_stay_and_are_for_ever(registry: Registry) -> None:
    await log_badges(registry, 2)
    async with registry.serving():
        narrow = await registry.client.get("/log/tile/0/000.p/2")
    await log_badges(registry, 3)
    async with registry.serving():
        again = await registry.client.get("/log/tile/0/000.p/2")
        assert again.content == narrow.content == (await registry.client.get("/log/tile/0/000.p/5")).content[:64]
        assert again.headers["Cache-Control"].endswith("immutable")
        assert again.headers["Content-Type"] == "application/octet-stream"
        checkpoint = await registry.client.get("/log/checkpoint")
        assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert checkpoint.headers["Cache-Control"] == "no-cache"
        by_number = [(await registry.client.get(f"/log/1/{each}")).content for each in ("checkpoint", "tile/0/000.p/5")]
        assert by_number == [checkpoint.content, (await registry.client.get("/log/tile/0/000.p/5")).content]


async def test_an_entry_is_opened_to_its_owner_and_its_institution_and_to_nobody_else(registry: Registry) -> None:
    (badge,) = await log_badges(registry, 1)
    own, other = await registry.key(badge.institution_id), await registry.key(new_id())
    async with registry.serving():
        event = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()["history"][0]["event_id"]
        outsider = await reader(registry)
        allowed = [{"headers": own}, {"params": {"owner": badge.owner_token}}]
        for request in allowed:
            proof = await outsider.proven(event, **request)
            opening = Opening(proof["opening"]["facts"], proof["opening"]["salt"])
            assert committed(opening) == b64decode(proof["entry"])
            assert opening.salt == badge.salt
            assert opening.facts["credential_id"] == str(badge.id)
        for request in [{}, {"headers": other}, {"params": {"owner": new_secret()}}]:
            assert (await outsider.proven(event, **request))["opening"] is None
        page = await registry.client.get(f"/credentials/{badge.id}", headers={"Accept": "text/html"})
        assert badge.salt not in page.text


async def test_the_proof_is_a_file_too_from_the_badges_own_address(registry: Registry) -> None:
    (badge,) = await log_badges(registry, 1)
    async with registry.serving():
        event = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()["history"][0]["event_id"]
        public = await registry.client.get(f"/credentials/{badge.id}.tlog-proof")
        assert public.text == (await registry.client.get(f"/v1/log/proofs/{event}.tlog-proof")).text
        assert public.text.startswith("c2sp.org/tlog-proof@v1\n")
        owned = await registry.client.get(f"/credentials/{badge.id}.tlog-proof", params={"owner": badge.owner_token})
        assert "\nextra " in owned.text
        assert owned.headers["Cache-Control"] == "private, no-store"
        missing = await registry.client.get(f"/credentials/{badge.id}.tlog-proof?version=2")
        assert (missing.status_code, missing.json()["code"]) == (404, "credential_not_found")


async def test_institutions_keys_and_achievements_are_logged_beside_badges(registry: Registry) -> None:
    institution, salt = new_id(), new_secret()
    common = {"institution_id": institution, "version": 1, "salt": salt, "actor": ACTOR}
    told: list[Message] = [
        InstitutionStandingChanged(**common, name="North", did="did:web:north.example", standing="registered"),
        SigningKeyChanged(
            **common, key_id=new_id(), change="added", verification_method="did:web:n#k", public_key_multibase="z6Mk"
        ),
        AchievementPublished(**common, achievement_id=new_id(), number=1, achievement_digest="00" * 32),
    ]
    deliveries = [delivery(each) for each in told]
    own = await registry.key(institution)
    async with registry.serving(), keeping(registry):
        await registry.feed(*deliveries)
        await registry.feed(*deliveries)  # whatever comes twice is one leaf
        await published(registry, 3)
        outsider = await reader(registry)
        for index, each in enumerate(deliveries):
            proof = await outsider.proven(each.id, headers=own)
            assert proof["log_index"] == index
            assert proof["opening"]["facts"]["institution_id"] == str(institution)
            assert committed(Opening(**proof["opening"])) == b64decode(proof["entry"])
            assert (await outsider.proven(each.id))["opening"] is None


async def test_a_verification_is_logged_where_the_verifier_commits_to_it(registry: Registry) -> None:
    entry = sha256(b"commitment").digest()
    logged, silent = delivery(verification(None, commitment=entry.hex())), delivery(verification(None))
    async with registry.serving(), keeping(registry):
        await registry.feed(logged, silent)
        await published(registry, 1)
        outsider = await reader(registry)
        assert b64decode((await outsider.proven(logged.id))["entry"]) == entry
        assert (await registry.client.get(f"/v1/log/proofs/{silent.id}")).json()["code"] == "event_not_found"


async def test_what_was_recorded_before_there_was_a_log_goes_first_and_is_marked(registry: Registry) -> None:
    old, new = Badge(), Badge()
    await registry.feed(*old.life())
    as_owner(registry, "delete from log_entries")
    await registry.feed(new.issued())
    async with registry.serving(), keeping(registry):
        await published(registry, 5)
        history = (await registry.client.get(f"/v1/credentials/{old.id}")).json()["history"]
        assert [each["log_index"] for each in history] == [0, 1, 2, 3]
        outsider = await reader(registry)
        proof = await outsider.proven(history[0]["event_id"], params={"owner": old.owner_token})
        assert proof["backfilled"]
        assert committed(Opening(**proof["opening"])) == b64decode(proof["entry"])
        late = (await registry.client.get(f"/v1/credentials/{new.id}")).json()["history"][0]
        assert (late["log_index"], (await outsider.proven(late["event_id"]))["backfilled"]) == (4, False)


async def told_places(registry: Registry) -> list[tuple[str, UUID, bytes]]:
    """The type, id and value of each record that tells where leaves stand."""
    return await registry.rows(
        """
        select headers ->> 'ce_type', event_id, value from outbox
        where headers ->> 'ce_type' ~ 'laurel.(events?.logged|log-positions?.state).v1' order by id
        """
    )


async def refed(registry: Registry) -> list[tuple[str, UUID, bytes]]:
    """What is told of places when all is told again."""
    await registry.rows("delete from outbox returning id")
    async with registry.serving():
        assert (await registry.client.post("/v1/ops/refeed", headers=OPERATOR)).status_code == 200
    return await told_places(registry)


async def test_leaves_that_come_together_are_told_of_together_and_told_again_word_for_word(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    badges = [*await log_badges(registry, 3), *await log_badges(registry, 2)]
    told = await told_places(registry)
    leaves = [str(event_id) for (event_id,) in await registry.rows("select event_id from log_entries order by id")]
    states = [orjson.loads(value) for kind, _, value in told if kind == "laurel.log-positions.state.v1"]
    assert [each["first"] for each in states] == [0, 3]
    assert [each["event_ids"] for each in states] == [leaves[:3], leaves[3:]]
    assert [value for kind, _, value in told if kind == "laurel.events.logged.v1"] == [
        value for kind, _, value in told if kind == "laurel.log-positions.state.v1"
    ]
    assert not any(badge.salt.encode() in value for badge in badges for _, _, value in told)
    monkeypatch.setattr(operations, "REFEED_AT_ONCE", 4)
    assert await refed(registry) == told


async def test_what_a_registry_of_before_told_of_alone_is_told_of_alone_again(registry: Registry) -> None:
    await log_badges(registry, 3)
    as_owner(registry, "update log_entries set told_with = null")
    told = await refed(registry)
    assert [(kind, orjson.loads(value)["log_index"]) for kind, _, value in told] == [
        (kind, index) for index in range(3) for kind in ("laurel.event.logged.v1", "laurel.log-position.state.v1")
    ]


async def test_time_going_backwards_decides_nothing(registry: Registry) -> None:
    first, second = Badge(), Badge()
    await registry.feed(delivery(first.issued(), time=datetime(2026, 6, 1, tzinfo=UTC)))
    await registry.feed(delivery(second.issued(), time=datetime(2026, 1, 1, tzinfo=UTC)))
    async with registry.serving(), keeping(registry):
        await published(registry, 2)
        indexes = [
            (await registry.client.get(f"/v1/credentials/{each.id}")).json()["history"][0]["log_index"]
            for each in (first, second)
        ]
        assert indexes == [0, 1]
