"""The verify page: answers in words, harmless whatever a badge holds, and nothing of an expected person stays."""

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from shared.credentials.badge import Issuer, Recipient
from shared.messaging.events import VERIFIER_EVENTS
from tests.integration.verifier.builders import EMAIL, Institution, a_stranger, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.page import BROWSER, give, headline, looks_good, tone
from tests.support.badges import an_achievement
from tests.support.postgres import CleanDatabase


async def test_the_form_is_there_without_javascript_and_a_link_in_the_address_is_not_fetched(served: Verifier) -> None:
    page = await served.client.get("/", params={"link": "http://127.0.0.1:1/x?owner=t"}, headers=BROWSER)
    assert page.status_code == 200
    assert headline(page) == "Is this badge genuine?"
    assert '<form method="post" action="/" enctype="multipart/form-data" data-drop' in page.text
    for name in ("file", "text", "link", "email", "name", "id"):
        assert f'name="{name}"' in page.text
    assert 'value="http://127.0.0.1:1/x?owner=t"' in page.text
    assert 'type="submit"' in page.text


async def test_a_badge_of_ours_is_valid_by_file_and_by_text_and_green(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    raw = json.dumps(badge, indent=2)
    for page in (
        await give(served, file=("badge.json", raw.encode())),
        await give(served, text=raw.replace("\n", "\r\n")),
        # The file counts where both are given: it was dropped on a form in which a text was left.
        await give(served, file=("badge.json", raw.encode()), text="{}", link="https://nowhere.example/"),
    ):
        assert (page.status_code, headline(page), tone(page)) == (200, "Valid", "good")
        text = unescape(page.text)
        for words in (
            "Known here as",
            "Oak College",
            oak.did,
            "is registered here",
            "Status as of",
            "You named nobody",
        ):
            assert words in text
        assert "Evidence" in text
        assert "not checked" in text
        report = json.loads(
            unescape(page.text.partition("<code>")[2].rpartition("</code></pre>")[0].rpartition("<code>")[2])
        )
        assert report["verdict"] == "valid"
    assert "Accept" not in page.headers


async def test_the_answer_names_the_badge_first_and_leads_to_its_page_where_it_is_ours(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    named, link = f"“<bdi>{badge['name']}</bdi>”", f'href="{badge["id"]}"'
    ours = await give(served, text=json.dumps(badge))
    foreign = await give(served, text=json.dumps(strangers_badge(a_stranger())))
    tampered = await give(served, text=json.dumps({**badge, "evidence": []}))
    for page, linked in ((ours, True), (foreign, False), (tampered, False)):
        box = page.text.partition('<section class="verdict')[2].partition("</section>")[0]
        assert named in box
        assert (link in box) is linked


async def test_the_domain_of_an_issuer_is_always_told_and_be_it_that_there_is_none(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    elsewhere = {**badge, "issuer": {**badge["issuer"], "id": "did:web:oak.example.evil.example"}}
    for document, domain in ((badge, "none in its identifier"), (elsewhere, "oak.example.evil.example")):
        page = await give(served, text=json.dumps(document))
        assert domain in page.text.partition("<dt>Domain</dt>")[2].partition("</dd>")[0]


async def test_what_has_no_badges_form_is_said_to_have_no_facts_by_leaving_them_out(served: Verifier) -> None:
    page = await give(served, text='{"hello": "world"}')
    assert page.status_code == 200
    for empty in ("Who issued it", "says of itself", "nothing</dd>", "none</dd>", "no end is named", "The badge: “"):
        assert empty not in page.text


async def test_a_strangers_good_signature_is_never_green(served: Verifier) -> None:
    await served.know(Institution())
    page = await give(served, text=json.dumps(strangers_badge(a_stranger("Oak College"))))
    assert (page.status_code, headline(page)) == (200, "Valid, but the issuer is not known here")
    assert tone(page) == "care"
    assert not looks_good(page)
    assert "Nobody here has looked at who that is" in page.text
    assert "Known here as" not in page.text


async def test_revoked_tampered_stale_and_foreign_badges_say_so_and_are_never_green(served: Verifier) -> None:
    oak = Institution()
    badge, revoked = oak.badge(), oak.badge()
    await served.know(oak, badge, revoked)
    await served.feed(oak.credential(revoked, "revoked"))
    tampered = {**badge, "name": "Doctor"}
    other_format = {"uid": "1", "badge": "https://x.example/1", "recipient": {}, "verify": {"type": "hosted"}}
    pages = {
        "Not valid: revoked": await give(served, text=json.dumps(revoked)),
        "Not valid: it is not as it was signed": await give(served, text=json.dumps(tampered)),
        "Could not be checked": await give(served, text=json.dumps(other_format)),
    }
    await served.execute("update heartbeats set time = now() - interval '5 minutes'")
    stale = await give(served, text=json.dumps(badge))
    assert "too long ago to call a badge valid" in stale.text
    for words, page in [*pages.items(), ("Could not be checked", stale)]:
        assert (page.status_code, headline(page)) == (200, words)
        assert tone(page) == ("bad" if words.startswith("Not") else "care")
        assert not looks_good(page)


async def test_a_wrong_recipient_stands_in_the_headline_and_nothing_is_green(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    wrong = await give(served, text=json.dumps(badge), email="somebody.else@example.org")
    assert (headline(wrong), tone(wrong)) == ("Valid, but issued to somebody else", "care")
    assert not looks_good(wrong)
    assert 'value="somebody.else@example.org"' in wrong.text
    right = await give(served, text=json.dumps(badge), email=f" {EMAIL.upper()} ")
    assert (headline(right), tone(right)) == ("Valid", "good")
    assert "issued to the person asked about" in right.text
    untold = await give(served, text=json.dumps(badge), id="did:example:1")
    assert headline(untold) == "Valid, but not known whose it is"
    assert not looks_good(untold)


async def test_an_expected_person_leaves_no_trace(
    served: Verifier, exported_spans: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    oak, planted = Institution(), "planted-4711"
    badge = oak.badge(recipient=Recipient(id="did:example:ada"))
    await served.know(oak, badge)
    before = await served.value("select count(*) from verifications")
    for person in ({"email": f"{planted}@example.org"}, {"name": planted}, {"id": f"did:{planted}"}):
        page = await give(served, text=json.dumps(badge), **person)
        assert page.status_code == 200
        assert planted not in str(page.url)
    assert await served.value("select count(*) from verifications") == before + 3
    assert await everything_in(served) > 1000
    assert planted not in await served_text(served)
    assert planted not in "".join(span.to_json() for span in exported_spans())
    said = capsys.readouterr()
    assert planted not in said.out + said.err


async def served_text(verifier: Verifier) -> str:
    """Every row of every table of the service's database, as text."""
    tables = await verifier.rows(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    found = []
    for (table,) in tables:
        found += await verifier.rows(f'select to_jsonb(t)::text from "{table}" t')
        if table == "outbox":
            found += await verifier.rows("select convert_from(value, 'UTF8') from outbox")
    return "\n".join(row[0] for row in found)


async def everything_in(verifier: Verifier) -> int:
    """How much there is to search: a search that finds nothing because there is nothing would prove nothing."""
    return len(await served_text(verifier))


async def test_what_is_asked_on_the_page_is_recorded_as_every_verification_is(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await give(served, text=json.dumps(badge))
    await give(served, text=json.dumps(strangers_badge(a_stranger())))  # anybody's junk
    assert await served.rows("select verdict, employer_id, credential_id::text from verifications") == [
        ("valid", None, badge["id"].rpartition("/")[2])
    ]
    assert await served.value("select count(*) from outbox where topic = $1", VERIFIER_EVENTS) == 1


XSS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</code></pre><svg onload=alert(1)>",
    "javascript:alert(1)",
    "<!--",
)


async def test_whatever_a_badge_says_is_text_and_not_markup(served: Verifier) -> None:
    plain = set().union(*map(parsed, await pages_full_of(served, "harmless")))
    for text in XSS:
        for page in await pages_full_of(served, text):
            assert parsed(page) <= plain, text
            assert ("7 * 7" in page.text) is ("7 * 7" in text)


async def pages_full_of(served: Verifier, text: str) -> list[httpx.Response]:
    """Pages on which a text stands wherever a stranger's can."""
    mallory = a_stranger()
    badge = strangers_badge(
        mallory,
        issuer=Issuer(mallory.did, text, f"https://x.example/{text}"),
        achievement=an_achievement(name=text, description=text),
        recipient=Recipient(id="urn:x", name=text),
    )
    unsigned = {
        **badge,
        "id": f"urn:{text}",
        "@context": [*badge["@context"], text],
        "issuer": {"id": f"https://{text}/", "type": ["Profile"], "name": text},
        "proof": {**badge["proof"], "cryptosuite": text},
        text: text,
    }
    answers = [
        await give(served, file=(text, json.dumps(document).encode()), name=text, link=text)
        for document in (badge, unsigned)
    ]
    broken = await give(served, text=f"{{{text}", link=text, email=text)
    assert [page.status_code for page in (*answers, broken)] == [200, 200, 400]
    return [*answers, broken]


class Elements(HTMLParser):
    """Collects what a browser makes of a page: its elements, their attributes, and where links and forms lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, *sorted({name for name, _ in attrs} - {"open", "class"}))}
        self.found |= {(name, value or "") for name, value in attrs if name in ("href", "src", "action", "formaction")}

    def handle_comment(self, data: str) -> None:
        self.found.add(("comment", data))


def parsed(page: httpx.Response) -> set[tuple[str, ...]]:
    """The elements of a page."""
    parser = Elements()
    parser.feed(page.text)
    parser.close()
    return parser.found


async def test_an_unseen_character_in_a_name_is_shown_as_such_on_the_page_and_in_the_report(served: Verifier) -> None:
    stranger = a_stranger("Ox\u202efo\u200brd")
    badge = strangers_badge(
        stranger, achievement=an_achievement(id="https://elsewhere.example/doctor", name="Doc\u2066tor")
    )
    page = await give(served, text=json.dumps(badge))
    assert page.text.count("(holds characters that are not seen)") == 3, "the issuer's name, and the badge's twice"
    assert "<bdi>Ox‹U+202E›fo\u200brd</bdi>" in page.text
    assert r"Ox\u202efo\u200brd" in page.text, "the raw report hides nothing"
    report = await served.verify(badge)
    warned = {check["name"]: check["code"] for check in report["checks"] if check["outcome"] == "warn"}
    assert warned == {
        "standing": "unknown_issuer",
        "issuer_name": "deceptive_name",
        "credential_name": "deceptive_name",
    }
    assert (report["verdict"], report["reason"]) == ("valid", None)
    assert report["summary"].isprintable()


async def test_a_page_has_a_strict_policy_no_cookie_and_is_kept_by_no_cache(served: Verifier) -> None:
    for page in (await served.client.get("/", headers=BROWSER), await give(served, text="{}"), await give(served)):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "private, no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in page.headers
        assert not re.findall(r"<script(?! src=\"/static/)|style=|<style", page.text)
        sources = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert all(each.startswith(("/", "#")) for each in sources)


async def test_the_page_shares_the_rate_of_those_without_a_key(
    verifier: Verifier, clean_database: Callable[[str], CleanDatabase]
) -> None:
    async with verifier.serving(anonymous_rate="2/day"):
        await verifier.verify({})
        assert (await give(verifier, text="{}")).status_code == 200
        refused = await give(verifier, text='{"kept": 1}')
        assert (refused.status_code, headline(refused)) == (429, "Could not be checked")
        assert int(refused.headers["retry-after"]) > 0
        assert "kept" in refused.text
        api = await verifier.client.post("/v1/verifications", json={"credential": {}})
        assert api.status_code == 429
        assert (await verifier.client.get("/", headers=BROWSER)).status_code == 200


async def test_the_page_is_no_part_of_the_api(served: Verifier) -> None:
    paths = (await served.client.get("/openapi.json")).json()["paths"]
    assert "/" not in paths
    assert "/v1/freshness" in paths
