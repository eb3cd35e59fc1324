"""The measurements of signing and verifying run, each of them, and say what share of the bare operation each has."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.anchors import RAW
from bench.credentials import main
from bench.signing import rows


def test_every_row_is_an_operation_that_succeeds_and_has_its_bare_one() -> None:
    measured = list(rows(Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1()), full=True, badges=2))
    for row in measured:
        row.operation()
        assert row.beside in RAW
    assert len({row.what for row in measured}) == len(measured) > 15


def test_the_whole_of_it_runs_with_tiny_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    main(rounds=1, cpu_seconds=0.0001, badges=2)
    printed = capsys.readouterr().out
    for what in ("raw: verify P-256", "eddsa-jcs-2022: sign", "vc+jwt ES256: verify, and the status bit", "third"):
        assert printed.count(what) == 2, what
