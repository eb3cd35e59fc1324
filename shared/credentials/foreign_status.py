"""What a status list elsewhere says of a credential, believed where it is its issuer's, or one trusted, and in time.

Whatever keeps a list from being relied on is `unknown`, never "not revoked".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from shared.credentials import jwt, proofs
from shared.credentials.checks import failed, passed, undecided
from shared.credentials.dids import controller_of
from shared.credentials.errors import CredentialError, InvalidStatusList
from shared.credentials.instants import CLOCK_DIFFERENCE, read_instant
from shared.credentials.known_keys import KnownKeys
from shared.credentials.quoting import quoted
from shared.credentials.report import Check
from shared.credentials.shape import MAX_STATUS_ENTRIES, MAX_TEXT, id_of, items, refuse_second_mention
from shared.credentials.status import decode_list, get_bit

LISTS = {
    "BitstringStatusListEntry": ("BitstringStatusListCredential", ""),
    # Its list is base64url without the multibase prefix (Status List 2021 section 3).
    "StatusList2021Entry": ("StatusList2021Credential", "u"),
}
HAS_PAST = "BitstringStatusListEntry"
REVOCATION_LIST = "1EdTechRevocationList"
_ENDING = {"revocation": "revoked", "suspension": "suspended"}
# Purposes that say nothing of whether the credential holds (Bitstring Status List 1.0 section 2.1).
_BESIDE = frozenset({"message", "refresh"})
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_DATES = ("validFrom", "validUntil", "issuanceDate", "expirationDate")

_TRUSTED = ", which is trusted here for status lists,"
_WORST_FIRST = ("revoked", "suspended", "unknown", "pass")

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """With what the lists of one badge are read: its issuer, the keys known, what was fetched, when.

    `fetched` has, by address, a list as JSON or as the text of a token, None where there was none to be had. `trusted`
    are others whose lists are believed as the issuer's own are. `in_past`: `now` is a time that was asked for; then a
    bitstring list is asked for as of that time (Bitstring Status List 1.0 section 3.2), and other kinds have no past.
    """

    issuer_id: str
    keys: KnownKeys
    fetched: Mapping[str, Any]
    now: datetime
    trusted: frozenset[str] = frozenset()
    in_past: bool = False

    def place_of(self, entry: Any) -> str | None:
        """Return the address to fetch an entry's list from; None where it has none, or none for that time."""
        address = _address(entry)
        if address is None or not self.in_past:
            return address
        parts = urlsplit(address)
        if _kind(entry) != HAS_PAST:
            return None
        timestamp = f"timestamp={quote(self.now.isoformat(), safe='')}"
        return parts._replace(query=f"{parts.query}&{timestamp}" if parts.query else timestamp, fragment="").geturl()

    def keeper_of(self, document: Mapping[str, Any]) -> str:
        """Return whose a list is; raises InvalidStatusList where it is neither the badge's issuer's nor trusted."""
        keeper = id_of(document.get("issuer"))
        if keeper != self.issuer_id and keeper not in self.trusted:
            raise InvalidStatusList("The list is another issuer's than the badge.", "status_unverifiable")
        return str(keeper)


def needed(document: Mapping[str, Any], reader: Reader) -> tuple[str, ...]:
    """Return what is to be fetched first, each once: lists, then the keys of who signed them. Only https is asked."""
    found = (_needed(entry, reader) for entry in _entries(document)[:MAX_STATUS_ENTRIES])
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _needed(entry: Any, reader: Reader) -> str | None:
    address = reader.place_of(entry)
    if address is None or address not in reader.fetched:
        return address
    try:
        document, token = _opened(reader.fetched[address])
        kid = token.kid if token else None
        return reader.keys.look_up_signer(reader.keeper_of(document), kid, reader.fetched)
    except CredentialError:
        return None  # nobody's list: what it lacks is said when it is read


def checks(document: Mapping[str, Any], reader: Reader) -> list[Check]:
    """Return the check that says what the lists that a credential names make of it; none where it names none."""
    entries = _entries(document)
    if len(entries) > MAX_STATUS_ENTRIES:
        detail = f"The badge names more than {MAX_STATUS_ENTRIES} places of its status."
        return [_undecided("status_unverifiable", detail)]
    found = [_check(entry, document.get("id"), reader) for entry in entries]
    return sorted(found, key=_worst_first)[:1]


def _worst_first(check: Check) -> tuple[int, bool]:
    """Of several that are good alike, one that rests on somebody else's word comes first."""
    worst = _WORST_FIRST.index(str(check.code) if check.outcome == "fail" else check.outcome)
    return worst, _TRUSTED not in check.detail


def _check(entry: Any, credential_id: Any, reader: Reader) -> Check:
    keeper = reader.issuer_id
    try:
        kind = _kind(entry)
        if reader.in_past and kind != HAS_PAST:
            raise InvalidStatusList("Lists of this kind tell of now alone.", "status_unavailable")
        found = reader.fetched.get(reader.place_of(entry) or "")
        if found is None:
            raise InvalidStatusList(_NOT_FETCHED[reader.in_past], "status_unavailable")
        if kind == REVOCATION_LIST:
            ends = "revoked" if _is_listed(found, credential_id, reader.issuer_id) else None
        else:
            listed, keeper = _signed(found, reader)
            ends = _ending(entry, _read(listed, kind, entry, reader))
    except CredentialError as error:
        code = error.code if error.code.startswith("status_") else "status_unverifiable"
        return _undecided(code, f"How this badge stands is not known: {error.detail}")
    whose = "The issuer's list" if keeper == reader.issuer_id else f"The list of {quoted(keeper)}{_TRUSTED}"
    if ends is None:
        return passed("status", f"{whose} neither revokes nor suspends this badge.")
    return failed("status", ends, f"{whose} has this badge as {ends}.")


_NOT_FETCHED = (
    "The issuer's list could not be fetched.",
    "The issuer's list as of that time could not be fetched: it may keep none.",
)


def _undecided(code: str, detail: str) -> Check:
    return undecided("status", code, detail)


def _entries(document: Mapping[str, Any]) -> list[Any]:
    return items(document.get("credentialStatus", []))


def _kind(entry: Any) -> str:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if isinstance(kind, list) and len(kind) == 1:
        kind = kind[0]
    if not isinstance(kind, str) or kind not in (*LISTS, REVOCATION_LIST):
        raise InvalidStatusList("Its kind of status is not read here.", "status_unverifiable")
    return kind


def _address(entry: Any) -> str | None:
    try:
        address = entry.get("id" if _kind(entry) == REVOCATION_LIST else "statusListCredential")
    except CredentialError:
        return None
    return address if isinstance(address, str) and address.startswith("https://") and len(address) <= MAX_TEXT else None


def _is_listed(found: Any, credential_id: Any, issuer_id: str) -> bool:
    """Open Badges 3.0's own list: not signed, the word of its address alone, which the badge's issuer has signed."""
    if not isinstance(found, dict) or not isinstance(found.get("revokedCredential"), list):
        raise InvalidStatusList("The list is not a list of revoked credentials.")
    if id_of(found.get("issuer")) != issuer_id:
        raise InvalidStatusList("The list is not the issuer's.", "status_unverifiable")
    listed = found["revokedCredential"]
    if not isinstance(credential_id, str) or not all(isinstance(id_of(each), str) for each in listed):
        raise InvalidStatusList("The list could not name this badge, or names something else than credentials.")
    ended = [each for each in listed if id_of(each) == credential_id]
    return any(not isinstance(each, dict) or each.get("revoked", True) is not False for each in ended)


def _read(document: Mapping[str, Any], kind: str, entry: Entry, reader: Reader) -> Any:
    """Return the `encodedList` of a list credential that is for the entry's purpose, and in time."""
    now = reader.now
    wanted, prefix = LISTS[kind]
    subject = document.get("credentialSubject")
    if wanted not in items(document.get("type", [])) or not isinstance(subject, dict):
        raise InvalidStatusList("The list is no status list.")
    if document.get("id", _address(entry)) != _address(entry):
        raise InvalidStatusList("The list is another one than was asked for.")
    dates = {name: document[name] for name in _DATES if name in document}
    begins = read_instant(dates.get("validFrom", dates.get("issuanceDate")))
    ends = read_instant(dates.get("validUntil", dates.get("expirationDate")))
    if any(read_instant(text) is None for text in dates.values()):
        raise InvalidStatusList("A date of the list is none.", "status_unverifiable")
    if reader.in_past and (begins is None or ends is None or begins > now):
        # Whoever does not know `timestamp` gives the list of today.
        raise InvalidStatusList("The list that came does not say that it covers that time.", "status_unavailable")
    if (begins is not None and begins > now + CLOCK_DIFFERENCE) or (ends is not None and ends <= now):
        raise InvalidStatusList("The list is not valid at this time.", "status_unverifiable")
    if entry.get("statusPurpose") not in items(subject.get("statusPurpose", [])):
        raise InvalidStatusList("The list serves another purpose.")
    encoded = subject.get("encodedList")
    return f"{prefix}{encoded}" if isinstance(encoded, str) else encoded


def _opened(found: Any) -> tuple[Mapping[str, Any], jwt.Token | None]:
    """Return the list that was fetched, and the token that it came as; raises CredentialError."""
    if isinstance(found, str):
        token = jwt.read(found.strip())
        return token.document, token
    if not isinstance(found, dict):
        raise InvalidStatusList("The list is not a credential.")
    return found, None


def _signed(found: Any, reader: Reader) -> tuple[Mapping[str, Any], str]:
    """Return a list, whose every signature is its keeper's, and the keeper; raises InvalidStatusList."""
    document, token = _opened(found)
    keeper, keys, now = reader.keeper_of(document), reader.keys, reader.now
    if token is not None:
        findings = [jwt.verify(token, keeper, keys.resolve)]
    else:
        refuse_second_mention(document)  # its end could be moved there
        findings = proofs.verify(document, keys.resolve)
    methods = [keys.method_of(each.verification_method or "") for each in findings]
    if any(each.outcome != "pass" for each in findings) or any(controller_of(each) != keeper for each in methods):
        raise InvalidStatusList("The list does not carry its issuer's signature.", "status_unverifiable")
    if any(each.has_ended(now) or each.has_not_begun(now) for each in findings):
        raise InvalidStatusList("The list's signature does not hold at this time.", "status_unverifiable")
    if reader.in_past and not all(each.created is not None and each.created <= now for each in findings):
        raise InvalidStatusList("The list that came had not been signed by that time.", "status_unavailable")
    return document, keeper


def _ending(entry: Entry, encoded_list: Any) -> str | None:
    """Return what a list's bit makes of a credential; raises InvalidStatusList."""
    purpose = entry.get("statusPurpose")
    if entry.get("statusSize", 1) != 1 or purpose not in (*_ENDING, *_BESIDE):
        raise InvalidStatusList("Its purpose is not read here.")
    bits = decode_list(encoded_list)
    is_set = get_bit(bits, _index(entry.get("statusListIndex")))
    return _ENDING.get(str(purpose)) if is_set else None


def _index(value: Any) -> int:
    """Return an index; a number is read too, though the standard asks for a text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _INDEX.fullmatch(text):
        raise InvalidStatusList("The badge's place in the list is no number.")
    return int(text)
