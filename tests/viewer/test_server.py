"""The server by plain HTTP: an answer to everything, and nothing for strangers."""

import errno
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata.viewer.pages import Pages
from idxdata.viewer.server import ViewerServer, is_loopback
from tests.viewer.examples import gallery
from tests.viewer.serving import Client, running


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running(gallery()) as client:
        yield client


def test_the_page_and_what_it_loads(client: Client) -> None:
    page = client.get("/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    paths = re.findall(r'(?:href|src)="(/[^"]*)"', page.body.decode())
    assert len(paths) == 3
    scripts = ["/static/app.js"]
    for script in scripts:
        text = client.get(script).body.decode()
        found = re.findall(r'from "\./([a-z]+\.js)"', text)
        scripts += [f"/static/{n}" for n in found if f"/static/{n}" not in scripts]
    assert len(scripts) > 5
    for path in [*paths, *scripts]:
        answer = client.get(path)
        assert answer.status == 200, path
        assert answer.body
        assert b"http" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")


def test_every_answer_keeps_the_page_to_itself(client: Client) -> None:
    for path in ("/", "/static/app.js", "/api/gallery", "/nowhere", "/api/rows"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Python" not in headers["Server"]
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "address",
    [
        "/api/view",
        "/api/view?part=",
        "/api/view?part=trein",
        "/api/view?part=train&part=train",
        "/api/view?part=train&more=1",
        "/api/view?part=train&&",
        "/api/view?part",
        "/api/view?part=train&sort=size",
        "/api/view?part=train&reverse=yes",
        "/api/view?part=train&labels=",
        "/api/view?part=train&labels=1,,2",
        "/api/view?part=train&labels=0x1",
        "/api/view?part=train&labels=%D9%A1",
        "/api/view?part=train&labels=7",
        "/api/view?part=floats&labels=7",
        "/api/view?part=floats&sort=label",
        "/api/view?part=%FF",
        "/api/rows?part=train&start=0",
        "/api/rows?part=train&start=-1&stop=2",
        "/api/rows?part=train&start=1e3&stop=2000",
        "/api/example?part=train&row=700",
        "/api/example?part=train&row=99999999999999999999999999",
        "/api/measure?part=train",
        "/api/measure?part=train&measure=label",
        "/api/measure?part=train&measure=ink&do=stop",
        "/sheet.png?part=train&block=",
        "/sheet.png?part=train&block=+1",
        "/example.png?part=train&row=-0.5",
    ],
)
def test_bad_queries(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status == 400, answer.body
    assert answer.json["error"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/static/",
        "/static/index.html",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/api",
        "/api/gallery/",
        "/favicon.ico",
        "//example.org/",
    ],
)
def test_there_is_nothing_else(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status == 404
    assert answer.json["error"]


def test_bytes_that_are_no_request(client: Client) -> None:
    for request in (b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", client.server.server_port)) as raw:
            raw.sendall(request)
            told = b"".join(iter(lambda: raw.recv(4096), b""))
        assert b"error" in told
        assert b"Traceback" not in told
    assert client.get("/").status == 200


words = st.one_of(
    st.sampled_from(["train", "floats", "none", "ink", "file", "label", "0", "1"]),
    st.integers(-5, 10**30).map(str),
    st.text(max_size=8),
)
names = st.sampled_from(
    ["part", "sort", "labels", "reverse", "start", "stop", "row", "block", "v", "do"]
    + ["measure", "x"]
)
fields = st.lists(st.tuples(names, words), max_size=7)


@settings(max_examples=300)
@given(
    path=st.sampled_from(
        ["gallery", "labels", "view", "rows", "position", "measure", "example"]
    ).map("/api/{}".format)
    | st.sampled_from(["/sheet.png", "/example.png", "/"])
    | st.text(max_size=20),
    query=fields.map(lambda pairs: "&".join(f"{k}={quote(v)}" for k, v in pairs))
    | st.text(max_size=20),
)
def test_any_query_has_an_answer(client: Client, path: str, query: str) -> None:
    answer = client.server.pages.answer(f"{path}?{query}")
    assert answer.status in (200, 400, 404, 409, 410)
    if answer.status != 200:
        assert json.loads(answer.body)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "X"])
def test_get_alone_is_answered(client: Client, method: str) -> None:
    answer = client.get("/api/gallery", method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET"
    assert answer.json["error"]
    assert client.get("/", method="HEAD").status == 405


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:1", 200),
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("127.8.8.8", 200),
        ("example.org", 403),
        ("localhost.example.org", 403),
        ("127.0.0.1.example.org", 403),
        ("192.168.1.7", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_the_host_header(client: Client, host: str, status: int) -> None:
    answer = client.get("/api/gallery", headers={"Host": host})
    assert answer.status == status
    if status != 200:
        assert "another name" in answer.json["error"]


def test_hosts_beyond_loopback_go_by_number_or_their_own_name() -> None:
    with ViewerServer(gallery(), host="0.0.0.0", port=0) as everywhere:
        assert everywhere.is_known("192.168.1.7:80")
        assert everywhere.is_known(f"{socket.gethostname()}:80")
        assert not everywhere.is_known("example.org")
        assert everywhere.url == f"http://127.0.0.1:{everywhere.server_port}/"


def test_other_pages_have_no_business_here(client: Client) -> None:
    for site, status in (("same-origin", 200), ("none", 200), ("cross-site", 403)):
        headers = {"Sec-Fetch-Site": site}
        assert client.get("/example.png?part=train&row=0", headers=headers).status == (
            status
        )
    headers = {"Content-Length": "5"}
    assert client.get("/", headers=headers).status == 400


def test_pictures_are_kept_and_answers_are_not(client: Client) -> None:
    version = client.json("/api/gallery")["version"]
    ask: dict[str, Any] = {"part": "train", "block": 0}
    kept = client.get("/sheet.png", v=version, **ask)
    assert "immutable" in kept.headers["Cache-Control"]
    assert client.get("/sheet.png", **ask).headers["Cache-Control"] == "no-store"
    assert client.get("/api/gallery").headers["Cache-Control"] == "no-store"
    assert client.get("/").headers["Cache-Control"] == "no-cache"
    # A page of an earlier server is told so, and shown nothing of this one's.
    answer = client.get("/sheet.png", v="0123456789abcdef", **ask)
    assert answer.status == 410
    assert "reload" in answer.json["error"]


def test_one_connection_takes_many_questions(client: Client) -> None:
    port = client.server.server_port
    with socket.create_connection(("127.0.0.1", port)) as raw:
        for _ in range(3):
            raw.sendall(b"GET /api/view?part=train HTTP/1.1\r\nHost: localhost\r\n\r\n")
            told = b""
            while not told.endswith(b'{"count":700}'):
                told += raw.recv(4096)
            assert told.startswith(b"HTTP/1.1 200")


def test_what_breaks_here_stays_here(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(target: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(client.server.pages, "answer", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/")
    assert answer.status == 500
    assert answer.json == {"error": "something broke here"}
    assert "a secret" in caplog.text


def test_a_taken_port_is_said_to_be(client: Client) -> None:
    with pytest.raises(OSError, match="^cannot listen at 127.0.0.1, port") as caught:
        ViewerServer(gallery(), host="127.0.0.1", port=client.server.server_port)
    assert caught.value.errno == errno.EADDRINUSE


def test_closing_calls_off_what_is_measured() -> None:
    pages = Pages(gallery())
    measuring = pages.orders["train"].measuring["ink"]
    measuring.start()
    pages.close()
    assert measuring.progress.state in ("cancelled", "done")


@pytest.mark.parametrize(
    "host, expected",
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


_PROGRAM = """
import numpy as np
from idxdata.viewer.gallery import Gallery, Part
from idxdata.viewer.server import serve
part = Part(np.zeros((5, 4, 4), np.uint8))
serve(Gallery("a", {"a": part}, None, ""), on_ready=lambda url: print(url, flush=True))
print("closed")
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_it_without_a_word() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        port = int(url.rstrip("/").rpartition(":")[2])
        # A browser's connection that stays open is no reason to wait.
        with socket.create_connection(("127.0.0.1", port)):
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("closed\n", "", 0)


def test_nothing_is_logged(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.get("/nowhere")
    with socket.create_connection(("127.0.0.1", client.server.server_port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    client.get("/")
    assert capfd.readouterr() == ("", "")
