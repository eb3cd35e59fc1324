"""Issuing, in three steps: take numbers and the clock; sign with no transaction open; store in one transaction.

It is the one use case that is handed the database instead of a transaction. A request holds one connection at most.
"""

import asyncio
import secrets
from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import orjson

from services.issuer.domain import credentials as domain
from services.issuer.domain.badges import likeness
from services.issuer.domain.formats import DEFAULT, Formats, algorithms_of, refuse_without_keys
from services.issuer.domain.institutions import refuse_withdrawn
from services.issuer.domain.plan import AnyOrder, Draft, Order, Plan, SealedKey, Signed, positions
from services.issuer.domain.row import Row
from services.issuer.handlers import succeeding
from services.issuer.handlers.places import take_numbers
from services.issuer.handlers.storing import ALONE, Requester, names_taken, store_signed
from services.issuer.settings import IssuerSettings
from services.issuer.signer import Signer
from services.issuer.store import credentials as store
from shared.credentials.contexts import Terms, from_file
from shared.credentials.dids import controller_of
from shared.db import Database, Tx
from shared.errors import Conflict, LaurelError, NotFound, Unauthorized, Unavailable
from shared.ids import new_id, new_secret
from shared.messaging.events import StatusPosition
from shared.web import idempotency

# Large enough that a transaction costs little per badge, small enough that its signatures are stored fresh.
CHUNK = 100
# Chunks and single badges under way at once: more would only make each other's signatures stale.
AT_ONCE = 4
# How often what became stale while it was signed is signed again, before the caller is asked to come back.
TRIES = 3
TOO_SLOW = "signing_too_slow"

# What became of each row: its badge, or why it has none.
Outcomes = dict[int, UUID | LaurelError]


@dataclass(frozen=True)
class Results:
    """What became of each row of a batch, and of which rows that was so before."""

    outcomes: Outcomes
    before: Collection[int]


@dataclass(frozen=True)
class Prepared:
    """What step 1 gives to the others: the plan, the badges to sign, and the orders that were refused."""

    plan: Plan
    drafts: Sequence[Draft]
    refused: Outcomes


class Issuing:
    """Issues credentials of one deployment: its database, its signer, its public address.

    The steps are the same for badges, which have an achievement, and for credentials that institutions wrote.
    """

    def __init__(self, database: Database, signer: Signer, settings: IssuerSettings) -> None:
        self._database = database
        self._signer = signer
        self._settings = settings
        self._terms = Terms(from_file(settings.extra_contexts), inline=True)
        self._threads = ThreadPoolExecutor(settings.signing_threads, thread_name_prefix="signing")
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def one(
        self, requester: Requester, achievement_id: UUID | None, order: AnyOrder, formats: Formats = DEFAULT
    ) -> UUID:
        """Issue one credential, durably; return its id, or that of the one that was issued before under the same key.

        Raises NotFound (the achievement), Conflict (nothing published, institution withdrawn, a name that is taken, or
        a first call under way), Invalid (no key for a format among it) and of a given credential Malformed, TooLarge,
        Unauthorized (the API key was revoked meanwhile), Unavailable.
        """
        async with self._gate:
            async with self._database.transaction(requester.principal.tenant_id) as tx:
                made = await idempotency.earlier(tx, requester.attempts.get(ALONE))
                if made is not None:
                    return made
                prepared = await self._prepare(tx, requester, achievement_id, {ALONE: order}, formats)
            outcome = (await self._finish(requester, prepared))[ALONE]
        if isinstance(outcome, LaurelError):
            return await self._made_meanwhile(requester, outcome)
        return outcome

    async def _made_meanwhile(self, requester: Requester, refusal: LaurelError) -> UUID:
        """Return what the same request has made since it was looked for, which may be why it is refused now."""
        async with self._database.transaction(requester.principal.tenant_id) as tx:
            made = await idempotency.earlier(tx, requester.attempts.get(ALONE))
        if made is None:
            raise refusal
        return made

    async def batch(
        self, requester: Requester, achievement_id: UUID, orders: Mapping[int, Order], formats: Formats = DEFAULT
    ) -> Results:
        """Issue one badge for each row; return each row's badge or why it has none.

        Rows that were issued before by the same attempts are answered, not issued again: a retry after a crash goes
        on where it ended. Raises what ends the whole batch, as `one` does.
        """
        async with self._database.transaction(requester.principal.tenant_id) as tx:
            await idempotency.claim(tx, requester.attempts.get(ALONE), new_id())
            before = await _before(tx, requester, orders)
        outcomes = dict(before)
        waiting = [row for row in orders if row not in outcomes]
        for start in range(0, len(waiting), CHUNK):
            chunk = {row: orders[row] for row in waiting[start : start + CHUNK]}
            outcomes |= await self.together(requester, achievement_id, chunk, formats)
        return Results(outcomes, before.keys())

    async def together(
        self,
        requester: Requester,
        achievement_id: UUID,
        orders: Mapping[int, Order],
        formats: Formats = DEFAULT,
        *,
        tries: int = TRIES,
    ) -> Outcomes:
        """Issue one badge for each row, all of them in one transaction; raises what ends the whole, as `one` does.

        `requester` settles it in there, unless no row could be issued. After `tries` signings that came too late it is
        Unavailable (TOO_SLOW).
        """
        async with self._gate:
            async with self._database.transaction(requester.principal.tenant_id) as tx:
                prepared = await self._prepare(tx, requester, achievement_id, orders, formats)
            return await self._finish(requester, prepared, tries)

    async def rehearse(
        self, requester: Requester, achievement_id: UUID, orders: Mapping[int, Order], formats: Formats = DEFAULT
    ) -> Results:
        """Return what `batch` would, without the rows that it would issue; nothing is claimed, signed or stored.

        Raises as `batch` does where no row could be issued.
        """
        async with self._database.transaction(requester.principal.tenant_id) as tx:
            plan = await _plan(tx, requester, achievement_id, formats)
            before = await _before(tx, requester, orders)
        refused = await asyncio.get_running_loop().run_in_executor(self._threads, self._rehearsed, plan, orders)
        return Results(refused | before, before.keys())

    async def _prepare(
        self,
        tx: Tx,
        requester: Requester,
        achievement_id: UUID | None,
        orders: Mapping[int, AnyOrder],
        formats: Formats,
    ) -> Prepared:
        """Step 1: read what the credentials are made from and the clock, and take their numbers."""
        plan = await _plan(tx, requester, achievement_id, formats)
        refused = self._refusals(plan, orders) | await names_taken(tx, plan, orders)
        refused |= await succeeding.refusals(tx, plan, orders)
        possible = [row for row in orders if row not in refused]
        size = self._settings.status_list_size
        taken = [
            await take_numbers(tx, plan.institution_id, purpose, len(possible), size)
            for purpose in plan.purposes
            if possible
        ]
        places = positions(taken, len(possible))
        drafts = [_draft(row, orders[row], place) for row, place in zip(possible, places, strict=True)]
        return Prepared(plan, drafts, refused)

    async def _finish(self, requester: Requester, prepared: Prepared, tries: int = TRIES) -> Outcomes:
        """Steps 2 and 3: sign, and store unless it took too long or the key has changed; then sign again."""
        plan = prepared.plan
        for _ in range(tries if prepared.drafts else 0):
            signed, unsignable = await self._signed(plan, prepared.drafts)
            async with self._database.transaction(requester.principal.tenant_id) as tx:
                later = await _plan(tx, requester, plan.achievement_id, plan.formats)
                _refuse_other_did(plan, later)
                if not plan.outdated_by(later):
                    outcomes = prepared.refused | unsignable | await store_signed(tx, requester, plan, signed)
                    await requester.settle(tx, outcomes)
                    return outcomes
            plan = plan.renewed_by(later)
        if prepared.drafts:
            raise Unavailable(TOO_SLOW, "Too much is being signed at present.", retry_after=5)
        return prepared.refused

    async def _signed(self, plan: Plan, drafts: Sequence[Draft]) -> tuple[list[Signed], Outcomes]:
        """Step 2: sign, on a thread of our own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._sign_all, plan, drafts)

    def _refusals(self, plan: Plan, orders: Mapping[int, AnyOrder]) -> Outcomes:
        refused: Outcomes = {}
        for row, order in orders.items():
            try:
                domain.refuse_impossible(plan, order, self._settings.public_url)
            except LaurelError as error:
                refused[row] = error.kept()
        return refused

    def _sign_all(self, plan: Plan, drafts: Sequence[Draft]) -> tuple[list[Signed], Outcomes]:
        keys = {kind: self._signer.open(each.id, each.sealed) for kind, each in plan.keys.items()}
        signed: list[Signed] = []
        refused: Outcomes = {}
        fit: set[Hashable] = set()
        for draft in drafts:
            alike = likeness(draft.order)
            try:
                made = domain.make(
                    plan,
                    draft,
                    keys,
                    self._settings.public_url,
                    demo=self._settings.demo,
                    shapes=self._signer.shapes,
                    terms=self._terms,
                    alike=alike is not None and alike in fit,
                )
            except LaurelError as error:
                refused[draft.row] = error.kept()
            else:
                signed.append(made)
                fit.add(alike)
        return signed, refused

    def _rehearsed(self, plan: Plan, orders: Mapping[int, Order]) -> Outcomes:
        """Return why rows could not be issued, by building each badge as it would be signed, of those alike one."""
        refused = self._refusals(plan, orders)
        fit: set[Hashable] = set()
        for row, order in orders.items():
            alike = likeness(order)
            if row in refused or (alike is not None and alike in fit):
                continue
            try:
                domain.refuse_unfit(plan, _draft(row, order, ()), self._settings.public_url, self._signer.shapes)
                fit.add(alike)
            except LaurelError as error:
                refused[row] = error.kept()
        return refused


def _refuse_other_did(plan: Plan, later: Plan) -> None:
    """Raise Unavailable where the institution has moved since: the places taken are in lists of its former DID."""
    if later.did != plan.did:
        raise Unavailable("institution_moved", "The institution has another DID since a moment ago.", retry_after=1)


async def _before(tx: Tx, requester: Requester, rows: Collection[int]) -> Outcomes:
    attempts = {row: attempt for row, attempt in requester.attempts.items() if row in rows}
    return await idempotency.earlier_of(tx, attempts)


async def _plan(tx: Tx, requester: Requester, achievement_id: UUID | None, formats: Formats) -> Plan:
    principal, kinds = requester.principal, algorithms_of(formats)
    wanted = (principal.tenant_id, achievement_id, requester.api_key_id, kinds)
    rows = await store.plan(tx, *wanted)
    if len(rows) < len(kinds):
        # Asked twice: a key that is retired while its row is waited for is gone, and its successor not yet seen.
        rows = await store.plan(tx, *wanted)
    if not rows or rows[0]["achievement_id"] != achievement_id:
        raise NotFound("achievement_not_found", "There is no achievement with this id.")
    row, keys = rows[0], {each["algorithm"]: _key(each) for each in rows}
    if achievement_id is not None:  # a badge's proofs all are in the institution's one name
        keys = {kind: key for kind, key in keys.items() if controller_of(key.verification_method) == row["did"]}
    refuse_withdrawn(row)
    if not row["api_key_holds"]:
        raise Unauthorized("key_no_longer_valid", "This API key was revoked or has expired.")
    if achievement_id is not None and row["published"] is None:
        raise Conflict("achievement_not_published", "This achievement has no published version yet.")
    refuse_without_keys(formats, row["did"], keys)
    return Plan(
        now=row["now"],
        institution_id=row["institution_id"],
        did=row["did"],
        name=row["name"],
        url=row["url"],
        achievement_id=row["achievement_id"],
        achievement_number=row["published"],
        achievement=orjson.loads(row["badge_form"]) if row["badge_form"] else {},
        suspendable=row["suspendable"],
        keys=keys,
        formats=formats,
        sandbox=row["sandbox"],
    )


def _key(row: Row) -> SealedKey:
    return SealedKey(row["signing_key_id"], row["verification_method"], row["sealed"])


def _draft(row: int, order: AnyOrder, positions: tuple[StatusPosition, ...]) -> Draft:
    return Draft(
        row=row,
        order=order,
        id=new_id(),
        event_id=new_id(),
        subject_id=new_id(),
        positions=positions,
        identity_salt=secrets.token_hex(16),
        owner_token=new_secret(),
        salt=secrets.token_bytes(32),
    )
