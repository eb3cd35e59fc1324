"""Keeps the salts of the issuer's events, which open what the transparency log says of them."""

from collections.abc import Sequence

from services.verifier.domain.salts import EventSalt, read_salt, salt_alone
from services.verifier.store import log
from shared.db import Database, Tx
from shared.messaging.cloudevents import Delivery, messages_of
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer
from shared.messaging.ports import EventLog

GROUP = "laurel.verifier.salts"


def consumer(database: Database, event_log: EventLog) -> Consumer:
    """Return the one consumer that reads personal data here: nothing of a record is stored but what is left of it."""
    return Consumer(database, event_log, GROUP, [ISSUER_EVENTS], keep, claims=False, excerpt=salt_alone, read=read_salt)


async def keep(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Store the salts there are."""
    await log.add_salts(tx, [each.row for each in messages_of(EventSalt, deliveries) if each.row])
