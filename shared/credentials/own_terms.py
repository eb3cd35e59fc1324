"""Contexts that a credential brings itself: let through where nothing that is read by name could mean another thing.

A proof over statements does not cover the names by which a document makes them. Whoever holds a signed credential could
put a context of his own in it, call its end otherwise, and leave its signature as good as before. So a context that a
document brings adds terms of its own, and gives no name to what a context known here has a name for.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, is_open_badges, pinned
from shared.credentials.errors import DataLoss
from shared.credentials.quoting import quoted
from shared.credentials.shape import items
from shared.credentials.walking import within

Mappings = Mapping[str, Any]
"""What PyLD makes of contexts: `mappings` has each term's definition, `@vocab` what begins all other terms."""

_FORMS: dict[str, type] = {"@id": str, "@type": str, "@protected": bool, "@prefix": bool}
_CONTAINERS = {"@set", "@list"}  # others put a part of what they hold into names, of which signatures know nothing
# What is read of an entry that says where a status stands (shared.credentials.foreign_status).
_READ = frozenset({"statusPurpose", "statusListCredential", "statusListIndex"})
# Of the newer data model, and free in the older: what they say is shown as the credential's own words, and decides
# nothing.
_NAMES_ALONE = frozenset({"name", "description"})


def refuse_forms(contexts: Sequence[Any]) -> None:
    """Raise DataLoss for contexts of a document's own that do more than define terms, or begin all others."""
    for each in contexts:
        # A context may stand in an object of its own, as it does in a file.
        within = each.get("@context") if isinstance(each, dict) and len(each) == 1 else None
        context = within if isinstance(within, dict) else each
        if not isinstance(context, str | dict):
            raise DataLoss("A context of the credential is neither an address nor an object.")
        for name, definition in context.items() if isinstance(context, dict) else ():
            if not _is_followed(name, definition):
                raise DataLoss(f"A context of the credential defines {quoted(name)} in a way that is not followed.")


def refuse_meanings(contexts: Sequence[Any], named: Mappings, all_of_them: Mappings) -> None:
    """Raise DataLoss for contexts of a document's own that could change what it seems to say.

    `named` is what the contexts that it names make, `all_of_them` what all make together.
    """
    before, after = named["mappings"], all_of_them["mappings"]
    for term in after:
        if term in before and after[term] != before[term]:
            raise DataLoss(f"The credential redefines {quoted(term)}.")
        if term not in before and after[term]["@id"] is not None:
            _refuse_meaning(term, after[term]["@id"])
    vocabulary = all_of_them.get("@vocab")
    if vocabulary is not None and vocabulary != named.get("@vocab"):
        _refuse_vocabulary(vocabulary, contexts)


def refuse_shortened(document: Any, named: Mappings, all_of_them: Mappings) -> None:
    """Raise DataLoss where a value outside of contexts could be an address shortened by a prefix of the document's own.

    A reader of the JSON would take it for another id than the one that was signed: not on any list of revoked ones.
    """
    begins = tuple(
        f"{term}:"
        for term, definition in all_of_them["mappings"].items()
        if term not in named["mappings"] and definition.get("_prefix")
    )
    texts = (value for _, value in within(document, without=("@context",)) if isinstance(value, str))
    for value in texts if begins else ():
        if value.startswith(begins) and value.partition(":")[2][:2] != "//" and not any(map(str.isspace, value)):
            raise DataLoss(f"The credential shortens {quoted(value)} by a context of its own.")


def is_address_of_a_term(iri: str) -> bool:
    """Tell whether a context known here has a term for an address, by which it is to be called."""
    return iri in _names()


def _is_followed(name: str, definition: Any) -> bool:
    if name.startswith("@"):
        form = {"@vocab": str, "@protected": bool}.get(name)
        return form is not None and isinstance(definition, form)
    if isinstance(definition, dict):
        return ":" not in name and all(_is_plain(*each) for each in definition.items())
    return ":" not in name and isinstance(definition, str | None)


def _is_plain(keyword: str, value: Any) -> bool:
    if keyword == "@container":
        return all(isinstance(each, str) and each in _CONTAINERS for each in items(value))
    return keyword in _FORMS and isinstance(value, _FORMS[keyword])


def _refuse_meaning(term: str, iri: str) -> None:
    fits = term in _names().get(iri, ())
    taken = term in _READ or term in _names_of_the_data_model()
    if iri.startswith("@") or (not fits and (taken or is_address_of_a_term(iri))):
        raise DataLoss(f"The credential gives {quoted(term)} a meaning that has, or is, another name.")


def _refuse_vocabulary(vocabulary: str, contexts: Sequence[Any]) -> None:
    if any(iri.startswith(vocabulary) for iri in _names()):
        raise DataLoss("The credential's own vocabulary is one of those that have names already.")
    if any(map(is_open_badges, contexts)):
        raise DataLoss("The credential brings a vocabulary of its own beside that of Open Badges.")


@cache
def _names() -> Mapping[str, frozenset[str]]:
    """The terms, by address, that the contexts known here define, in whatever part of a document."""
    found: dict[str, set[str]] = {}
    for document in pinned().values():
        for term, iri in _definitions(document["@context"], {}):
            found.setdefault(iri, set()).add(term)
    return {iri: frozenset(terms) for iri, terms in found.items()}


@cache
def _names_of_the_data_model() -> frozenset[str]:
    """The members of credentials and presentations, and what else may stand anywhere."""
    tops = [pinned()[url]["@context"] for url in (CREDENTIALS_V1, CREDENTIALS_V2)]
    within = [top[kind]["@context"] for top in tops for kind in ("VerifiableCredential", "VerifiablePresentation")]
    return frozenset(name for context in (*tops, *within) for name in context) - _NAMES_ALONE


def _definitions(context: Any, prefixes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(context, list):
        for each in context:
            yield from _definitions(each, prefixes)
    if not isinstance(context, dict):
        return
    known = {**prefixes, **context}
    for term, definition in context.items():
        iri = definition.get("@id") if isinstance(definition, dict) else definition
        if isinstance(iri, str) and not term.startswith("@"):
            prefix, _, rest = iri.partition(":")
            begins = known.get(prefix) if rest and not rest.startswith("//") else None
            yield term, f"{begins}{rest}" if isinstance(begins, str) else iri
        if isinstance(definition, dict):
            yield from _definitions(definition.get("@context"), known)
