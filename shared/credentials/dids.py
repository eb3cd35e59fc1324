"""Institutions as DIDs: the did:web name of an institution and the document that lists its keys."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from shared.credentials import base64url
from shared.credentials.contexts import DID_V1, MULTIKEY_V1
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.instants import write_instant
from shared.credentials.jwk import from_jwk, to_jwk
from shared.credentials.keys import PublicKey, algorithm_of, encode_multikey, method_id
from shared.credentials.strict_json import read_json

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# A name with a dot and a top level that is no number: no port, no address, no name of this machine's own.
_HOST = re.compile(
    r"(?!.*\.(?:local|localhost|internal|arpa|onion)$)"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]",
    re.IGNORECASE,
)
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_HERE = re.compile(rf"did:web:localhost%3A([1-9][0-9]{{1,4}}):institutions:({_SLUG.pattern.replace('(', '(?:')})")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[^\x00-\x20/\\?#%]+")
_MAX_DID = 2_000
# Letters as they are: what every server takes for the same path, and that climbs nowhere.
_PLAIN_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~-]+)+", re.ASCII)
# The two terms of Controlled Identifiers 1.0 (section 2.2.3) for keys as JWKs. They stand in no context file that is
# pinned here, so a document brings them itself: nobody has to fetch anything to know what they mean.
JSON_WEB_KEY = {
    "JsonWebKey": "https://w3id.org/security#JsonWebKey",
    "publicKeyJwk": {"@id": "https://w3id.org/security#publicKeyJwk", "@type": "@json"},
}
# As Multikey's own context has it.
_REVOKED = {
    "revoked": {"@id": "https://w3id.org/security#revoked", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}
}


def did_web(base_url: str, slug: str) -> str:
    """Return the did:web whose document stands at `<base_url>/institutions/<slug>/did.json`.

    Raises InvalidKey unless the base is https without user, query or fragment (did:web method).
    """
    base = urlsplit(base_url)
    if base.scheme != "https" or not base.hostname or base.username or base.query or base.fragment:
        raise InvalidKey("A did:web needs an https address.")
    if not _SLUG.fullmatch(slug):
        raise InvalidKey("An institution's slug has lower-case letters, digits and hyphens.")
    host = base.hostname if base.port in (None, 443) else f"{base.hostname}%3A{base.port}"
    path = [quote(segment, safe="") for segment in base.path.split("/") if segment]
    return ":".join(["did:web", host, *path, "institutions", slug])


def did_here(base_url: str, slug: str) -> str:
    """Return the did:web of an institution that is for trying out on this machine: `did:web:localhost%3A<port>:...`.

    Nobody resolves it: `web_url` refuses it, as it must for a stranger's. It is known where its keys are.
    Raises InvalidKey unless the base is http on this machine itself, with a port and without a path.
    """
    base = urlsplit(base_url)
    if base.scheme != "http" or base.hostname not in _THIS_MACHINE or not base.port or base.path or base.query:
        raise InvalidKey("Such a did:web needs an address of this machine.")
    if not _SLUG.fullmatch(slug):
        raise InvalidKey("An institution's slug has lower-case letters, digits and hyphens.")
    return f"did:web:localhost%3A{base.port}:institutions:{slug}"


def web_url(did: str) -> str:
    """Return the https address of what a did:web names, without `/did.json` behind it (did:web method section 2.5.2).

    Raises InvalidKey for a DID that names no public host: a port, an address instead of a name, a path that climbs.
    """
    method, _, rest = did.partition("did:web:")
    parts = [unquote(part) for part in rest.split(":")]
    if method or not _HOST.fullmatch(parts[0]) or not all(_SEGMENT.fullmatch(part) for part in parts[1:]):
        raise InvalidKey("The DID is not a did:web with a public name.", "did_refused")
    return "/".join([f"https://{parts[0].lower()}", *(quote(part, safe="") for part in parts[1:])])


def is_place_of(url: str, controller: str) -> bool:
    """Tell whether only a did:web or https controller, or who rules over it, can let something stand at an address.

    That is below the controller's own path on its own host: beside it others may have theirs. Who has a bare host for
    a name answers for all that stands on it. Neither query nor escapes, which may lead to what another one wrote.
    """
    try:
        base = web_url(controller) if controller.startswith("did:web:") else controller.removesuffix("/")
    except InvalidKey:
        return False
    host, slash, path = base.removeprefix("https://").partition("/")
    own = base.startswith("https://") and _HOST.fullmatch(host) and (not slash or _PLAIN_PATH.fullmatch(f"/{path}"))
    return bool(own and url.startswith(f"{base}/") and _PLAIN_PATH.fullmatch(url[len(base) :]))


def jwk_url(did: str, key_id: UUID) -> str:
    """Return where an institution's bare public key stands, the `kid` of its tokens; raises as `web_url` does.

    It is a name by which a key is known, and not an address to fetch: that of a `did_here` is one of this machine.
    """
    here = _HERE.fullmatch(did)
    base = f"http://localhost:{here[1]}/institutions/{here[2]}" if here else web_url(did)
    return f"{base}/keys/{key_id}"


def jwk_method(did: str, key_id: UUID) -> str | None:
    """Return the DID URL of an institution's key as a JsonWebKey; None for a did:key, whose key has its one form."""
    return f"{did}#{key_id}" if did.startswith("did:web:") else None


def key_of_did_jwk(did: str) -> PublicKey:
    """Return the public key that a did:jwk is (did:jwk method); raises InvalidKey."""
    try:
        jwk = read_json(base64url.decode(did.removeprefix("did:jwk:"), _MAX_DID))
    except CredentialError as error:
        raise InvalidKey("The DID is not a did:jwk.") from error
    if not isinstance(jwk, dict):
        raise InvalidKey("The DID is not a did:jwk.")
    return from_jwk(jwk)


def did_document(
    did: str,
    keys: Iterable[PublicKey],
    as_jwk: Mapping[UUID, PublicKey] | None = None,
    former: Sequence[str] = (),
    revoked: Mapping[str, datetime] | None = None,
) -> dict[str, Any]:
    """Return the DID document of an institution whose keys may sign badges (DID 1.0, Controlled Identifiers 1.0).

    `as_jwk` are those that may sign tokens, by their ids; `former` are DIDs that it had before; `revoked` has, by their
    Multikeys' texts, since when keys may not be relied on. Every id is absolute and `assertionMethod` holds strings:
    common verifiers look for nothing else.
    """
    ends = {key: {"revoked": write_instant(at)} for key, at in (revoked or {}).items()}
    methods: list[dict[str, Any]] = [
        _method(method_id(did, key), "Multikey", did, publicKeyMultibase=text, **ends.get(text, {}))
        for key in keys
        for text in [encode_multikey(key)]
    ]
    for key_id, key in (as_jwk or {}).items():
        if name := jwk_method(did, key_id):
            jwk = {**to_jwk(key), "alg": algorithm_of(key)}
            methods.append(_method(name, "JsonWebKey", did, publicKeyJwk=jwk, **ends.get(encode_multikey(key), {})))
    terms = {**JSON_WEB_KEY, **(_REVOKED if ends else {})} if any("publicKeyJwk" in each for each in methods) else {}
    return {
        "@context": [DID_V1, MULTIKEY_V1, *([terms] if terms else [])],
        "id": did,
        **({"alsoKnownAs": list(former)} if former else {}),
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def _method(id_: str, kind: str, controller: str, **key: Any) -> dict[str, Any]:
    return {"id": id_, "type": kind, "controller": controller, **key}


def controller_of(verification_method: str) -> str:
    """Return the DID that a verification method's DID URL belongs to: all before the fragment."""
    return verification_method.partition("#")[0]


def host_of(identifier: str | None) -> str | None:
    """Return the host that an issuer's identifier names: that of a did:web (its first part) or of a URL, else None.

    It is in its ASCII form, as it is asked for: letters of other scripts may look like those of another host. A host
    that older readers take for another than newer ones (`ß` for `ss`, RFC 5891 and 3490) is none.
    """
    text = identifier or ""
    try:
        host = urlsplit(text).hostname if text.startswith(("https://", "http://")) else None
        host = text.split(":")[2] if text.startswith("did:web:") else host
        name = (host or "").encode("idna")
        is_told = not host or host.isascii() or name.decode("idna") == host
        return name.decode() or None if is_told else None
    except ValueError:
        return None
