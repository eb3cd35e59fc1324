"""What may be wrong with a credential or a key, each with a stable code.

CredentialError
├── MalformedJson        bytes that no careful reader would take as JSON
├── TooComplex           more nodes, depth or symmetry than is looked into
├── DataLoss             a member that the signature would not cover
├── UnsupportedContext   a JSON-LD context that stands in no package here
├── InvalidPicture       a picture from which not exactly one badge can be taken, or into which none can be put
├── InvalidKey           a public key, DID or signature that is not in its one allowed form
│   └── UnboundKey       (keys.py) a key of which nothing says whose it is
└── InvalidStatusList    a status list that cannot be relied on
"""


class CredentialError(ValueError):
    """An expected finding: a stable `code` for programs and a `detail` sentence for people."""

    code = "invalid_credential"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code


class MalformedJson(CredentialError):
    """The bytes are not JSON, or JSON that two readers would understand differently."""

    code = "malformed"


class TooComplex(CredentialError):
    """The document has more nodes, depth or symmetry than is looked into."""

    code = "too_complex"


class DataLoss(CredentialError):
    """The document has a member that its canonical form, and so its signature, would not cover."""

    code = "data_loss"


class UnsupportedContext(CredentialError):
    """The document names a JSON-LD context that stands in no package here; none is ever fetched."""

    code = "unsupported_context"


class InvalidPicture(CredentialError):
    """Not exactly one badge can be taken out of the picture, or none can be put into it; the code says which."""

    code = "malformed_picture"


class InvalidKey(CredentialError):
    """The key, DID or signature is not in its one allowed form."""

    code = "invalid_key"


class InvalidStatusList(CredentialError):
    """The status list or index cannot be relied on; it never means "not revoked"."""

    code = "status_invalid"
