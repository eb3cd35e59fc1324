"""Answers whether badges are genuine and hold: looks up what is known, has the documents checked, judges, records."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from services.verifier.domain import messages
from services.verifier.domain.documents import Badge, badge_of, link_of
from services.verifier.domain.judgement import Judgement, judge, not_asked, not_made, recipient_check
from services.verifier.domain.known import Known, Recorded, Rules, known_keys
from services.verifier.domain.presented import presentation_check
from services.verifier.domain.records import kept, recalled, repeated
from services.verifier.fetch import Fetcher
from services.verifier.fetched import Copies
from services.verifier.handlers.inclusion import Inclusion
from services.verifier.handlers.looking_into import LookedInto, look_into
from services.verifier.handlers.looking_up import look_up, look_up_signed
from services.verifier.handlers.presenting import take_out_of_presentation
from services.verifier.handlers.unpacking import take_out
from services.verifier.jobs import Failed, Found, Job
from services.verifier.store import verifications
from services.verifier.workers import Workers
from shared import telemetry
from shared.credentials.check import document_in
from shared.credentials.checks import undecided
from shared.credentials.errors import CredentialError
from shared.credentials.identity import Kind
from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.credentials.open_badges_2 import is_assertion
from shared.credentials.open_badges_2_issuer import REDIRECTS
from shared.credentials.presentations import Shown, opened_credential
from shared.credentials.report import Check, CheckedDocument, CredentialFacts, Report, reported, verdicts_of
from shared.credentials.shape import facts_of
from shared.db import Database, Tx, now
from shared.errors import Invalid, LaurelError, NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.outbox import Entry
from shared.transparency.commitments import SALT_SIZE
from shared.web import idempotency
from shared.web.idempotency import Attempt

ANSWERED = Counter("laurel_verifications_total", "Verifications answered", ["verdict", "reason"])


@dataclass(frozen=True)
class Asker:
    """Whoever holds a key: an employer, under whom answers are recorded, or (None) an institution or the operator."""

    employer_id: UUID | None


@dataclass(frozen=True)
class Question:
    """Who asks, and what beside: whose the badges should be, which leaves no trace, and by which attempt it is claimed.

    `caller` tells callers apart, in whose name is fetched what strangers' badges need. `vc_api` is as a job has it.
    `as_of`: of which time is asked, None for now. `require_inclusion`: whether a badge of ours must be shown to be
    logged, None for who does not say.
    """

    asker: Asker | None
    caller: str
    expected: Mapping[Kind, str] | None = None
    attempt: Attempt | None = None
    vc_api: bool = False
    as_of: datetime | None = None
    require_inclusion: bool | None = None


@dataclass(frozen=True)
class Answer:
    """A report, and what its record needs beside."""

    report: Report
    recorded: Recorded | None
    facts: CredentialFacts


@dataclass(frozen=True)
class Desk:
    """Where verifications are answered.

    It opens its transactions itself: none may be open while documents are checked.
    """

    database: Database
    workers: Workers
    rules: Rules
    fetcher: Fetcher
    copies: Copies
    inclusion: Inclusion | None = None

    async def verify(
        self,
        badges: Sequence[Badge],
        question: Question,
        presented: Shown | None = None,
    ) -> list[Report]:
        """Answer for each badge, in their order; `presented` is what the presentation shows in which a badge came.

        Raises Unavailable (`busy`), Invalid (`as_of_in_future`), and as `idempotency.claim` does for an employer's
        attempt.
        """
        # Of a thousand tokens it takes half a second.
        badges, documents, facts = await asyncio.to_thread(_taken_in, badges)
        async with self.database.pool.acquire() as connection:
            known = await look_up(connection, facts, question.as_of)
        _refuse_future(question.as_of, known[0].now)
        jobs = [_job(*each, question, self.rules) for each in zip(badges, known, strict=True)]
        found = await look_into(jobs, question.caller, self.workers, self.copies, self.rules.is_ours)
        known = await self._recognised(known, found)
        included = await self._included(known, found, question)
        answers = [
            _answer(document, said, seen, here, self.rules, presented, beside)
            for document, said, seen, here, beside in zip(documents, facts, found, known, included, strict=True)
        ]
        for answer in answers:
            ANSWERED.labels(answer.report.verdict, answer.report.reason or "").inc()
        return await self._record(answers, question.asker, question.attempt)

    async def _included(
        self, known: Sequence[Known], found: Sequence[LookedInto], question: Question
    ) -> Sequence[list[Check]]:
        """Return for each badge the check whether it is logged, where that is asked for."""
        at = self.inclusion
        if at is None or not (at.always if question.require_inclusion is None else question.require_inclusion):
            return [[] for _ in known]
        outcomes = [each.outcome for each in found]
        signed = [isinstance(each, Found) and each.checked.signed_by_issuer for each in outcomes]
        return [[each] for each in await at.checks(known, signed)]

    async def _recognised(self, known: list[Known], found: Sequence[LookedInto]) -> list[Known]:
        """Look once more for our institutions' credentials that are not here by their ids, by what was signed."""
        outcomes = enumerate(each.outcome for each in found)
        seen = {place: each.checked for place, each in outcomes if isinstance(each, Found)}
        strange = {place: each.facts for place, each in seen.items() if known[place].does_not_recognise(each)}
        if not strange:
            return known
        async with self.database.pool.acquire() as connection:
            again = dict(
                zip(strange, await look_up_signed(connection, list(strange.values()), known[0].as_of), strict=True)
            )
        # Under an id of ours there is nothing else to find: what is not here by it may be on its way.
        ours = {place for place, facts in strange.items() if (facts.id or "").startswith(self.rules.credentials_url)}
        kept = {place for place in ours if again[place].recorded is None}
        return [here if place in kept else again.get(place, here) for place, here in enumerate(known)]

    async def verify_one(
        self,
        given: Badge,
        question: Question,
    ) -> Report:
        """Answer for a badge, or for the one that is in a presentation or envelope.

        Raises as `take_out_of_presentation` and `verify` do.
        """
        badge, shown = await take_out_of_presentation(
            given, self.clock, question.caller, self.workers, self.copies, self.rules.is_ours
        )
        reports = await self.verify([badge], question, shown)
        return reports[0]

    async def refuse_future(self, as_of: datetime | None) -> None:
        """Raise Invalid (`as_of_in_future`) for a time to come, before anything is fetched for it."""
        if as_of is not None:
            _refuse_future(as_of, await self.clock())

    async def clock(self) -> datetime:
        """Return the database's time, the one that decides."""
        async with self.database.pool.acquire() as connection:
            return await now(connection)

    async def read(self, raw: bytes, caller: str) -> Badge:
        """Return the badge that a file or text is or holds, fetched where a picture of Open Badges 2.0 names its place.

        Raises as `take_out` and `Fetcher.fetch` do.
        """
        given = await take_out(raw, self.workers)
        if given.url is None:
            return badge_of(given)
        return await self.fetcher.fetch(given.url, caller, self._read_badge, redirects=REDIRECTS)

    async def _read_badge(self, raw: bytes) -> Badge:
        """Return the badge that is in a file itself, which is led on no further."""
        given = await take_out(raw, self.workers)
        if given.url is not None:
            raise Invalid("no_badge_inside", "The picture names the address of a badge; the badge is not in it.")
        return badge_of(given)

    async def verify_file(
        self,
        raw: bytes,
        question: Question,
    ) -> Report:
        """Answer for the badge that a file or text is or holds; raises as `read` and `verify` do."""
        badge = await self.read(raw, question.caller)
        return await self.verify_one(badge, question)

    async def verify_text(
        self,
        text: str,
        question: Question,
    ) -> Report:
        """Answer for the badge that a text is or leads to, such as a QR code holds; raises as the other two ways do."""
        if link_of(text):
            return await self.verify_link(text, question)
        return await self.verify_file(text.encode(), question)

    async def verify_link(
        self,
        url: str,
        question: Question,
    ) -> Report:
        """Fetch the badge that a link leads to, and answer for it; a repeated `attempt` fetches again.

        Raises as `Fetcher.fetch` and `verify` do. An attempt that was answered before is recalled where the link fails
        now.
        """
        try:
            badge = await self.fetcher.fetch(
                link_of(url) or url, question.caller, partial(self.read, caller=question.caller)
            )
        except LaurelError:
            before = await self._answered_before(question.attempt)
            if before is None:
                raise
            return before
        return await self.verify_one(badge, question)

    async def _answered_before(self, attempt: Attempt | None) -> Report | None:
        if attempt is None:
            return None
        async with self.database.transaction(attempt.tenant_id) as tx:
            made = await idempotency.earlier(tx, attempt)
            return recalled((await verifications.of_request(tx, made))[0]) if made else None

    async def _record(self, answers: list[Answer], asker: Asker | None, attempt: Attempt | None) -> list[Report]:
        """Record what a holder of a key asks, and what anybody asks of our badges; the rest could be anybody's junk.

        What is recorded goes into the transparency log as well.
        """
        ours = [answer for answer in answers if asker or answer.recorded]
        reports = [answer.report for answer in answers]
        if not ours:
            return reports
        rows, employer_id = _rows(ours, asker), asker.employer_id if asker else None
        issuances = [trace for answer in ours if answer.recorded for trace in answer.recorded.traceparents[:1]]
        with telemetry.span("verify", _attributes(ours), issuances):
            async with self.database.transaction(employer_id) as tx:
                made = await idempotency.claim(tx, attempt, rows[0]["request_id"])
                if made is not None:
                    rows = await verifications.of_request(tx, made)
                    return [repeated(row, report) for row, report in zip(rows, reports, strict=True)]
                await verifications.insert(tx, rows)
                entries = [Entry(messages.verification(row), row["id"], row["verified_at"]) for row in rows]
                await outbox.add_many(tx, entries)
        return reports


async def existing(tx: Tx, verification_id: UUID) -> Report:
    """Return a report of the tenant as it was recorded; raises NotFound."""
    row = await verifications.one(tx, verification_id)
    if row is None:
        raise NotFound("verification_not_found", "There is no verification with this id.")
    return recalled(row)


def _refuse_future(as_of: datetime | None, now: datetime) -> None:
    if as_of is not None and as_of > now + CLOCK_DIFFERENCE:
        raise Invalid("as_of_in_future", "as_of is a time to come: how a badge will stand then nobody knows.")


def _taken_in(badges: Sequence[Badge]) -> tuple[list[Badge], list[Any], list[CredentialFacts]]:
    opened = [_out_of_envelope(badge) for badge in badges]
    documents = [document_in(badge) for badge in opened]
    return opened, documents, [_facts_of(document) for document in documents]


def _facts_of(document: Any) -> CredentialFacts:
    """What a document says of itself: whose an assertion of Open Badges 2.0 is does not stand in it."""
    facts = facts_of(document)
    return CredentialFacts(id=facts.id) if is_assertion(document) else facts


def _out_of_envelope(badge: Badge) -> Badge:
    try:
        token_or_document: Badge = opened_credential(badge)
    except CredentialError:
        return badge  # which is checked as it stands, and is none
    return token_or_document


def _job(badge: Badge, known: Known, question: Question, rules: Rules) -> Job:
    return Job(
        badge=badge,
        now=known.now,
        as_of=known.at if known.asks_of_past else None,
        known_keys=known_keys(known),
        expected_recipient=question.expected,
        max_status_age=rules.max_status_age.total_seconds(),
        list_issuers=rules.list_issuers,
        vc_api=question.vc_api,
    )


def _answer(
    document: Any,
    facts: CredentialFacts,
    seen: LookedInto,
    known: Known,
    rules: Rules,
    presented: Shown | None,
    included: list[Check],
) -> Answer:
    found = seen.outcome
    checked = found.checked if isinstance(found, Found) else _unchecked(facts, found)
    match = found.recipient if isinstance(found, Found) else None
    known = replace(known, looked_up_at=None if seen.age is None else known.now - seen.age)
    recipient = recipient_check(checked, match) if match else not_asked()
    further = [*included, *not_made(document or {}, checked), recipient]
    if presented is not None:
        further.insert(0, presentation_check(presented, (document or {}).get("credentialSubject")))
    judgement = judge(checked, known, rules, further)
    return Answer(_report(judgement, checked.facts, known), judgement.recorded, checked.facts)


def _unchecked(facts: CredentialFacts, failed: Failed) -> CheckedDocument:
    detail, code = "Looking into the document takes longer than anybody's may.", "too_complex"
    if failed.failed == "error":
        detail, code = "Something went wrong on our side while the document was looked into.", "check_failed"
    return CheckedDocument(checks=(undecided("structure", code, detail),), facts=facts)


def _report(judgement: Judgement, facts: CredentialFacts, known: Known) -> Report:
    return Report(
        id=new_id(),
        **judgement.conclusion.model_dump(),
        verdicts=verdicts_of(judgement.checks),
        checks=judgement.checks,
        credential=reported(facts),
        issuer=judgement.issuer,
        status_as_of=judgement.status_as_of,
        verified_at=known.now,
        as_of=known.as_of,
        log=judgement.recorded.log if judgement.recorded else None,
    )


def _rows(answers: Sequence[Answer], asker: Asker | None) -> list[dict[str, Any]]:
    return [
        kept(
            answer.report,
            answer.facts,
            answer.recorded,
            request_id=answers[0].report.id,
            place=place,
            employer_id=asker.employer_id if asker else None,
            salt=secrets.token_bytes(SALT_SIZE),
        )
        for place, answer in enumerate(answers)
    ]


def _attributes(answers: Sequence[Answer]) -> dict[str, str] | None:
    if len(answers) > 1:
        return None
    report = answers[0].report
    return {"laurel.verification_id": str(report.id), "laurel.verdict": report.verdict}
