"""Credentials as JSON Web Tokens: read in each of their profiles, each by its own rules, and made in two of them.

`ob3-jwt`   Open Badges 3.0 section 8.2: the payload is the badge, beside `iss`, `jti`, `nbf`, `sub`.
`vc+jwt`    Securing Verifiable Credentials using JOSE and COSE section 3: the payload is the credential.
`vc-claim`  Verifiable Credentials Data Model 1.1 section 6.3.1: the credential stands in the claim `vc`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from shared.credentials import base64url
from shared.credentials.contexts import CREDENTIALS_V2
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.instants import read_instant, write_instant
from shared.credentials.jwk import from_jwk
from shared.credentials.keys import PrivateKey, PublicKey, UnboundKey, algorithm_of, sign_message, verify_signature
from shared.credentials.proofs import UNDECIDED, KeyResolver, Outcome, ProofFinding, resolved
from shared.credentials.quoting import quoted
from shared.credentials.shape import MAX_TEXT, id_of, items
from shared.credentials.strict_json import MAX_BYTES, read_json

Profile = Literal["ob3-jwt", "vc+jwt", "vc-claim", "vp+jwt", "vp-claim"]

# The 1EdTech validator takes no others in an Open Badge.
OB3_ALGORITHMS = frozenset({"RS256", "ES256"})
VC_ALGORITHMS = frozenset({"EdDSA", "ES256", "ES384"})
_REGISTERED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})  # RFC 7519 section 4.1
# Members of a header that change what is signed, or how it is read, and that nobody here obeys.
_REFUSED = frozenset({"crit", "b64", "zip", "enc", "epk", "apu", "apv"})
_OF_HOLDER = (("iss", "holder"), ("jti", "id"))
_LAST_SECOND = 253_402_300_799  # of the calendar: 9999-12-31T23:59:59Z
TakeApart = Callable[[Mapping[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any], Profile]]


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart, nothing of it believed yet; `document` is the credential or presentation that it carries."""

    profile: Profile
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    document: dict[str, Any]
    signature: bytes
    signing_input: bytes

    @property
    def kid(self) -> str | None:
        """The name that its header has for the key; None for what names none."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) and 0 < len(kid) <= MAX_TEXT else None

    @property
    def issued_at(self) -> datetime | None:
        """When it says that it was signed."""
        return _instant(self.claims.get("iat"))

    @property
    def begins(self) -> datetime | None:
        """From when on it may be accepted, where the credential itself does not say so."""
        return None if self.profile == "ob3-jwt" else _instant(self.claims.get("nbf"))

    @property
    def expires(self) -> datetime | None:
        """When its signature ends, where that is another time than the credential's own end."""
        return None if self.profile == "ob3-jwt" else _instant(self.claims.get("exp"))


def read(text: str) -> Token:
    """Take a compact JWS that carries a credential apart (RFC 7515 section 7.1).

    Raises CredentialError: `malformed`, `too_large`, `unsupported_format` (an encrypted token), `invalid_signature`
    (a header that no honest issuer writes), `claims_mismatch` (claims that say other things than the credential).
    """
    return _read(text, _taken_apart)


def read_presentation(text: str) -> Token:
    """Take a compact JWS that carries a presentation apart; raises as `read` does."""
    return _read(text, _presentation_in)


def _read(text: str, take_apart: TakeApart) -> Token:
    if len(text) > MAX_BYTES:
        raise CredentialError(f"The token is larger than {MAX_BYTES} bytes.", "too_large")
    if "~" in text:
        raise CredentialError("The token is one with selective disclosure, which is not read.", "unsupported_format")
    parts = text.split(".")
    if len(parts) == 5:
        raise CredentialError("The token is encrypted.", "unsupported_format")
    if len(parts) != 3:
        raise CredentialError("A signed token has three parts.", "malformed")
    header, payload = (_object(base64url.decode(part, MAX_BYTES)) for part in parts[:2])
    _refuse_header(header)
    claims, document, profile = take_apart(header, payload)
    signature = base64url.decode(parts[2], MAX_BYTES)
    return Token(profile, header, claims, document, signature, ".".join(parts[:2]).encode())


def verify(token: Token, issuer_id: str | None, resolve_key: KeyResolver) -> ProofFinding:
    """Check a token's signature; `resolve_key` says which keys may sign. Never raises for what the token holds.

    A token that names its key by a fragment means its issuer's. One that brings its key itself, in `jwk`, is bound to
    nobody: `unknown` (`key_not_bound`), however well the key fits; so is one that `resolve_key` has no owner for, and
    then the finding names no verification method. Nothing is ever fetched for `jku`, `x5u`, `x5c`.
    """
    if token.kid is None:
        return _of_nobody(token)
    method = f"{issuer_id}{token.kid}" if token.kid.startswith("#") and issuer_id else token.kid
    times = token.issued_at, token.expires, token.begins
    try:
        key, unbound = resolved(resolve_key, method, token.issued_at)
    except CredentialError as error:
        code = "invalid_signature" if error.code in ("invalid_key", "malformed") else error.code
        outcome: Outcome = "unknown" if error.code in UNDECIDED else "fail"
        return ProofFinding(outcome, code, error.detail, None if isinstance(error, UnboundKey) else method, *times)
    refusal = _refusal(token, key)
    if refusal is not None:
        return ProofFinding("fail", *refusal, None if unbound else method, *times)
    if unbound is not None:
        return ProofFinding("unknown", unbound.code, unbound.detail, None, *times)
    return ProofFinding("pass", "signed", "The signature fits the token and the key.", method, *times)


def write_ob3(badge: Mapping[str, Any], key: PrivateKey, key_url: str, signed_at: datetime) -> str:
    """Return a badge as a token of Open Badges 3.0; `key_url` leads to the public key as a JWK.

    Raises InvalidKey for a key other than RSA or P-256, CredentialError (`recipient_missing`) for a subject without id.
    """
    if algorithm_of(key) not in OB3_ALGORITHMS:
        raise InvalidKey("A token of Open Badges 3.0 is signed with an RSA key or one on P-256.", "unsupported_key")
    if not badge["credentialSubject"].get("id"):
        raise CredentialError("A token names its subject: the badge needs its recipient's id.", "recipient_missing")
    header = {"alg": algorithm_of(key), "kid": key_url, "typ": "JWT"}
    return _written(header, {**badge, **_claims_of(badge), "iat": int(signed_at.timestamp())}, key)


def write_vc(credential: Mapping[str, Any], key: PrivateKey, verification_method: str, signed_at: datetime) -> str:
    """Return a credential as a `vc+jwt`; raises InvalidKey for an RSA key."""
    if algorithm_of(key) not in VC_ALGORITHMS:
        raise InvalidKey("A vc+jwt is signed with an Ed25519 key, or one on P-256 or P-384.", "unsupported_key")
    header = {"alg": algorithm_of(key), "kid": verification_method, "typ": "vc+jwt", "cty": "vc"}
    return _written(header, {**credential, "iat": int(signed_at.timestamp())}, key)


def _written(header: Mapping[str, Any], payload: Mapping[str, Any], key: PrivateKey) -> str:
    signing_input = ".".join(base64url.encode(orjson.dumps(part)) for part in (header, payload))
    return f"{signing_input}.{base64url.encode(sign_message(key, signing_input.encode()))}"


def _claims_of(badge: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that say once more what the badge says (Open Badges 3.0 section 8.2.4.1)."""
    dates = {"nbf": badge.get("validFrom"), "exp": badge.get("validUntil")}
    seconds = {name: int(at.timestamp()) for name, text in dates.items() if (at := read_instant(text)) is not None}
    return {"iss": badge["issuer"]["id"], "jti": badge["id"], "sub": badge["credentialSubject"]["id"], **seconds}


def _object(raw: bytes) -> dict[str, Any]:
    value = read_json(raw)
    if not isinstance(value, dict):
        raise CredentialError("A part of the token is not a JSON object.", "malformed")
    return value


def _refuse_header(header: Mapping[str, Any]) -> None:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none" or algorithm.upper().startswith("HS"):
        raise CredentialError("The token is not signed with anybody's private key.", "invalid_signature")
    if _REFUSED & header.keys():
        raise CredentialError("The token's header asks for what no credential needs.", "invalid_signature")


def _taken_apart(header: Mapping[str, Any], payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Profile]:
    """Return the claims, the credential and the profile of a payload; raises CredentialError."""
    kind, claims, document = _named(header, payload)
    if kind == "vc+jwt":
        if header.get("cty", "vc") != "vc" or {"vc", "vp"} & payload.keys():
            raise CredentialError("The token is not what its type says.", "malformed")
        return claims, _agreed(claims, document, dated=False), "vc+jwt"
    if kind not in ("", "jwt"):
        raise CredentialError(f"Tokens of the type {quoted(kind)} are not read.", "unsupported_format")
    if "vc" not in payload:
        return claims, _agreed(claims, document, dated=True), "ob3-jwt"
    if not isinstance(payload["vc"], dict):
        raise CredentialError("The token's claim vc is not an object.", "malformed")
    return claims, _completed(claims, payload["vc"]), "vc-claim"


def _presentation_in(
    header: Mapping[str, Any], payload: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Profile]:
    """Return the claims, the presentation and the profile of a payload; raises CredentialError."""
    kind, claims, document = _named(header, payload, _REGISTERED | {"nonce"})
    profile: Profile = "vp+jwt" if kind == "vp+jwt" else "vp-claim"
    if profile == "vp+jwt":
        if header.get("cty", "vp") != "vp" or {"vc", "vp"} & payload.keys():
            raise CredentialError("The token is not what its type says.", "malformed")
    elif kind not in ("", "jwt") or not isinstance(payload.get("vp"), dict) or "vc" in payload:
        raise CredentialError("The token does not carry a presentation.", "malformed")
    else:
        document = {**{member: claims[claim] for claim, member in _OF_HOLDER if claim in claims}, **payload["vp"]}
    said = {"iss": id_of(document.get("holder")), "jti": document.get("id")}
    if any(claims[name] != said[name] for name in said.keys() & claims.keys() if said[name] is not None):
        raise _mismatch()
    return claims, document, profile


def _named(
    header: Mapping[str, Any], payload: dict[str, Any], names: frozenset[str] = _REGISTERED
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return a token's type, its claims of those names and all other members; raises CredentialError."""
    kind = str(header.get("typ", "")).lower().removeprefix("application/")
    claims = {name: payload[name] for name in names & payload.keys()}
    if any(_instant(claims[name]) is None for name in ("exp", "nbf", "iat") if name in claims):
        raise CredentialError("A time among the token's claims is none.", "malformed")
    return kind, claims, {name: member for name, member in payload.items() if name not in names}


def _agreed(claims: Mapping[str, Any], document: dict[str, Any], *, dated: bool) -> dict[str, Any]:
    """Return the credential; raises CredentialError where a claim says something else than its member."""
    said: dict[str, Any] = {
        "iss": id_of(document.get("issuer")),
        "jti": document.get("id"),
        "sub": id_of(document.get("credentialSubject")),
    }
    if any(claims[name] != said[name] for name in said.keys() & claims.keys() if said[name] is not None):
        raise _mismatch()
    dates = {"nbf": document.get("validFrom"), "exp": document.get("validUntil")} if dated else {}
    if any(not _same_second(claims[name], text) for name, text in dates.items() if name in claims):
        raise _mismatch()
    return document


def _completed(claims: Mapping[str, Any], inside: dict[str, Any]) -> dict[str, Any]:
    """Return the credential of a `vc` claim with the members that stand as claims alone."""
    document = dict(inside)
    for claim, member in (("jti", "id"), ("iss", "issuer")):
        if claim in claims:
            document.setdefault(member, claims[claim])
    newer = CREDENTIALS_V2 in items(document.get("@context"))
    begins, ends = ("validFrom", "validUntil") if newer else ("issuanceDate", "expirationDate")
    for claim, member in (("nbf", begins), ("exp", ends)):
        at = _instant(claims.get(claim))
        if at is not None:
            document.setdefault(member, write_instant(at))
    subject = document.get("credentialSubject")
    if "sub" in claims and isinstance(subject, dict):
        document["credentialSubject"] = {"id": claims["sub"], **subject}
    return _agreed(claims, document, dated=False)


def _mismatch() -> CredentialError:
    return CredentialError("The token's claims say something else than the credential in it.", "claims_mismatch")


def _same_second(claim: Any, text: Any) -> bool:
    at = read_instant(text)
    return at is not None and isinstance(claim, int | float) and int(claim) == int(at.timestamp() // 1)


def _instant(claim: Any) -> datetime | None:
    """Return the instant of a NumericDate (RFC 7519 section 2), None for anything else."""
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not 0 <= claim <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(claim, UTC)


def _of_nobody(token: Token) -> ProofFinding:
    jwk = token.header.get("jwk")
    if not isinstance(jwk, dict):
        return ProofFinding("fail", "unknown_key", "The token does not say which key signed it.")
    try:
        refusal = _refusal(token, from_jwk(jwk))
    except CredentialError as error:
        return ProofFinding("fail", "invalid_signature", error.detail)
    if refusal is not None:
        return ProofFinding("fail", *refusal)
    detail = "The token brings its own key: the signature fits it, and nothing says whose it is."
    return ProofFinding("unknown", "key_not_bound", detail)


def _refusal(token: Token, key: PublicKey) -> tuple[str, str] | None:
    """What stands against a signature by a key: a code and a sentence; None where it fits."""
    if token.header["alg"] != algorithm_of(key):
        return "invalid_signature", "The token names a way of signing that is not its key's."
    if not verify_signature(key, token.signature, token.signing_input):
        return "tampered", "The token is not as it was signed, or was not signed with this key."
    return None
