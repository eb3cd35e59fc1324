"""Tokens in the links of mails: what they stand for is sealed inside, so nothing is looked up and nothing kept."""

import base64
import binascii
from uuid import UUID

from services.notifier.domain import address_digest
from shared.errors import NotFound
from shared.sealing import Sealer, SealingError

_UNSUBSCRIBE, _CONFIRM = b"notifier/unsubscribe", b"notifier/confirm"
_ID = 16
# A sealed token is some 150 characters; nothing longer is decoded.
MAX_TOKEN = 300


def unsubscribe_token(sealer: Sealer, tenant_id: UUID, address: str) -> str:
    """Return the token with which the reader at `address` says that a tenant is to write no more."""
    return _encode(sealer.seal(tenant_id.bytes + address_digest(address), _UNSUBSCRIBE))


def read_unsubscribe(sealer: Sealer, token: str) -> tuple[UUID, bytes]:
    """Return the tenant and the digest of the address that a token stands for; raises NotFound."""
    plain = _open(sealer, token, _UNSUBSCRIBE)
    return UUID(bytes=plain[:_ID]), plain[_ID:]


def confirm_token(sealer: Sealer, tenant_id: UUID, endpoint_id: UUID) -> str:
    """Return the token with which the reader of an endpoint's mail confirms it."""
    return _encode(sealer.seal(tenant_id.bytes + endpoint_id.bytes, _CONFIRM))


def read_confirm(sealer: Sealer, token: str) -> tuple[UUID, UUID]:
    """Return the tenant and the endpoint that a token stands for; raises NotFound."""
    plain = _open(sealer, token, _CONFIRM)
    return UUID(bytes=plain[:_ID]), UUID(bytes=plain[_ID:])


def _encode(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _open(sealer: Sealer, token: str, context: bytes) -> bytes:
    try:
        if len(token) > MAX_TOKEN or not token.isascii():
            raise ValueError
        return sealer.open(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True), context)
    except (SealingError, binascii.Error, ValueError) as error:
        raise NotFound("link_not_known", "This link is not one of ours, or not whole.") from error
