"""A web server's right answers, and a record of what it was asked."""

import re
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

CLOSED_PORT = 1
DATE = "Sat, 01 Jan 2000 00:00:00 GMT"


@dataclass
class Asked:
    """One request: the manner it asks for, its method, its headers in lower case."""

    manner: str
    method: str
    headers: dict[str, str]

    @property
    def start(self) -> int | None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


@dataclass
class Site:
    """`url(manner)` is the file's address where the server behaves in that manner.

    `cut`: where none is in the address. `target`: where the manner `elsewhere` leads.
    `over`: set when who waits in a manner should not any longer.
    """

    content: bytes
    port: int
    scheme: str = "http"
    cut: int = 3000
    etag: str = '"1"'
    target: str = ""
    requests: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, manner: str) -> str:
        """Of `refused`: one that nobody listens at."""
        port = CLOSED_PORT if manner == "refused" else self.port
        return f"{self.scheme}://127.0.0.1:{port}/{manner}/file.gz"

    @property
    def manners(self) -> list[str]:
        return [asked.manner for asked in self.requests]

    @property
    def starts(self) -> list[int | None]:
        """From which byte on the file was asked for; None: all of it."""
        return [asked.start for asked in self.requests]


class Answering(BaseHTTPRequestHandler):
    """Answers that are right; `manners.Manners` has what is wrong with others."""

    protocol_version = "HTTP/1.1"
    site: Site

    def handle(self) -> None:
        with suppress(OSError):  # who was asking does not trust this server
            super().handle()

    def do_GET(self) -> None:
        # Behind a proxy the whole address is asked for.
        path = re.sub(r"^http://[^/]+", "", self.path)
        manner = path.split("/")[1]
        name, _, cut = manner.partition(".")
        self.cut = int(cut) if cut else self.site.cut
        self.note(manner)
        with suppress(OSError, ValueError):  # who was asking has gone, or was reset
            getattr(self, f"do_{name}")()
            self.wfile.flush()

    def do_CONNECT(self) -> None:
        self.note(self.path)
        self.answer(b"", 502)

    def note(self, manner: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(manner, self.command, headers)
        self.site.requests.append(self.asked)
        self.close_connection = True

    def log_message(self, format: str, *_: object) -> None:
        pass

    def is_first(self) -> bool:
        return self.site.manners.count(self.asked.manner) == 1

    def begin(self, status: int, **headers: str) -> None:
        """The answer's head; headers without a value are left out."""
        self.send_response(status)
        for name, value in ({"Connection": "close"} | headers).items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        usual = {"Content_Length": str(len(body)), "ETag": self.site.etag}
        self.begin(status, **(usual | headers))
        self.wfile.write(body)

    def whole_or_rest(self, stop: int | None = None, **headers: str) -> None:
        """As a good server does; `stop`: break off after so many bytes."""
        content, start = self.site.content, self.asked.start
        condition = self.asked.headers.get("if-range")
        if condition not in (None, self.site.etag, headers.get("Last_Modified")):
            start = None
        if start is None:
            self.answer(
                content[:stop], **({"Content_Length": str(len(content))} | headers)
            )
        elif start >= len(content):
            self.answer(b"", 416, Content_Range=f"bytes */{len(content)}")
        else:
            told = {
                "Content_Length": str(len(content) - start),
                "Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}",
            }
            self.answer(content[start:][:stop], 206, **(told | headers))

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
