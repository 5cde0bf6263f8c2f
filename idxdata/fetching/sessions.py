"""HTTP by requests: proxies of the environment, redirects, never from https to http."""

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from idxdata.fetching.failures import Failure, of_network
from idxdata.fetching.remote import is_trustworthy

if TYPE_CHECKING:
    import requests

MAX_REDIRECTS = 8


class Client:
    """Asks for files, until it is closed; a context manager.

    `timeout_s`: for a connection, and for the next bytes. A failure of any kind, of the
    network or of who answers, is a `Failure`. A server that sends the head of its answer a
    byte at a time is waited for. Not for several threads at a time.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._session = _new_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(
        self, url: str, headers: dict[str, str], *, only_trustworthy: bool
    ) -> "requests.Response":
        """The answer, of any status but a redirect; its body is yet to be read.

        `only_trustworthy`: no address is asked that `is_trustworthy` does not hold for,
        not by a redirect either. Close the answer.
        """
        for _ in range(MAX_REDIRECTS + 1):
            if only_trustworthy and not is_trustworthy(url):
                raise Failure(
                    "not encrypted, and no hash is published to check the file by"
                )
            try:
                response = self._session.get(
                    url,
                    headers=headers,
                    stream=True,
                    timeout=(self._timeout_s, self._timeout_s),
                    allow_redirects=False,
                )
                target = self._session.get_redirect_target(response)
            except Exception as error:  # noqa: BLE001 - requests', urllib3's, sockets'
                raise of_network(error, self._timeout_s) from None
            if target is None:
                return response
            response.close()
            url = next_address(response.url, target)
        raise Failure(f"redirects in a circle, or more than {MAX_REDIRECTS} times")


def next_address(url: str, target: str) -> str:
    """Where a redirect leads that `url` gives; `target` may be relative.

    Raises `Failure` where it would give up encryption, or leave HTTP.
    """
    try:
        where = urljoin(url, target)
        old, new = urlsplit(url).scheme, urlsplit(where).scheme
    except ValueError as error:
        raise Failure(f"redirects to a bad address: {error}") from None
    if new != "https" and new != old:
        raise Failure(f"redirects from {old} to {new}: refused")
    return where


def _new_session() -> "requests.Session":
    import requests

    class Session(requests.Session):
        def resolve_redirects(self, *_: Any, **__: Any) -> Any:
            # Even where none are followed requests would read a redirect's body, however
            # long it is, to know where it leads.
            return iter(())

    session = Session()
    # As it lies there: some servers would call a .gz file an encoding, and unpack it.
    session.headers["Accept-Encoding"] = "identity"
    session.headers["User-Agent"] = "idxdata"
    return session
