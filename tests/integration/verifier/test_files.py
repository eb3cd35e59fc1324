"""Files sent to the API and the page: a badge as JSON or in a picture, taken out where others can't be harmed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.verifier.jobs import Failed, Refused, Unpacked
from services.verifier.workers import ROOT
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg, svg_around
from shared.credentials.containers import Given
from tests.integration.verifier.builders import EMAIL, Institution, a_poison_badge
from tests.integration.verifier.conftest import Verifier, outcomes, pool
from tests.integration.verifier.page import give, headline, looks_good, tone
from tests.support.pictures import a_png, an_svg, compressed, credential, itxt


async def send(
    verifier: Verifier, content: bytes, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    """Send a file to the API under a name that tells nothing."""
    return await verifier.client.post(
        "/v1/verifications", files={"file": ("badge.bin", content)}, data=fields, headers=headers or {}
    )


def forms_of(badge: dict[str, Any]) -> dict[str, bytes]:
    """One badge in every form in which it is read."""
    raw = json.dumps(badge, ensure_ascii=False)
    return {
        "json": raw.encode(),
        "png": bake_png(a_png(), raw),
        "compressed png": a_png(compressed(raw.encode())),
        "svg": bake_svg(an_svg(), raw),
        "svg around png": bake_svg(svg_around(a_png(), "Badge"), raw),
    }


async def test_a_badge_is_answered_alike_in_whatever_form_it_comes(served: Verifier) -> None:
    oak = Institution()
    badge, revoked = oak.badge(), oak.badge()
    await served.know(oak, badge, revoked)
    await served.feed(oak.credential(revoked, "revoked"))
    plain = await served.verify(badge, expected_recipient={"email": EMAIL})
    for form, content in forms_of(badge).items():
        answer = await send(served, content, email=EMAIL)
        assert answer.status_code == 200, (form, answer.text)
        report = answer.json()
        assert (report["verdict"], report["checks"]) == ("valid", plain["checks"])
        assert report["credential"] == plain["credential"]
        page = await give(served, file=("badge", content))
        assert (page.status_code, headline(page), tone(page)) == (200, "Valid", "good")
        wrong = await send(served, content, email="somebody.else@example.org")
        assert outcomes(wrong.json())["recipient"] == "fail"
    for content in forms_of(revoked).values():
        report = (await send(served, content)).json()
        assert (report["verdict"], report["reason"]) == ("invalid", "revoked")
    for content in forms_of({**badge, "name": "Doctor"}).values():
        report = (await send(served, content)).json()
        assert (report["verdict"], report["reason"]) == ("invalid", "tampered")


LAUGHS = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
REFUSED = {
    "nothing": (b"", 422, "nothing_given"),
    "no badge": (a_png(), 422, "no_badge_inside"),
    "no badge in millions of pixels": (a_png(width=60_000, height=60_000), 422, "no_badge_inside"),
    "two badges": (a_png(itxt(b"{}"), itxt(b"{}")), 422, "ambiguous_badge"),
    "two badges in an SVG": (an_svg(credential("{}"), credential("{}")), 422, "ambiguous_badge"),
    "damaged": (a_png(itxt(b"{}"))[:-1] + b"x", 400, "malformed_picture"),
    "zip behind": (a_png(itxt(b"{}"), behind=b"PK\x03\x04"), 400, "malformed_picture"),
    "64 MiB in it": (a_png(compressed(b" " * (64 << 20))), 400, "too_large"),
    "entities": (LAUGHS.encode() + an_svg(credential("&b;")), 400, "malformed_picture"),
    "too many elements": (an_svg("<a/>" * 60_000, credential("{}")), 400, "too_large"),
    "list": (bake_svg(an_svg(), "{}").replace(b"{}", b"[]"), 422, "not_a_badge"),
    "ambiguous JSON": (a_png(itxt(b'{"a":1,"a":2}')), 400, "malformed"),
    "PDF": (b"%PDF-1.7", 422, "format_not_read"),
    "page": (b"<!doctype html><svg/>", 422, "format_not_read"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_a_file_from_which_no_badge_can_be_taken_is_a_problem_with_its_code(
    served: Verifier, content: bytes, status: int, code: str
) -> None:
    answer = await send(served, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    page = await give(served, file=("badge.png", content))
    assert (page.status_code, headline(page)) == (status, "Could not be checked")
    assert not looks_good(page)


async def test_a_form_is_as_strict_as_json(served: Verifier) -> None:
    post, file = served.client.post, {"file": ("badge.json", b"{}")}
    refused = [
        await post("/v1/verifications", files={"other": ("badge.json", b"{}")}),
        await post("/v1/verifications", files=file, data={"verdict": "valid"}),
        await post("/v1/verifications", files=file, data={"email": ""}),
        await post("/v1/verifications", files=file, data={"name": "x" * 201}),
        await post("/v1/verifications", files=file, data={"name": ["a", "b"]}),
        await post("/v1/verifications", files={"file": (None, b"{}")}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
        assert "x" * 201 not in answer.text
    two = await post("/v1/verifications", files=[("file", ("a", b"{}")), ("file", ("b", b"{}"))])
    assert (two.status_code, two.json()["code"]) == (400, "form_malformed")
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "image/png"}, {}):
        other = await post("/v1/verifications", content=a_png(), headers=headers)
        assert (other.status_code, other.json()["code"]) == (415, "media_type_not_taken")


async def test_a_file_sent_twice_under_one_key_is_recorded_once(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    employer = await served.employer()
    # The body is compared to the letter, and httpx draws a new boundary each time.
    body = served.client.build_request("POST", "/v1/verifications", files={"file": ("b", forms_of(badge)["png"])})
    sent = {"content": await body.aread(), "headers": {**employer, "Content-Type": body.headers["content-type"]}}
    sent["headers"]["Idempotency-Key"] = "once"
    first, second = [await served.client.post("/v1/verifications", **sent) for _ in range(2)]
    assert first.json()["verdict"] == "valid"
    assert first.json() == second.json()
    assert await served.value("select count(*) from verifications") == 1


async def test_both_bodies_are_described(served: Verifier) -> None:
    operation = (await served.client.get("/openapi.json")).json()["paths"]["/v1/verifications"]["post"]
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    assert "$ref" not in json.dumps(content)
    form = content["multipart/form-data"]["schema"]
    fields = {"file", "email", "name", "id", "as_of", "require_inclusion"}
    assert (set(form["properties"]), form["required"]) == (fields, ["file"])
    assert content["application/json"]["schema"]["additionalProperties"] is False


async def test_pictures_are_unpacked_by_the_processes_and_no_picture_harms_another() -> None:
    async with pool() as workers:
        assert await workers.unpack(a_png(itxt(b'{"a": 1e16}'))) == Unpacked(
            given=Given({"a": 1e16}, None, "png", "3.0")
        )
        token = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"
        assert await workers.unpack(bake_svg(an_svg(), token)) == Unpacked(given=Given(None, token, "svg", "3.0"))
        refused = await workers.unpack(a_png(itxt(b"{}"), itxt(b"{}")))
        assert isinstance(refused, Refused)
        assert refused.code == "ambiguous_badge"
        (first,) = workers.process_ids
        await asyncio.gather(*[workers.unpack(content) for content, _, _ in REFUSED.values()])
        assert workers.process_ids == {first}, "none of them cost a process its life"


@pytest.fixture
def busy_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let worker processes fall into an endless loop over an SVG without elements."""
    (tmp_path / "sitecustomize.py").write_text(
        "import shared.credentials.containers as containers\n"
        "plain = containers.unpack\n"
        "def busy(raw):\n"
        "    while raw == b'<svg/>': pass\n"
        "    return plain(raw)\n"
        "containers.unpack = busy\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")


@pytest.mark.usefixtures("busy_pictures")
async def test_a_picture_that_costs_too_much_is_given_up_and_the_next_is_read(verifier: Verifier) -> None:
    async with pool(cpu_seconds=0.3) as workers:
        assert await workers.unpack(b"<svg/>") == Failed(failed="too_complex")
        assert isinstance(await workers.unpack(a_png(itxt(b"{}"))), Unpacked)
    async with verifier.serving(check_cpu_seconds=0.3):
        answer = await send(verifier, b"<svg/>")
        assert (answer.status_code, answer.json()["code"]) == (422, "too_complex")
        assert (await send(verifier, a_png(itxt(b"{}")))).status_code == 200


async def test_a_poison_badge_in_a_picture_is_an_answer(served: Verifier) -> None:
    answer = await send(served, bake_png(a_png(), json.dumps(a_poison_badge())))
    assert (answer.status_code, answer.json()["verdict"]) == (200, "unknown")


async def test_a_person_named_in_a_form_leaves_no_trace(
    served: Verifier, exported_spans: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    oak, planted = Institution(), "planted-4711"
    badge = oak.badge()
    await served.know(oak, badge)
    answer = await send(
        served, forms_of(badge)["png"], email=f"{planted}@example.org", name=planted, id=f"did:{planted}"
    )
    assert answer.status_code == 200
    assert planted not in answer.text
    said = capsys.readouterr()
    assert planted not in said.out + said.err + "".join(span.to_json() for span in exported_spans())
    assert planted not in str(await served.rows("select v::text from verifications v"))
