"""What the text of a QR code, or a text pasted for one, says: a link to a badge, or a request to somebody's wallet."""

import re
from urllib.parse import parse_qsl, urlsplit

from shared.credentials.errors import CredentialError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*):(?://|\?)\S*", re.IGNORECASE | re.ASCII)
# Members of an address with which wallets are sent for a credential, or asked to show one: OpenID4VCI section 4.1,
# OpenID4VP section 5, VC-API exchanges, DIDComm's out-of-band messages.
_FOR_WALLETS = frozenset(
    {"credential_offer", "credential_offer_uri", "request", "request_uri", "vc_request_url", "iuv", "oob", "_oob"}
)
_MAX_PARAMETERS = 50


def link_in(text: str) -> str | None:
    """Return the link that a text is, without its fragment, which never leaves a browser; None for any other text.

    Raises CredentialError (`wallet_link`) for an address that only a wallet can do something with.
    """
    stripped = text.strip()
    address = _ADDRESS.fullmatch(stripped)
    if address is None:
        return None
    if address[1].lower() not in ("https", "http") or _is_for_wallets(stripped):
        detail = "This asks a wallet to fetch or to show something; there is no badge in it. Give the badge's own link."
        raise CredentialError(detail, "wallet_link")
    return stripped.partition("#")[0]


def _is_for_wallets(link: str) -> bool:
    try:
        names = {name for name, _ in parse_qsl(urlsplit(link).query, True, max_num_fields=_MAX_PARAMETERS)}
    except ValueError:
        return False  # no address at all, or an odd one: whoever fetches it says so
    return bool(names & _FOR_WALLETS)
