"""Loads the demo over HTTP, as any outsider would (institution, achievement, employer, badge), and shows one's life."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.embedded.installation import Installation, SetupError, replace_privately

PATIENCE = 60.0
ACHIEVEMENT = {
    "name": "Reading a Balance Sheet",
    "description": "Reads the balance sheet of a small company and says in plain words how the company stands.",
    "criteria": {"narrative": "Explained three published balance sheets to a panel of two examiners, without notes."},
    "tags": ["finance", "accounting"],
}


@dataclass(frozen=True)
class Demo:
    """Whom the demo made, and the keys with which they act."""

    institution_id: str
    institution_key: str
    employer_key: str
    achievement_id: str
    of_all_formats: Mapping[str, str]  # another institution, whose did:web has a key for each of them


def load(installation: Installation) -> None:
    """Make the demo unless it was made; walk one badge through its life, printing each step; write demo.json.

    Raises SetupError where a service answers otherwise than it should.
    """
    with httpx.Client(timeout=30) as http:
        demo = _make(installation, http)
        kept = _issue(installation, http, demo, "Ada Example", "ada@example.org")
        _walk(installation, http, demo)
        _await_verdict(installation, http, demo, kept["credential"], "valid")
    _write(
        installation,
        institution_id=demo.institution_id,
        institution_key=demo.institution_key,
        employer_key=demo.employer_key,
        achievement_id=demo.achievement_id,
        credential_id=kept["id"],
        **demo.of_all_formats,
    )


def is_loaded(installation: Installation) -> bool:
    """Tell whether the demo was made, to its end."""
    return "credential_id" in read(installation)


def is_wanted(installation: Installation, setting: str | None) -> bool:
    """Tell whether there is to be a demo: unless it is left out (DEMO=0), or was removed and not asked for (DEMO=1)."""
    return setting == "1" or (setting != "0" and "demo_removed" not in read(installation))


def read(installation: Installation) -> Mapping[str, Any]:
    """Return what demo.json holds; nothing where there is none."""
    if not installation.demo_file.exists():
        return {}
    found: dict[str, Any] = json.loads(installation.demo_file.read_text())
    return found


def write_addresses(installation: Installation) -> None:
    """Write demo.json without a demo: the addresses and the operator's key."""
    _write(installation)


def _write(installation: Installation, **members: str) -> None:
    addresses = {"urls": installation.urls, "operator_key": installation.operator_key_file.read_text().strip()}
    replace_privately(installation.demo_file, json.dumps({**addresses, **members}, indent=2) + "\n")


def _make(installation: Installation, http: httpx.Client) -> Demo:
    operator = installation.operator_key_file.read_text().strip()
    issuer, verifier = installation.url("issuer"), installation.url("verifier")
    # A run that was cut short left a demo whose keys nobody has; the next run's is another.
    slug = f"demo-{secrets.token_hex(3)}"
    university = {"name": "Sample University", "slug": slug, "sandbox": True}
    institution = _post(http, f"{issuer}/v1/institutions", operator, university)
    employer = _post(http, f"{verifier}/v1/employers", operator, {"name": "Sample Employer", "sandbox": True})
    achievement_id = _achievement(issuer, http, institution["api_key"])
    college = {"name": "Sample College", "slug": f"{slug}-web", "sandbox": True, "did_method": "web"}
    other = _post(http, f"{issuer}/v1/institutions", operator, college)
    of_all_formats = {
        "web_institution_id": other["id"],
        "web_institution_key": other["api_key"],
        "web_achievement_id": _achievement(issuer, http, other["api_key"]),
    }
    return Demo(institution["id"], institution["api_key"], employer["api_key"], achievement_id, of_all_formats)


def _achievement(issuer: str, http: httpx.Client, key: str) -> str:
    achievement = _post(http, f"{issuer}/v1/achievements", key, ACHIEVEMENT)
    _post(http, f"{issuer}/v1/achievements/{achievement['id']}/publish", key)
    return str(achievement["id"])


def _walk(installation: Installation, http: httpx.Client, demo: Demo) -> None:
    """Issue, verify, revoke, verify."""
    issuer = installation.url("issuer")
    badge = _issue(installation, http, demo, "Sam Sample", "sam@example.org")
    print(f'  1. Sample University issues the badge "{ACHIEVEMENT["name"]}" to Sam Sample.')
    report, seconds = _await_verdict(installation, http, demo, badge["credential"], "valid")
    print(f"  2. An employer verifies it, {seconds:.1f} s later: VALID. {report['summary']}")
    _post(http, f"{issuer}/v1/credentials/{badge['id']}/revoke", demo.institution_key, {"reason": "issued_in_error"})
    print("  3. Sample University revokes it: it was issued in error.")
    report, seconds = _await_verdict(installation, http, demo, badge["credential"], "invalid", "revoked")
    print(f"  4. The employer verifies it again, {seconds:.1f} s later: NOT VALID (revoked). {report['summary']}")


def _issue(installation: Installation, http: httpx.Client, demo: Demo, name: str, email: str) -> dict[str, Any]:
    body = {"achievement_id": demo.achievement_id, "recipient": {"name": name, "email": email}}
    return _post(http, f"{installation.url('issuer')}/v1/credentials", demo.institution_key, body)


def _await_verdict(
    installation: Installation,
    http: httpx.Client,
    demo: Demo,
    credential: Any,
    verdict: str,
    reason: str | None = None,
) -> tuple[dict[str, Any], float]:
    """Verify until the answer is `verdict`: what the issuer has done reaches the verifier a moment later."""
    started = time.monotonic()
    url = f"{installation.url('verifier')}/v1/verifications"

    def verify() -> dict[str, Any]:
        return _post(http, url, demo.employer_key, {"credential": credential})

    report = _until(verify, lambda report: report["verdict"] == verdict and reason in (None, report["reason"]))
    return report, time.monotonic() - started


def _until(ask: Callable[[], dict[str, Any]], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while not good(answer := ask()):
        if time.monotonic() > deadline:
            raise SetupError(
                f"After {PATIENCE:.0f} s the verifier still answers: {answer['verdict']}, {answer['summary']}"
            )
        time.sleep(0.2)
    return answer


def _post(http: httpx.Client, url: str, key: str, body: Any = None) -> dict[str, Any]:
    try:
        answer = http.post(url, json=body, headers={"Authorization": f"Bearer {key}"})
    except httpx.HTTPError as error:
        raise SetupError(f"POST {url} got no answer: {error!r}") from error
    if answer.is_error:
        raise SetupError(f"POST {url} answered {answer.status_code}: {answer.text}")
    made: dict[str, Any] = answer.json()
    return made
