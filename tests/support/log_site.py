"""A transparency log as static files on a server of the test's own, whose operator may be honest or not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.merkle import Node
from shared.transparency.note_keys import NoteSigner
from shared.transparency.notes import write_note
from shared.transparency.tiles import bundles_of, tiles_of, write_bundle
from tests.support.trees import NaiveTree


class LogSite:
    """The log `origin`; what it serves is what was last published."""

    def __init__(self, origin: str = "log.example/of-a-test") -> None:
        self.origin = origin
        self.signer = NoteSigner(origin, Ed25519PrivateKey.generate())
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""

    def publish(self, entries: list[bytes]) -> None:
        """Serve the log of these entries, tiles of smaller trees too."""
        tree = NaiveTree(entries)
        for size in range(1, len(entries) + 1):
            for tile in tiles_of(size):
                nodes = [Node(8 * tile.level, 256 * tile.index + n) for n in range(tile.width)]
                self.files[tile.path] = b"".join(map(tree.hash_of, nodes))
        for bundle in bundles_of(len(entries)):
            self.files[bundle.path] = write_bundle(entries[256 * bundle.index :][: bundle.width])
        text = Checkpoint(self.origin, len(entries), tree.root(len(entries))).text
        self.files["checkpoint"] = write_note(text, [self.signer.sign(text)])
        self.files["vkey"] = f"{self.signer.vkey}\n".encode()

    def succeeded(self, origin: str, first: bytes | None = None) -> None:
        """Begin another log in this one's place, whose leaf 0 is `first`: the last checkpoint of this one."""
        old, first = self.files, first or self.files["checkpoint"]
        self.origin, self.signer = origin, NoteSigner(origin, Ed25519PrivateKey.generate())
        self.files = {f"1/{path}": content for path, content in old.items()}
        self.publish([first, b"a leaf", b"and another"])


@contextmanager
def serving_log(site: LogSite) -> Iterator[LogSite]:
    """Serve `site` on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            site.asked.append(path)
            content = site.files.get(path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/log"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
