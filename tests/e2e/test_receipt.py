"""An employer has a receipt of an answer, and who is given it needs nothing of ours to check it but two public keys."""

from base64 import b64decode, urlsafe_b64decode
from hashlib import sha256
from typing import Any

import httpx
import pytest
import rfc8785

from shared.credentials.keys import decode_multikey, verify_signature
from shared.transparency.checkpoints import open_checkpoint
from shared.transparency.merkle import check_inclusion, leaf_hash
from shared.transparency.note_keys import NoteVerifier
from tests.e2e.conftest import Laurel
from tests.support.people import register_employer, register_institution, verify
from tests.support.poll import eventually


@pytest.mark.timeout(300)
async def test_a_receipt_of_a_revoked_badge_is_checked_with_the_logs_key_and_the_verifiers_alone(
    laurel: Laurel,
) -> None:
    urls = laurel.stack.urls
    institution = await register_institution(urls, laurel.stack.operator_key)
    employer = await register_employer(urls, laurel.stack.operator_key)
    issued = await institution.issue(await institution.achievement(), "ada@example.org")
    await institution.revoke(issued["id"])

    async def answered() -> Any:
        report = await verify(employer, issued["credential"])
        return report if report["reason"] == "revoked" else None

    report = await eventually(answered)

    async def received() -> Any:
        answer = await employer.get(f"{urls['verifier']}/v1/verifications/{report['id']}/receipt")
        assert answer.status_code in (200, 202), answer.text
        return answer.json() if answer.status_code == 200 and len(opened(answer.json())) == 3 else None

    receipt = await eventually(received)
    async with httpx.AsyncClient() as anybody:
        published = (await anybody.get(f"{urls['verifier']}/.well-known/laurel-verifier.json")).json()
        vkey = (await anybody.get(f"{urls['registry']}/log/vkey")).text.strip()
    [key] = [each["public_key_multibase"] for each in published["receipt_keys"]]
    message = b"laurel receipt v1\n" + rfc8785.dumps({n: each for n, each in receipt.items() if n != "signature"})
    assert verify_signature(decode_multikey(key), urlsafe_b64decode(receipt["signature"] + "=="), message)
    checkpoint, _ = open_checkpoint(receipt["checkpoint"].encode(), NoteVerifier.parse(vkey))
    for event in receipt["events"]:
        salt = urlsafe_b64decode(event["salt"] + "=")
        leaf = leaf_hash(sha256(salt + rfc8785.dumps(event["facts"])).digest())
        proof = list(map(b64decode, event["inclusion"]))
        index, size, root = event["log_index"], checkpoint.size, checkpoint.root
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    assert [event["facts"].get("type") for event in receipt["events"]] == ["issued", "revoked", None]
    assert "ada@example.org" not in str(receipt)
    await employer.aclose()


def opened(receipt: dict[str, Any]) -> list[Any]:
    """The events that are opened: salts come by another topic than places, and in any order."""
    return [event for event in receipt["events"] if event["salt"]]
