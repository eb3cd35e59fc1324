"""Public keys as Multikey and did:key write them, and the Ed25519 keys and signatures that are refused."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.credentials.errors import InvalidKey
from shared.credentials.multibase import decode_base58, encode_base58

PublicKey = Ed25519PublicKey
PrivateKey = Ed25519PrivateKey

_ED25519 = b"\xed\x01"  # multicodec ed25519-pub, as a varint
_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
# The y of the eight points of small order: under such a key one signature fits many messages (RFC 8032
# section 5.1.7 leaves them in, and so does OpenSSL).
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = {0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8}


def encode_multikey(key: PublicKey) -> str:
    """Return a public key as `publicKeyMultibase` has it (Controlled Identifiers 1.0 section 2.2.2)."""
    return encode_base58(_ED25519 + key.public_bytes_raw())


def decode_multikey(text: str) -> PublicKey:
    """Return the public key of a Multikey value.

    Raises InvalidKey, code `unsupported_key` for another kind of key, else `invalid_key`.
    """
    raw = decode_base58(text)
    if not raw.startswith(_ED25519):
        raise InvalidKey("The key is of a kind that is not supported.", "unsupported_key")
    return _ed25519(raw[len(_ED25519) :])


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


def is_signature(signature: bytes) -> bool:
    """Tell whether bytes are an Ed25519 signature: 64, and of the equal forms of S the smallest (RFC 8032 5.1.7)."""
    return len(signature) == 64 and int.from_bytes(signature[32:], "little") < _ORDER


def verify_signature(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether an Ed25519 signature is the key's over the message."""
    if not is_signature(signature):
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _ed25519(raw: bytes) -> PublicKey:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) != 32 or y >= _FIELD or y in _SMALL_ORDER:
        raise InvalidKey("The Ed25519 key is not one that can sign.")
    return Ed25519PublicKey.from_public_bytes(raw)
