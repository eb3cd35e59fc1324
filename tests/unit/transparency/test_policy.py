"""Policies are read as tlog-policy writes them, and count only who is named in them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.errors import TransparencyError, UntrustedCheckpoint
from shared.transparency.notes import CosignatureSigner, NoteSigner, Verified, write_note
from shared.transparency.policy import Group, Log, Policy, Witness, parse_policy

LOG = NoteSigner("log.example/one", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESSES = {
    name: CosignatureSigner(f"{name}.example", Ed25519PrivateKey.from_private_bytes(name.encode() * 16))
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
VKEY = {name: witness.vkey for name, witness in WITNESSES.items()}
# The example of tlog-policy, with keys.
EXAMPLE = f"""log {LOG.vkey}

witness X1 {VKEY["X1"]}
witness X2 {VKEY["X2"]}
witness X3 {VKEY["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {VKEY["Y1"]}
witness Y2 {VKEY["Y2"]}
witness Y3 {VKEY["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
CHECKPOINT = Checkpoint(LOG.name, 7, bytes(32))


def cosignatures(*names: str, time: int = 100) -> list[Verified]:
    return [Verified(WITNESSES[name].verifier, time) for name in names]


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ("X1 X2 Y1", True),
        ("X1 X3 Y3", True),
        ("X1 X2 X3 Y1 Y2 Y3", True),
        ("X1 X2 X3", False),
        ("X1 Y1 Y2 Y3", False),
        ("X1 X1 Y1", False),
        ("", False),
    ],
)
def test_the_specifications_example_asks_for_two_of_one_group_and_one_of_the_other(names: str, enough: bool) -> None:
    assert parse_policy(EXAMPLE.encode()).satisfied(cosignatures(*names.split())) is enough


def test_a_policy_is_what_its_lines_say() -> None:
    text = (
        f" \t# a comment, \xe9\n\n\tlog {LOG.vkey}\thttps://log.example/ \n"
        f"witness  W {VKEY['X1']} https://w.example/\ngroup G 1 W\nquorum none\n"
    )
    assert parse_policy(text.encode("latin-1")) == Policy(
        (Log(LOG.verifier, "https://log.example/"),),
        {"W": Witness(WITNESSES["X1"].verifier, "https://w.example/")},
        {"G": Group(1, ("W",))},
    )


def test_no_quorum_is_the_default_and_a_policy_of_one_line() -> None:
    assert parse_policy(b"quorum none\n") == Policy()
    assert Policy().satisfied([])


def test_a_quorum_of_one_witness_is_that_witness() -> None:
    policy = parse_policy(f"witness X1 {VKEY['X1']}\nwitness X2 {VKEY['X2']}\nquorum X1\n".encode())
    assert policy.satisfied(cosignatures("X1"))
    assert not policy.satisfied(cosignatures("X2", "Y1"))


def test_a_quorum_that_names_nothing_is_never_met() -> None:
    assert not Policy(quorum="nobody").satisfied(cosignatures("X1"))


def test_names_are_octets() -> None:
    lines = b"witness K %b\nwitness \xe2\x84\xaa %b\nwitness \xff %b\nquorum \xff\n"
    policy = parse_policy(lines % tuple(VKEY[name].encode() for name in ("X1", "X2", "X3")))
    assert policy.satisfied(cosignatures("X3"))
    assert not policy.satisfied(cosignatures("X1", "X2"))


def test_cosignatures_that_are_too_old_or_from_the_future_do_not_count() -> None:
    policy = parse_policy(f"witness X1 {VKEY['X1']}\nquorum X1\n".encode())
    assert policy.satisfied(cosignatures("X1"), since=100, until=100)
    assert not policy.satisfied(cosignatures("X1"), since=101)
    assert not policy.satisfied(cosignatures("X1"), until=99)
    assert not policy.satisfied([Verified(WITNESSES["X1"].verifier)])


X1, X2 = f"witness X1 {VKEY['X1']}\n", f"witness X2 {VKEY['X2']}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "quorum none",
        "quorum none\nquorum none\n",
        "quorum\n",
        "quorum none none\n",
        "quorum X1\n",
        f"quorum X1\n{X1}",
        f"{X1}{X1}quorum none\n",
        f"{X1}witness X1 {VKEY['X2']}\nquorum none\n",
        f"{X1}witness Z {VKEY['X1']}\nquorum none\n",
        f"witness none {VKEY['X1']}\nquorum none\n",
        f"witness X1 {LOG.vkey}\nquorum none\n",
        f"log {VKEY['X1']}\nquorum none\n",
        f"log {LOG.vkey}\nlog {LOG.vkey}\nquorum none\n",
        f"log {LOG.vkey} url more\nquorum none\n",
        "log\nquorum none\n",
        "log vkey\nquorum none\n",
        f"witness {VKEY['X1']}\nquorum none\n",
        f"{X1}group G\nquorum none\n",
        f"{X1}group G any\nquorum none\n",
        f"{X1}group G 0 X1\nquorum none\n",
        f"{X1}group G 2 X1\nquorum none\n",
        f"{X1}group G 01 X1\nquorum none\n",
        f"{X1}group G some X1\nquorum none\n",
        f"{X1}group G ANY X1\nquorum none\n",
        f"{X1}group G any X1 X1\nquorum none\n",
        f"{X1}group G any X1\ngroup H any X1\nquorum none\n",
        f"{X1}group X1 any X1\nquorum none\n",
        f"{X1}group G any X1\ngroup G any G\nquorum none\n",
        f"{X1}group none any X1\nquorum none\n",
        f"{X1}group G any none\nquorum none\n",
        f"{X1}group G any G\nquorum none\n",
        f"{X1}group G any X2\n{X2}quorum none\n",
        "Quorum none\n",
        "quorum none\r\n",
        "quorum none\n\x00\n",
        "# \x7f\nquorum none\n",
        "quorum\u00a0none\n",
        "other line\nquorum none\n",
        "#" * 1_000_000 + "\nquorum none\n",
    ],
)
def test_what_the_specification_does_not_allow_is_no_policy(text: str) -> None:
    with pytest.raises(TransparencyError):
        parse_policy(text.encode())


def test_groups_of_groups_of_groups_are_followed_without_end() -> None:
    lines = [X1, "group G0 any X1\n", *(f"group G{n} all G{n - 1}\n" for n in range(1, 3_000)), "quorum G2999\n"]
    policy = parse_policy("".join(lines).encode())
    assert policy.satisfied(cosignatures("X1"))
    assert not policy.satisfied([])


def note(*names: str, time: int = 100) -> bytes:
    text = CHECKPOINT.text
    return write_note(text, [LOG.sign(text), *(WITNESSES[name].sign(text, time) for name in names)])


def test_a_checkpoint_is_opened_once_its_quorum_is_met() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert policy.open(note("X1", "X2", "Y2")) == (CHECKPOINT, cosignatures("X1", "X2", "Y2"))
    for names in ((), ("X1", "X2"), ("Y1", "Y2", "Y3")):
        with pytest.raises(UntrustedCheckpoint):
            policy.open(note(*names))
    with pytest.raises(UntrustedCheckpoint):
        policy.open(note("X1", "X2", "Y2"), since=101)


def test_unknown_witnesses_alone_are_nobody() -> None:
    policy = parse_policy(f"log {LOG.vkey}\n{X1}quorum X1\n".encode())
    with pytest.raises(UntrustedCheckpoint):
        policy.open(note("Y1", "Y2", "Y3"))


def test_a_log_that_the_policy_does_not_name_is_not_believed() -> None:
    with pytest.raises(UntrustedCheckpoint):
        parse_policy(b"quorum none\n").open(note())


def test_one_logs_signature_does_not_stand_for_another_logs_name() -> None:
    other = NoteSigner("log.example/two", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    policy = Policy((Log(LOG.verifier), Log(other.verifier)))
    with pytest.raises(UntrustedCheckpoint):
        policy.open(write_note(CHECKPOINT.text, [other.sign(CHECKPOINT.text)]))
