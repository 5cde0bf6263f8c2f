"""What can go wrong with a mirror, in words that a user can act on."""

import os
import ssl
from http.client import HTTPException

_MAX_TEXT = 200


class Failure(Exception):
    """One attempt at one mirror came to nothing; the text says why, in one line.

    `can_retry`: the same mirror may do better at once. `is_wrong_file`: it answered,
    with another file than the one that was published. `cannot_resume`: it does not go
    on with a part as it should; all of the file may still be had from it.
    """

    def __init__(
        self,
        text: str,
        *,
        can_retry: bool = False,
        is_wrong_file: bool = False,
        cannot_resume: bool = False,
    ) -> None:
        super().__init__(_in_one_line(text))
        self.can_retry = can_retry
        self.is_wrong_file = is_wrong_file
        self.cannot_resume = cannot_resume


def _in_one_line(text: str) -> str:
    """Servers are quoted: no control characters, and no novels."""
    text = " ".join(text.split())
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def of_network(error: Exception, timeout_s: float) -> Failure:
    """The failure that an exception of requests, urllib3 or a socket stands for."""
    from requests import exceptions

    inner = _innermost(error)
    text = _in_words(inner)
    if isinstance(error, exceptions.SSLError):
        return Failure(f"no trustworthy connection: {text}")
    if isinstance(error, exceptions.ProxyError):
        return Failure(f"the proxy does not connect: {text}")
    if isinstance(error, exceptions.ConnectTimeout):
        return Failure(f"no connection within {timeout_s:g} s", can_retry=True)
    if isinstance(error, exceptions.InvalidProxyURL):
        return Failure(f"a bad address of a proxy: {error}")
    if isinstance(error, exceptions.InvalidHeader):
        return Failure(f"an answer that is none: {text}")
    if isinstance(error, ValueError):  # requests' exceptions of bad addresses are some
        return Failure(f"a bad address: {error}")
    if "timed out" in f"{error} {text}".lower():
        return Failure(f"nothing came for {timeout_s:g} s", can_retry=True)
    if "incomplete" in f"{error} {text}".lower():
        return Failure("the transfer broke off", can_retry=True)
    if isinstance(inner, ConnectionRefusedError):
        return Failure(text)
    if isinstance(inner, HTTPException) and not isinstance(inner, OSError):
        text = f"an answer that is none: {text}"
    return Failure(text, can_retry=True)


def _innermost(error: BaseException) -> BaseException:
    """The error that all others wrap; below what HTTP says are only details."""
    seen: set[int] = set()
    while id(error) not in seen and not isinstance(error, HTTPException):
        seen.add(id(error))
        wrapped = (
            getattr(error, "reason", None),
            *error.args,
            error.__cause__,
            error.__context__,
        )
        error = next((one for one in wrapped if isinstance(one, BaseException)), error)
    return error


def _in_words(error: BaseException) -> str:
    """Its text, of an `OSError` the system's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        # Its errno is no number of the system's.
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
