"""What the server tells and draws: right pixels, orders and numbers."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata import measures
from idxdata.viewer import facts
from tests.viewer.examples import CODE, COLUMNS, COUNT, gallery, grey, labels
from tests.viewer.serving import Client, running, wait_for


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
