"""An institution is told what opens its own leaves; whoever has its report can recompute them from the log."""

import asyncio
import csv
import json
from base64 import b64decode
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from cli.keys import Unusable
from cli.main import app
from services.registry.domain.leaves import Opening, committed
from shared.ids import new_id, new_secret
from shared.messaging.events import Actor, InstitutionState, SigningKeyChanged
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import as_owner, keeping, published
from tests.support.records import delivery
from tests.support.service import OPERATOR

INSTITUTION = new_id()
UNFORCED = "alter table openings no force row level security"


def key_added(institution: UUID) -> SigningKeyChanged:
    return SigningKeyChanged(
        institution_id=institution,
        version=1,
        salt=new_secret(),
        actor=Actor(role="operator", key_id="operator"),
        key_id=new_id(),
        change="added",
        verification_method="did:web:n#k",
        public_key_multibase="z6Mk",
    )


async def have_history(registry: Registry) -> list[Badge]:
    """Two institutions' events, one after the other: of ours 9, of another 5 between them and behind."""
    ours, others = [Badge(institution_id=INSTITUTION) for _ in range(2)], [Badge(), Badge()]
    async with keeping(registry):
        await registry.feed(key_added(INSTITUTION))
        for mine, theirs in zip(ours, others, strict=True):
            await registry.feed(*mine.life(), theirs.issued())
        await registry.feed(*[Badge().issued() for _ in range(3)])
        await published(registry, 14)
    return ours


async def openings(registry: Registry, header: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {**query, "limit": 4, **({"cursor": cursor} if cursor else {})}
        answer = await registry.client.get("/v1/log/openings", params=params, headers=header)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found


async def test_an_institution_reads_what_opens_its_leaves_in_the_order_of_time(registry: Registry) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    async with registry.serving():
        found = await openings(registry, own)
        assert len(found) == 9
        assert all(committed(Opening(each["facts"], each["salt"])) == b64decode(each["entry"]) for each in found)
        times = [each["facts"]["accepted_at"] for each in found]
        assert times == sorted(times)
        assert await openings(registry, await registry.key(new_id())) == []


async def test_a_report_ends_before_the_time_that_it_is_asked_to(registry: Registry) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    async with registry.serving():
        found = await openings(registry, own)
        middle = found[4]["facts"]["accepted_at"]
        before, after = await openings(registry, own, to=middle), await openings(registry, own, **{"from": middle})
        assert [*before, *after] == found
        assert len(before) == 4


async def test_others_are_told_nothing_and_the_operator_says_whose(registry: Registry) -> None:
    await have_history(registry)
    async with registry.worker.transaction() as tx:
        state = InstitutionState(
            institution_id=INSTITUTION, version=1, slug="north", name="North", url=None, did="did:web:n",
            standing="registered", sandbox=False,
        )  # fmt: skip
        await registry.keep_copies(tx, [delivery(state)])
    other, employer = await registry.key(new_id()), await registry.key(new_id(), "employer")
    async with registry.serving():
        for header, query, status in [
            ({}, {}, 401),
            (employer, {}, 403),
            (other, {"institution": str(INSTITUTION)}, 404),
            (other, {"institution": "north"}, 404),
            (OPERATOR, {}, 422),
            (OPERATOR, {"institution": "nowhere"}, 404),
        ]:
            answer = await registry.client.get("/v1/log/openings", params=query, headers=header)
            assert answer.status_code == status, answer.text
        for named in ("north", str(INSTITUTION)):
            assert len(await openings(registry, OPERATOR, institution=named)) == 9


async def run(registry: Registry, *arguments: str, key: dict[str, str] | None = None) -> Result:
    url = str(registry.client.base_url).rstrip("/")
    text = (key or {}).get("Authorization", "").removeprefix("Bearer ")
    environment = {"LAUREL_URL_REGISTRY": url, "LAUREL_INSTITUTION_KEY": text, "LAUREL_HOME": "/nowhere"}
    command = [each.replace("LOG", f"{url}/log") for each in arguments]
    done = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_whoever_is_given_a_report_recomputes_it_from_the_log(
    registry: Registry, tmp_path: Path, form: str
) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    file = tmp_path / "report"
    async with registry.serving():
        written = await run(registry, "log", "report", "--format", form, "--out", str(file), key=own)
        assert written.exit_code == 0, written.output
        assert "9 leaves from 0 to 9 are opened, 1 between them are not" in written.stderr
        checked = await run(registry, "log", "check-report", str(file), "LOG")
        assert checked.exit_code == 0, checked.output
        assert "9 leaves are what the report says" in checked.stdout
        text = file.read_text()
        for said, instead in (("revoked", "issued"), ("operator", "institution"), ("z6Mk", "z6Ml")):
            false = text.replace(said, instead)
            assert false != text
            file.write_text(false)
            found = await run(registry, "log", "check-report", str(file), "LOG")
            assert (found.exit_code, "FOUND" in found.stderr) == (1, True), found.output


async def test_a_true_opening_of_a_leaf_that_the_log_has_not_is_found(registry: Registry, tmp_path: Path) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    file = tmp_path / "report"
    async with registry.serving():
        await run(registry, "log", "report", "--out", str(file), key=own)
        items = [json.loads(line) for line in file.read_text().splitlines()]
        items[0]["log_index"], items[1]["log_index"] = items[1]["log_index"], items[0]["log_index"]
        file.write_text("".join(json.dumps(each) + "\n" for each in items))
        found = await run(registry, "log", "check-report", str(file), "LOG")
        assert (found.exit_code, "is not the one that is said" in found.stderr) == (1, True), found.output


async def test_a_report_of_which_nothing_could_be_checked_is_not_called_true(
    registry: Registry, tmp_path: Path
) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    file = tmp_path / "report"
    async with registry.serving():
        await run(registry, "log", "report", "--out", str(file), key=own)
        items = [json.loads(line) for line in file.read_text().splitlines()[:-1]]
        false = [{**each, "origin": "other.example", "facts": {"event_id": each["event_id"]}} for each in items]
        file.write_text("".join(json.dumps(each) + "\n" for each in false))
        with pytest.raises(Unusable, match="nothing was checked"):
            await run(registry, "log", "check-report", str(file), "LOG")
        items[0]["salt"] = "\u00e9" * 43
        file.write_text("".join(json.dumps(each) + "\n" for each in items))
        found = await run(registry, "log", "check-report", str(file), "LOG")
        assert (found.exit_code, "FOUND" in found.stderr) == (1, True), found.output


async def test_what_was_erased_is_listed_and_not_opened(registry: Registry, tmp_path: Path) -> None:
    (badge, _) = await have_history(registry)
    as_owner(registry, UNFORCED, f"delete from openings where credential_id = '{badge.id}'")
    own = await registry.key(INSTITUTION)
    file = tmp_path / "report"
    async with registry.serving():
        written = await run(registry, "log", "report", "--out", str(file), key=own)
        assert "5 leaves from 0 to 9 are opened, 5 between them are not" in written.stderr
        checked = await run(registry, "log", "check-report", str(file), "LOG")
        assert "5 leaves are what the report says, 4 were erased" in checked.stdout, checked.output


async def test_a_spreadsheet_takes_no_cell_for_a_formula(registry: Registry, tmp_path: Path) -> None:
    await have_history(registry)
    own = await registry.key(INSTITUTION)
    file = tmp_path / "report.csv"
    as_owner(registry, UNFORCED, "update openings set salt = '-' || substr(salt, 2)")
    async with registry.serving():
        await run(registry, "log", "report", "--format", "csv", "--out", str(file), key=own)
    with file.open(newline="") as lines:
        cells = [cell for row in csv.reader(lines) for cell in row]
    assert len(cells) == 70
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert len([cell for cell in cells if cell.startswith("'-")]) == 8


async def test_a_page_begins_where_the_one_before_ended_when_times_are_the_same(registry: Registry) -> None:
    await have_history(registry)
    as_owner(registry, "alter table history no force row level security", "update history set time = now()")
    own = await registry.key(INSTITUTION)
    async with registry.serving():
        found = await openings(registry, own)
        assert len({each["event_id"] for each in found}) == 9
