"""A badge's page: honest about how it stands, silent about whose it is, and with nothing of strangers' that runs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from services.registry import reading
from shared.ids import new_id
from tests.integration.registry.builders import EMAIL, EVIDENCE, GRADE, NAME, NOTE, Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import BROWSER, known, open_page

AS_JSON = {"Accept": "application/json"}


async def test_a_page_tells_everybody_what_was_achieved_and_that_it_holds(registry: Registry) -> None:
    badge = await known(registry, Badge(), url="https://north.example/about")
    async with registry.serving():
        page = await open_page(registry, badge)
    assert page.tone == "good"
    for told in ("Welding I", "Has welded.", "Issued by North Academy (north.example)", "50 hours", "EQF level 4"):
        assert told in page.text
    for told in (
        "did:web:badges.example:north",
        "published at badges.example",
        "Valid from 1 January 2026",
        "1. Issued",
    ):
        assert told in page.text
    assert page.answer.headers["cache-control"] == "no-cache"
    assert {
        "http://data.europa.eu/snb/eqf/4",
        f"/v1/credentials/{badge.id}",
        "https://north.example/about",
    } <= set(page.links)
    images = page.all("img")
    assert f"/achievements/{badge.achievement_id}/1/image" in [each["src"] for each in images]
    assert all("alt" in each for each in images)


async def test_without_the_owners_link_nothing_of_a_person_is_on_it(registry: Registry) -> None:
    badge = await known(registry, Badge())
    await registry.feed(badge.changed())
    async with registry.serving():
        page = await open_page(registry, badge)
    for planted in (NAME, EMAIL, NOTE, GRADE, EVIDENCE, badge.owner_token, badge.salt, badge.key_id, "withdrew"):
        assert planted not in page.answer.text
    assert not page.all("form")
    assert "linkedin" not in page.answer.text


async def test_a_page_describes_itself_to_others_by_its_public_address_and_names_nobody(registry: Registry) -> None:
    badge = await known(registry, Badge())
    public = f"https://badges.example/credentials/{badge.id}"
    async with registry.serving():
        for page in (await open_page(registry, badge), await open_page(registry, badge, owner=badge.owner_token)):
            assert [each["href"] for each in page.all("link") if each["rel"] == "canonical"] == [public]
            assert page.told["og:url"] == public
            assert page.told["og:title"] == "Welding I"
            assert page.told["og:description"] == "Welds."
            assert page.told["og:image"] == f"https://badges.example/achievements/{badge.achievement_id}/1/image"
            assert page.told["og:site_name"]
            head = page.answer.text.partition("</head>")[0]
            assert NAME not in head
            assert badge.owner_token not in head
        assert page.told["robots"] == "noindex"


async def test_the_owners_view_is_private_and_offers_what_a_learner_needs(registry: Registry) -> None:
    badge = await known(registry, Badge(), url="https://north.example/about")
    async with registry.serving():
        page = await open_page(registry, badge, owner=badge.owner_token)
        download = await registry.client.get(f"/credentials/{badge.id}.json", params={"owner": badge.owner_token})
    assert page.answer.headers["cache-control"] == "private, no-store"
    for told in ("This address opens your private view", f"Awarded to {NAME}", GRADE, EVIDENCE, "Have it erased"):
        assert told in page.text
    assert f"/credentials/{badge.id}.json?owner={badge.owner_token}" in page.links
    assert [link for link in page.links if link.startswith("https://www.linkedin.com/profile/add?")]
    shared = [each["data-copy"] for each in page.all("button") if "data-copy" in each]
    assert shared == [f"https://badges.example/credentials/{badge.id}"]
    assert not [link for link in page.links if badge.owner_token in link and urlsplit(link).netloc]
    assert download.headers["content-disposition"] == f'attachment; filename="welding-i-{str(badge.id)[:8]}.json"'
    assert download.json() == badge.document


async def test_a_revoked_badge_says_so_first_and_its_owner_learns_why_and_whom_to_ask(registry: Registry) -> None:
    badge = await known(registry, Badge(), url="https://north.example/about")
    await registry.feed(badge.changed())
    async with registry.serving():
        public = await open_page(registry, badge)
        own = await open_page(registry, badge, owner=badge.owner_token)
    for page in (public, own):
        assert page.tone == "bad"
        assert 'class="verdict good"' not in page.answer.text
        assert page.answer.text.index("revoked this badge") < page.answer.text.index("<h1>")
        assert "whoever verifies it is told so" in page.text
        assert "2. Revoked" in page.text
    assert "The institution withdrew it." in own.text
    assert NOTE in own.text
    assert "North Academy, https://north.example/about" in own.text
    assert "linkedin" not in own.answer.text


async def test_only_what_holds_now_is_green(registry: Registry) -> None:
    suspended, expired, early, withdrawn, orphan = [Badge() for _ in range(5)]
    expired.document["validUntil"] = "2026-02-01T00:00:00Z"
    early.document["validFrom"] = "2126-02-01T00:00:00Z"
    for badge in (suspended, expired, early):
        await known(registry, badge)
    await known(registry, withdrawn, standing="withdrawn")
    await registry.feed(suspended.changed(2, "suspended", "suspended"), orphan.issued())
    said = {
        suspended: ("care", "Suspended"),
        expired: ("bad", "It was valid until 1 February 2026"),
        early: ("care", "valid from 1 February 2126"),
        withdrawn: ("care", "no longer registered"),
        orphan: ("care", "description has not arrived here yet"),
    }
    async with registry.serving():
        for badge, (tone, words) in said.items():
            page = await open_page(registry, badge)
            assert (page.tone, words in page.text) == (tone, True), page.text


async def test_a_page_knows_of_a_revocation_that_the_record_has_not_taken_in_yet(registry: Registry) -> None:
    badge = await known(registry, Badge())
    await registry.feed(badge.stated(1, "issued"), badge.stated(2, "revoked"))
    async with registry.serving():
        assert (await open_page(registry, badge)).tone == "bad"
        await registry.feed(badge.changed())
        assert "2. Revoked" in (await open_page(registry, badge)).text


async def test_when_the_issuer_has_been_silent_for_too_long_nothing_is_green(registry: Registry) -> None:
    badge = await known(registry, Badge())
    async with registry.serving():
        await registry.hear(datetime.now(UTC) - timedelta(seconds=241))
        page = await open_page(registry, badge)
        assert (page.tone, "too long ago" in page.text) == ("care", True)
        await registry.hear()
        assert (await open_page(registry, badge)).tone == "good"


async def test_a_demonstration_badge_says_that_it_is_one_and_why(registry: Registry) -> None:
    badge = await known(registry, Badge())
    async with registry.serving(public_url="http://127.0.0.1:8002"):
        page = await open_page(registry, badge)
    assert "DEMO Welding I" in page.text
    assert "http://127.0.0.1:8002 has no public https address" in page.text
    assert page.told["og:title"] == "DEMO Welding I"


async def test_a_did_that_is_a_key_says_what_that_means(registry: Registry) -> None:
    badge = await known(registry, Badge(), did="did:key:z6MkPlanted")
    async with registry.serving():
        page = await open_page(registry, badge)
    assert "did:key:z6MkPlanted" in page.text
    assert "This DID is a public key and nothing else." in page.text
    assert "(no web domain registered)" in page.text


async def test_a_did_that_the_institution_had_before_is_told_beside_its_own(registry: Registry) -> None:
    badge = await known(registry, Badge(), former_dids=("did:key:z6MkPlanted",))
    async with registry.serving():
        page = await open_page(registry, badge)
        record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
    assert "Before that did:key:z6MkPlanted" in page.text
    assert record["issuer"]["former_ids"] == ["did:key:z6MkPlanted"]


async def test_links_to_the_other_services_are_there_where_they_are_set(registry: Registry) -> None:
    badge = await known(registry, Badge())
    async with registry.serving():
        assert not [link for link in (await open_page(registry, badge)).links if "links" in link or "verif" in link]
    async with registry.serving(verifier_url="https://verify.example", notifier_url="https://tell.example"):
        page = await open_page(registry, badge)
    assert {"https://verify.example/", "https://tell.example/my-links"} <= set(page.links)


# --- forms, and who may have them ------------------------------------------------------------------------------------


async def test_each_gets_the_form_that_was_asked_for(registry: Registry) -> None:
    badge = await known(registry, Badge())
    address = f"/credentials/{badge.id}"
    async with registry.serving():
        for accept in ("*/*", None):
            request = registry.client.build_request("GET", address, headers={"Accept": accept or ""})
            if accept is None:
                del request.headers["Accept"]
            answer = await registry.client.send(request)
            assert answer.headers["content-type"].startswith("text/html")
        record = await registry.client.get(address, headers=AS_JSON)
        assert record.json()["history"][0]["type"] == "issued"
        assert (record.headers["vary"], record.headers["access-control-allow-origin"]) == ("Accept", "*")
        for media_type in ("application/vc", "application/ld+json", "application/vc+ld+json"):
            accept = {"Accept": media_type}
            refused = await registry.client.get(address, headers=accept)
            assert (refused.status_code, refused.json()["code"]) == (404, "document_not_found")
            assert refused.headers["vary"] == "Accept"
            given = await registry.client.get(address, headers=accept, params={"owner": badge.owner_token})
            assert (given.headers["content-type"], given.json()) == (media_type, badge.document)
            assert given.headers["vary"] == "Accept"
            assert "access-control-allow-origin" not in given.headers
            by_key = await registry.client.get(address, headers=accept | await registry.key(badge.institution_id))
            assert by_key.json() == badge.document
            strangers = await registry.client.get(address, headers=accept | await registry.key(new_id()))
            assert strangers.json() == refused.json()


async def test_a_wrong_owner_token_looks_like_a_badge_that_never_was(registry: Registry) -> None:
    badge, other = await known(registry, Badge()), await known(registry, Badge())
    async with registry.serving():
        answers = [
            await registry.client.get(f"/credentials/{new_id()}", headers=BROWSER),
            await registry.client.get("/credentials/no-uuid", headers=BROWSER),
            await registry.client.get(f"/credentials/{new_id()}", params={"owner": badge.owner_token}, headers=BROWSER),
            *[
                await registry.client.get(f"/credentials/{badge.id}", params={"owner": token}, headers=BROWSER)
                for token in ("", "x", "\x00", "x" * 5000, other.owner_token, badge.owner_token[:-1])
            ],
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date")) for answer in answers}) == 1
    assert "never issued here" in answers[0].text


async def test_right_wrong_and_missing_tokens_and_unknown_badges_cost_the_same_statements(registry: Registry) -> None:
    badge = await known(registry, Badge())

    async def statements(ask: Any) -> list[str]:
        seen: list[str] = []
        async with registry.worker.transaction() as tx:
            log = lambda query: seen.append(query.query)  # noqa: E731
            tx.add_query_logger(log)
            try:
                await ask(tx)
            except reading.NotFound:
                pass
            finally:
                tx.remove_query_logger(log)
        return seen

    asked = [
        (badge.id, None),
        (badge.id, "wrong"),
        (badge.id, badge.owner_token),
        (new_id(), None),
        (new_id(), "wrong"),
    ]
    of_pages = [await statements(lambda tx, w=w: reading.badge(tx, *w, "https://x", demo=False)) for w in asked]
    of_documents = [await statements(lambda tx, w=w: reading.document(tx, *w)) for w in asked]
    assert of_pages == [of_pages[0]] * len(asked)
    assert len(of_pages[0]) == 1
    assert of_documents == [of_documents[0]] * len(asked)
    assert len(of_documents[0]) == 2


async def test_the_qr_code_is_a_picture_in_which_nothing_runs(registry: Registry) -> None:
    badge = await known(registry, Badge())
    async with registry.serving():
        answer = await registry.client.get(f"/credentials/{badge.id}/qr.svg")
        unknown = await registry.client.get(f"/credentials/{new_id()}/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"<svg" in answer.content
    assert b"<script" not in answer.content
    assert unknown.status_code == 404
