"""One badge's way through all four services, as those who use it see it."""

import json
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.e2e.conftest import Laurel
from tests.support.people import Institution, register_employer, register_institution, verify
from tests.support.poll import eventually

EMAIL = "ada.planted@example.org"
NAME = "Ada Planted-Name"


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
    endpoint = await eventually(lambda: endpoint_of(institution, laurel.listener.url))

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
    await eventually(lambda: endpoint_of(institution, laurel.listener.url))
    issued = await institution.issue(achievement, EMAIL)
    webhook = await told(laurel, "credential.issued")
    await eventually(lambda: is_verdict(employer, issued["credential"], ("valid", None)))

    trace_id = webhook.headers["traceparent"].split("-")[1]
    wanted = {"laurel-issuer", "laurel-registry", "laurel-notifier"}
    await eventually(lambda: wanted <= laurel.listener.services_of(trace_id))
    names = {each.span.name for each in laurel.listener.spans if each.trace_id == trace_id}
    assert "POST /v1/credentials" in names, names

    def linked() -> bool:
        spans = [each for each in laurel.listener.spans if each.service == "laurel-verifier"]
        return any(trace_id in each.links and each.trace_id != trace_id for each in spans)

    await eventually(linked)


async def test_nothing_personal_and_no_secret_is_in_traces_logs_metrics_or_other_topics(laurel: Laurel) -> None:
    urls = laurel.stack.urls
    institution = await register_institution(urls, laurel.stack.operator_key)
    achievement = await institution.achievement()
    await eventually(lambda: endpoint_of(institution, laurel.listener.url))
    issued = await institution.issue(achievement, EMAIL, recipient={"email": EMAIL, "name": NAME})
    await eventually(lambda: laurel.mailbox.to(EMAIL))
    await told(laurel, "credential.issued")
    async with httpx.AsyncClient() as anyone:
        asked = {"credential": issued["credential"], "expected_recipient": {"email": EMAIL}}
        await anyone.post(f"{urls['verifier']}/v1/verifications", json=asked)
        metrics = [(await anyone.get(f"{url}/metrics")).text for url in urls.values()]
    await eventually(lambda: laurel.listener.services() >= {f"laurel-{service}" for service in urls})

    secrets = [EMAIL, NAME, institution.client.headers["Authorization"].removeprefix("Bearer lrl_")[33:], "owner="]
    seen = {
        "logs": laurel.stack.logs(),
        "traces": "".join(str(each.span) for each in laurel.listener.spans),
        "metrics": "".join(metrics),
        "webhooks": "".join(each.body.decode() for each in laurel.listener.webhooks),
    }
    found = [(place, secret) for place, text in seen.items() for secret in secrets if secret in text]
    assert found == []


async def endpoint_of(institution: Institution, url: str) -> dict[str, Any] | None:
    """Register an endpoint, once the notifier has heard of the institution's key."""
    try:
        return await institution.endpoint(f"{url}/hook")
    except AssertionError as error:
        if ": 401" in str(error) or ": 503" in str(error):
            return None
        raise RuntimeError(str(error)) from error


async def is_verdict(employer: httpx.AsyncClient, credential: dict[str, Any], wanted: tuple[str, str | None]) -> bool:
    """Whether the verifier says what is wanted; on the way there it may only say that it does not know yet."""
    said = await verdict(employer, credential)
    before = {("valid", None)} if wanted[0] == "invalid" else set()
    unknown = {("unknown", reason) for reason in ("not_yet_recorded", "status_unavailable")}
    if said != wanted and said not in before | unknown:
        raise RuntimeError(f"the verifier said {said} on the way to {wanted}")
    return said == wanted
