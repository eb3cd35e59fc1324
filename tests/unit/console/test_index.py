"""The console's page leads everywhere, runs nothing, and takes nothing from elsewhere."""

import json
from pathlib import Path

import httpx
import pytest

from console.app import make_app, running
from console.settings import ConsoleSettings


@pytest.fixture
def settings(tmp_path: Path) -> ConsoleSettings:
    return ConsoleSettings(port=0, registry_url="http://127.0.0.1:9002", demo_file=tmp_path / "demo.json")


async def get(settings: ConsoleSettings, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(make_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        return await client.get(path)


async def test_the_page_leads_to_all_that_a_person_can_open(settings: ConsoleSettings) -> None:
    page = await get(settings, "/")
    for url in (f"{settings.verifier_url}/", f"{settings.notifier_url}/my-links", "/ops"):
        assert f'href="{url}"' in page.text
    for url in (settings.issuer_url, settings.registry_url, settings.verifier_url, settings.notifier_url):
        for place in ("docs", "readyz", "metrics"):
            assert f'href="{url}/{place}"' in page.text


async def test_the_demos_badge_is_linked_as_soon_as_there_is_one_and_no_key_is_shown(settings: ConsoleSettings) -> None:
    assert "demo" not in (await get(settings, "/")).text.lower()
    assert settings.demo_file is not None
    settings.demo_file.write_text(json.dumps({"credential_id": "4711", "institution_key": "lrl_secret"}))
    page = await get(settings, "/")
    assert 'href="http://127.0.0.1:9002/credentials/4711"' in page.text
    assert 'href="/ops/trace?badge=4711"' in page.text
    assert "lrl_secret" not in page.text


async def test_what_is_in_the_demos_file_is_text_and_not_markup(settings: ConsoleSettings) -> None:
    assert settings.demo_file is not None
    settings.demo_file.write_text(json.dumps({"credential_id": '"><script>alert(1)</script>'}))
    assert "alert(1)" not in (await get(settings, "/")).text


async def test_the_page_has_a_policy_without_inline_scripts_and_keeps_to_it(settings: ConsoleSettings) -> None:
    page = await get(settings, "/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "set-cookie" not in page.headers
    assert page.text.count("<script") == page.text.count('<script src="/static/') == 1
    assert "style=" not in page.text


async def test_it_is_ready_without_a_database(settings: ConsoleSettings) -> None:
    assert (await get(settings, "/readyz")).json() == {"status": "ready"}
    assert (await get(settings, "/nowhere")).json()["code"] == "not_found"


async def test_it_runs_as_a_process_does(settings: ConsoleSettings) -> None:
    async with running(settings) as url, httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/livez")).is_success
