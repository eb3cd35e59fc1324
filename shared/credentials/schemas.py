"""Whether a credential fits the JSON schemas that it names (Verifiable Credentials JSON Schema Specification)."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from shared.credentials.checks import passed, undecided, warned
from shared.credentials.contexts import OPEN_BADGES_SCHEMAS
from shared.credentials.quoting import quoted
from shared.credentials.report import Check
from shared.credentials.shape import MAX_TEXT, items

MAX_SCHEMAS = 3
_TYPES = frozenset(
    {"JsonSchema", "JsonSchemaValidator2018", "JsonSchemaValidator2019", "1EdTechJsonSchemaValidator2019"}
)
# A pattern of somebody else's that would search for ever is given up instead.
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=1_000_000, dfa_size_limit=1_000_000)
_GRAVEST_FIRST = ("warn", "unknown", "pass")


def needed(document: Mapping[str, Any], fetched: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where the schemas stand that are to be fetched first, each once; only https is asked."""
    entries = _entries(document)
    addresses = map(_address, entries if len(entries) <= MAX_SCHEMAS else ())
    return tuple(dict.fromkeys(each for each in addresses if each is not None and each not in fetched))


def checks(document: Mapping[str, Any], fetched: Mapping[str, Any]) -> list[Check]:
    """Return the check that says whether a credential fits the schemas that it names; none where it names none.

    For Open Badges' own `conformance` stands in. What does not fit is a warning, as the signature holds all the same.
    """
    entries = _entries(document)
    if not entries and "credentialSchema" in document:
        detail = "It names the JSON schema of Open Badges, whose rules are looked at by themselves."
        return [Check(name="schema", outcome="skipped", detail=detail, code="see_conformance")]
    if len(entries) > MAX_SCHEMAS:
        return [_undecided(f"The credential names more than {MAX_SCHEMAS} JSON schemas.")]
    found = [_check(document, entry, fetched) for entry in entries]
    return sorted(found, key=lambda check: _GRAVEST_FIRST.index(check.outcome))[:1]


def _entries(document: Mapping[str, Any]) -> list[Any]:
    return [each for each in items(document.get("credentialSchema", [])) if not _is_open_badges(each)]


def _is_open_badges(entry: Any) -> bool:
    return isinstance(entry, dict) and str(entry.get("id")).startswith(OPEN_BADGES_SCHEMAS)


def _address(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not _TYPES.intersection(map(str, items(entry.get("type")))):
        return None
    address = entry.get("id")
    return address if isinstance(address, str) and address.startswith("https://") and len(address) <= MAX_TEXT else None


def _check(document: Mapping[str, Any], entry: Any, fetched: Mapping[str, Any]) -> Check:
    address = _address(entry)
    if address is None:
        return _undecided("The kind of JSON schema that the credential names is not read here.")
    schema = fetched.get(address)
    if schema is None:
        return _undecided("The JSON schema that the credential names could not be fetched.")
    if "digestSRI" in entry or "digestMultibase" in entry:
        return _undecided("The credential has a digest of its JSON schema, which is not compared here.")
    try:
        misfit = next(_validator(schema).iter_errors(dict(document)), None)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError):
        return _undecided("What the credential names as its JSON schema is none that can be read here.")
    if misfit is None:
        return passed("schema", "The credential fits the JSON schema that it names.")
    place = quoted(".".join(map(str, misfit.instance_path)) or "the whole of it")
    detail = f"The credential does not fit the JSON schema that it names, at {place}."
    return warned("schema", "schema_mismatch", detail)


def _validator(schema: Any) -> jsonschema_rs.Validator:
    """Return what validates by a schema; what that refers to elsewhere is not fetched."""
    return jsonschema_rs.validator_for(schema, validate_formats=True, pattern_options=_PATTERNS, offline=True)


def _undecided(detail: str) -> Check:
    return undecided("schema", "schema_unverifiable", detail)
