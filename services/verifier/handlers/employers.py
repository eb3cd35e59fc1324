"""Employers are made by the operator, with a first API key; they make and revoke further keys themselves."""

from uuid import UUID

from services.verifier.domain import messages
from services.verifier.store import employers, watches
from shared import db
from shared.api_keys import handlers as api_keys
from shared.api_keys.store import Tenant
from shared.db import Database, Tx
from shared.errors import Conflict
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.outbox import state_entry
from shared.ops import Removed
from shared.web import idempotency
from shared.web.auth import NewKey, Principal
from shared.web.idempotency import Attempt

# A transaction's share; the operator calls until nothing is left.
KEYS = 200
WATCHES = 2_000


async def register(
    tx: Tx, name: str, url: str | None, attempt: Attempt | None, *, sandbox: bool
) -> tuple[UUID, NewKey]:
    """Make an employer with its first API key, shown this once.

    Raises Conflict (`secret_already_shown`, with the employer's id) for a repetition.
    """
    employer_id = new_id()
    if (made := await idempotency.claim(tx, attempt, employer_id)) is not None:
        raise Conflict("secret_already_shown", "This employer was made before; its key was shown then.", id=str(made))
    now = await db.now(tx)
    row = {"id": employer_id, "version": 1, "name": name, "url": url, "sandbox": sandbox, "created_at": now}
    await employers.insert(tx, row)
    await outbox.add_many(tx, [state_entry(messages.employer(row), now)])
    return employer_id, await api_keys.make_first(tx, Tenant("employer", employer_id), now)


async def remove_sandboxes(database: Database, _: Principal) -> Removed:
    """Revoke a share of the API keys that sandbox employers still have, end a share of their watches.

    What they were answered and told stays.
    """
    async with database.transaction() as tx:
        revoked = await api_keys.revoke_of_sandboxes(tx, "employer", KEYS)
        return Removed(api_keys=revoked, watches=await watches.remove_of_sandboxes(tx, WATCHES))
