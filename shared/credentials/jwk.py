"""Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): written in one form, read in that alone."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from shared.credentials import base64url
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.keys import CURVES, PublicKey, curve_of, ed25519_key, point, rsa_key, unsupported

# A modulus of 4096 bits, with room: what is longer is no key that would be taken.
_MAX_MEMBER = 1_024
_BY_NAME = {curve.name: curve for curve in CURVES.values()}
# Members with which a private or symmetric key would be published.
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def to_jwk(key: PublicKey) -> dict[str, str]:
    """Return a public key's required members (RFC 7638 section 3.2)."""
    if isinstance(key, Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.public_bytes_raw())}
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": base64url.encode(_shortest(numbers.n)), "e": base64url.encode(_shortest(numbers.e))}
    curve, place = curve_of(key), key.public_numbers()
    x, y = (base64url.encode(number.to_bytes(curve.size)) for number in (place.x, place.y))
    return {"kty": "EC", "crv": curve.name, "x": x, "y": y}


def from_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the public key of a JWK; what it says beside the key (`kid`, `use`, `alg`) is not looked at.

    Raises InvalidKey: `unsupported_key` for another kind of key, else `invalid_key`, a published private key included.
    """
    if _SECRET & jwk.keys():
        raise InvalidKey("The JWK holds a secret: whoever has read it can sign with it.")
    kind, curve_name = jwk.get("kty"), jwk.get("crv")
    if (kind, curve_name) == ("OKP", "Ed25519"):
        return ed25519_key(_bytes(jwk, "x"))
    if kind == "RSA":
        return rsa_key(_rsa(_number(jwk, "n"), _number(jwk, "e")))
    curve = _BY_NAME.get(curve_name) if kind == "EC" and isinstance(curve_name, str) else None
    if curve is not None:
        x, y = _bytes(jwk, "x"), _bytes(jwk, "y")
        if not len(x) == len(y) == curve.size:
            raise InvalidKey(f"The {curve.name} key's coordinates do not have {curve.size} bytes.")
        return point(curve, b"\x04" + x + y)
    raise unsupported()


def jwk_at(found: Any, named: str) -> PublicKey:
    """Return the key that is meant by an address at which a JWK stands, or a JWK set (RFC 7517 section 5).

    A fragment says which one, by its `kid`. Raises InvalidKey where that is not exactly one, and as `from_jwk` does.
    """
    keys = found["keys"] if isinstance(found, dict) and isinstance(found.get("keys"), list) else [found]
    fragment = named.partition("#")[2]
    meant = [each for each in keys if isinstance(each, dict) and (not fragment or each.get("kid") in (fragment, named))]
    if len(meant) != 1:
        raise InvalidKey("At the address of the key there is not exactly one key.")
    return from_jwk(meant[0])


def _rsa(n: int, e: int) -> RSAPublicKey:
    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise InvalidKey("The RSA key's numbers make no key.") from None


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _number(jwk: Mapping[str, Any], name: str) -> int:
    raw = _bytes(jwk, name)
    if raw[:1] == b"\0":
        raise InvalidKey("A number of the key begins with a zero byte.")
    return int.from_bytes(raw)


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64url.decode(jwk.get(name), _MAX_MEMBER)
    except CredentialError as error:
        raise InvalidKey(f"The key's member {name} is not base64url in its one form.") from error
