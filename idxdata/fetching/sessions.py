"""HTTP by requests: proxies of the environment, redirects, never from https to http."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from idxdata.fetching.failures import Failure

if TYPE_CHECKING:
    import requests

_MAX_REDIRECTS = 8
_AGENT = "idxdata (https://pypi.org/project/idxdata)"


def new_session() -> "requests.Session":
    """A session that raises `Failure` where a redirect would give up encryption."""
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, resp: Any) -> str | None:
            target: str | None = super().get_redirect_target(resp)
            if target is not None:
                where = urlsplit(urljoin(resp.url, target))
                if urlsplit(resp.url).scheme == "https" and where.scheme != "https":
                    raise Failure(f"redirects from https to {where.scheme}: refused")
            return target

    session = Session()
    session.max_redirects = _MAX_REDIRECTS
    # As it lies there: some servers would call a .gz file an encoding, and unpack it.
    session.headers["Accept-Encoding"] = "identity"
    session.headers["User-Agent"] = _AGENT
    return session
