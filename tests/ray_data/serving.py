"""A web server on loopback that can give parts of files, and counts what it gives."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CountingServer(http.server.ThreadingHTTPServer):
    """`files` by name; `sent`: (name, first, last) of every answer with a body.

    Below /stream/ neither sizes nor parts are told.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.sent: list[tuple[str, int, int]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def nbytes_sent(self, name: str) -> int:
        return sum(last + 1 - first for sent, first, last in self.sent if sent == name)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: CountingServer

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        name = self.path.rpartition("/")[2]
        data = self.server.files.get(name)
        if data is None:
            self.send_error(404)
            return
        first, last, status = 0, len(data) - 1, 200
        can_part = "/stream/" not in self.path
        asked = self.headers.get("Range")
        if asked and can_part:
            first, last = (int(part) for part in asked[len("bytes=") :].split("-"))
            last, status = min(last, len(data) - 1), 206
        self.send_response(status)
        if can_part:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if with_body:
            self.server.sent.append((name, first, last))
            self.wfile.write(data[first : last + 1])

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[CountingServer]:
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
