"""A web server on this machine that does wrong what servers do wrong.

Each path is `/<manner>/<name>`. What it was asked is in `requests`.
"""

import gzip
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"


@dataclass
class Asked:
    """One request: its manner, and its headers in lower case."""

    manner: str
    headers: dict[str, str]

    @property
    def start(self) -> int | None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


@dataclass
class Site:
    """`url(manner)` is the file's address where the server behaves in that manner.

    `cut`: after how many bytes of an answer manners that break off do so.
    """

    content: bytes
    port: int
    cut: int
    requests: list[Asked] = field(default_factory=list)
    etag: str = '"1"'

    def url(self, manner: str, *, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or self.port}/{manner}/file.gz"

    @property
    def manners(self) -> list[str]:
        return [asked.manner for asked in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        # Behind a proxy the whole address is asked for.
        path = re.sub(r"^http://[^/]+", "", self.path)
        manner = path.split("/")[1]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(manner, headers)
        self.site.requests.append(self.asked)
        self.close_connection = True
        getattr(self, f"do_{manner}")()

    def log_message(self, format: str, *_: object) -> None:
        pass

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        usual = {"Content-Length": str(len(body)), "ETag": self.site.etag}
        headers = usual | {"Connection": "close"} | headers
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # who was asking has gone

    def whole_or_rest(self, stop: int | None = None, **headers: str) -> None:
        content, start = self.site.content, self.asked.start
        length = len(content) - (start or 0)
        if self.asked.headers.get("if-range", self.site.etag) != self.site.etag:
            start, length = None, len(content)
        if start is not None and start >= len(content):
            self.answer(b"", 416, Content_Range=f"bytes */{len(content)}")
            return
        body = content[start or 0 :][:stop]
        headers = {"Content-Length": str(length)} | headers
        if start is None:
            self.answer(body, **headers)
            return
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(body, 206, **({"Content-Range": where} | headers))

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    # Manners

    def do_good(self) -> None:
        self.whole_or_rest()

    def do_short(self) -> None:
        self.whole_or_rest(self.site.cut)

    def do_short_once(self) -> None:
        first = self.site.manners.count("short_once") == 1
        self.whole_or_rest(self.site.cut if first else None)

    def do_short_no_etag(self) -> None:
        first = self.site.manners.count("short_no_etag") == 1
        self.whole_or_rest(self.site.cut if first else None, ETag="")

    def do_reset(self) -> None:
        self.reset()

    def do_reset_midway(self) -> None:
        self.whole_or_rest(self.site.cut)
        self.reset()

    def do_stall(self) -> None:
        self.whole_or_rest(self.site.cut if self.asked.start is None else 0)
        self.wfile.flush()
        time.sleep(1.5)

    def do_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.site.content)))
        self.end_headers()
        try:
            for number in range(len(self.site.content)):
                self.wfile.write(self.site.content[number : number + 1])
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def do_wrong(self) -> None:
        content = bytearray(self.site.content)
        content[-9] ^= 1
        self.answer(bytes(content))

    def do_wrong_rest(self) -> None:
        """Right when asked for all of it, wrong in what it sends of the rest."""
        if self.asked.start is None:
            self.answer(self.site.content)
            return
        size = len(self.site.content)
        where = f"bytes {self.asked.start}-{size - 1}/{size}"
        self.answer(bytes(size - self.asked.start), 206, Content_Range=where)

    def do_other_size(self) -> None:
        self.answer(self.site.content + b"\0" * 10)

    def do_longer(self) -> None:
        """No length told, and more than there should be."""
        self.answer(self.site.content * 50, **{"Content-Length": ""})

    def do_html(self) -> None:
        self.answer(HTML, Content_Type="text/html")

    def do_empty(self) -> None:
        self.answer(b"")

    def do_403(self) -> None:
        self.answer(HTML, 403)

    def do_404(self) -> None:
        self.answer(HTML, 404)

    def do_503(self) -> None:
        self.answer(b"", 503)

    def do_no_ranges(self) -> None:
        self.answer(self.site.content)

    def do_bad_range(self) -> None:
        if self.asked.start is None:
            self.answer(self.site.content)
            return
        self.answer(self.site.content, 206, Content_Range="bytes 0-9/10")

    def do_no_content_range(self) -> None:
        if self.asked.start is None:
            self.answer(self.site.content)
            return
        self.answer(self.site.content[self.asked.start :], 206)

    def do_never_satisfied(self) -> None:
        if self.asked.start is None:
            self.answer(self.site.content)
            return
        self.answer(b"", 416)

    def do_circle(self) -> None:
        self.answer(b"", 302, Location="/circle/file.gz")

    def do_moved(self) -> None:
        self.answer(b"", 301, Location="/good/file.gz")

    def do_to_nowhere(self) -> None:
        self.answer(b"", 302, Location="http://127.0.0.1:1/file.gz")

    def do_to_ftp(self) -> None:
        self.answer(b"", 302, Location="ftp://127.0.0.1/file.gz")

    def do_labelled(self) -> None:
        """Calls the .gz file an encoding of something else."""
        self.whole_or_rest(Content_Encoding="gzip")

    def do_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        content = self.site.content
        for start in range(0, len(content), 1000):
            piece = content[start : start + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def do_chunked_short(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        piece = self.site.content[: self.site.cut]
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def do_garbage(self) -> None:
        self.wfile.write(b"220 this is another protocol\r\n")


@contextmanager
def serving(content: bytes | None = None, cut: int = 3000) -> Iterator[Site]:
    """A server of one file of some kilobytes, until the block ends."""
    if content is None:
        plain = b"".join(struct.pack(">I", n * 2654435761 % 2**32) for n in range(4000))
        content = gzip.compress(plain, mtime=0)
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        site = Site(content, server.server_address[1], cut)
        handler.site = site  # type: ignore[attr-defined]
        thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), daemon=True
        )
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
