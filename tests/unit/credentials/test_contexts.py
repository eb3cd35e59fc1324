"""Contexts come from packages, are pinned by hash, and are never fetched."""

import subprocess
import sys
from hashlib import sha256

import pytest

from shared.credentials import contexts
from shared.credentials.canonical import rdfc
from shared.credentials.errors import UnsupportedContext
from tests.support.badges import a_badge

PUBLISHED = {
    "https://www.w3.org/ns/credentials/v2": "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
    "https://w3id.org/security/data-integrity/v2": "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
    "https://w3id.org/security/multikey/v1": "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
    contexts.OPEN_BADGES_V3: "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
}


@pytest.mark.parametrize(("url", "digest"), PUBLISHED.items())
def test_a_context_is_pinned_by_the_hash_that_its_publisher_names(url, digest):
    assert contexts._PINNED[url][1] == digest


def test_every_pinned_context_is_installed_and_is_what_was_pinned():
    assert set(contexts.pinned()) == contexts.KNOWN
    assert all("@context" in document for document in contexts.pinned().values())


def test_a_package_that_changed_a_context_is_refused(monkeypatch):
    path, _ = contexts._PINNED[contexts.DID_V1]
    monkeypatch.setitem(contexts._PINNED, contexts.DID_V1, (path, sha256(b"another body").hexdigest()))
    with pytest.raises(UnsupportedContext):
        contexts._read(contexts.DID_V1)


def test_reading_the_contexts_runs_no_code_of_the_package_that_carries_them():
    program = (
        "import sys; from shared.credentials.contexts import pinned; pinned();sys.exit('openbadgeslib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://attacker.example/context.json",
        "http://www.w3.org/ns/credentials/v2",
        "file:///etc/passwd",
        "data:application/ld+json,{}",
        "https://www.w3.org/ns/credentials/v2#",
        "context.json",
        "",
    ],
)
def test_a_context_that_no_package_has_is_said_to_be_unsupported(url):
    badge = a_badge()
    badge["@context"].append(url)
    with pytest.raises(UnsupportedContext):
        rdfc(badge)


@pytest.mark.parametrize(
    "context",
    [
        {"achievement": "https://attacker.example/#a"},
        {"@vocab": "https://attacker.example/#"},
        {"@base": "https://attacker.example/"},
        {"@import": contexts.OPEN_BADGES_V3},
        {"@propagate": False},
        None,
        7,
    ],
)
def test_a_context_inside_the_credential_is_refused_at_any_depth(context):
    badge = a_badge()
    badge["credentialSubject"]["achievement"]["@context"] = context
    with pytest.raises(UnsupportedContext):
        rdfc(badge)
    with pytest.raises(UnsupportedContext):
        rdfc({**a_badge(), "@context": [*a_badge()["@context"], context]})
