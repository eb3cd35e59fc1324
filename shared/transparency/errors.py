"""What may be wrong with what a log says, each with a stable code.

TransparencyError
├── ProofError          a proof that does not show what it is said to show
├── TileError           a path, tile or bundle that is not in its one allowed form
├── MalformedNote       a note, key or cosignature that is not in its one allowed form
│   └── BadSignature    a known key's signature that does not verify
├── MalformedCheckpoint a checkpoint that is not in its one allowed form
├── UntrustedCheckpoint a checkpoint of another log, unsigned, or with too few cosignatures
├── MalformedProofFile  a `.tlog-proof` file that is not in its one allowed form
├── MalformedRequest    what is asked of a witness is not in its one allowed form
├── MalformedPolicy     a policy that is not in its one allowed form
└── InvalidFacts        facts that a leaf cannot commit to
"""


class TransparencyError(ValueError):
    """An expected finding: a stable `code` for programs and a `detail` sentence for people."""

    code = "invalid_log"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ProofError(TransparencyError):
    """The proof does not show what it is said to show."""

    code = "invalid_proof"


class TileError(TransparencyError):
    """The path, tile or bundle is not in its one allowed form."""

    code = "invalid_tile"


class MalformedNote(TransparencyError):
    """The note, key or cosignature is not in its one allowed form."""

    code = "malformed_note"


class BadSignature(MalformedNote):
    """The note names a known key, and its signature does not verify."""

    code = "bad_note_signature"


class MalformedCheckpoint(TransparencyError):
    """The note's text is no checkpoint."""

    code = "malformed_checkpoint"


class UntrustedCheckpoint(TransparencyError):
    """The checkpoint is another log's, is not signed by the log, or has too few cosignatures."""

    code = "untrusted_checkpoint"


class MalformedProofFile(TransparencyError):
    """The file is no `.tlog-proof`."""

    code = "malformed_proof_file"


class MalformedRequest(TransparencyError):
    """The body is nothing that a witness can be asked."""

    code = "malformed_request"


class MalformedPolicy(TransparencyError):
    """The text is no policy."""

    code = "malformed_policy"


class InvalidFacts(TransparencyError):
    """A leaf cannot commit to these facts: they have no canonical form, or the salt has not 32 bytes."""

    code = "invalid_facts"
