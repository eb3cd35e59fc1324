"""Where a log's files are read: at an address, or in a folder that `laurel log export` made."""

import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Protocol

import httpx

from cli.keys import Unusable

ATTEMPTS = 4
PAUSE_SECONDS = 0.5  # doubled each time
# Of one file, whatever its server does; a bundle of the longest entries has 16 MiB.
SECONDS_PER_FILE = 60.0
_SILENCE_SECONDS = 20.0
_AT_ONCE = 1 << 16
_GONE = (404, 410)


class Missing(Exception):
    """There is no such file."""


class Unreachable(Unusable):
    """Nothing can be said of the log: it was not to be had."""


class Source(Protocol):
    """A log's files. `read` returns a file of at most `limit` bytes, cut off behind the first that is too many.

    Raises Missing, and Unreachable where it can't be told what there is.
    """

    name: str

    def read(self, path: str, limit: int) -> bytes: ...


class Folder:
    """A log in a folder."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def read(self, path: str, limit: int) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Missing(path) from error
        except OSError as error:
            raise Unreachable(f"{self._folder / path} can't be read: {error.strerror or error}") from error


class Address:
    """A log behind an address; what fails for a moment is tried again. Threads may share it."""

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        timeout = httpx.Timeout(_SILENCE_SECONDS)
        headers = {"Accept-Encoding": "identity"}
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # takes none: a long log could send many
        self._http = httpx.Client(
            timeout=timeout, headers=headers, cookies=cookies, follow_redirects=True, max_redirects=5
        )

    def read(self, path: str, limit: int) -> bytes:
        for attempt in range(ATTEMPTS):
            try:
                return self._read(f"{self.name}/{path}", limit)
            except (httpx.HTTPError, httpx.InvalidURL, Unreachable) as error:
                said = str(error) or type(error).__name__
                if attempt == ATTEMPTS - 1 or isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
                    break
                time.sleep(PAUSE_SECONDS * 2**attempt)
        raise Unreachable(f"{self.name}/{path} is not to be had: {said}")

    def _read(self, url: str, limit: int) -> bytes:
        deadline, content = time.monotonic() + SECONDS_PER_FILE, b""
        with self._http.stream("GET", url) as answer:
            if answer.status_code in _GONE:
                raise Missing(url)
            answer.raise_for_status()
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unreachable("it comes compressed, which was not asked for")
            for piece in answer.iter_raw(_AT_ONCE):
                content += piece
                if len(content) > limit:
                    break
                if time.monotonic() > deadline:
                    raise Unreachable(f"it took more than {SECONDS_PER_FILE:.0f} seconds")
        return content[: limit + 1]


def source_at(where: str) -> Source:
    """Return the log at an address, or in a folder; raises Unusable where it is neither."""
    if where.startswith(("http://", "https://")):
        return Address(where)
    if Path(where).is_dir():
        return Folder(Path(where))
    raise Unusable(f"{where} is no log: give its address, https://…/log, or a folder that 'laurel log export' made.")
