"""Employers that watch badges, and what they are told."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.verifier.domain.known import Rules
from services.verifier.handlers import watching
from shared.messaging.events import CredentialState, HistoryEntry
from tests.integration.verifier.builders import PUBLIC_URL, Institution, now
from tests.integration.verifier.conftest import Verifier

RULES = Rules(PUBLIC_URL, timedelta(minutes=4))


def changed(before: CredentialState, kind: str, **members: Any) -> CredentialState:
    """A badge's state after one change more."""
    entry = HistoryEntry(version=before.version + 1, type=kind, time=now(), event_id=uuid4())  # type: ignore[arg-type]  # texts of the contract
    status = "issued" if kind == "reinstated" else kind
    history = (*before.history, entry)
    return before.model_copy(update={"version": entry.version, "status": status, "history": history, **members})


def told_all(oak: Institution, badge: dict[str, Any], **members: Any) -> CredentialState:
    """A badge's first state, with the members by which it can be watched unverified."""
    return oak.credential(badge, **{"signing_key_id": oak.key_id, "other_proof_key_ids": (), **members})


async def watch(verifier: Verifier, employer: dict[str, str], state: CredentialState, **members: Any) -> dict[str, Any]:
    """Watch a badge; return the watch."""
    answer = await ask(verifier, employer, credential_id=str(state.credential_id), **members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ask(verifier: Verifier, employer: dict[str, str], key: str | None = None, **body: Any) -> Any:
    """Ask for a watch; return the answer."""
    headers = {**employer, **({"Idempotency-Key": key} if key else {})}
    return await verifier.client.post("/v1/watches", json=body, headers=headers)


async def look(verifier: Verifier) -> None:
    """Do what the worker does, until nothing is due."""
    while True:
        await watching.take_round(verifier.worker, RULES)
        news = await verifier.value("select count(*) from watch_news")
        due = await verifier.value("select count(*) from watches where due_at <= laurel_clock()")
        if not news and not due:
            return


async def feed(verifier: Verifier, employer: dict[str, str], after: int = 0) -> list[dict[str, Any]]:
    """The events of an employer's feed, after a place."""
    answer = await verifier.client.get(f"/v1/watches/events?after={after}&limit=200", headers=employer)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def changes(verifier: Verifier, employer: dict[str, str]) -> list[str]:
    """What an employer was told, in a word each."""
    return [each["change"] for each in await feed(verifier, employer)]
