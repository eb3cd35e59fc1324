"""Messages with every member filled in, of which a test names only what it is about."""

from dataclasses import replace
from uuid import UUID

from shared.ids import new_id, partition_of
from shared.messaging.events import Actor, CredentialStatusChanged, InstitutionState, Message
from shared.messaging.ports import Record
from tests.support.records import delivery, record_of

OPERATOR = Actor(role="operator", key_id="operator")


def change(credential_id: UUID | None = None, version: int = 2, salt: str = "salt") -> CredentialStatusChanged:
    """An event of issuer.events.v1."""
    return CredentialStatusChanged(
        credential_id=credential_id or new_id(),
        version=version,
        institution_id=new_id(),
        change="revoked",
        status="revoked",
        document_digest="digest",
        salt=salt,
        actor=OPERATOR,
    )


def institution(institution_id: UUID | None = None, version: int = 1, name: str = "Name") -> InstitutionState:
    """A state record of issuer.state.v1."""
    return InstitutionState(
        institution_id=institution_id or new_id(), version=version, slug="slug", name=name, did="did:key:z6Mk"
    )


def id_in(shard: int) -> UUID:
    """An aggregate's id whose key falls into `shard`."""
    while partition_of(str(candidate := new_id())) != shard:
        pass
    return candidate


def record(message: Message, event_id: UUID | None = None, **headers: bytes | None) -> Record:
    """`message` as it stands on the log; `headers` (`ce_id=b"…"`) replace its own, None takes one away."""
    own = record_of(delivery(message, event_id))
    merged = dict(own.headers) | headers
    return replace(own, headers=tuple((name, value) for name, value in merged.items() if value is not None))
