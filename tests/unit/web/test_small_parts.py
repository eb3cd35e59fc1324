"""Entity tags, keys and problems keep their small promises."""

from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import PlainTextResponse

from shared import errors
from shared.ids import PARTITIONS, partition_of
from shared.web import auth, etag, problems
from shared.web.fields import Name
from shared.web.limits import BodyLimit


def test_a_stale_entity_tag_is_refused_and_a_current_one_is_not() -> None:
    etag.refuse_stale(None, 3)
    etag.refuse_stale("*", 3)
    etag.refuse_stale('"2", "3"', 3)
    with pytest.raises(errors.PreconditionFailed):
        etag.refuse_stale('"2"', 3)


def test_a_new_key_carries_its_id_and_only_its_hash_is_stored() -> None:
    key_id = uuid4()
    key = auth.new_key(key_id)
    mark, found, secret = key.text.split("_", 2)
    assert (mark, found) == ("lrl", key_id.hex)
    assert len(secret) == 43
    assert secret.encode() not in key.hash


def test_every_error_has_a_status_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.LaurelError]
    mapped = [kind for kind in kinds if issubclass(kind, errors.LaurelError)]
    assert set(mapped) == set(problems.STATUS)
    assert len(set(problems.STATUS.values())) == len(problems.STATUS)


@given(st.text(max_size=50))
def test_a_keys_partition_is_one_of_sixteen_and_never_changes(key: str) -> None:
    assert 0 <= partition_of(key) < PARTITIONS
    assert partition_of(key) == partition_of(key)


def test_partitions_are_those_that_are_on_disk_already() -> None:
    assert [partition_of(key) for key in ("", "heartbeat/0", "laurel")] == [0, 0, 14]


@pytest.mark.parametrize(
    ("path", "size", "status"), [("/many", 30, 200), ("/many", 31, 413), ("/one", 10, 200), ("/one", 11, 413)]
)
async def test_a_route_that_takes_many_things_takes_a_longer_body_and_no_other_does(
    path: str, size: int, status: int
) -> None:
    bounded = BodyLimit(PlainTextResponse("taken"), max_bytes=10, seconds=1, larger={"/many": 30})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounded), base_url="http://test") as client:
        assert (await client.post(path, content=b"x" * size)).status_code == status


class _Body(BaseModel):
    some: list[int] = Field(min_length=1)
    one: dict[str, int]
    name: Name


def test_a_mistake_in_a_body_is_told_without_the_validators_own_words() -> None:
    with pytest.raises(ValidationError) as found:
        _Body.model_validate({"some": [], "one": 1, "name": " "})
    told = [problems.message_of(each) for each in found.value.errors()]
    assert told == ["must hold at least 1", "must be a JSON object", "must not be blank"]
