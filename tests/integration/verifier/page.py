"""Gives badges to the verify page as a browser does, and reads the answer."""

import re
from html import unescape

import httpx

from tests.integration.verifier.conftest import Verifier

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def give(
    verifier: Verifier, file: tuple[str, bytes] | None = None, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    """Send the form as a browser without JavaScript does: every field, and an empty file where none is chosen."""
    name, content = file or ("", b"")
    escaped = name.replace('"', "%22").encode()
    parts = [b'name="file"; filename="%b"\r\nContent-Type: application/octet-stream\r\n\r\n%b' % (escaped, content)]
    parts += [
        f'name="{each}"\r\n\r\n{fields.get(each, "")}'.encode()
        for each in ("text", "link", "email", "name", "id", "as_of")
    ]
    body = b"".join(b"--of-a-browser\r\nContent-Disposition: form-data; " + each + b"\r\n" for each in parts)
    kind = {"Content-Type": "multipart/form-data; boundary=of-a-browser"}
    return await verifier.client.post(
        "/", content=body + b"--of-a-browser--\r\n", headers={**BROWSER, **kind, **(headers or {})}
    )


def headline(page: httpx.Response) -> str:
    """The first thing that a page says."""
    (found,) = re.findall("<h1>(.*?)</h1>", page.text, re.DOTALL)
    return unescape(found)


def tone(page: httpx.Response) -> str:
    """How the answer is marked."""
    (found,) = re.findall('class="verdict ([a-z]+)"', page.text)
    return found


def looks_good(page: httpx.Response) -> bool:
    """Whether anything on a page is green."""
    return any("good" in classes.split() for classes in re.findall('class="([^"]*)"', page.text))
