"""What a badge's page says of it, before it is a page."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain import elements, parts
from services.registry.domain.badge import verdict
from services.registry.domain.foreign import web_link
from services.registry.domain.rules import trace_id
from services.registry.negotiation import chosen
from tests.unit.registry.builders import ID, NOW, a_seen_badge, an_institution

MAX_AGE = timedelta(seconds=60)
PAST, FUTURE = "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
REVOKED = [{"version": 2, "type": "revoked", "time": "2026-05-01T00:00:00+00:00", "event_id": "2"}]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "valid"),
        ({"valid_until": FUTURE}, "valid"),
        ({"valid_from": None}, "valid"),
        ({"status": "revoked", "history": REVOKED}, "revoked"),
        ({"status": "revoked", "valid_until": PAST}, "revoked"),
        ({"status": "revoked", "as_of": None}, "revoked"),
        ({"status": "suspended"}, "suspended"),
        ({"valid_until": PAST}, "expired"),
        ({"valid_until": "2026-11-26T12:00:00Z"}, "expired"),
        ({"valid_from": FUTURE}, "not_yet_valid"),
        ({"valid_until": "next year"}, "dates_unreadable"),
        ({"kept": False, "valid_from": None}, "document_gone"),
        ({"as_of": None}, "out_of_date"),
        ({"as_of": NOW - timedelta(seconds=61)}, "out_of_date"),
        ({"held": True}, "out_of_date"),
        ({"institution": None}, "issuer_unknown"),
        ({"institution": an_institution(standing="withdrawn")}, "issuer_withdrawn"),
    ],
)
def test_a_badge_is_green_only_where_it_holds_now_and_its_institution_is_registered(members, code):
    found = verdict(a_seen_badge(**members), MAX_AGE)
    assert found.code == code
    assert (found.tone == "good") == (code == "valid")


def test_a_revocation_says_since_when_and_one_whose_history_has_not_come_says_no_time():
    assert verdict(a_seen_badge(status="revoked", history=REVOKED), MAX_AGE).time == datetime(2026, 5, 1, tzinfo=UTC)
    assert verdict(a_seen_badge(status="revoked"), MAX_AGE).time is None


def test_the_european_elements_stand_in_the_order_of_the_recommendation():
    assert [(label, value) for label, value in elements.stated(a_seen_badge())] == [
        ("Learner", "Ada Lovelace"),
        ("Title", "Welding I"),
        ("Country of the issuer", "Austria"),
        ("Awarding body", "North Academy"),
        ("Date of issuing", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Learning outcomes", ["Welds", "Cuts"]),
        ("Notional workload", "5 ECTS credits, 125.5 hours"),
        ("Level", "Level 4 of the European Qualifications Framework (EQF)"),
        ("Type of assessment", "examination"),
        ("Form of participation", "On site"),
        ("Quality assurance", "an agency"),
        ("Supervision and identity check", "Supervised on site; identity: passport"),
        ("Grade", ["Grade: A"]),
        ("Language", "German (Austria)"),
        ("Type of achievement", "MicroCredential"),
        ("Field of study", "Engineering"),
        ("Specialization", "Pipes"),
        ("Code", "W-1"),
    ]


def test_elements_that_a_badge_does_not_state_are_not_shown():
    bare = a_seen_badge(achievement={"name": "Welding I"}, document=None)
    assert [label for label, _ in elements.stated(bare)] == ["Title", "Awarding body", "Date of issuing"]
    nothing = a_seen_badge(achievement=None, document=None, institution=None)
    assert [label for label, _ in elements.stated(nothing)] == ["Date of issuing"]


@pytest.mark.parametrize(("tag", "name"), [("de", "German"), ("gsw-CH", "Swiss German (Switzerland)"), ("qqq", "qqq")])
def test_a_language_goes_by_its_name_and_an_unknown_one_by_its_tag(tag, name):
    assert elements.language(tag) == name


def test_a_country_goes_by_its_name_and_an_unknown_one_by_its_code():
    assert (elements.country("IE"), elements.country("QX")) == ("Ireland", "QX")


def test_without_the_document_neither_name_nor_grade_is_told():
    badge = a_seen_badge(document=None)
    assert badge.learner is None
    assert parts.results(badge) == [{"name": "Grade", "scale": "A, B", "reached": []}]
    assert "Grade" not in dict(elements.stated(badge))


def test_a_hashed_name_is_not_shown_as_a_name():
    hashed = {"identityType": "name", "hashed": True, "identityHash": "sha256$0"}
    assert a_seen_badge(document={"credentialSubject": {"identifier": hashed}}).learner is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["name", "alignment", "tag", "resultDescription", "micro_credential", "inLanguage", "creditsAvailable"]
)


@given(st.dictionaries(MEMBERS, ANYTHING), ANYTHING, ANYTHING)
def test_whatever_form_a_badge_has_something_is_told_of_it(achievement, subject, evidence):
    badge = a_seen_badge(
        achievement=achievement, document={"credentialSubject": subject, "evidence": evidence}, valid_until="x"
    )
    assert badge.title
    elements.stated(badge)
    parts.results(badge), parts.evidence(badge), parts.alignment(achievement), parts.tags(achievement)
    parts.linkedin(badge)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
        "data:text/html,x", "vbscript:x", "//evil.example", "https:///path",
        "http://", "https://a\x00b", "https://a b", "https:\\\\evil",
        "https://[", "file:///etc/passwd", "ftp://x.example", "mailto:x@example.org", "", None, 7,
    ],
)  # fmt: skip
def test_only_addresses_of_the_web_are_links(address):
    assert web_link(address) is None


def test_an_address_of_the_web_is_a_link():
    assert web_link("https://north.example/a?b=c#d") == "https://north.example/a?b=c#d"
    assert web_link("HTTP://data.europa.eu/snb/eqf/4")


def test_the_domain_is_told_in_letters_that_cannot_pretend():
    assert an_institution().domain == "north.example"
    assert an_institution(url="https://nоrth.example").domain == "xn--nrth-55d.example", "a Cyrillic o"
    assert an_institution(url=None).domain is None
    assert an_institution(url="javascript:alert(1)").link is None


def test_a_did_tells_where_its_keys_are():
    assert an_institution(did="did:web:badges.example%3A8443:north").keys_at == "badges.example:8443"
    assert (an_institution(did="did:key:z6Mk").method, an_institution(did="did:key:z6Mk").keys_at) == ("key", None)


def test_linkedin_gets_every_field():
    badge = a_seen_badge(valid_until="2028-01-31T00:00:00Z")
    asked = urlsplit(parts.linkedin(badge))
    assert (asked.netloc, asked.path) == ("www.linkedin.com", "/profile/add")
    assert parse_qs(asked.query) == {
        "startTask": ["CERTIFICATION_NAME"],
        "name": ["Welding I"],
        "organizationName": ["North Academy"],
        "issueYear": ["2026"],
        "issueMonth": ["3"],
        "expirationYear": ["2028"],
        "expirationMonth": ["1"],
        "certUrl": [f"https://badges.example/credentials/{ID}"],
        "certId": [str(ID)],
    }
    assert "expiration" not in parts.linkedin(a_seen_badge())


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Welding I", "welding-i-0d6c2b8e.json"),
        ('a"\r\nSet-Cookie: x', "a-set-cookie-x-0d6c2b8e.json"),
        ("../../etc/passwd", "etc-passwd-0d6c2b8e.json"),
        ("溶接", "badge-0d6c2b8e.json"),
        ("x" * 500, f"{'x' * 60}-0d6c2b8e.json"),
    ],
)
def test_a_file_goes_by_the_badges_name_in_letters_that_every_system_takes(title, name):
    assert parts.file_name(title, ID, "json") == name


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "text/html"),
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/html, application/json", "text/html"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("APPLICATION/JSON; charset=utf-8", "application/json"),
        ("application/vc", "application/vc"),
        ("application/ld+json; profile=x, application/json;q=0.5", "application/ld+json"),
        ("application/json;q=0.5, application/vc+ld+json", "application/vc+ld+json"),
        ("application/json;q=0, application/vc", "application/vc"),
        ("application/vc;q=0", "text/html"),
        ("application/vc;q=nonsense", "text/html"),
        ("image/png", "text/html"),
        (",;q=,;,", "text/html"),
    ],
)
def test_the_most_wanted_form_is_given_and_a_page_where_none_is_named(accept, form):
    assert chosen(accept) == form


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("4bf92f3577b34da6a3ce929d0e0e4736", None),
        (None, None),
    ],
)
def test_a_trace_is_told_where_one_was_recorded(traceparent, expected):
    assert trace_id(traceparent) == expected


def test_a_badge_that_its_institution_wrote_itself_goes_by_its_name_where_it_may_be_seen():
    types = ("VerifiableCredential", "OpenBadgeCredential")
    own = {"achievement_path": None, "types": types}
    assert a_seen_badge(**own, document={"name": "Welding I"}).title == "Welding I"
    assert a_seen_badge(**own, document=None).title == "OpenBadgeCredential"
    other = {"achievement_path": None, "types": ("VerifiableCredential", "Membership")}
    assert a_seen_badge(**other, document={"name": "Ada's"}).title == "Membership"
