"""What tests of webhooks do alike: let something be due, have it sent, look at what came of it."""

from typing import Any

from services.notifier import handlers
from shared.web.auth import NOBODY, Principal
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import Receiver

OPERATOR = Principal("operator", NOBODY, "operator", frozenset())


async def told(notifier: Notifier, *receivers: Receiver, contact: str | None = None, **issued: Any) -> list[str]:
    """Let one badge's issue be due at an endpoint for each receiver; return the endpoints' secrets."""
    badge = Badge(email=None)
    made = [await notifier.endpoint(badge.institution_id, each.url, contact=contact) for each in receivers]
    await notifier.feed(badge.issued(**issued), badge.recorded(issued.get("traceparent")))
    return [secret for _, secret in made]


async def attempts(notifier: Notifier) -> list[tuple[Any, ...]]:
    return await notifier.rows("select outcome, status, error from attempts order by delivery_id, number")


async def states(notifier: Notifier) -> list[str]:
    return [row[0] for row in await notifier.rows("select state from deliveries where channel = 'webhook' order by id")]


async def sent(notifier: Notifier, **how: Any) -> list[tuple[Any, ...]]:
    """Send what is due; return all attempts."""
    async with notifier.hooking(**how):
        await notifier.settled()
    return await attempts(notifier)


async def replayed(notifier: Notifier) -> None:
    """Have every delivery replayed by an operator."""
    for (delivery_id,) in await notifier.rows("select id from deliveries"):
        async with notifier.worker.transaction() as tx:
            await handlers.replay(tx, OPERATOR, delivery_id)
