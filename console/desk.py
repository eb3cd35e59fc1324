"""What an institution's pages ask of the services, with the institution's own key and by public routes alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.neighbours import MAX_BYTES, Answer, Asking, Away, Neighbour

REVOCATIONS = "/v1/revocations"
# A preview of many badges is a sort in the database; longer nobody waits for a page.
SECONDS = 30.0
# Whom it would reach is worth less of somebody's time: the preview is good without it.
REACH_SECONDS = 15.0
# Of so many badges the issuer gives the ids, and so many the verifier takes at a time.
MAX_REACH = 100_000
# An id in quotation marks with its comma has 40.
PREVIEW_BYTES = MAX_BYTES + MAX_REACH * 40


class Refused(Exception):
    """A service's problem: its HTTP status, its code, its sentence, and all that it says."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "It was refused.")))
        self.status = status
        self.code = str(problem.get("code", ""))
        self.members = problem


@dataclass(frozen=True)
class Desk:
    """The issuer and the verifier, asked for one institution at a time. Raises Away, and Refused for a problem."""

    asking: Asking
    issuer: Neighbour
    verifier: Neighbour
    reach_seconds: float = REACH_SECONDS

    async def own(self, key: str) -> dict[str, Any]:
        """Return whose key it is."""
        return await self._issuer(key, "GET", "/v1/institutions/own")

    async def choices(self, key: str) -> dict[str, Any]:
        """Return what can be selected by: achievements and signing keys."""
        own = await self.own(key)
        achievements = await self._issuer(key, "GET", "/v1/achievements", query={"limit": "200"})
        keys = await self._issuer(key, "GET", f"/v1/institutions/{own['id']}/signing-keys")
        return {"achievements": achievements["items"], "keys": keys["items"]}

    async def revocations(self, key: str) -> list[dict[str, Any]]:
        """Return the institution's newest revocations."""
        found: list[dict[str, Any]] = (await self._issuer(key, "GET", REVOCATIONS, query={"limit": "20"}))["items"]
        return found

    async def look(self, key: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a revocation would be, with whom it would `reach`."""
        body = {**asked, "dry_run": True, "with_ids": True}
        preview = await self._issuer(key, "POST", REVOCATIONS, body=body, max_bytes=PREVIEW_BYTES)
        ids = preview.pop("credential_ids", None)
        return {**preview, "reach": await self._reach(key, preview["badges"], ids)}

    async def confirm(self, key: str, asked: Mapping[str, Any], digest: str, once: str) -> dict[str, Any]:
        """Begin what was seen; sent twice under the same `once`, it is begun once."""
        return await self._issuer(key, "POST", REVOCATIONS, body={**asked, "digest": digest}, once=once)

    async def revocation(self, key: str, revocation_id: str) -> dict[str, Any]:
        """Return how far a revocation is."""
        return await self._issuer(key, "GET", f"{REVOCATIONS}/{revocation_id}")

    async def command(self, key: str, revocation_id: str, command: str) -> dict[str, Any]:
        """Pause, resume or cancel."""
        return await self._issuer(key, "POST", f"{REVOCATIONS}/{revocation_id}/{command}")

    async def _reach(self, key: str, badges: int, ids: list[str] | None) -> dict[str, Any]:
        if not ids:
            most = f"it is counted for up to {MAX_REACH:,} badges, and these are {badges:,}"
            return {"trouble": most if badges else "no badges"}
        url = f"{self.verifier.inside[0]}/v1/reach"
        try:
            asked = self.asking.ask(key, "POST", url, body={"credential_ids": ids}, seconds=self.reach_seconds)
            found = _done(await asked)
        except Away as error:
            return {"trouble": f"the verifier {error}"}
        except Refused as error:
            return {"trouble": f"the verifier says: {error}"}
        return {**found, "trouble": None}

    async def _issuer(self, key: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        url = self.issuer.inside[0] + path
        return _done(await self.asking.ask(key, method, url, seconds=SECONDS, **request))


def _done(answer: Answer) -> dict[str, Any]:
    found = answer.json()
    if answer.status >= 400:
        raise Refused(answer.status, found)
    return found
