"""Keys of every kind that signs credentials: one Multikey form each, did:key, and signatures in one form alone."""

from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from shared.credentials.errors import InvalidKey
from shared.credentials.multibase import decode_base58, encode_base58

PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | RSAPublicKey
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | RSAPrivateKey

Algorithm = Literal["EdDSA", "ES256", "ES384", "RS256"]
"""How a key signs, as JOSE names it (RFC 7518 section 3.1, RFC 8037 section 3.1): each key in one way alone."""


class UnboundKey(InvalidKey):
    """Nothing says that a key is whose its name claims; `key` is None where it could not be had either.

    A signature may be checked with it, which shows at most that it does not fit.
    """

    code = "key_not_bound"

    def __init__(self, detail: str, code: str | None = None, *, key: PublicKey | None = None) -> None:
        super().__init__(detail, code)
        self.key = key


@dataclass(frozen=True, slots=True)
class Curve:
    """An elliptic curve of ECDSA: JOSE's names, its multicodec (a varint), its order and coordinates' length."""

    algorithm: Algorithm
    name: str
    multicodec: bytes
    order: int
    size: int
    curve: ec.EllipticCurve
    hash: hashes.HashAlgorithm


P256 = Curve(
    "ES256",
    "P-256",
    b"\x80\x24",
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    32,
    ec.SECP256R1(),
    hashes.SHA256(),
)
P384 = Curve(
    "ES384",
    "P-384",
    b"\x81\x24",
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    48,
    ec.SECP384R1(),
    hashes.SHA384(),
)
CURVES = {curve.curve.name: curve for curve in (P256, P384)}

_ED25519 = b"\xed\x01"  # multicodec ed25519-pub, as a varint
_RSA = b"\x85\x24"  # multicodec rsa-pub: PKCS #1 in DER
_RSA_BITS = range(2048, 4096 + 1)
_RSA_EXPONENTS = range(3, 1 << 33)
_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
# The y of the eight points of small order: under such a key one signature fits many messages (RFC 8032
# section 5.1.7 leaves them in, and so does OpenSSL).
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = {0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8}


def algorithm_of(key: PublicKey | PrivateKey) -> Algorithm:
    """Return the one way in which a key signs; raises InvalidKey (`unsupported_key`) for a curve that is not used."""
    if isinstance(key, Ed25519PublicKey | Ed25519PrivateKey):
        return "EdDSA"
    return "RS256" if isinstance(key, RSAPublicKey | RSAPrivateKey) else curve_of(key).algorithm


def curve_of(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> Curve:
    """Return an ECDSA key's curve; raises InvalidKey (`unsupported_key`) for one that is not used."""
    if key.curve.name not in CURVES:
        raise unsupported()
    return CURVES[key.curve.name]


def encode_multikey(key: PublicKey) -> str:
    """Return a public key as `publicKeyMultibase` has it (Controlled Identifiers 1.0 section 2.2.2)."""
    if isinstance(key, Ed25519PublicKey):
        return encode_base58(_ED25519 + key.public_bytes_raw())
    if isinstance(key, RSAPublicKey):
        return encode_base58(_RSA + key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    return encode_base58(curve_of(key).multicodec + key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


def decode_multikey(text: str) -> PublicKey:
    """Return the public key of a Multikey value.

    Raises InvalidKey, code `unsupported_key` for another kind of key, else `invalid_key`.
    """
    raw = decode_base58(text)
    multicodec, value = raw[:2], raw[2:]
    if multicodec == _ED25519:
        return ed25519_key(value)
    if multicodec == _RSA:
        return _rsa_of_der(value)
    for curve in CURVES.values():
        if multicodec == curve.multicodec:
            return _compressed(curve, value)
    raise unsupported()


def did_key(key: PublicKey) -> str:
    """Return the did:key of a public key: the DID that is the key."""
    return f"did:key:{encode_multikey(key)}"


def key_of_did(did: str) -> PublicKey:
    """Return the public key that a did:key is; raises InvalidKey."""
    prefix, multikey = did[:8], did[8:]
    if prefix != "did:key:":
        raise InvalidKey("The DID is not a did:key.")
    return decode_multikey(multikey)


def method_id(controller: str, key: PublicKey) -> str:
    """Return the DID URL of a controller's key, did:key and did:web alike: `<did>#<multikey>`."""
    return f"{controller}#{encode_multikey(key)}"


def sign_message(key: PrivateKey, message: bytes) -> bytes:
    """Return a key's signature in JOSE's form: ECDSA's as its two numbers side by side (RFC 7518 section 3.4)."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    curve = curve_of(key)
    numbers = decode_dss_signature(key.sign(message, ec.ECDSA(curve.hash)))
    return b"".join(number.to_bytes(curve.size) for number in numbers)


def is_signature(key: PublicKey, signature: bytes) -> bool:
    """Tell whether bytes have the form of a signature of such a key.

    Of an Ed25519 signature's equal forms only that with the smallest S (RFC 8032 5.1.7); ECDSA's two numbers lie
    between 1 and the order.
    """
    if isinstance(key, Ed25519PublicKey):
        return len(signature) == 64 and int.from_bytes(signature[32:], "little") < _ORDER
    if isinstance(key, RSAPublicKey):
        return len(signature) == (key.key_size + 7) // 8
    curve = curve_of(key)
    return len(signature) == 2 * curve.size and all(0 < number < curve.order for number in _numbers(signature, curve))


def verify_signature(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether a signature is the key's over the message."""
    if not is_signature(key, signature):
        return False
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            curve = curve_of(key)
            key.verify(encode_dss_signature(*_numbers(signature, curve)), message, ec.ECDSA(curve.hash))
    except InvalidSignature:
        return False
    return True


def ed25519_key(raw: bytes) -> Ed25519PublicKey:
    """Return the Ed25519 key of 32 bytes; raises InvalidKey for a second form, and for a point of small order."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) != 32 or y >= _FIELD or y in _SMALL_ORDER:
        raise InvalidKey("The Ed25519 key is not one that can sign.")
    return Ed25519PublicKey.from_public_bytes(raw)


def point(curve: Curve, raw: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of an encoded point (SEC 1 section 2.3.3); raises InvalidKey for one that is not on the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, raw)
    except ValueError:
        raise InvalidKey(f"The {curve.name} key is not a point of its curve.") from None


def rsa_key(key: RSAPublicKey) -> RSAPublicKey:
    """Return the key; raises InvalidKey unless it is strong enough, and small enough to be checked in no time."""
    if key.key_size not in _RSA_BITS or key.public_numbers().e not in _RSA_EXPONENTS:
        raise InvalidKey("The RSA key does not have 2048 to 4096 bits and a small exponent.")
    return key


def unsupported() -> InvalidKey:
    """Return what is said of a key of another kind."""
    return InvalidKey("The key is of a kind that is not supported.", "unsupported_key")


def _compressed(curve: Curve, raw: bytes) -> ec.EllipticCurvePublicKey:
    if len(raw) != 1 + curve.size or raw[0] not in (2, 3):
        raise InvalidKey(f"The {curve.name} key is not a compressed point.")
    return point(curve, raw)


def _rsa_of_der(raw: bytes) -> RSAPublicKey:
    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey("The RSA key is not in its one form.") from None
    if not isinstance(key, RSAPublicKey) or key.public_bytes(Encoding.DER, PublicFormat.PKCS1) != raw:
        raise InvalidKey("The RSA key is not in its one form.")
    return rsa_key(key)


def _numbers(signature: bytes, curve: Curve) -> tuple[int, int]:
    return int.from_bytes(signature[: curve.size]), int.from_bytes(signature[curve.size :])
