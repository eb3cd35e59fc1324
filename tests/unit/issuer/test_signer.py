"""Private keys open for their own row, with the right key-encryption key, and few stay open."""

import secrets
from uuid import uuid4

import pytest

from services.issuer import signer as module
from services.issuer.signer import Signer, new_signing_key
from shared.errors import Unavailable
from shared.sealing import Sealer

KEK = secrets.token_bytes(32)


def test_a_sealed_key_opens_as_itself_after_a_restart() -> None:
    key_id, key = uuid4(), new_signing_key()
    sealed = Signer(Sealer([KEK])).seal(key_id, key)
    assert key.private_bytes_raw() not in sealed
    assert Signer(Sealer([secrets.token_bytes(32), KEK])).open(key_id, sealed).public_key() == key.public_key()


def test_a_key_does_not_open_for_another_row_or_under_another_key() -> None:
    key_id = uuid4()
    sealed = Signer(Sealer([KEK])).seal(key_id, new_signing_key())
    for signer, row in ((Signer(Sealer([KEK])), uuid4()), (Signer(Sealer([secrets.token_bytes(32)])), key_id)):
        with pytest.raises(Unavailable):
            signer.open(row, sealed)


def test_no_more_keys_stay_open_than_are_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 2)
    signer = Signer(Sealer([KEK]))
    ids = [uuid4() for _ in range(3)]
    sealed = {key_id: signer.seal(key_id, new_signing_key()) for key_id in ids}
    for key_id in ids:
        signer.open(key_id, sealed[key_id])
    assert signer.open(ids[2], b"not looked at").public_key() == signer.open(ids[2], sealed[ids[2]]).public_key()
    with pytest.raises(Unavailable):
        signer.open(ids[0], b"looked at again")
