"""A leaf commits to facts as docs/record.md says, so that anybody can recompute it."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from shared.transparency.commitments import (
    achievement_facts,
    commitment,
    credential_facts,
    instant,
    institution_facts,
    signing_key_facts,
    verification_facts,
)
from shared.transparency.errors import InvalidFacts
from shared.transparency.merkle import leaf_hash

SALT = bytes(range(32))
AT = datetime(2026, 11, 26, 12, 0, 0, 42, UTC)
PAGE = (Path(__file__).parents[3] / "docs" / "record.md").read_text()


def some_id(digit: int) -> UUID:
    return UUID(f"{digit}" * 8 + "-0000-4000-8000-000000000000")


BY = {"accepted_at": AT, "actor_role": "institution", "actor_key": some_id(9)}
ISSUED = credential_facts(
    event_id=some_id(1),
    type="issued",
    credential_id=some_id(2),
    version=1,
    reason_code=None,
    document_digest="ab" * 32,
    status="issued",
    **BY,
)
EVERY = [
    ISSUED,
    signing_key_facts(
        event_id=some_id(1),
        type="added",
        institution_id=some_id(3),
        key_id=some_id(4),
        version=1,
        verification_method="did:key:z6Mk#z6Mk",
        public_key_multibase="z6Mk",
        **BY,
    ),
    institution_facts(
        event_id=some_id(1),
        institution_id=some_id(3),
        version=1,
        did="did:key:z6Mk",
        standing="registered",
        name_digest="cd" * 32,
        **BY,
    ),
    achievement_facts(
        event_id=some_id(1),
        achievement_id=some_id(5),
        number=1,
        institution_id=some_id(3),
        achievement_digest="ef" * 32,
        **BY,
    ),
    verification_facts(
        event_id=some_id(1),
        verification_id=some_id(6),
        credential_id=None,
        verdict="invalid",
        reason="revoked",
        standing="registered",
        verified_at=AT,
    ),
]


def test_a_commitment_is_the_hash_of_the_salt_and_the_facts_sorted_and_without_spaces() -> None:
    form = json.dumps(ISSUED, sort_keys=True, separators=(",", ":"))
    assert commitment(SALT, ISSUED) == hashlib.sha256(SALT + form.encode()).digest()


def test_the_example_of_the_page_is_what_it_says() -> None:
    form, entry, leaf = re.search(r"```\n(\{.*\})\n([0-9a-f]{64})\n([0-9a-f]{64})\n```", PAGE).groups()
    facts = json.loads(form)
    assert facts == ISSUED
    assert commitment(SALT, facts).hex() == entry == hashlib.sha256(SALT + form.encode()).hexdigest()
    assert leaf_hash(bytes.fromhex(entry)).hex() == leaf


@pytest.mark.parametrize("facts", EVERY, ids=[facts["record"] for facts in EVERY])
def test_the_page_names_every_member_of_every_kind(facts: dict) -> None:
    section = PAGE.partition(f"### `{facts['record']}`")[2].partition("###")[0]
    assert [name for name in facts if f"`{name}`" not in PAGE.partition("### ")[0] + section] == []


def test_no_two_kinds_have_the_same_facts() -> None:
    assert len({facts["record"] for facts in EVERY}) == len(EVERY)


def test_what_is_not_known_is_left_out() -> None:
    assert "reason_code" not in ISSUED
    assert None not in [value for facts in EVERY for value in facts.values()]


def test_each_member_and_the_salt_change_the_commitment() -> None:
    for name, value in ISSUED.items():
        altered = {**ISSUED, name: value + 1 if isinstance(value, int) else f"{value} "}
        assert commitment(SALT, altered) != commitment(SALT, ISSUED)
        assert commitment(SALT, {key: each for key, each in ISSUED.items() if key != name}) != commitment(SALT, ISSUED)
    assert commitment(bytes(32), ISSUED) != commitment(SALT, ISSUED)


def test_the_order_of_the_members_does_not_matter() -> None:
    assert commitment(SALT, dict(reversed(ISSUED.items()))) == commitment(SALT, ISSUED)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_salt_has_32_bytes(size: int) -> None:
    with pytest.raises(InvalidFacts):
        commitment(bytes(size), ISSUED)


@pytest.mark.parametrize("value", [2**53, b"bytes", object(), float("nan"), "\ud800"])
def test_what_has_no_canonical_form_is_not_committed_to(value: object) -> None:
    with pytest.raises(InvalidFacts):
        commitment(SALT, {"record": value})


@pytest.mark.parametrize("digest", ["", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "zz" * 32])
def test_a_digest_is_64_small_hex_digits(digest: str) -> None:
    with pytest.raises(InvalidFacts):
        achievement_facts(
            event_id=some_id(1),
            achievement_id=some_id(5),
            number=1,
            institution_id=some_id(3),
            achievement_digest=digest,
            **BY,
        )


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (AT, "2026-11-26T12:00:00.000042Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:30:00.000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_utc_with_six_decimals(time: datetime, text: str) -> None:
    assert instant(time) == text


def test_a_time_without_a_zone_is_no_instant() -> None:
    with pytest.raises(InvalidFacts):
        instant(datetime(2026, 1, 1))  # noqa: DTZ001
