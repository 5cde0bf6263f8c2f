"""The server by plain HTTP: right pixels and orders, and nothing for strangers."""

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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import measures
from idxdata.viewer import facts
from idxdata.viewer.gallery import Gallery, Part
from idxdata.viewer.pages import Pages
from idxdata.viewer.server import ViewerServer, is_loopback
from tests.viewer.serving import Client, running, wait_for

COUNT = 700
COLUMNS = 16
CODE = "import idxdata\ndata = idxdata.load('small')"


def grey() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (COUNT, 28, 20), np.uint8)


def labels() -> NDArray[np.int16]:
    return np.random.default_rng(2).integers(-1, 3, COUNT).astype(np.int16)


def gallery() -> Gallery:
    colours = np.random.default_rng(3).integers(0, 256, (40, 9, 7, 3), np.uint8)
    floats = np.array([[[0.5, np.nan], [np.inf, -2.0]]], np.float32)
    wide = np.array([[[1 << 60, -(1 << 53)]]], np.int64)
    parts = {
        "train": Part(grey(), labels(), "data.train.images", "data.train.labels"),
        "test & <b>": Part(colours),
        "floats": Part(floats),
        "wide": Part(wide, np.array([1 << 63], np.uint64)),
        "none": Part(np.zeros((0, 4, 4), np.uint8), np.zeros(0, np.uint8)),
        "large": Part(np.zeros((2, 600, 500), np.uint8)),
    }
    return Gallery("small", parts, ("zero", "one"), CODE)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running(gallery()) as client:
        for measure in ("ink", "distance"):
            wait_for(client, "train", measure)  # type: ignore[arg-type]
        yield client


def cells(sheet: NDArray[Any], count: int, height: int, width: int) -> NDArray[Any]:
    """The first `count` cells of a sheet, cut out one by one."""
    columns = sheet.shape[1] // width
    return np.stack(
        [
            sheet[place // columns * height :, place % columns * width :][
                :height, :width
            ]
            for place in range(count)
        ]
    )


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


def test_what_the_page_is_told_first(client: Client) -> None:
    told = client.json("/api/gallery")
    assert (told["title"], told["code"]) == ("small", CODE)
    train, colours, floats, *_ = told["parts"]
    assert train == {
        "name": "train",
        "count": COUNT,
        "dtype": "uint8",
        "height": 28,
        "width": 20,
        "channels": 1,
        "cell": {"height": 28, "width": 20},
        "columns": COLUMNS,
        "isStretched": False,
        "hasLabels": True,
        "imagesCode": "data.train.images",
        "labelsCode": "data.train.labels",
    }
    assert (colours["name"], colours["channels"]) == ("test & <b>", 3)
    assert floats["isStretched"]


def test_classes(client: Client) -> None:
    values, counts = np.unique(labels(), return_counts=True)
    names = {0: "zero", 1: "one"}
    assert client.json("/api/labels", part="train")["classes"] == [
        {"label": str(value), "name": names.get(value), "count": count}
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
    ]
    assert client.json("/api/labels", part="floats") == {"classes": None}
    assert client.json("/api/labels", part="none") == {"classes": []}


def test_sheets_in_file_order(client: Client) -> None:
    images = grey()
    for block, start in enumerate(range(0, COUNT, COLUMNS**2)):
        sheet = client.get("/sheet.png", part="train", block=block).pixels
        expected = images[start : start + COLUMNS**2]
        assert np.array_equal(cells(sheet, len(expected), 28, 20), expected)
    assert client.get("/sheet.png", part="train", block=block + 1).status == 400


def test_sheets_in_colour(client: Client) -> None:
    images = client.server.pages.gallery.parts["test & <b>"].images
    sheet = client.get("/sheet.png", part="test & <b>", block=0).pixels
    assert np.array_equal(cells(sheet, 40, 9, 7), images)


VIEWS: list[dict[str, Any]] = [
    {"sort": "file", "reverse": 1},
    {"labels": "2"},
    {"labels": "2,-1", "reverse": 1},
    {"sort": "label"},
    {"sort": "ink"},
    {"sort": "ink", "labels": "0,1"},
    {"sort": "distance", "reverse": 1},
    {"sort": "distance", "labels": "1"},
]


@pytest.mark.parametrize("view", VIEWS, ids=json.dumps)
def test_sheets_and_rows_of_views(client: Client, view: dict[str, Any]) -> None:
    images, chosen = grey(), labels()
    away = measures.distances(
        images, chosen + 1, measures.class_means(images, chosen + 1, 4)
    )
    ink = images.mean(axis=(1, 2))
    keys = {"label": chosen, "ink": ink, "distance": away, "file": np.zeros(COUNT)}
    sort = view.get("sort", "file")
    rows = np.argsort(keys[sort], kind="stable")
    if "labels" in view:
        wanted = [int(label) for label in view["labels"].split(",")]
        rows = rows[np.isin(chosen[rows], wanted)]
    if view.get("reverse"):
        rows = rows[::-1]

    assert client.json("/api/view", part="train", **view) == {"count": len(rows)}
    told = client.json("/api/rows", part="train", start=0, stop=COUNT, **view)
    assert told["rows"] == rows.tolist()
    assert told["labels"] == [str(label) for label in chosen[rows]]
    if sort in ("ink", "distance"):
        assert np.allclose(told["values"], keys[sort][rows], rtol=1e-6)
    else:
        assert told["values"] is None
    sheet = client.get("/sheet.png", part="train", block=0, **view).pixels
    first = rows[: COLUMNS**2]
    assert np.array_equal(cells(sheet, len(first), 28, 20), images[first])
    for place in (0, len(rows) // 2, len(rows) - 1):
        asked = client.json("/api/position", part="train", row=rows[place], **view)
        assert asked == {"position": place}
    for row in set(range(COUNT)) - set(rows.tolist()):
        asked = client.json("/api/position", part="train", row=row, **view)
        assert asked == {"position": None}
        break


def test_rows_a_few_at_a_time(client: Client) -> None:
    ask = {"part": "train", "reverse": 1}
    assert client.json("/api/rows", start=3, stop=5, **ask)["rows"] == [696, 695]
    assert client.json("/api/rows", start=COUNT, stop=COUNT, **ask)["rows"] == []
    assert client.json("/api/rows", start=5, stop=3, **ask)["rows"] == []
    assert client.get("/api/rows", start=COUNT + 1, stop=COUNT + 2, **ask).status == 400
    stop = facts.MAX_ROWS + 1
    assert client.get("/api/rows", start=0, stop=stop, **ask).status == 400


def test_one_example(client: Client) -> None:
    images, chosen = grey(), labels()
    told = client.json("/api/example", part="train", row=5)
    assert told["pixels"] == images[5].tolist()
    assert told["label"] == str(chosen[5])
    assert told["name"] == {0: "zero", 1: "one"}.get(chosen[5])
    assert told["ink"] == pytest.approx(images[5].mean())
    assert (told["least"], told["most"]) == (images[5].min(), images[5].max())
    means = measures.class_means(images, chosen + 1, 4)
    away = measures.distances(images, chosen + 1, means)[5]
    assert told["distance"] == pytest.approx(away, rel=1e-6)
    picture = client.get("/example.png", part="train", row=5)
    assert np.array_equal(picture.pixels, images[5])


def test_numbers_that_json_does_not_hold_are_words(client: Client) -> None:
    told = client.json("/api/example", part="floats", row=0)
    assert told["pixels"] == [[0.5, "NaN"], ["Infinity", -2.0]]
    assert (told["ink"], told["least"], told["most"]) == ("NaN", -2.0, 0.5)
    assert (told["label"], told["name"], told["distance"]) == (None, None, None)
    picture = client.get("/example.png", part="floats", row=0)
    assert picture.pixels.tolist() == [[255, 0], [0, 0]]
    told = client.json("/api/example", part="wide", row=0)
    assert told["pixels"] == [[str(1 << 60), -(1 << 53)]]
    assert told["label"] == str(1 << 63)
    view = {"part": "wide", "labels": str(1 << 63)}
    assert client.json("/api/view", **view) == {"count": 1}


def test_a_large_example_is_a_picture_without_a_list(client: Client) -> None:
    told = client.json("/api/example", part="large", row=1)
    assert told["pixels"] is None
    assert client.get("/example.png", part="large", row=1).pixels.shape == (600, 500)


def test_a_part_without_examples(client: Client) -> None:
    assert client.json("/api/view", part="none") == {"count": 0}
    assert client.json("/api/rows", part="none", start=0, stop=9)["rows"] == []
    for path in ("/sheet.png?block=0", "/example.png?row=0", "/api/example?row=0"):
        answer = client.get(f"{path}&part=none")
        assert answer.status == 400
        assert "none" in answer.json["error"]
    wait_for(client, "none", "distance")


def test_an_order_that_was_not_measured(client: Client) -> None:
    ask: dict[str, Any] = {"part": "test & <b>", "sort": "ink"}
    for path, more in (("/api/view", {}), ("/sheet.png", {"block": 0})):
        answer = client.get(path, **ask, **more)
        assert answer.status == 409
        assert "not been measured" in answer.json["error"]
    looked = client.json("/api/measure", part="test & <b>", measure="ink")
    assert looked == {"state": "idle", "done": 0, "total": 40, "message": None}
    wait_for(client, "test & <b>", "ink")
    assert client.json("/api/view", **ask) == {"count": 40}


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
