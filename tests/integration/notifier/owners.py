"""What tests of owners' notices do alike: endpoints that are mails, a webhook that is gone, who was told of it."""

from typing import Any
from uuid import UUID

from services.notifier.domain import address_digest
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import receiving, says
from tests.integration.notifier.telling import sent
from tests.support.mailbox import Mailbox

CONTACT, FIRST, SECOND = "it@north.example", "hr@north.example", "office@north.example"
DISABLED, ENABLED = "Your endpoint was disabled", "Your endpoint is delivered to again"


async def mail_endpoint(
    notifier: Notifier, tenant: UUID, address: str, events: list[str] | None = None, contact: str | None = None
) -> UUID:
    """A mail address that is an endpoint, as its reader has confirmed."""
    endpoint_id, _ = await notifier.endpoint(tenant, f"mailto:{address}", events, contact)
    await notifier.value("update endpoints set confirmed_at = laurel_clock() where id = $1 returning id", endpoint_id)
    await notifier.rows("delete from deliveries where target = $1", endpoint_id)
    return endpoint_id


async def gone(notifier: Notifier, tenant: UUID, contact: str | None = None) -> UUID:
    """A webhook's endpoint that has just been disabled: its receiver said so."""
    async with receiving(says("410 Gone")) as receiver:
        endpoint_id, _ = await notifier.endpoint(tenant, receiver.url, ["credential.issued"], contact)
        badge = Badge(tenant, email=None)
        await notifier.feed(badge.issued(), badge.recorded())
        await notifier.rows("delete from deliveries where channel = 'mail' and type = 'credential.issued'")
        await sent(notifier)
    return endpoint_id


async def suppress(notifier: Notifier, tenant: UUID, address: str, reason: str) -> None:
    await notifier.value(
        "insert into suppressions (tenant_id, address, reason) values ($1, $2, $3) returning id",
        tenant,
        address_digest(address),
        reason,
    )


def told(box: Mailbox) -> list[tuple[str, str]]:
    return sorted((mail["X-Envelope-To"], mail["Subject"]) for mail in box.mails)


def said(mail: Any) -> str:
    return " ".join(mail.get_body(("plain",)).get_content().split())
