"""Sealed secrets open with the right key and context alone."""

import base64
import secrets
from pathlib import Path

import pytest

from shared.sealing import Sealer, SealingError

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


def key_file(tmp_path: Path, *keys: bytes) -> Path:
    path = tmp_path / "kek"
    path.write_text("".join(base64.b64encode(key).decode() + "\n" for key in keys))
    return path


def test_what_is_sealed_opens_again_and_never_looks_the_same_twice() -> None:
    sealer = Sealer([NEW])
    first, second = sealer.seal(b"secret", b"row 1"), sealer.seal(b"secret", b"row 1")
    assert sealer.open(first, b"row 1") == sealer.open(second, b"row 1") == b"secret"
    assert first != second
    assert b"secret" not in first


def test_an_envelope_moved_to_another_row_does_not_open() -> None:
    sealer = Sealer([NEW])
    with pytest.raises(SealingError):
        sealer.open(sealer.seal(b"secret", b"row 1"), b"row 2")


def test_an_envelope_changed_or_cut_anywhere_does_not_open() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"secret", b"row")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        for wrong in (bytes(altered), sealed[:position]):
            with pytest.raises(SealingError):
                sealer.open(wrong, b"row")


def test_a_key_is_rotated_by_putting_a_new_one_above_it(tmp_path: Path) -> None:
    old = Sealer.from_file(key_file(tmp_path, OLD)).seal(b"secret", b"row")
    both = Sealer.from_file(key_file(tmp_path, NEW, OLD))
    new = both.seal(b"secret", b"row")
    assert both.open(old, b"row") == both.open(new, b"row") == b"secret"
    only_new = Sealer.from_file(key_file(tmp_path, NEW))
    assert only_new.open(new, b"row") == b"secret"
    with pytest.raises(SealingError, match="not in the key file"):
        only_new.open(old, b"row")


@pytest.mark.parametrize("content", ["", "short", base64.b64encode(bytes(16)).decode(), "!" * 44, "\udcff"])
def test_a_key_file_that_is_none_is_refused_with_a_word_on_how_to_make_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kek"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(SealingError, match="openssl rand -base64 32"):
        Sealer.from_file(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealingError, match="none-here"):
        Sealer.from_file(tmp_path / "none-here")
