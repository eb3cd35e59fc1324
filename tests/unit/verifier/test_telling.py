"""A page's words follow from the report, and green is said of nothing but what is valid without any reservation."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.verifier.domain.telling import _TITLES, ago, tell, tone_of
from services.verifier.pages import visible_json
from shared.credentials.report import Check, Report, ReportedCredential, ReportedIssuer, conclude, verdicts_of

_MADE = re.compile(r'(?<![\w])(?:passed|failed|warned|undecided|skipped)\(\s*"(\w+)"|Check\(name="(\w+)"')
_OF_THE_VC_API_ALONE = {"request", "purpose", "holder"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGISTERED = ReportedIssuer(id="did:key:z6Mk", claimed_name="Oak", standing="registered", registered_name="Oak College")
STRANGER = ReportedIssuer(id="did:web:evil.example:x", claimed_name="Oak College", standing="unknown")
FROM_A_DOMAIN = STRANGER.model_copy(update={"standing": "domain_verified"})
WITHDRAWN = REGISTERED.model_copy(update={"standing": "unknown"})


def check(name: str, outcome: str, code: str | None = None) -> Check:
    return Check.model_validate({"name": name, "outcome": outcome, "code": code, "detail": f"Detail of {name}."})


GOOD = (check("proof", "pass"), check("status", "pass"), check("standing", "pass"))
NOT_ASKED = check("recipient", "skipped", "not_asked")
SOMEBODY_ELSE = check("recipient", "fail", "wrong_recipient")


def a_report(*checks: Check, issuer: ReportedIssuer = REGISTERED, **members: Any) -> Report:
    checks = checks or (*GOOD, NOT_ASKED)
    made = {
        "id": UUID(int=1),
        **conclude(checks, issuer).model_dump(),
        "checks": checks,
        "credential": ReportedCredential(**dict.fromkeys(ReportedCredential.model_fields)),
        "issuer": issuer,
        "status_as_of": NOW - timedelta(seconds=3),
        "verdicts": verdicts_of(()),
        "verified_at": NOW,
    }
    return Report.model_validate({**made, **members})


def a_credential(address: str) -> ReportedCredential:
    return ReportedCredential(**dict.fromkeys(ReportedCredential.model_fields) | {"id": address})


ONLY_A_DOMAIN = check("standing", "warn", "only_domain_known")
UNKNOWN_ISSUER = check("standing", "warn", "unknown_issuer")
REPORTS = {
    "valid": (a_report(), "good", "Valid"),
    "valid, asked": (a_report(*GOOD, check("recipient", "pass")), "good", "Valid"),
    "valid, somebody else's": (a_report(*GOOD, SOMEBODY_ELSE), "care", "Valid, but issued to somebody else"),
    "valid, nobody knows whose": (
        a_report(*GOOD, check("recipient", "unknown", "recipient_unknown")),
        "care",
        "Valid, but not known whose it is",
    ),
    "stranger": (
        a_report(*GOOD[:2], UNKNOWN_ISSUER, NOT_ASKED, issuer=STRANGER),
        "care",
        "Valid, but the issuer is not known here",
    ),
    "stranger, somebody else's": (
        a_report(*GOOD[:2], UNKNOWN_ISSUER, SOMEBODY_ELSE, issuer=STRANGER),
        "care",
        "Valid, but issued to somebody else",
    ),
    "of a domain": (
        a_report(*GOOD[:2], ONLY_A_DOMAIN, NOT_ASKED, issuer=FROM_A_DOMAIN),
        "care",
        "Valid, but of its issuer only the domain is known here",
    ),
    "withdrawn": (
        a_report(*GOOD[:2], UNKNOWN_ISSUER, NOT_ASKED, issuer=WITHDRAWN),
        "care",
        "Valid, but the issuer is not known here",
    ),
    "demonstration where all are": (
        a_report(*GOOD, check("demo", "warn", "demo"), credential=a_credential("http://127.0.0.1:8002/credentials/1")),
        "good",
        "Valid",
    ),
    "demonstration on a public registry": (
        a_report(*GOOD, check("demo", "warn", "demo"), credential=a_credential("https://b.example/credentials/1")),
        "care",
        "Valid, but only a demonstration",
    ),
    "deceptive name": (
        a_report(*GOOD, check("issuer_name", "warn", "deceptive_name")),
        "care",
        "Valid, but look twice",
    ),
    "revoked": (a_report(*GOOD, check("status", "fail", "revoked")), "bad", "Not valid: revoked"),
    "revoked, whose it should be": (
        a_report(*GOOD, check("status", "fail", "revoked"), check("recipient", "pass")),
        "bad",
        "Not valid: revoked",
    ),
    "tampered": (a_report(check("proof", "fail", "tampered")), "bad", "Not valid: it is not as it was signed"),
    "invalid for a reason of tomorrow": (a_report(check("moon", "fail", "new_moon")), "bad", "Not valid"),
    "unknown": (a_report(*GOOD, check("status", "unknown", "status_unavailable")), "care", "Could not be checked"),
}


@pytest.mark.parametrize(("report", "tone", "headline"), REPORTS.values(), ids=REPORTS)
def test_an_answer_has_its_tone_and_its_headline(report: Report, tone: str, headline: str) -> None:
    told = tell(report)
    assert (told.tone, told.headline) == (tone, headline)


OUTCOMES = ("pass", "fail", "warn", "unknown", "skipped")


def test_good_is_said_of_nothing_but_what_is_valid_known_and_without_reservation() -> None:
    for verdict, standing in itertools.product(
        ("valid", "invalid", "unknown"), ("registered", "domain_verified", "unknown")
    ):
        for outcomes in itertools.product(OUTCOMES, repeat=2):
            checks = (*GOOD[:2], check("other", outcomes[0]), check("recipient", outcomes[1]))
            issuer = REGISTERED.model_copy(update={"standing": standing})
            report = a_report(*checks, issuer=issuer, verdict=verdict)
            sure = verdict == "valid" and standing == "registered" and set(outcomes) <= {"pass", "skipped"}
            told = tell(report)
            assert (tone_of(report) == "good") is sure
            assert ("good" in {told.tone, told.recipient.tone, *(line.tone for line in told.lines)}) is sure


def test_every_check_is_told_in_words_one_of_tomorrow_too() -> None:
    told = tell(a_report(*[check(f"new_thing_{outcome}", outcome, "x") for outcome in OUTCOMES], NOT_ASKED))
    assert [line.title for line in told.lines[:2]] == ["New thing pass", "New thing fail"]
    assert [line.outcome for line in told.lines] == [
        "passed", "failed", "warning", "not known", "not checked", "not checked",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "just now"), (0, "just now"), (1, "1 second ago"), (2, "2 seconds ago")]
)
def test_ages_are_told_in_words(seconds: int, words: str) -> None:
    assert ago(seconds) == words


def test_whose_badge_it_is_is_said_to_be_unchecked_where_nobody_asked() -> None:
    assert "You named nobody" in tell(a_report()).recipient.detail
    assert tell(a_report(*GOOD, SOMEBODY_ELSE)).recipient.tone == "bad"
    unsigned = tell(a_report(check("proof", "fail", "tampered"), check("recipient", "skipped"))).recipient
    assert (unsigned.outcome, unsigned.tone) == ("not checked", None)


def test_the_grounds_on_which_an_issuer_is_known_are_told_apart() -> None:
    unsigned = a_report(check("proof", "fail", "tampered"), check("standing", "skipped"))
    found = [
        tell(each).grounds
        for each in (
            a_report(),
            REPORTS["stranger"][0],
            REPORTS["of a domain"][0],
            REPORTS["withdrawn"][0],
            a_report(*unsigned.checks),
        )
    ]
    told = ("is registered", "make such a key", "may publish at this domain", "no longer", "mere claim")
    for words, grounds in zip(told, found, strict=True):
        assert words in grounds


@pytest.mark.parametrize(
    ("identifier", "domain"),
    [
        ("did:web:evil.example:x", "evil.example"),
        ("https://evil.example/issuers/1", "evil.example"),
        ("https://good.example@evil.example/issuers/1", "evil.example"),
        ("https://[evil", None),
        ("https://сollege.example/1", "xn--ollege-hrf.example"),
        ("did:web:сollege.example", "xn--ollege-hrf.example"),
        ("https://" + "x" * 64 + ".example/", None),
        ("did:web:%41", "%41"),
        ("did:key:z6Mk", None),
        ("did:web:", None),
        ("https://", None),
        ("https:", None),
        (None, None),
    ],
)
def test_the_domain_of_an_issuer_is_told_where_its_identifier_names_one(identifier: str, domain: str | None) -> None:
    assert tell(a_report(issuer=STRANGER.model_copy(update={"id": identifier}))).domain == domain


def test_the_age_of_a_status_is_told_and_never_less_than_nothing() -> None:
    assert tell(a_report()).status_age_seconds == 3
    assert tell(a_report(status_as_of=NOW + timedelta(seconds=3))).status_age_seconds == 0
    assert tell(a_report(status_as_of=None)).status_age_seconds is None


def test_nothing_hides_in_the_raw_report() -> None:
    report = a_report(issuer=STRANGER.model_copy(update={"claimed_name": "Ox\u202eford\U000e0041 Universität"}))
    raw = visible_json(report)
    assert r"Ox\u202eford\udb40\udc41 Universität" in raw
    assert json.loads(raw) == report.model_dump(mode="json")


def test_what_is_no_badge_is_called_by_its_own_name() -> None:
    for kind in ("endorsement", "credential"):
        credential = ReportedCredential(**dict.fromkeys(ReportedCredential.model_fields) | {"kind": kind})
        for report in (REPORTS["valid"][0], REPORTS["stranger"][0], a_report(check("structure", "fail", "malformed"))):
            told = tell(report.model_copy(update={"credential": credential}))
            lines = [f"{line.title} {line.detail}" for line in (told.recipient, *told.lines)]
            words = " ".join([told.headline, told.grounds, *lines])
            assert (told.noun, "badge" in words, kind in words) == (kind, False, True)


def test_an_assertion_that_could_not_be_had_is_not_told_of_as_a_signature() -> None:
    (line,) = tell(a_report(check("proof", "unknown", "assertion_unavailable"))).lines
    assert line.title == "As it stands at its own address"


def test_every_check_that_is_made_has_a_name_for_people():
    root = Path(__file__).resolve().parents[3]
    sources = [*(root / "shared/credentials").glob("*.py"), *(root / "services/verifier").rglob("*.py")]
    made = {name for path in sources for names in _MADE.findall(path.read_text()) for name in names if name}
    assert made > {"proof", "status", "conformance", "creator"}
    assert made - _OF_THE_VC_API_ALONE <= _TITLES.keys()
