"""The console's routes: one page that leads to everything a person can open."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined

from console.settings import ConsoleSettings
from shared import telemetry
from shared.web import health, problems
from shared.web.limits import BodyLimit
from shared.web.server import serving

STATIC = Path(__file__).parent / "static"
# Nothing of the page comes from elsewhere, and nothing in it runs.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

pages = Environment(loader=PackageLoader("console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Place:
    """One service as the page shows it."""

    name: str
    task: str
    url: str


def places(settings: ConsoleSettings) -> list[Place]:
    """The services, in the order in which a badge meets them."""
    return [
        Place("issuer", "decides that a badge exists, or no longer holds", settings.issuer_url),
        Place("registry", "remembers every badge and what became of it", settings.registry_url),
        Place("verifier", "answers whether a badge holds", settings.verifier_url),
        Place("notifier", "tells learners by mail and programs by webhook", settings.notifier_url),
    ]


@router.get("/")
async def index(request: Request) -> HTMLResponse:
    """The page of links."""
    settings: ConsoleSettings = request.app.state.settings
    page = pages.get_template("index.html").render(
        places=places(settings), registry_url=settings.registry_url, demo_badge=demo_badge(settings.demo_file)
    )
    return HTMLResponse(page, headers=HEADERS)


def demo_badge(demo_file: Path | None) -> str | None:
    """Return the id of the demo's badge; None where there is no demo. The file is written after the console starts."""
    if demo_file is None or not demo_file.exists():
        return None
    found: str | None = json.loads(demo_file.read_text()).get("credential_id")
    return found


def make_app(settings: ConsoleSettings) -> FastAPI:
    """Put the console together."""
    app = FastAPI(title="Laurel console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.database = None
    app.state.troubles = dict
    problems.install(app)
    app.include_router(health.router)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(BodyLimit, max_bytes=1 << 16, seconds=10.0)
    telemetry.instrument(app)
    return app


@asynccontextmanager
async def running(settings: ConsoleSettings) -> AsyncIterator[str]:
    """Run the console until the block ends; gives its base URL (port 0: a free one)."""
    with socket.create_server((settings.host, settings.port), backlog=128) as listener:
        async with serving(make_app(settings), listener):
            host, port = listener.getsockname()[:2]
            yield f"http://{host}:{port}"
