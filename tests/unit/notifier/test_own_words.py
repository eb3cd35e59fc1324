"""A tenant's template can show what there is, and nothing else: it ends, stays small, and reaches nothing."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import letters
from services.notifier.letters import Places
from services.notifier.own_words import MAX_OUTPUT, MAX_TEXT, VARIABLES, TemplateRefused, problems, write
from services.notifier.previews import SAMPLE
from services.notifier.store.parcels import Letter, Template
from services.notifier.writing import Written

PLACES = Places("https://badges.example", "https://check.example/")
STOP = "https://tell.example/unsubscribe/token"


def made(text: str, subject: str = "Hello", html: str | None = None, note: str = "<b>a note</b>") -> Written:
    letter = Letter("", "token", SAMPLE, "North", None, "withdrawn", note)
    return write(Template(subject, text, html), letters.said(letter, UUID(int=1), PLACES), "en", STOP, PLACES.verifier)


def test_every_variable_that_is_documented_is_there() -> None:
    text = " ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
    assert problems(Template("{{ badge }}", text, text)) == []
    assert "Fire safety" in made(text).text


def test_facts_are_gone_through_once_and_conditions_asked() -> None:
    text = "{% for each in facts %}{{ each.label | upper }}: {{ each.text }};{% endfor %}{% if note %}N{% endif %}"
    assert "WHAT IT TOOK: Left one house.;" in made(text).text


@pytest.mark.parametrize("html", [None, "<p>Hello</p>", "<!-- ", "<style>*{display:none}</style>", "<script>", ""])
def test_our_lines_come_after_whatever_the_template_says(html: str | None) -> None:
    mail = made("Hello", html=html)
    for part in (mail.text, mail.html.replace("&#39;", "'")):
        assert "Laurel sends this mail on behalf of North" in part
        assert "https://badges.example/credentials/00000000-0000-0000-0000-000000000001?owner=token" in part
        assert "https://check.example/" in part
        assert STOP in part
    assert "display:none" not in mail.html
    assert "<script" not in mail.html


def test_strangers_words_are_escaped_in_html_and_what_runs_or_fetches_is_left_out() -> None:
    mail = made("x", html='<p onclick="x">{{ note }}</p><img src="https://evil.example/"><a href="javascript:x">y</a>')
    assert "&lt;b&gt;a note&lt;/b&gt;" in mail.html
    assert "evil.example" not in mail.html
    assert "javascript" not in mail.html
    assert "onclick" not in mail.html


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{% for a in range(10) %}{% endfor %}", 1),
        ("\n{% for a in facts %}\n{% for b in facts %}{% endfor %}{% endfor %}", 3),
        ("{% for a in facts recursive %}{{ loop(facts) }}{% endfor %}", 1),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 1),
        ("\n\n{{ 'a' * 1000000000 }}", 3),
        ("{{ 9 ** 999999999 }}", 1),
        ("{{ badge.__class__.__mro__ }}", 1),
        ("{{ ''.__class__ }}", 1),
        ("{{ badge['__class__'] }}", 1),
        ("{{ badge | attr('__class__') }}", 1),
        ("{{ cycler.__init__.__globals__ }}", 1),
        ("{{ self }}", 1),
        ("{% include 'words.json' %}", 1),
        ("{% import 'page.html' as x %}", 1),
        ("{% extends 'page.html' %}", 1),
        ("{% set x = 1 %}", 1),
        ("{{ '%999999999d' | format(1) }}", 1),
        ("{{ badge | safe }}", 1),
        ("{{ badge.upper() }}", 1),
        ("{{ unknown }}", 1),
        ("ok\n{% if %}", 2),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", 1),
        ("{% if badge %}" * 500 + "{% endif %}" * 500, 1),
        ("{{ " + "9" * 6000 + " }}", 1),
        ("a" * (MAX_TEXT + 1), 1),
        ("{{", 1),
    ],
)
def test_what_could_go_on_or_reach_out_is_refused_by_its_line(text: str, line: int) -> None:
    found = problems(Template("s", text, None))
    assert found
    assert found[0].part == "text"
    assert found[0].line == line
    assert found[0].message


def test_what_writes_too_much_is_cut() -> None:
    assert MAX_OUTPUT < 300 * 1000
    with pytest.raises(TemplateRefused):
        made("{{note}}" * 1000, note="N" * 300)


def test_a_subject_stays_on_one_line() -> None:
    assert made("x", subject="{{ badge }}\r\nBcc: eve@evil.example").subject == "Fire safety Bcc: eve@evil.example"


@given(st.text(alphabet="{}%| abef.fori()[]*'1\n~-+", max_size=80))
def test_no_template_does_anything_but_write_or_be_refused(text: str) -> None:
    found = problems(Template("s", text, text))
    try:
        made(text, html=text)
    except TemplateRefused:
        return
    assert found == []
