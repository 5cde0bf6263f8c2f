"""A web server on this machine that does wrong what servers do wrong.

Each path is `/<manner>/<name>` or `/<manner>.<cut>/<name>`, where `cut` is after how
many bytes an answer breaks off. What it was asked is in `Site.requests`.
"""

import gzip
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from tests.fetching.answering import Site
from tests.fetching.manners import Manners


def some_file() -> bytes:
    """gzip data of some kilobytes."""
    plain = b"".join(struct.pack(">I", n * 2654435761 % 2**32) for n in range(4000))
    return gzip.compress(plain, mtime=0)


@contextmanager
def serving(
    content: bytes | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[Site]:
    """A server of one file, until the block ends."""
    handler = type("Handler", (Manners,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if tls else "http"
        site = Site(content or some_file(), server.server_address[1], scheme)
        handler.site = site  # type: ignore[attr-defined]
        thread = threading.Thread(
            target=server.serve_forever, args=(0.005,), daemon=True
        )
        thread.start()
        try:
            yield site
        finally:
            site.over.set()
            server.shutdown()
            thread.join()
