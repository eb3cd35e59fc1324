"""The console's public page: it leads to everything that a person can open."""

import json
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from console.neighbours import Neighbour
from console.settings import ConsoleSettings
from shared.web.pages import Pages

router = APIRouter(include_in_schema=False)
pages = Pages("console")


@router.get("/")
async def index(request: Request) -> Response:
    """The page of links."""
    settings: ConsoleSettings = request.app.state.settings
    found: list[Neighbour] = request.app.state.neighbours
    badge = demo_badge(settings.demo_file)
    return pages.page(
        "index.html",
        services=found,
        urls={each.name: each.url for each in found},
        demo_badge=quote(badge, safe="") if badge else None,
    )


def demo_badge(demo_file: Path | None) -> str | None:
    """Return the id of the demo's badge; None where there is no demo. The file is written after the console starts."""
    if demo_file is None or not demo_file.exists():
        return None
    found: str | None = json.loads(demo_file.read_text()).get("credential_id")
    return found
