"""Answers of the server, with the headers that keep the page to itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""On every answer: nothing from elsewhere is loaded, and no other page looks in."""

FOR_EVER = "private, max-age=31536000, immutable"
"""For what an address, with its version, always means."""

ASK_AGAIN = "no-cache"
NEVER = "no-store"


@dataclass(frozen=True, slots=True)
class Response:
    """Status, content and keeping of one answer."""

    status: HTTPStatus
    content_type: str
    body: bytes
    caching: str = NEVER


def json_response(
    content: Mapping[str, object], *, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """`content` as JSON, never kept by the browser."""
    body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    return Response(status, "application/json", body)


def refusal(status: HTTPStatus, text: str) -> Response:
    """Why a request is not answered, in words."""
    return json_response({"error": text}, status=status)
