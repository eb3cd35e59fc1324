"""From a JSON-LD document to its quads, refusing every member that would silently be left out on the way."""

import re
from collections.abc import Mapping
from threading import local
from typing import Any

import rfc8785
from pyld import jsonld
from pyld.context_resolver import ContextResolver

from shared.credentials import own_terms
from shared.credentials.contexts import context_urls, contexts_in, named_contexts, pinned
from shared.credentials.errors import DataLoss, MalformedJson, TooComplex, UnsupportedContext
from shared.credentials.quoting import quoted
from shared.credentials.rdf_canon import Quad, escape
from shared.credentials.walking import levels

# Against documents made to be slow: PyLD compares the values of a property pair by pair, and recurses.
MAX_DEPTH = 32
MAX_VALUES = 5_000
MAX_ITEMS = 500
MAX_QUADS = 2_000
MAX_BLANK_NODES = 256

# RFC 3987's characters: anything else could end an IRI early in N-Quads and forge the quad that follows; and what is
# said of an id with any of Unicode's white space, PyLD leaves out in silence.
_ABSOLUTE_IRI = re.compile(r"(?!relative:)[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20<>\"{}|\\^`\x7f]*")
_BASE = "relative://refused/"  # PyLD completes a relative IRI with a base in any case: by this one it is known again
_LANGUAGE = re.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8})*")
_COVERED_KEYWORDS = {"@id", "@type", "@value", "@language", "@direction", "@list", "@graph"}
_LANGUAGE_VALUES = ({"@value", "@language"}, {"@value", "@direction"}, {"@value", "@language", "@direction"})
_XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"
_LANGUAGE_STRING = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"


def to_quads(
    document: Mapping[str, Any], contexts: Mapping[str, Any] | None = None, *, inline: bool = False
) -> list[Quad]:
    """Return the RDF quads of a JSON-LD 1.1 document, under the pinned contexts or those given (URL: document).

    With `inline` it may bring contexts of its own, as far as they are safe. A text's direction is part of its datatype
    (JSON-LD 1.1 section 10.2, the i18n namespace).

    Raises TooComplex, UnsupportedContext, MalformedJson for numbers and texts that readers would not take for the same,
    and DataLoss for what JSON-LD would drop in silence: undefined terms, relative ids and types, nulls, empty arrays,
    repeated items, most keywords.
    """
    known = pinned() if contexts is None else contexts
    refuse_excess(document)
    _refuse_what_json_has_not(document)
    own = inline and any(not isinstance(each, str) for contexts in contexts_in(document) for each in contexts)
    for url in context_urls(document) if not own else named_contexts(document):
        if url not in known:
            raise UnsupportedContext(f"The context {quoted(url)} is not known here.")
    _refuse_what_expansion_drops({name: member for name, member in document.items() if name != "@context"})
    dataset = _expanded_to_rdf(document, known, own=own)
    quads = [_quad(triple, graph) for graph, triples in dataset.items() for triple in triples]
    blank_nodes = {term for quad in quads for term in (quad.subject, quad.object) if term.startswith("_:")}
    if len(quads) > MAX_QUADS or len(blank_nodes) > MAX_BLANK_NODES:
        raise TooComplex("The document makes too many statements.")
    return quads


def refuse_excess(document: Any) -> None:
    """Raise TooComplex for a document with more depth, values or items in an array than is looked into."""
    values = 0
    for depth, level in enumerate(levels([document])):
        if depth == MAX_DEPTH:
            raise TooComplex(f"The document is nested deeper than {MAX_DEPTH} levels.")
        values += len(level)
        if values > MAX_VALUES or any(isinstance(v, list) and len(v) > MAX_ITEMS for v in level):
            raise TooComplex("The document has too many values.")


def _refuse_what_json_has_not(document: Any) -> None:
    """Such values come from our own side alone: strict_json lets none in."""
    try:
        rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise MalformedJson("The document has a number or a text that JSON cannot carry.") from error


def _refuse_what_expansion_drops(value: Any) -> None:
    if value is None or value == []:
        raise DataLoss("A member is null or an empty array, which a signature does not cover.")
    if isinstance(value, list):
        _refuse_repeated_items(value)
        for item in value:
            _refuse_what_expansion_drops(item)
    elif isinstance(value, dict):
        _refuse_keywords(value)
        _refuse_addresses_of_terms(value)
        for name, member in value.items():
            if name != "@context":
                _refuse_what_expansion_drops(member)


def _refuse_addresses_of_terms(node: Mapping[str, Any]) -> None:
    """The same statements, and whoever reads the JSON does not see them: a status, say, or an end."""
    for name in node:
        if ":" in name:
            raise DataLoss(f"The member {quoted(name)} is an address instead of a term.")
    for each in _types(node):
        if ":" in each and ("://" not in each or own_terms.is_address_of_a_term(each)):
            raise DataLoss(f"The type {quoted(each)} is not a term, nor the URL of what has none.")


def _refuse_keywords(node: Mapping[str, Any]) -> None:
    keywords = {name for name in node if name.startswith("@")}
    if keywords == set(node) and keywords in _LANGUAGE_VALUES:
        return
    if keywords - {"@context"}:
        raise DataLoss("An object uses JSON-LD keywords other than @value together with @language or @direction.")
    if keywords and not {"VerifiableCredential", "EnvelopedVerifiableCredential"} & _types(node):
        raise DataLoss("A part that is no credential brings contexts, which a signature does not cover.")


def _types(node: Mapping[str, Any]) -> set[str]:
    types = node.get("type")
    return {each for each in (types if isinstance(types, list) else [types]) if isinstance(each, str)}


def _refuse_repeated_items(items: list[Any]) -> None:
    """A set holds a value once: a repeated one could be taken away unseen. Nodes without an id stay apart."""
    if len(items) < 2:
        return
    if any(isinstance(item, list) for item in items):
        raise DataLoss("An array stands in an array, which the signed form cannot tell from one array.")
    known = [rfc8785.dumps(item) for item in items if not isinstance(item, dict) or "id" in item]
    if len(set(known)) != len(known):
        raise DataLoss("An array holds the same value twice, which a signature does not cover.")


class _SafeProcessor(jsonld.JsonLdProcessor):  # type: ignore[misc]  # PyLD ships no types
    """PyLD with safe mode, and with a memory for the contexts of types, which PyLD makes anew for every node."""

    def __init__(self, type_contexts: dict[Any, Any]) -> None:
        super().__init__(on_property_dropped=_refuse_term)
        self._type_contexts = type_contexts

    def expand(self, input_: Any, options: Any) -> Any:
        expanded = super().expand(input_, options)
        _refuse_what_rdf_drops(expanded)
        return expanded

    def _process_context(self, active_ctx: Any, local_ctx: Any, options: Any, *args: Any, **named: Any) -> Any:
        if args or named != {"propagate": False} or "_uuid" not in active_ctx:
            return super()._process_context(active_ctx, local_ctx, options, *args, **named)
        # The contexts themselves stand in the value, so that no other object can come to have their id.
        key = (active_ctx["_uuid"], id(local_ctx))
        if key not in self._type_contexts:
            processed = super()._process_context(active_ctx, local_ctx, options, propagate=False)
            self._type_contexts[key] = (local_ctx, processed)
        return self._type_contexts[key][1]


def _refuse_term(term: str | None) -> None:
    raise DataLoss(f"The member {quoted(term or '')} is not defined by the document's contexts.")


def _refuse_what_rdf_drops(expanded: Any) -> None:
    if isinstance(expanded, list):
        for item in expanded:
            _refuse_what_rdf_drops(item)
        return
    for name, member in expanded.items():
        if name in ("@id", "@type"):
            _refuse_relative(member)
        elif name == "@language":
            _refuse_ill_formed_language(member)
        elif name not in _COVERED_KEYWORDS and not _ABSOLUTE_IRI.fullmatch(name):
            raise DataLoss(f"The member {quoted(name)} is not covered by a signature.")
        elif name not in ("@value", "@direction"):
            _refuse_what_rdf_drops(member)


def _refuse_relative(iris: Any) -> None:
    for iri in iris if isinstance(iris, list) else [iris]:
        if iri != "@json" and not (isinstance(iri, str) and _ABSOLUTE_IRI.fullmatch(iri)):
            raise DataLoss(f"{quoted(str(iri))} is not an absolute URL or a defined type.")


def _refuse_ill_formed_language(tag: str) -> None:
    if not _LANGUAGE.fullmatch(tag):
        raise DataLoss("A language tag is not well-formed.")


class _Memory(local):
    """What processing the pinned contexts gave, per thread: PyLD's own cache, shared by all, is not safe for them."""

    def __init__(self) -> None:
        self.resolved: dict[str, Any] = {}
        self.type_contexts: dict[Any, Any] = {}


_memory = _Memory()
_MAX_TYPE_CONTEXTS = 1_000  # types in types in types: foreign documents may combine them endlessly


def _expanded_to_rdf(document: Mapping[str, Any], known: Mapping[str, Any], *, own: bool) -> dict[str, Any]:
    memory = _memory if known is pinned() else _Memory()
    if len(memory.type_contexts) > _MAX_TYPE_CONTEXTS:
        memory.type_contexts.clear()
    # PyLD keeps every context that it has seen: a document's own ones are forgotten with it.
    resolved = dict(memory.resolved) if own else memory.resolved

    def load(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": known[url], "tag": "static"}

    options = {
        "contextResolver": ContextResolver(resolved, load),
        "documentLoader": load,
        "base": _BASE,
        "rdfDirection": "i18n-datatype",
    }
    processor = _SafeProcessor({} if own else memory.type_contexts)
    try:
        if own:
            _refuse_unsafe_contexts(document, processor, {**options, "processingMode": "json-ld-1.1"})
        dataset: dict[str, Any] = processor.to_rdf(document, options)
    except jsonld.JsonLdError as error:
        raise DataLoss(f"The document is not well-formed JSON-LD: {quoted(_root_cause(error))}.") from error
    return dataset


def _refuse_unsafe_contexts(document: Any, processor: _SafeProcessor, options: Mapping[str, Any]) -> None:
    initial = processor.process_context(None, None, options)
    for contexts in contexts_in(document):
        named = [each for each in contexts if isinstance(each, str)]
        if named != contexts:
            own_terms.refuse_forms(contexts)
            before, after = (processor.process_context(initial, each, options) for each in (named, contexts))
            own_terms.refuse_meanings(contexts, before, after)
            own_terms.refuse_shortened(document, before, after)


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error.args[0]) if error.args else type(error).__name__


def _quad(triple: Mapping[str, Any], graph: str) -> Quad:
    return Quad(
        _resource(triple["subject"]),
        _resource(triple["predicate"]),
        _object(triple["object"]),
        "" if graph == "@default" else graph if graph.startswith("_:") else f"<{graph}>",
    )


def _resource(term: Mapping[str, str]) -> str:
    return f"<{term['value']}>" if term["type"] == "IRI" else term["value"]


def _object(term: Mapping[str, str]) -> str:
    if term["type"] != "literal":
        return _resource(term)
    literal = f'"{escape(term["value"])}"'
    if term["datatype"] == _LANGUAGE_STRING:
        return f"{literal}@{term['language']}"
    return literal if term["datatype"] == _XSD_STRING else f"{literal}^^<{term['datatype']}>"
