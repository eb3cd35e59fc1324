"""A secret order for the indexes of a status list: consecutive numbers come to stand anywhere in it.

An index is the place that a keyed permutation gives the credential's number, so indexes tell neither order nor
volume and no two numbers collide: nothing has to be looked up or tried again. The permutation is a balanced
Feistel network over the next even number of bits, walked until the value falls within the list.
"""

from hashlib import blake2b

# NIST SP 800-38G takes ten rounds for the same construction (FF1); a round is one hash of a few bytes.
_ROUNDS = 10


def permuted(number: int, size: int, secret: bytes) -> int:
    """Return the place, 0 to size - 1, of a number, 0 to size - 1: a bijection for each secret (16 to 64 bytes).

    Raises ValueError for a number outside the list or a secret of another length.
    """
    if not 0 <= number < size or not 16 <= len(secret) <= 64:
        raise ValueError("The number must lie in the list, and the secret have 16 to 64 bytes.")
    half = ((size - 1).bit_length() + 1) // 2
    place = _feistel(number, half, secret)
    while place >= size:
        place = _feistel(place, half, secret)
    return place


def _feistel(value: int, half: int, secret: bytes) -> int:
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for round_ in range(_ROUNDS):
        left, right = right, left ^ (_round(round_, right, secret) & mask)
    return left << half | right


def _round(round_: int, right: int, secret: bytes) -> int:
    message = round_.to_bytes(1) + right.to_bytes(8)
    return int.from_bytes(blake2b(message, digest_size=8, key=secret).digest())
