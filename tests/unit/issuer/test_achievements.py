"""Achievements as they stand in badges."""

from uuid import UUID, uuid4

from services.issuer.domain.achievements import badge_form, draft_number, missing, record_form, with_result_ids
from services.issuer.domain.institutions import did_of
from services.issuer.domain.messages import list_version
from tests.support.badges import a_key

CONTENT = {"name": "Bridges", "description": "Builds.", "criteria": {"narrative": "Build."}, "suspendable": False}


def test_our_words_become_open_badges_terms_and_nothing_empty_is_left() -> None:
    form = badge_form(
        {**CONTENT, "tags": ["a"], "language": "en", "alignment": []}, UUID(int=1), 2, "https://b.example"
    )
    url = f"https://b.example/achievements/{UUID(int=1)}/2"
    assert form == {
        "id": url,
        "name": "Bridges",
        "description": "Builds.",
        "criteria": {"narrative": "Build."},
        "tag": ["a"],
        "inLanguage": "en",
        "image": {"id": f"{url}/image", "caption": "Bridges"},
    }


def test_whole_credits_are_written_as_integers() -> None:
    forms = [
        badge_form({**CONTENT, "credits_available": each}, UUID(int=1), 1, "https://b.example") for each in (5.0, 2.5)
    ]
    assert [repr(form["creditsAvailable"]) for form in forms] == ["5", "2.5"]


def test_what_open_badges_has_no_term_for_stays_in_the_record() -> None:
    content = {**CONTENT, "micro_credential": {"country": "AT"}}
    badge = badge_form(content, UUID(int=1), 1, "https://b.example")
    assert "micro_credential" not in badge
    assert record_form(badge, content)["micro_credential"] == {"country": "AT"}


def test_a_level_of_the_european_framework_is_an_alignment() -> None:
    badge = badge_form({**CONTENT, "micro_credential": {"eqf_level": 5}}, UUID(int=1), 1, "https://b.example")
    assert badge["alignment"][0]["targetUrl"] == "http://data.europa.eu/snb/eqf/5"


def test_missing_elements_are_named_by_their_paths() -> None:
    assert "micro_credential.country" in missing(CONTENT)
    assert "micro_credential.country" not in missing({**CONTENT, "micro_credential": {"country": "AT"}})


def test_a_result_description_keeps_its_id_or_gets_one() -> None:
    described = [{"id": "urn:x:1", "name": "A"}, {"name": "B"}]
    content = with_result_ids({**CONTENT, "result_descriptions": described}, iter([UUID(int=9)]))
    assert [each["id"] for each in content["result_descriptions"]] == ["urn:x:1", f"urn:uuid:{UUID(int=9)}"]


def test_a_draft_follows_the_published_version_alone() -> None:
    assert (draft_number(1, None), draft_number(1, 1), draft_number(2, 1)) == (1, 2, 2)


def test_lists_of_a_later_epoch_are_newer_whatever_their_number() -> None:
    assert list_version(1, 2) > list_version(1, 1)
    assert list_version(2, 1) > list_version(1, 2**30)


def test_an_institution_signs_as_did_web_where_there_is_a_public_address() -> None:
    key = a_key().public_key()
    assert did_of("north", "https://b.example:8443", None, key) == "did:web:b.example%3A8443:institutions:north"
    assert did_of("north", "https://b.example", "key", key).startswith("did:key:z6Mk")
    assert did_of(f"n{uuid4().hex[:4]}", "http://127.0.0.1:8002", None, key).startswith("did:key:z6Mk")
