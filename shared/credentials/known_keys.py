"""The keys that signatures may be made with: those that are known, those that were looked up, and DIDs that are one."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.credentials import controllers
from shared.credentials.dids import controller_of, is_place_of, key_of_did_jwk
from shared.credentials.errors import InvalidKey
from shared.credentials.jwk import jwk_at
from shared.credentials.keys import PublicKey, UnboundKey, decode_multikey, encode_multikey, key_of_did, method_id

_NEVER = datetime.max.replace(tzinfo=UTC)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_ENDED_SINCE = (
    "The issuer has ended the key since; nothing tells whether it was used before that, or after with a date."
)
Fetched = Mapping[str, Any]


class KnownKey(BaseModel):
    """A key that its controller may sign credentials with, up to `retired_at`."""

    model_config = ConfigDict(frozen=True)

    verification_method: str
    public_key_multibase: str
    retired_at: datetime | None = None
    # Where it stands as a bare JWK, which tokens of Open Badges name it by.
    jwk_url: str | None = None


class KnownKeys:
    """Says of a verification method whether it may sign for a purpose, and with which key.

    What a known key signed up to its end counts. Of one that was looked up nothing counts once its end has come, at
    `now`: whoever has it can write an earlier date, and no record tells (Controlled Identifiers 1.0 section 2.2). With
    `as_of`, a key that ended since then is undecided for the same reason; one that had ended by then is as it was.
    """

    def __init__(
        self,
        known: Iterable[KnownKey],
        now: datetime,
        purpose: str = "assertionMethod",
        *,
        as_of: datetime | None = None,
    ) -> None:
        self._now = now
        self._as_of = as_of or now
        self._ended_since: set[str] = set()
        self._purpose = purpose
        self._known = {key.verification_method: key for key in known}
        self._by_url = {key.jwk_url: key for key in self._known.values() if key.jwk_url}
        # Controllers whose every key is here: what is not among them is none of theirs.
        self._settled = {controller_of(method) for method in self._known}
        self.ours = frozenset(self._settled)
        self._keyless: set[str] = set()
        self._trouble: dict[str, InvalidKey] = {}
        self._unbound: dict[str, UnboundKey] = {}

    def look_up(self, controller: str | None, fetched: Fetched) -> str | None:
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
                    self._take(method, encode_multikey(found.key), found.ends)
                self._settled.add(controller)
                if not controllers.lists_keys(fetched[address]):
                    self._keyless.add(controller)
        except InvalidKey as error:
            self._trouble[controller] = error
        return None

    def _take(self, method: str, multikey: str, ends: datetime | None) -> None:
        if ends is not None and ends <= self._as_of:
            ends = _BEFORE_ALL
        elif ends is not None and ends <= self._now:
            self._ended_since.add(method)
        self._known[method] = KnownKey(verification_method=method, public_key_multibase=multikey, retired_at=ends)

    def look_up_signer(self, controller: str | None, kid: str | None, fetched: Fetched | None) -> str | None:
        """Take the key that signed for a controller: from its document, or where a token's `kid` says that it stands.

        Returns the address that must be fetched first, if any; without `fetched` nothing is.
        """
        needed = self.look_up(controller, fetched) if fetched is not None else None
        if needed is not None or kid is None or controller is None:
            return needed
        return self.look_up_address(kid, controller, fetched)

    def look_up_address(self, named: str, issuer_id: str, fetched: Fetched | None) -> str | None:
        """Take the key that a token names by the address of its JWK (Open Badges 3.0 section 8.5), after `look_up`.

        Returns the address that must be fetched first, if any; only https is asked. The key counts as the issuer's
        where its own document has it, or where nobody but the issuer could have put it there
        (docs/decisions/0022-keys-at-an-address.md).
        """
        address = controller_of(named)
        if not named.startswith(("https://", "http://")) or address == issuer_id:
            return None
        if named in self._by_url or issuer_id in self.ours:
            return None
        if issuer_id.startswith("did:web:") and issuer_id not in self._settled:
            unresolved = self._unresolved(issuer_id)
            self._unbound[named] = UnboundKey(unresolved.detail, unresolved.code)
            return None
        if fetched is not None and address.startswith("https://") and address not in fetched:
            return address
        self._bind(named, issuer_id, fetched or {})
        return None

    def _bind(self, named: str, issuer_id: str, fetched: Fetched) -> None:
        try:
            key = jwk_at(fetched.get(controller_of(named)), named)
            bound = self._listed(key, issuer_id) or self._placed(key, named, issuer_id, fetched)
        except InvalidKey as error:
            code = error.code if error.code == "unsupported_key" else "key_unresolvable"
            self._unbound[named] = UnboundKey(error.detail, code)
            return
        if bound is not None:
            self._by_url[named] = bound
        else:
            detail = "The key stands at an address that need not be the issuer's: nothing says whose it is."
            self._unbound[named] = UnboundKey(detail, key=key)

    def _listed(self, key: PublicKey, issuer_id: str) -> KnownKey | None:
        """Return the issuer's own mention of a key; of several that which ends first."""
        multikey, known = encode_multikey(key), list(self._known.values())
        own = _key_that_is(issuer_id)
        if own is not None:
            known.append(
                KnownKey(verification_method=_own_method(issuer_id), public_key_multibase=encode_multikey(own))
            )
        same = [
            each
            for each in known
            if each.public_key_multibase == multikey and controller_of(each.verification_method) == issuer_id
        ]
        return min(same, key=lambda each: each.retired_at or _NEVER, default=None)

    def _placed(self, key: PublicKey, named: str, issuer_id: str, fetched: Fetched) -> KnownKey | None:
        """Return a key as the issuer's by where it stands, unless its document has it for other purposes alone."""
        if not is_place_of(controller_of(named), issuer_id) or issuer_id in self._trouble:
            return None
        if issuer_id in self._settled:
            document = fetched.get(controllers.address_of(issuer_id) or "")
            others = controllers.signing_keys(document, issuer_id, "verificationMethod").values()
            if encode_multikey(key) in {encode_multikey(each.key) for each in others}:
                return None
        return KnownKey(verification_method=method_id(issuer_id, key), public_key_multibase=encode_multikey(key))

    def method_of(self, named: str) -> str:
        """Return the verification method that is meant by a key's name in a token."""
        return self._by_url[named].verification_method if named in self._by_url else named

    def resolve(self, named: str, created: datetime | None) -> PublicKey:
        """Return a key that may sign at that time; raises InvalidKey with the reason's code."""
        if named in self._unbound:
            raise self._unbound[named]
        method = self.method_of(named)
        controller = controller_of(method)
        own = _key_that_is(controller)
        if own is not None:
            return _own_key(method, controller, own)
        known = self._by_url.get(named) or self._known.get(method)
        if known is not None:
            if known.verification_method in self._ended_since:
                raise InvalidKey(_ENDED_SINCE, "key_ended_since")
            if known.retired_at is not None and (created is None or created > known.retired_at):
                raise InvalidKey("The key was no longer in use when the credential was signed.", "key_retired")
            return decode_multikey(known.public_key_multibase)
        raise self._missing(method, controller)

    def _missing(self, method: str, controller: str) -> InvalidKey:
        """Return why there is no key of a controller's by that name."""
        says_nothing = controller in self._keyless or controller not in {*self._settled, *self._trouble}
        key = _key_in_name(method) if says_nothing else None
        if key is not None:
            return UnboundKey("The key stands in its own name alone: nothing says whose it is.", key=key)
        if controller in self._settled:
            return InvalidKey("The issuer has no such key for signing credentials.", "unknown_key")
        return self._unresolved(controller)

    def _unresolved(self, controller: str) -> InvalidKey:
        elsewhere = InvalidKey("The issuer's keys can't be looked up here.", "key_unresolvable")
        return self._trouble.get(controller, elsewhere)


def _key_in_name(method: str) -> PublicKey | None:
    """Return the key that is itself the fragment of a URL."""
    try:
        return decode_multikey(method.partition("#")[2]) if method.startswith("https://") else None
    except InvalidKey:
        return None


def _key_that_is(did: str) -> PublicKey | None:
    """Return the key that a did:key or did:jwk is; None for any other controller. Raises InvalidKey."""
    if did.startswith("did:key:"):
        return key_of_did(did)
    return key_of_did_jwk(did) if did.startswith("did:jwk:") else None


def _own_key(method: str, did: str, key: PublicKey) -> PublicKey:
    if method != _own_method(did):
        raise InvalidKey("The verification method is not the one of its DID.", "unknown_key")
    return key


def _own_method(did: str) -> str:
    # A key has one multibase form, so a did:key's own fragment repeats what the DID has.
    return f"{did}#{'0' if did.startswith('did:jwk:') else did.removeprefix('did:key:')}"
