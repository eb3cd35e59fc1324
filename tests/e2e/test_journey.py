"""One badge's way through all four services, as those who use it see it."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.messaging.events import EVENT_TOPICS, ISSUER_EVENTS, STATE_TOPICS
from tests.e2e.conftest import Laurel
from tests.support.balance import outboxes_are_empty
from tests.support.people import Institution, endpoint_of, register_employer, register_institution, verify
from tests.support.poll import eventually
from tests.support.topics import as_text, read_topic

EMAIL = "ada.planted@example.org"
NAME = "Ada Planted-Name"
NOTE = "Planted words on why it was withdrawn"


async def told(laurel: Laurel, kind: str) -> Any:
    """The webhook of one kind, once it has come."""
    return await eventually(
        lambda: next((each for each in laurel.listener.webhooks if json.loads(each.body)["type"] == kind), None)
    )


async def verdict(employer: httpx.AsyncClient, credential: dict[str, Any]) -> tuple[str, str | None]:
    """What the verifier says of a credential."""
    report = await verify(employer, credential)
    return report["verdict"], report["reason"]


async def recorded(institution: Institution, credential_id: str, status: str) -> dict[str, Any]:
    """The registry's record, once it says `status`."""

    async def record() -> Any:
        answer = await institution.record(credential_id)
        return answer.json() if answer.status_code == 200 and answer.json()["status"] == status else None

    found: dict[str, Any] = await eventually(record)
    return found


async def test_a_badge_is_issued_recorded_verified_revoked_and_everyone_is_told(laurel: Laurel) -> None:
    urls = laurel.stack.urls
    institution = await register_institution(urls, laurel.stack.operator_key)
    employer = await register_employer(urls, laurel.stack.operator_key)
    achievement = await institution.achievement()
    endpoint = await eventually(lambda: endpoint_of(institution, f"{laurel.listener.url}/hook"))

    issued = await institution.issue(achievement, EMAIL, recipient={"email": EMAIL, "name": NAME})
    assert (issued["status"], issued["version"]) == ("issued", 1)

    record = await recorded(institution, issued["id"], "issued")
    assert [entry["version"] for entry in record["history"]] == [1]
    await eventually(lambda: is_verdict(employer, issued["credential"], ("valid", None)))

    assert (await institution.revoke(issued["id"], "withdrawn"))["version"] == 2
    await eventually(lambda: is_verdict(employer, issued["credential"], ("invalid", "revoked")))
    record = await recorded(institution, issued["id"], "revoked")
    assert [(entry["version"], entry["type"]) for entry in record["history"]] == [(1, "issued"), (2, "revoked")]

    for kind in ("credential.issued", "credential.revoked"):
        webhook = await told(laurel, kind)
        content = Webhook(endpoint["secret"]).verify(webhook.body, webhook.headers)
        assert content["data"]["credential_id"] == issued["id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(endpoint["secret"]).verify(webhook.body + b" ", webhook.headers)

    mails = await eventually(lambda: len(laurel.mailbox.to(EMAIL)) == 2 and laurel.mailbox.to(EMAIL))
    attached = list(mails[0].iter_attachments())
    assert json.loads(attached[0].get_content()) == issued["credential"]
    assert "revoked" in mails[1]["Subject"].lower()
    await employer.aclose()


async def test_one_trace_joins_issuer_registry_and_notifier_and_the_verification_links_to_it(laurel: Laurel) -> None:
    urls = laurel.stack.urls
    institution = await register_institution(urls, laurel.stack.operator_key)
    employer = await register_employer(urls, laurel.stack.operator_key)
    achievement = await institution.achievement()
    await eventually(lambda: endpoint_of(institution, f"{laurel.listener.url}/hook"))
    issued = await institution.issue(achievement, EMAIL)
    webhook = await told(laurel, "credential.issued")
    await eventually(lambda: is_verdict(employer, issued["credential"], ("valid", None)))

    trace_id = webhook.headers["traceparent"].split("-")[1]
    wanted = {"laurel-issuer", "laurel-registry", "laurel-notifier"}
    await eventually(lambda: wanted <= laurel.listener.services_of(trace_id))
    asked = ("laurel-issuer", "POST /v1/credentials")
    await eventually(lambda: asked in {(each.service, each.span.name) for each in laurel.listener.of(trace_id)})

    def linked() -> bool:
        spans = [each for each in laurel.listener.spans if each.service == "laurel-verifier"]
        return any(trace_id in each.links and each.trace_id != trace_id for each in spans)

    await eventually(linked)


async def test_nothing_personal_and_no_secret_is_in_traces_logs_metrics_or_other_topics(
    laurel: Laurel, event_log: dict[str, str]
) -> None:
    urls = laurel.stack.urls
    institution = await register_institution(urls, laurel.stack.operator_key)
    employer = await register_employer(urls, laurel.stack.operator_key)
    achievement = await institution.achievement()
    endpoint = await eventually(lambda: endpoint_of(institution, f"{laurel.listener.url}/hook"))
    issued = await institution.issue(achievement, EMAIL, recipient={"email": EMAIL, "name": NAME})
    await told(laurel, "credential.issued")
    asked = {"credential": issued["credential"], "expected_recipient": {"email": EMAIL}}
    await employer.post("/v1/verifications", json=asked)
    await institution.revoke(issued["id"], NOTE)
    await told(laurel, "credential.revoked")
    await eventually(lambda: len(laurel.mailbox.to(EMAIL)) == 2)
    metrics = [(await employer.get(f"{url}/metrics")).text for url in urls.values()]
    await eventually(lambda: laurel.listener.services() >= {f"laurel-{service}" for service in urls})
    await eventually(lambda: outboxes_are_empty(laurel.stack))
    topics = {each: as_text(await read_topic(event_log, each)) for each in (*EVENT_TOPICS, *STATE_TOPICS)}
    happened = topics.pop(ISSUER_EVENTS)

    personal = [EMAIL, NAME, NOTE, await owner_token(laurel)]
    assert [each for each in personal if each not in happened] == [], "the search finds what is there"
    secrets = [endpoint["secret"].removeprefix("whsec_"), secret_of(institution.client), secret_of(employer)]
    planted = [*personal, *secrets, laurel.stack.operator_key]
    seen = {
        **topics,
        "logs": laurel.stack.logs(),
        "traces": "".join(str(each.span) for each in laurel.listener.spans),
        "metrics": "".join(metrics),
        "webhooks": "".join(f"{each.headers} {each.body.decode()}" for each in laurel.listener.webhooks),
    }
    assert [(place, each) for place, text in seen.items() for each in planted if each in text] == []
    assert [each for each in (*secrets, laurel.stack.operator_key) if each in happened] == []
    assert all(text for text in seen.values())
    await employer.aclose()


def secret_of(client: httpx.AsyncClient) -> str:
    """The secret part of the API key that a client carries (prefix_id_secret)."""
    return client.headers["Authorization"].split("_", 2)[2]


async def owner_token(laurel: Laurel) -> str:
    """What opens the only badge as its owner's."""
    connection = await asyncpg.connect(laurel.stack.databases["issuer"].superuser)
    token: str = await connection.fetchval("select owner_token from credential_contents")
    await connection.close()
    return token


async def is_verdict(employer: httpx.AsyncClient, credential: dict[str, Any], wanted: tuple[str, str | None]) -> bool:
    """Whether the verifier says what is wanted; on the way there it may only say that it does not know yet."""
    said = await verdict(employer, credential)
    before = {("valid", None)} if wanted[0] == "invalid" else set()
    unknown = {("unknown", reason) for reason in ("not_yet_recorded", "status_unavailable")}
    if said != wanted and said not in before | unknown:
        raise RuntimeError(f"the verifier said {said} on the way to {wanted}")
    return said == wanted
