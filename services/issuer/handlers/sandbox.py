"""Ends every sandbox institution: withdrawn, its keys and badges revoked; what was issued stays on record."""

from services.issuer.domain import changes
from services.issuer.handlers import changing
from services.issuer.handlers.recording import record
from services.issuer.handlers.telling import institution_entries
from services.issuer.store import credentials, institutions
from shared import db
from shared.api_keys import handlers as api_keys
from shared.db import Database
from shared.messaging import outbox
from shared.messaging.events import Reason
from shared.ops import Removed
from shared.web.auth import Principal

# A transaction's share, so that each call is short; the operator calls until nothing is left.
INSTITUTIONS = 50
KEYS = 200
CREDENTIALS = 100

WITHDRAWN = Reason(code="withdrawn")


async def remove(database: Database, operator: Principal) -> Removed:
    """End a share of what sandboxes still have; all counts are 0 when nothing is left.

    Institutions first: whatever is being stored for one is in by then, and after it nothing more is issued.
    """
    async with database.transaction() as tx:
        now = await db.now(tx)
        withdrawn = await institutions.withdraw_sandboxes(tx, INSTITUTIONS, now)
        await record(tx, operator, *map(changes.institution, withdrawn))
        await outbox.add_many(tx, await institution_entries(tx, withdrawn))
        revoked = await api_keys.revoke_of_sandboxes(tx, "institution", KEYS)
    async with database.transaction() as tx:
        rows = await credentials.lock_unrevoked_of_sandboxes(tx, CREDENTIALS)
        await changing.revoke_all(tx, operator, rows, WITHDRAWN)
    return Removed(tenants=len(withdrawn), api_keys=revoked, credentials=len(rows))
