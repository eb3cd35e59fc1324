"""Tells whether a stack has come to rest with nothing lost and nothing doubled, by its own means and from outside."""

import asyncio
import subprocess
import sys
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path

import asyncpg
import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.support.load import Load
from tests.support.poll import eventually
from tests.support.stack import SERVICES, Process, Stack
from tests.support.warm import ROOT

# The issuer reads nothing.
CONSUMING = ("registry", "verifier", "notifier")
# A crashed sender's mail goes out again when its lease of 60 s has ended.
PATIENCE = 150


async def balance(stack: Stack, load: Load, folder: Path) -> None:
    """Outboxes and lag return to zero by themselves, the ledger check finds nothing, every mail is there once."""
    await eventually(lambda: outboxes_are_empty(stack), within=PATIENCE)
    await eventually(lambda: nothing_lags(stack), within=PATIENCE)
    await asyncio.to_thread(check_ledgers, stack, load.acknowledged(folder / "acknowledged.jsonl"))
    await eventually(lambda: everyone_has_mail(stack, load), within=PATIENCE)


async def outboxes_are_empty(stack: Stack) -> bool:
    """Whether no service has a row that its relay has not sent."""
    for database in stack.databases.values():
        connection = await asyncpg.connect(database.superuser)
        waiting = await connection.fetchval("select count(*) from outbox where sent_at is null")
        await connection.close()
        if waiting:
            return False
    return True


async def nothing_lags(stack: Stack) -> bool:
    """Whether every consumer has told that it read its partitions to their ends."""
    workers = [
        process for (service, role), process in stack.processes.items() if service in CONSUMING and role != "api"
    ]
    lags = [await lag_of(process) for process in workers]
    return all(lags) and not any(sum(lag.values()) for lag in lags)


async def lag_of(process: Process) -> dict[str, float]:
    """Records that each consumer of a process has not read; empty until it has measured for the first time."""
    async with httpx.AsyncClient() as anyone:
        text = (await anyone.get(f"{process.url}/metrics")).text
    families = [each for each in text_string_to_metric_families(text) if each.name == "laurel_inbox_lag_records"]
    return {sample.labels["consumer"]: sample.value for family in families for sample in family.samples}


def check_ledgers(stack: Stack, acknowledged: Path) -> None:
    """`laurel ledger-check` finds nothing wrong, once what is under way has come through."""
    environment = {"LAUREL_OPERATOR_KEY": stack.operator_key, "PATH": "/usr/bin:/bin"}
    environment |= {f"LAUREL_URL_{service.upper()}": stack.urls[service] for service in SERVICES}
    command = [sys.executable, "-m", "cli", "ledger-check", "--settle", "120", "--acknowledged", str(acknowledged)]
    checked = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 violations" in checked.stdout, checked.stdout


def everyone_has_mail(stack: Stack, load: Load) -> bool:
    """Compare the mail folder with what was acknowledged: one mail for each issue and for each revocation."""
    badges = {each["id"]: each["credential"]["id"] for each in load.issued}
    wanted = Counter(badges.values()) + Counter(badges[each] for each in load.revoked)
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in stack.mail_folder.glob("*.eml")]
    attached = [orjson.loads(part.get_content()) for mail in mails for part in mail.iter_attachments()]
    found = Counter(badge["id"] for badge in attached)
    assert len({mail["Message-ID"] for mail in mails}) == len(mails), "one mail lies there under two names"
    assert not found - wanted, f"told too often, or without a word from us: {found - wanted}"
    return found == wanted
