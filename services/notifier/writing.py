"""Writes our own mails: a template makes the text, and the HTML too where there is none for it beside.

A template's first line is the subject. `## ` begins a heading, a line of its own that is an address becomes a button,
what stands after `--` is small print. What strangers chose stands on lines that we begin, and a paragraph is one line:
broken where it is long, it could begin one with their words.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.domain import ENGLISH
from services.notifier.headers import one_line
from services.notifier.letters import apart
from services.notifier.words import FOLDER, spoken, words

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_ADDRESS = re.compile(r"https?://\S+")

templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
templates.filters |= {"line": one_line, "apart": apart}


class Written(NamedTuple):
    """What a mail says."""

    subject: str
    text: str
    html: str


class Block(NamedTuple):
    """A piece of a mail: a `heading`, a `link` or `text`."""

    kind: str
    text: str


def written(template: str, said: Mapping[str, Any], language: str = ENGLISH, unsubscribe: str | None = None) -> Written:
    """Write the mail `template` in a language, or in English; `unsubscribe` is where to say that one wants no more."""
    chosen = language if _exists(f"{spoken(language)}/{template}.txt") else ENGLISH
    said = {**said, "language": chosen, "words": _words(template, chosen), "unsubscribe": unsubscribe}
    subject, _, body = templates.get_template(f"{chosen}/{template}.txt").render(said).partition("\n")
    if _exists(f"{chosen}/{template}.html"):
        text, html = body.lstrip("\n"), templates.get_template(f"{chosen}/{template}.html").render(said)
    else:
        blocks, footer = _blocks(body)
        text = as_text(blocks, footer)
        html = as_html(subject, blocks, footer, said)
    return Written(subject, text + farewell(said), html)


def as_text(blocks: list[Block], footer: list[str]) -> str:
    """Return a mail's blocks as plain text."""
    lines = [f"\n{each.text.upper()}" if each.kind == "heading" else each.text for each in blocks]
    return "\n\n".join(lines) + "\n\n-- \n" + "\n\n".join(footer) + "\n"


def as_html(subject: str, blocks: list[Block], footer: list[str], said: Mapping[str, Any]) -> str:
    """Return a mail's blocks as a page; `said` has its language, words and the place to unsubscribe."""
    known = {name: said[name] for name in ("language", "words", "unsubscribe")}
    return templates.get_template("plain.html").render(subject=subject, blocks=blocks, footer=footer, **known)


def farewell(said: Mapping[str, Any]) -> str:
    """Return how a text says where to unsubscribe."""
    return f"\n{said['words']['unsubscribe']}\n{said['unsubscribe']}\n" if said["unsubscribe"] else ""


@cache
def _exists(name: str) -> bool:
    return (FOLDER / name).exists()


def _words(template: str, language: str) -> Mapping[str, Any]:
    ours = words(language)
    # Whoever reads at an endpoint has no badges to be sent.
    to_endpoint = template == "event" or template.startswith("endpoint.")
    return {**ours, "unsubscribe": ours["unsubscribe_endpoint"]} if to_endpoint else ours


def _blocks(body: str) -> tuple[list[Block], list[str]]:
    main, _, small = body.partition("\n--\n")
    return list(map(_block, _paragraphs(main))), list(_paragraphs(small))


def _paragraphs(text: str) -> Iterator[str]:
    return (" ".join(each.split("\n")) for each in _PARAGRAPHS.split(text.strip()) if each)


def _block(text: str) -> Block:
    if text.startswith("## "):
        return Block("heading", text.removeprefix("## "))
    return Block("link" if _ADDRESS.fullmatch(text) else "text", text)
