"""What a controller document says of its keys: which of them may sign credentials, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.credentials import dids
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.instants import read_instant
from shared.credentials.jwk import from_jwk
from shared.credentials.keys import PublicKey, decode_multikey, ed25519_key
from shared.credentials.multibase import decode_base58
from shared.credentials.shape import items

# More than any issuer has; each costs a look.
MAX_METHODS = 100
_WELL_KNOWN = "/.well-known"
# Where keys stand (Controlled Identifiers 1.0 sections 2.2, 2.3), and stood before.
_OF_KEYS = (
    "verificationMethod",
    "assertionMethod",
    "authentication",
    "keyAgreement",
    "capabilityInvocation",
    "capabilityDelegation",
    "publicKey",
)


def address_of(controller: str) -> str | None:
    """Return where the document of a did:web or https controller stands; None for one that is looked up nowhere.

    Raises InvalidKey (`did_refused`) for a did:web that names no public host.
    """
    if controller.startswith("did:web:"):
        base = dids.web_url(controller)
        return f"{base}/did.json" if base.count("/") > 2 else f"{base}{_WELL_KNOWN}/did.json"
    return controller if controller.startswith("https://") else None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key as its controller's document has it: what it signs after `ends` does not count."""

    key: PublicKey
    ends: datetime | None


def signing_keys(document: Any, controller: str, purpose: str = "assertionMethod") -> dict[str, SigningKey]:
    """Return, by verification method, a controller's keys for a purpose (Controlled Identifiers 1.0 section 2.3).

    A key that stands in the document and not under the purpose is left out, as is one of another controller or of
    a kind that is not read. Raises InvalidKey (`did_mismatch`) for a document that is not the controller's.
    """
    if not isinstance(document, dict) or document.get("id") != controller:
        raise InvalidKey("The document at the issuer's address is not the issuer's.", "did_mismatch")
    methods = {id_: method for method in _items(document, "verificationMethod") if (id_ := _id(method, controller))}
    meant = [
        methods.get(_absolute(each, controller)) if isinstance(each, str) else each
        for each in _items(document, purpose)
    ]
    own = {id_: method for method in meant if method and (id_ := _id(method, controller))}
    return {id_: key for id_, method in own.items() if (key := _signing_key(method, controller))}


def lists_keys(document: Mapping[str, Any]) -> bool:
    """Tell whether a document says anything of keys, be they for signing or read here or not."""
    return any(_items(document, name) for name in _OF_KEYS)


def _signing_key(method: Mapping[str, Any], controller: str) -> SigningKey | None:
    if method.get("controller", controller) != controller:
        return None
    ends = [at for name in ("expires", "revoked") if (at := read_instant(method.get(name))) is not None]
    try:
        return SigningKey(_key(method), min(ends, default=None))
    except CredentialError:
        return None


def _key(method: Mapping[str, Any]) -> PublicKey:
    """Return a verification method's key, by the one member that its type has; raises CredentialError."""
    kind = method.get("type")
    if kind in ("Multikey", "Ed25519VerificationKey2020"):
        return decode_multikey(_text(method, "publicKeyMultibase"))
    if kind in ("JsonWebKey", "JsonWebKey2020"):
        jwk = method.get("publicKeyJwk")
        return from_jwk(jwk if isinstance(jwk, dict) else {})
    if kind == "Ed25519VerificationKey2018":
        return ed25519_key(decode_base58("z" + _text(method, "publicKeyBase58")))
    raise InvalidKey("The key is of a kind that is not supported.", "unsupported_key")


def _text(method: Mapping[str, Any], name: str) -> str:
    value = method.get(name)
    if not isinstance(value, str):
        raise InvalidKey(f"The key has no {name}.")
    return value


def _items(document: Mapping[str, Any], name: str) -> list[Any]:
    return items(document.get(name, []))[:MAX_METHODS]


def _id(method: Any, controller: str) -> str | None:
    """Return a method's absolute id; None unless it is one of the controller's own."""
    id_ = method.get("id") if isinstance(method, dict) else None
    absolute = _absolute(id_, controller) if isinstance(id_, str) else ""
    return absolute if absolute.startswith(f"{controller}#") else None


def _absolute(id_: str, controller: str) -> str:
    return f"{controller}{id_}" if id_.startswith("#") else id_
