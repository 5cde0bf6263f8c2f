"""The page's server: the standard library's, a thread a connection, GET alone."""

import ipaddress
import logging
import os
import socket
import socketserver
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from idxdata.viewer.gallery import Gallery
from idxdata.viewer.pages import Pages
from idxdata.viewer.responses import SECURITY_HEADERS, Response, refusal

_log = logging.getLogger(__name__)

_IDLE_S = 60
"""A connection that says nothing for so long is closed."""


def serve(
    gallery: Gallery,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None],
) -> None:
    """Show `gallery` at `host` and `port` (0: any free one) until interrupted.

    `on_ready` is called once, with the page's URL, when it can be reached. Returns
    after Ctrl-C, with the port closed and nothing left running; must be called in the
    main thread for that. Raises `OSError` if it cannot listen there.
    """
    with ViewerServer(gallery, host=host, port=port) as server:
        try:
            on_ready(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            pass


def is_loopback(host: str) -> bool:
    """Whether `host` is an address of this machine that no other can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ViewerServer(ThreadingHTTPServer):
    """Listens as soon as it is made; a context manager, which closes the port."""

    daemon_threads = True
    # Elsewhere than on Windows this lets the port be taken again at once; there it
    # would let two programs have it.
    allow_reuse_address = os.name != "nt"

    def __init__(self, gallery: Gallery, *, host: str, port: int) -> None:
        """Raises `OSError` if it cannot listen there."""
        self.host = host
        self.pages = Pages(gallery)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.address_family = found[0][0]
            super().__init__((host, port), _Handler)
        except OSError as error:
            text = f"cannot listen at {host}, port {port}: {error.strerror or error}"
            failure = OSError(text)
            failure.errno = error.errno
            raise failure from error

    def server_bind(self) -> None:
        # Without the look-up of this machine's full name, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name = self.host
        self.server_port = int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is, as a browser on this machine reaches it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}
        return f"http://{named.get(host, host)}:{self.server_port}/"

    def server_close(self) -> None:
        super().server_close()
        self.pages.close()

    def is_known(self, host: str) -> bool:
        """Whether a request's Host header means this server.

        A page from elsewhere whose name was made to lead here (DNS rebinding) sends
        that name; so names other than ours are refused, and numbers are not. The port
        may be another one, that of a tunnel.
        """
        name = _without_port(host).lower()
        if name == "localhost" or name == self.host.lower():
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not is_loopback(self.host) and name == socket.gethostname().lower()
        return address.is_loopback or not is_loopback(self.host)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Called while the exception is being handled. Browsers hang up all the time.
        _log.debug("a connection ended", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # A small answer is not held back until the last one was acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        host = self.headers.get_all("Host") or []
        if len(host) != 1 or not self.server.is_known(host[0]):
            self._refuse(HTTPStatus.FORBIDDEN, "this server has another name")
        elif self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._refuse(HTTPStatus.FORBIDDEN, "another page has no business here")
        elif self.headers.get("Content-Length", "0") != "0" or (
            "Transfer-Encoding" in self.headers
        ):
            self._refuse(HTTPStatus.BAD_REQUEST, "GET has no content")
        else:
            self._send(self._answer())

    def _answer(self) -> Response:
        try:
            return self.server.pages.answer(self.path)
        except Exception:  # noqa: BLE001 - the page goes on, the terminal has it
            _log.exception("no answer to %.200r", self.path)
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "something broke here")

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        # What follows in the connection may be the content of what was refused.
        self.close_connection = True
        self._send(refusal(status, text))

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """What the base class refuses by itself: bad request lines, other methods."""
        is_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if is_method else HTTPStatus(code)
        self._refuse(status, "GET alone is answered" if is_method else status.phrase)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", response.caching)
        if response.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def version_string(self) -> str:
        return "idxdata"

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
