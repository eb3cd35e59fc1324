"""What a worker makes of a chunk is let go with it: nothing waits for Python's collector of cycles."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest

from services.issuer.domain.formats import DEFAULT
from services.issuer.domain.jobs import RowOrder
from services.issuer.domain.plan import Order
from services.issuer.handlers.job_chunks import Chunks
from shared.errors import Invalid

JOB = {"columns": None, "achievement_id": UUID(int=1), "formats": DEFAULT}


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_the_rows_of_a_chunk_do_not_outlive_it_where_one_of_them_is_wrong() -> None:
    made: list[weakref.ref[RowOrder]] = []

    def read(text: str, *_: Any) -> RowOrder:
        if text == "wrong":
            raise Invalid("email_invalid", "This is no address.")
        order = RowOrder(Order(email=text), b"key", b"digest")
        made.append(weakref.ref(order))
        return order

    nothing = cast(Any, None)
    chunks = Chunks(nothing, nothing, nothing, read)
    rows = [{"number": 2, "sent": "a@b.example"}, {"number": 3, "sent": "wrong"}]
    orders, refused = chunks._read(JOB, rows)
    assert (set(orders), refused[3].code) == ({2}, "email_invalid")
    assert made[0]() is not None
    del orders, refused
    assert made[0]() is None
