"""Tells endpoints by webhook: signed as Standard Webhooks says, thin, and through the pinned transport alone."""

import asyncio
import base64
import secrets
from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import httpx
from standardwebhooks.webhooks import Webhook

from services.notifier.domain import Answer, read_response, webhook_id
from services.notifier.payloads import payload, trial
from services.notifier.store import parcels
from services.notifier.store.parcels import Hook
from services.notifier.store.queue import Claim
from shared.db import Database
from shared.errors import Invalid
from shared.sealing import Sealer

# For all of an exchange; and for one address of several, so that a dead one leaves time for the next.
SECONDS = 15.0
CONNECT_SECONDS = 5.0
# What a receiver says besides its status matters to nobody; a decent one is heard out, an endless one is not.
MAX_RESPONSE_BYTES = 64 * 1024
SECRET_PREFIX = "whsec_"  # noqa: S105  # what a secret begins with


class Webhooks:
    """The channel of endpoints."""

    name = "webhook"

    def __init__(self, database: Database, client: httpx.AsyncClient, sealer: Sealer, public_url: str) -> None:
        """`client` is outbound's: whatever the URL says, it connects to public addresses only."""
        self._database = database
        self._client = client
        self._sealer = sealer
        self._public_url = public_url

    async def send(self, claim: Claim) -> Answer:
        """Post the message to its endpoint once."""
        async with self._database.pool.acquire() as connection:  # one statement needs no transaction
            hook = await parcels.hook(connection, claim)
        if hook is None:
            return Answer("refused", error="endpoint_removed")
        if hook.disabled:
            return Answer("refused", error="endpoint_disabled")
        return await self._post(hook, claim)

    async def _post(self, hook: Hook, claim: Claim) -> Answer:
        body = (
            payload(hook.notice, self._public_url)
            if hook.notice
            else trial(claim.event_id, hook.endpoint_id, claim.created_at)
        )
        return replace(await self._deliver(hook, claim, body), body=sha256(body).digest())

    async def _deliver(self, hook: Hook, claim: Claim, body: bytes) -> Answer:
        headers = self._headers(hook, claim, body)
        status, retry_after = None, None
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream(
                    "POST",
                    hook.url,
                    content=body,
                    headers=headers,
                    timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
                ) as response,
            ):
                status, retry_after = response.status_code, response.headers.get("retry-after")
                await _hear_out(response)
        except Invalid as error:
            return Answer("retry", error=error.code)
        except (httpx.HTTPError, TimeoutError) as error:
            # Once the status is here it counts, however the rest of the response ends.
            if status is None:
                return Answer("retry", error=_word(error))
        return read_response(status, retry_after, claim.started_at)

    def _headers(self, hook: Hook, claim: Claim, body: bytes) -> dict[str, str]:
        message_id, at = webhook_id(claim.id), claim.started_at
        opened = [self._sealer.open(secret, hook.endpoint_id.bytes) for secret in hook.secrets]
        return {
            "content-type": "application/json",
            "user-agent": "Laurel",
            "accept-encoding": "identity",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body.decode()) for secret in opened),
        }


def new_secret(sealer: Sealer, endpoint_id: UUID) -> tuple[str, bytes]:
    """Make an endpoint's secret; return it as its owner gets it, once, and sealed as it is stored."""
    secret = secrets.token_bytes(32)
    return SECRET_PREFIX + base64.b64encode(secret).decode(), sealer.seal(secret, endpoint_id.bytes)


async def _hear_out(response: httpx.Response) -> None:
    heard = 0
    async for chunk in response.aiter_raw():
        heard += len(chunk)
        if heard >= MAX_RESPONSE_BYTES:
            return


def _word(error: Exception) -> str:
    return "timeout" if isinstance(error, TimeoutError | httpx.TimeoutException) else "connection"
