"""Mails in a tenant's own words: its templates are read as a language in which nothing can go on for long.

What a template may do is listed here, and all else is refused with its line: it shows variables, asks whether they are
there, and goes once through `facts`. So it ends by its length. It is rendered in Jinja's sandbox all the same, and cut
where it writes too much or takes too long. The lines that a mail must have are ours and come after it.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import nh3
from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from services.notifier.headers import one_line
from services.notifier.letters import apart
from services.notifier.store.parcels import Template
from services.notifier.words import words
from services.notifier.writing import Block, Written, as_html, as_text, farewell, templates

MAX_SUBJECT, MAX_TEXT, MAX_HTML = 200, 20_000, 40_000
# Of one rendered part; far more than anybody reads, and little enough for every mail server.
MAX_OUTPUT = 200_000
SECONDS = 0.5

VARIABLES: Mapping[str, str] = {
    "learner": "the learner's name, where the badge has it",
    "badge": "the badge's name",
    "institution": "your name",
    "link": "the learner's private link to the badge",
    "public_link": "the badge's public address",
    "verify_link": "the page on which anybody can check badges",
    "reason": "why it was revoked, as a sentence",
    "note": "your own words on why it was suspended or revoked",
    "valid_until": "the day on which it runs out, in credential.expiring",
    "days": "so many are left, in credential.expiring",
    "renewal_link": "where to ask for a new one, in credential.expiring",
    "facts": "what was earned: a list; each has `label` and `text`",
}
_LIST, _MEMBERS = "facts", ("label", "text")
_FILTERS = frozenset({"upper", "lower", "title", "capitalize", "trim", "default", "length"})
_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Const,
)  # fmt: skip
_TAGS = {
    "a", "b", "blockquote", "br", "em", "h1", "h2", "h3", "hr", "i", "li", "ol", "p", "strong", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
}  # fmt: skip


class Problem(NamedTuple):
    """What is wrong with a template: in which `part` (subject, text or html), on which line, in a sentence."""

    part: str
    line: int
    message: str


class TemplateRefused(Exception):
    """A template that can't be used; `problems` say why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def problems(template: Template) -> list[Problem]:
    """Return all that is wrong with a template, before anything of it is run."""
    return [each for part, source, most in _parts(template) for each in _problems(part, source, most)]


def write(
    template: Template, said: Mapping[str, Any], language: str, unsubscribe: str | None, verifier: str | None
) -> Written:
    """Write a mail in a tenant's words, with our lines after them; raises TemplateRefused. `said` is of letters.py."""
    if found := problems(template):
        raise TemplateRefused(found)
    values = _values(said, verifier)
    ours = {"language": language, "words": words(language), "unsubscribe": unsubscribe}
    footer = _footer(said, words(language), verifier)
    subject = one_line(_render("subject", template.subject, values))
    text = _render("text", template.text, values).strip()
    blocks = [Block("text", each) for each in text.split("\n\n") if each.strip()]
    if template.html is None:
        html = as_html(subject, blocks, footer, ours)
    else:
        content = Markup(_clean(_render("html", template.html, values)))  # noqa: S704  # nh3 has cleaned it
        html = templates.get_template("own.html").render(subject=subject, content=content, footer=footer, **ours)
    return Written(subject, as_text([Block("text", text)], footer) + farewell(ours), html)


def _parts(template: Template) -> Iterator[tuple[str, str, int]]:
    yield "subject", template.subject, MAX_SUBJECT
    yield "text", template.text, MAX_TEXT
    if template.html is not None:
        yield "html", template.html, MAX_HTML


def _problems(part: str, source: str, most: int) -> Sequence[Problem]:
    if len(source) > most:
        return [Problem(part, 1, f"It is longer than {most} characters.")]
    return _problems_within(part, source)


# A cohort's mails are all written by one template.
@lru_cache(64)
def _problems_within(part: str, source: str) -> Sequence[Problem]:
    try:
        tree = _environment(part).parse(source)
        found = [Problem(part, line, message) for line, message in _refused(tree, frozenset(VARIABLES))]
        if not found:
            _compiled(part, source)
    except TemplateError as error:
        return [Problem(part, getattr(error, "lineno", None) or 1, str(error.message or "It can't be read."))]
    except (RecursionError, SyntaxError, ValueError, MemoryError, OverflowError):
        return [Problem(part, 1, "It is nested too deep, or holds a number that is too long.")]
    return found


def _refused(node: nodes.Node, known: frozenset[str], within: bool = False) -> Iterator[tuple[int, str]]:
    """Find what is not allowed in and under `node`; `within`: it is repeated, so nothing in it may repeat again."""
    if isinstance(node, nodes.For):
        yield from _refused_loop(node, known, within)
        return
    if sentence := _fault(node, known):
        yield node.lineno, sentence
        return
    for child in node.iter_child_nodes():
        yield from _refused(child, known, within)


def _refused_loop(node: nodes.For, known: frozenset[str], within: bool) -> Iterator[tuple[int, str]]:
    over, each = node.iter, node.target
    plain = isinstance(over, nodes.Name) and over.name == _LIST and not node.recursive and node.test is None
    if not plain or within or not isinstance(each, nodes.Name):
        yield node.lineno, f"Only {{% for each in {_LIST} %}} can be gone through, and not within another one."
        return
    inner = known | {each.name}
    for child in [*node.body, *node.else_]:
        yield from _refused(child, inner, within=True)


def _fault(node: nodes.Node, known: frozenset[str]) -> str | None:
    if isinstance(node, _PLAIN):
        return None
    if isinstance(node, nodes.Name):
        return None if node.name in known else f"There is no variable {node.name}."
    if isinstance(node, nodes.Getattr):
        return None if node.attr in _MEMBERS and isinstance(node.node, nodes.Name) else f"There is no .{node.attr}."
    if isinstance(node, nodes.Filter):
        return None if node.name in _FILTERS else f"There is no filter {node.name}."
    return f"{type(node).__name__} is not taken in templates of mails."


@lru_cache(8)
def _environment(part: str) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        autoescape=part == "html", undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@lru_cache(64)
def _compiled(part: str, source: str) -> Compiled:
    return _environment(part).from_string(source)


def _render(part: str, source: str, values: Mapping[str, Any]) -> str:
    made, length, end = [], 0, time.monotonic() + SECONDS
    try:
        for piece in _compiled(part, source).generate(values):
            length += len(piece)
            if length > MAX_OUTPUT or time.monotonic() > end:
                raise TemplateRefused([Problem(part, 1, "It writes too much, or takes too long.")])
            made.append(piece)
    except (TemplateError, TypeError, ValueError, AttributeError) as error:
        raise TemplateRefused([Problem(part, 1, "It can't be rendered.")]) from error
    return "".join(made)


def _values(said: Mapping[str, Any], verifier: str | None) -> dict[str, Any]:
    foreign = ("badge", "institution", "note")
    same = ("link", "public_link", "reason", "renewal_link", "days")
    values = {
        "learner": apart(said["name"] or ""),
        "valid_until": said["runs_out"],
        "verify_link": verifier or "",
        **{name: apart(said[name] or "") for name in foreign},
        **{name: said[name] or "" for name in same},
    }
    return {**values, _LIST: [{"label": fact.label, "text": apart(fact.text)} for fact in said["earned"]]}


def _footer(said: Mapping[str, Any], ours: Mapping[str, Any], verifier: str | None) -> list[str]:
    lines = [
        ours["on_behalf"].format(institution=apart(said["institution"]), badge=apart(said["badge"])),
        f"{ours['your_link']} {said['link']}",
    ]
    return [*lines, ours["check"].format(verifier=verifier)] if verifier else lines


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}, "th": {"scope"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
