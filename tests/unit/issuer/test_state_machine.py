"""Random lives of several credentials: what issuer, registry and verifier make of them is one and the same fold."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from services.issuer.domain.status import Command, Succession, raised, refuse_succession, state, step
from services.registry.domain import rules
from services.verifier.domain.history import Change as Entry
from services.verifier.domain.history import is_whole, status_at
from shared.errors import Conflict
from shared.ids import new_id
from shared.messaging.events import Actor, CredentialStatus, CredentialStatusChanged
from tests.support.examples import examples
from tests.support.records import delivery

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
COMMANDS: tuple[Command, ...] = ("suspend", "reinstate", "revoke")


class Lives(RuleBasedStateMachine):
    """Credentials as the issuer has them, and their histories as they are told."""

    badges: Bundle[UUID] = Bundle("badges")

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGUN
        self.rows: dict[UUID, dict[str, Any]] = {}
        self.histories: dict[UUID, list[tuple[str, CredentialStatus, datetime]]] = {}

    @initialize(target=badges)
    def begin(self) -> UUID:
        return self._issue()

    @rule(target=badges)
    def issue(self) -> UUID:
        return self._issue()

    @rule(hours=st.integers(1, 24 * 200))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(badge=badges, command=st.sampled_from(COMMANDS))
    def change(self, badge: UUID, command: Command) -> None:
        row = self.rows[badge]
        try:
            done = step(row["status"], command)
        except Conflict:
            assert row["status"] == "revoked" or command == "reinstate"
            return
        if done and done.change:
            self._record(badge, done.change, done.status)

    @rule(target=badges, badge=badges, command=st.sampled_from(("replace", "renew")))
    def succeed(self, badge: UUID, command: Succession) -> Any:
        row = self.rows[badge]
        before = state(row, self.now)
        try:
            refuse_succession(row, command, self.now)
        except Conflict:
            assert before in ("revoked", "replaced", "renewed", "suspended", "expired") or row["renewed_by"]
            return multiple()
        new = self._issue()
        if command == "replace":
            row["replaced_by"] = new
            self._record(badge, "revoked", "revoked")
        else:
            row["renewed_by"] = new
        assert state(row, self.now) == ("replaced" if command == "replace" else "renewed")
        return new

    @rule(badge=consumes(badges))
    def let_be(self, badge: UUID) -> None:
        """Leave one alone from now on."""

    @invariant()
    def status_is_the_fold_of_history_for_everybody(self) -> None:
        for badge, row in self.rows.items():
            told = [Entry(n, change, time) for n, (change, _, time) in enumerate(self.histories[badge], start=1)]
            assert row["version"] == len(told)
            assert is_whole(told, row["version"], row["status"])
            assert status_at(told, self.now) == row["status"]
            assert status_at(told, BEGUN - timedelta(seconds=1)) is None
            last = told[-1].type
            assert raised(row["status"]) == {"revocation": last == "revoked", "suspension": last == "suspended"}

    @invariant()
    def what_is_final_stays_and_nobody_has_two_successors(self) -> None:
        successors = [row[link] for row in self.rows.values() for link in ("replaced_by", "renewed_by") if row[link]]
        assert len(set(successors)) == len(successors)
        for badge, row in self.rows.items():
            assert not (row["replaced_by"] and row["renewed_by"])
            assert [change for change, _, _ in self.histories[badge][:-1] if change == "revoked"] == []
            if row["replaced_by"]:
                assert (row["status"], state(row, self.now)) == ("revoked", "replaced")

    @rule(data=st.data())
    def the_registry_takes_each_version_once_however_often_it_comes(self, data: st.DataObject) -> None:
        told = [self._told(badge, n) for badge in self.rows for n in range(2, self.rows[badge]["version"] + 1)]
        doubled = data.draw(st.lists(st.sampled_from(told), max_size=5)) if told else []
        changes = [change for each in [*told, *doubled] if (change := rules.change_of(delivery(each)))]
        new = rules.news(dict.fromkeys(self.rows, 1), changes)
        assert [(each.credential_id, each.version) for each in new] == [
            (each.credential_id, each.version) for each in told
        ]
        last = {each.credential_id: each for each in new}
        assert all(each.status == self.rows[badge]["status"] for badge, each in last.items())

    def _issue(self) -> UUID:
        badge = new_id()
        links: dict[str, Any] = dict.fromkeys(("replaced_by", "renewed_by", "renewable_until"))
        ends = self.now + timedelta(days=365)
        self.rows[badge] = {**links, "status": "issued", "version": 0, "valid_until": ends}
        self.histories[badge] = []
        self._record(badge, "issued", "issued")
        return badge

    def _record(self, badge: UUID, change: str, status: CredentialStatus) -> None:
        self.histories[badge].append((change, status, self.now))
        self.rows[badge] |= {"status": status, "version": self.rows[badge]["version"] + 1}

    def _told(self, badge: UUID, version: int) -> CredentialStatusChanged:
        change, status, _ = self.histories[badge][version - 1]
        members = {"credential_id": badge, "version": version, "institution_id": badge, "change": change}
        told = {**members, "status": status, "document_digest": "", "salt": ""}
        return CredentialStatusChanged.model_validate({**told, "actor": Actor(role="institution", key_id="k")})


TestLives = Lives.TestCase
TestLives.settings = examples(60)
