"""Our side of each exchange: badges signed and checked by shared.credentials alone, whole and altered."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.credentials import base64url, jwt
from shared.credentials.check import check_document, check_token
from shared.credentials.contexts import (
    CREDENTIALS_V1,
    DATA_INTEGRITY_V2,
    ED25519_2020_V1,
    MULTIKEY_V1,
    OPEN_BADGES_V3,
    pinned,
)
from shared.credentials.dids import did_document
from shared.credentials.jwk import to_jwk
from shared.credentials.keys import PrivateKey, algorithm_of, did_key, encode_multikey, method_id
from shared.credentials.multibase import encode_base58
from shared.credentials.proofs import sign
from shared.credentials.report import CheckedDocument
from shared.credentials.status import MIN_BITS, status_list_credential
from shared.credentials.suites import SUITES, Suite
from tests.interop.badges import LIST_URL, generated
from tests.interop.differences import ALTERED_ACCEPTED, Difference
from tests.support.badges import at, paths

BADGES = 50
NOW = datetime.now(UTC).replace(microsecond=0)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
P256 = ec.derive_private_key(1_007, ec.SECP256R1())
P384 = ec.derive_private_key(1_007, ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
KEYS: tuple[PrivateKey, ...] = (ED25519, P256, P384, RSA)

_FURTHER = {"Ed25519Signature2020": ED25519_2020_V1, "Ed25519Signature2018": None}


@dataclass
class Exchange:
    """Badges that go one way between us and one other program, in one format, and what became of them."""

    peer: Literal["digitalbazaar", "dcc", "jose"]
    peer_name: str
    suite: str
    key: PrivateKey
    model: Literal["2.0", "1.1"]
    ours: bool
    accepted: int = 0
    refused: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def direction(self) -> str:
        """How it reads in the table."""
        return "ours made, theirs verified" if self.ours else "theirs made, ours verified"

    def jobs(self) -> list[dict[str, Any]]:
        """Return what the other program is asked: two verifications of each badge, or one signature."""
        unsigned = [unsigned_badge(number, self.key, self.model, self.suite) for number in range(BADGES)]
        if not self.ours:
            return [self._job("sign", to_sign(badge, self)) for badge in unsigned]
        signed = [signed_badge(badge, self) for badge in unsigned]
        every = [(badge, altered(badge, number)) for number, badge in enumerate(signed)]
        return [self._job("verify", as_member(each)) for pair in every for each in pair]

    def finish(self, answers: list[Any]) -> None:
        """Count what the other program accepted, or what we make of what it has signed."""
        for number in range(BADGES):
            if self.ours:
                good, bad = answers[2 * number : 2 * number + 2]
                self._count(number, good["accepted"], good["why"], not bad["accepted"])
            elif isinstance(answers[number], dict) and "failed" in answers[number]:
                self._count(number, False, f"not signed: {answers[number]['failed']}", False)
            else:
                accepted, why = verdict(answers[number])
                self._count(number, accepted, why, not verdict(altered(answers[number], number))[0])

    def _count(self, number: int, accepted: bool, why: str | None, refused: bool) -> None:
        self.accepted += accepted
        self.refused += refused
        said = [] if accepted else [str(why)]
        said += [] if refused else [ALTERED_ACCEPTED]
        badge = unsigned_badge(number, self.key, self.model, self.suite)
        self.differences += [Difference(self.peer, self.suite, each, badge) for each in said]

    def _job(self, what: str, members: dict[str, Any]) -> dict[str, Any]:
        did = did_key(self.key.public_key())
        job = {"peer": self.peer, "do": what, "suite": self.suite, "method": method_of(self.key), "controller": did}
        if self.suite == "Ed25519Signature2018":
            job["documents"] = {job["method"]: key_of_2018(job["method"], did)}
        return {**job, "jwk": private_jwk(self.key), "header": header_of(self), **members}


def exchanges(versions: Mapping[str, str]) -> Iterator[Exchange]:
    """Yield every format that both sides know, each both ways."""
    vc, dcc, jose = (f"{name} {versions[name]}" for name in ("@digitalbazaar/vc", _VERIFIER_CORE, "jose"))
    for ours in (True, False):
        for suite, key, model in _SUITES:
            yield Exchange("digitalbazaar", vc, suite, key, model, ours)
        for suite, model in _DCC_SUITES:
            yield Exchange("dcc", dcc, suite, ED25519, model, ours)
        for profile, key in _TOKENS:
            yield Exchange("jose", jose, profile, key, "2.0", ours)


_VERIFIER_CORE = "@digitalcredentials/verifier-core"
_SUITES: tuple[tuple[str, PrivateKey, Literal["2.0", "1.1"]], ...] = (
    ("eddsa-rdfc-2022", ED25519, "2.0"),
    ("eddsa-rdfc-2022", ED25519, "1.1"),
    ("ecdsa-rdfc-2019", P256, "2.0"),
    ("ecdsa-rdfc-2019", P384, "2.0"),
    ("eddsa-jcs-2022", ED25519, "2.0"),
    ("ecdsa-jcs-2019", P256, "2.0"),
    ("ecdsa-jcs-2019", P384, "2.0"),
    ("Ed25519Signature2020", ED25519, "2.0"),
    ("Ed25519Signature2020", ED25519, "1.1"),
    ("Ed25519Signature2018", ED25519, "1.1"),
)
_DCC_SUITES: tuple[tuple[str, Literal["2.0", "1.1"]], ...] = (
    ("eddsa-rdfc-2022", "2.0"),
    ("eddsa-rdfc-2022", "1.1"),
    ("Ed25519Signature2020", "2.0"),
    ("Ed25519Signature2020", "1.1"),
)
_TOKENS: tuple[tuple[str, PrivateKey], ...] = (
    ("vc+jwt", ED25519),
    ("vc+jwt", P256),
    ("vc+jwt", P384),
    ("ob3-jwt", P256),
    ("ob3-jwt", RSA),
)


def unsigned_badge(number: int, key: PrivateKey, model: str, suite: str) -> dict[str, Any]:
    """Return a generated badge of a key's did:key in one of the two data models; only that of 2.0 has a status."""
    badge = generated(number, did_key(key.public_key()), with_status=model == "2.0" and key is ED25519)
    badge["credentialSubject"].setdefault("id", f"urn:uuid:00000000-0000-4000-8000-{number:012}")
    if model == "2.0":
        badge["@context"] += [ED25519_2020_V1] if suite == "Ed25519Signature2020" else []
        return badge
    further = _FURTHER.get(suite, DATA_INTEGRITY_V2)
    badge["@context"] = [CREDENTIALS_V1, OPEN_BADGES_V3, *([further] if further else [])]
    dates = {"validFrom": "issuanceDate", "validUntil": "expirationDate"}
    return {dates.get(name, name): member for name, member in badge.items()}


def signed_badge(badge: dict[str, Any], exchange: Exchange) -> dict[str, Any] | str:
    """Return the badge as we sign it: a document, or the text of a token."""
    key, method = exchange.key, method_of(exchange.key)
    if exchange.suite == "vc+jwt":
        return jwt.write_vc(badge, key, method, NOW)
    if exchange.suite == "ob3-jwt":
        return jwt.write_ob3(badge, key, method, NOW)
    return sign(badge, key, method, NOW, suite_named(exchange.suite))


def to_sign(badge: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """Return what the other program is handed to sign."""
    if exchange.suite != "ob3-jwt":
        return {"document": badge, "payload": badge}
    claims = {"iss": badge["issuer"]["id"], "jti": badge["id"], "sub": badge["credentialSubject"]["id"]}
    return {"payload": badge | claims | {"nbf": int(datetime.fromisoformat(badge["validFrom"]).timestamp())}}


def as_member(badge: dict[str, Any] | str) -> dict[str, Any]:
    """Return a signed badge under the name that the other side looks for."""
    return {"token": badge} if isinstance(badge, str) else {"document": badge}


def altered(badge: Any, number: int) -> Any:
    """Return a signed badge with one of its texts a letter longer, its signature left as it was."""
    if isinstance(badge, str):
        header, payload, signature = badge.split(".")
        claims = altered(json.loads(base64url.decode(payload, 1_000_000)), number)
        return f"{header}.{base64url.encode(json.dumps(claims).encode())}.{signature}"
    other = deepcopy(badge)
    texts = [path for path in paths(other) if isinstance(at(other, path), str) and path[0] != "proof"]
    *way, name = Random(number).choice(texts)
    at(other, way)[name] += "x"
    return other


def verdict(badge: Any) -> tuple[bool, str | None]:
    """Return whether we find a badge good in all that was checked, and else what is not."""
    fetched = {LIST_URL: status_list()}
    check = check_token if isinstance(badge, str) else check_document
    checked = check(badge, now=NOW + timedelta(minutes=1), fetched=fetched)
    if not isinstance(checked, CheckedDocument):
        return False, f"more was needed: {checked.urls}"
    against = [each for each in checked.checks if each.outcome not in ("pass", "warn")]
    return not against, "; ".join(f"{each.name} {each.code}: {each.detail}" for each in against[:1]) or None


@cache
def status_list() -> dict[str, Any]:
    """Return the signed list that has every badge's status bit, none of them set."""
    unsigned = status_list_credential(
        list_url=LIST_URL,
        issuer=did_key(ED25519.public_key()),
        purpose="revocation",
        bits=bytes(MIN_BITS // 8),
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=1),
        ttl=timedelta(minutes=1),
    )
    return sign(unsigned, ED25519, method_of(ED25519), NOW)


def for_peers() -> dict[str, Any]:
    """Return, by address, all that the other programs may load: our pinned contexts, keys, the status list."""
    documents = {**pinned(), LIST_URL: status_list()}
    for key in KEYS:
        did, method = did_key(key.public_key()), method_of(key)
        multikey = {"id": method, "type": "Multikey", "controller": did}
        documents[did] = did_document(did, [key.public_key()])
        documents[method] = {
            "@context": MULTIKEY_V1,
            **multikey,
            "publicKeyMultibase": encode_multikey(key.public_key()),
        }
    return documents


def key_of_2018(method: str, did: str) -> dict[str, str]:
    """Return the Ed25519 key in the one form in which a proof of that year is checked."""
    value = encode_base58(ED25519.public_key().public_bytes_raw())[1:]
    context, kind = "https://w3id.org/security/suites/ed25519-2018/v1", "Ed25519VerificationKey2018"
    return {"@context": context, "id": method, "type": kind, "controller": did, "publicKeyBase58": value}


def method_of(key: PrivateKey) -> str:
    """Return the verification method of a key as its did:key."""
    return method_id(did_key(key.public_key()), key.public_key())


def suite_named(name: str) -> Suite:
    """Return a suite of ours."""
    return SUITES[name]


def header_of(exchange: Exchange) -> dict[str, str]:
    """Return the header of a token."""
    common = {"alg": algorithm_of(exchange.key), "kid": method_of(exchange.key)}
    return {**common, "typ": "JWT"} if exchange.suite == "ob3-jwt" else {**common, "typ": "vc+jwt", "cty": "vc"}


def private_jwk(key: PrivateKey) -> dict[str, str]:
    """Return a key of these tests with its secret (RFC 7518 section 6)."""
    if isinstance(key, Ed25519PrivateKey):
        secret = {"d": base64url.encode(key.private_bytes_raw())}
    elif isinstance(key, RSAPrivateKey):
        numbers = key.private_numbers()
        named = {"d": numbers.d, "p": numbers.p, "q": numbers.q}
        named |= {"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
        secret = {
            name: base64url.encode(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in named.items()
        }
    else:
        size = (key.key_size + 7) // 8
        secret = {"d": base64url.encode(key.private_numbers().private_value.to_bytes(size))}
    return {**to_jwk(key.public_key()), **secret}
