"""Long texts go to a worker process once, and every job comes out of its parcel as it was."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.verifier import parcels
from services.verifier.jobs import AnyJob, Job, Presenting, Reading, Text, Unpacking
from services.verifier.parcels import LONG, Packer, Unpacker

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LIST = "ü" * 100_000


def a_job(**texts: str | None) -> Job:
    fetched = {f"https://{name}.example": Text(text=text, age=1.5, redirects=1) for name, text in texts.items()}
    return Job(badge={"name": "Ö"}, now=NOW, fetched=fetched)


def sent(packer: Packer, unpacker: Unpacker, jobs: Sequence[AnyJob]) -> list[int]:
    """How many bytes each job took on its way, on which none has changed."""
    sizes = []
    for job in jobs:
        message = packer.packed(job)
        assert unpacker.job(message) == job
        sizes.append(len(message))
    return sizes


def test_what_a_thousand_badges_rest_on_is_sent_once() -> None:
    jobs = [a_job(list=LIST, issuer="short", gone=None) for _ in range(1_000)]
    first, *others = sent(Packer(), Unpacker(), jobs)
    assert first > len(LIST)
    assert max(others) < LONG


def test_every_kind_of_job_comes_out_as_it_was() -> None:
    shown = Presenting(presentation={}, now=NOW, fetched={"https://a.example": Text(text=LIST, gone=True)})
    jobs = [a_job(), shown, Unpacking(raw=b"\x89PNG"), Reading(json_text=b"{}\xff"), shown, a_job(a=LIST, b=LIST)]
    sent(Packer(), Unpacker(), [*jobs, *jobs])


def test_other_texts_and_other_numbers_never_mix() -> None:
    texts = [f"{number}" * LONG for number in range(9)]
    jobs = [a_job(one=texts[n % 9], two=texts[(n * 5) % 9]) for n in range(50)]
    sent(Packer(), Unpacker(), jobs)


def test_a_process_holds_no_more_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "MAX_HELD", 5 * LONG)
    texts = [f"{number}" * 2 * LONG for number in range(4)]
    unpacker = Unpacker()
    sizes = sent(Packer(), unpacker, [a_job(one=text) for text in (*texts[:2], *texts[:2], texts[2], texts[0])])
    assert [size > 2 * LONG for size in sizes] == [True, True, False, False, True, True]
    assert len(unpacker._held) == 2  # texts 2 and 0, which the third new one made room for


def test_what_a_process_may_not_have_taken_in_is_sent_again() -> None:
    packer, unpacker = Packer(), Unpacker()
    packer.packed(a_job(list=LIST))  # lost on its way
    packer.forget()
    sent(packer, unpacker, [a_job(list=LIST), a_job(list=LIST)])
    with pytest.raises(ValueError, match="surrogates"):
        packer.packed(a_job(list=LIST, other="\ud800" * LONG))
    sent(packer, unpacker, [a_job(list=LIST)])
