"""Signs status lists: each changed one once in a window, each other one again at half of its validity."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog

from services.issuer.domain import messages
from services.issuer.domain.formats import FIRST_ALGORITHM
from services.issuer.domain.row import Row
from services.issuer.handlers.telling import tell
from services.issuer.signer import Signer
from services.issuer.store import lists as store
from shared.credentials.dids import jwk_method
from shared.credentials.jwt import write_vc
from shared.credentials.proofs import sign
from shared.credentials.status import set_bit, status_list_credential
from shared.db import Database
from shared.errors import Unavailable
from shared.messaging.metrics import alarm
from shared.rounds import keep_working

log = structlog.get_logger()

# Lists read at once: each comes with all of its bits.
AT_ONCE = 20
# A list that can't be signed must not keep the others waiting, nor alarm the operator ten times a second.
SET_ASIDE_SECONDS = 60.0


@dataclass(frozen=True)
class Terms:
    """Where lists stand, how long a signed one is valid and may be kept, and for how long changes gather."""

    public_url: str
    lifetime: timedelta
    ttl: timedelta
    window: timedelta


class ListSigner:
    """The worker that signs. Several may run: of two that sign the same list one drops what it made."""

    def __init__(self, database: Database, signer: Signer, terms: Terms) -> None:
        self._database = database
        self._signer = signer
        self._terms = terms
        self._unsignable: dict[UUID, float] = {}

    async def run(self) -> None:
        """Sign what is due, window by window, until cancelled."""

        async def step() -> int:
            signed = await self.sign_due()
            if 0 < signed < AT_ONCE:  # a full round leaves others waiting
                # Not a rest, which the next change would end: within the window it could not be signed.
                await asyncio.sleep(self._terms.window.total_seconds())
            return signed

        await keep_working(step, "status_lists_wait", self._database.bell.waiter(store.LIST_SIGNER))

    async def sign_due(self) -> int:
        """Sign each list that is due, up to AT_ONCE of them, once; return how many."""
        async with self._database.transaction() as tx:
            due = await store.due(tx, AT_ONCE, self._terms.window, self._set_aside(), FIRST_ALGORITHM)
        return sum([await self._sign(each) for each in due])

    def _set_aside(self) -> list[UUID]:
        now = time.monotonic()
        self._unsignable = {list_id: until for list_id, until in self._unsignable.items() if until > now}
        return list(self._unsignable)

    async def _sign(self, due: Row) -> bool:
        try:
            credential, token = await asyncio.to_thread(self._signed, due)
        except Unavailable as error:
            self._unsignable[due["id"]] = time.monotonic() + SET_ASIDE_SECONDS
            alarm("status_list_unsigned", list_id=str(due["id"]), reason=error.code)
            return False
        async with self._database.transaction() as tx:
            stored = await store.store_signed(
                tx,
                due,
                orjson.dumps(credential).decode(),
                token,
                signed_at=due["now"],
                valid_until=due["now"] + self._terms.lifetime,
                renew_at=due["now"] + self._terms.lifetime / 2,
            )
            if stored:
                await tell(tx, (messages.status_list(stored), due["now"]))
        return stored is not None

    def _signed(self, due: Row) -> tuple[dict[str, Any], str]:
        """Return the list as JSON with a proof, and as a token: each reader takes the one that it knows."""
        key = self._signer.open(due["signing_key_id"], due["sealed"])
        bits = bytearray(due["size"] // 8)
        for index in due["raised"]:
            set_bit(bits, index)
        unsigned = status_list_credential(
            list_url=f"{self._terms.public_url}/status-lists/{due['id']}",
            issuer=due["did"],
            purpose=due["purpose"],
            bits=bits,
            valid_from=due["now"],
            valid_until=due["now"] + self._terms.lifetime,
            ttl=self._terms.ttl,
        )
        signed = sign(unsigned, key, due["verification_method"], due["now"], shapes=self._signer.shapes)
        method = jwk_method(due["did"], due["signing_key_id"]) or due["verification_method"]
        return signed, write_vc(unsigned, key, method, due["now"])
