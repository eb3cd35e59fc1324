"""The keys that signatures may be made with: those that are known, those that were looked up, and DIDs that are one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.credentials import controllers
from shared.credentials.dids import controller_of, key_of_did_jwk
from shared.credentials.errors import InvalidKey
from shared.credentials.keys import PublicKey, decode_multikey, encode_multikey, key_of_did


class KnownKey(BaseModel):
    """A key that its controller may sign credentials with, up to `retired_at`."""

    model_config = ConfigDict(frozen=True)

    verification_method: str
    public_key_multibase: str
    retired_at: datetime | None = None
    # Where it stands as a bare JWK, which tokens of Open Badges name it by.
    jwk_url: str | None = None


class KnownKeys:
    """Says of a verification method whether it may sign for a purpose, and with which key."""

    def __init__(self, known: Iterable[KnownKey], purpose: str = "assertionMethod") -> None:
        self._purpose = purpose
        self._known = {key.verification_method: key for key in known}
        self._by_url = {key.jwk_url: key.verification_method for key in self._known.values() if key.jwk_url}
        # Controllers whose every key is here: what is not among them is none of theirs.
        self._settled = {controller_of(method) for method in self._known}
        self.ours = frozenset(self._settled)
        self._trouble: dict[str, InvalidKey] = {}

    def look_up(self, controller: str | None, fetched: Mapping[str, Any]) -> str | None:
        """Take a controller's keys from what was fetched; return the address that must be fetched first, if any."""
        if controller is None or controller in self._settled:
            return None
        try:
            address = controllers.address_of(controller)
            if address is None:
                return None
            if address not in fetched:
                return address
            if fetched[address] is not None:
                found_there = controllers.signing_keys(fetched[address], controller, self._purpose)
                for method, found in found_there.items():
                    multikey = encode_multikey(found.key)
                    self._known[method] = KnownKey(
                        verification_method=method, public_key_multibase=multikey, retired_at=found.ends
                    )
                self._settled.add(controller)
        except InvalidKey as error:
            self._trouble[controller] = error
        return None

    def method_of(self, named: str) -> str:
        """Return the verification method that is meant by a key's name in a token."""
        return self._by_url.get(named, named)

    def resolve(self, named: str, created: datetime | None) -> PublicKey:
        """Return a key that may sign at that time; raises InvalidKey with the reason's code."""
        method = self.method_of(named)
        controller = controller_of(method)
        if controller.startswith("did:key:"):
            return _own_key(method, controller, key_of_did(controller))
        if controller.startswith("did:jwk:"):
            return _own_key(method, controller, key_of_did_jwk(controller))
        known = self._known.get(method)
        if known is not None:
            if known.retired_at is not None and (created is None or created > known.retired_at):
                raise InvalidKey("The key was no longer in use when the credential was signed.", "key_retired")
            return decode_multikey(known.public_key_multibase)
        if controller in self._settled:
            raise InvalidKey("The issuer has no such key for signing credentials.", "unknown_key")
        elsewhere = InvalidKey("The issuer's keys can't be looked up here.", "key_unresolvable")
        raise self._trouble.get(controller, elsewhere)


def _own_key(method: str, did: str, key: PublicKey) -> PublicKey:
    # A key has one multibase form, so a did:key's own fragment repeats what the DID has.
    if method != f"{did}#{'0' if did.startswith('did:jwk:') else did.removeprefix('did:key:')}":
        raise InvalidKey("The verification method is not the one of its DID.", "unknown_key")
    return key
