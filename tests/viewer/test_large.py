"""8.1 million images in a file of 6.35 GB: answers at once, and in little memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from idxdata.viewer.gallery import Gallery
from tests.viewer.large import COUNT, SPOTS, label_of, spot_images
from tests.viewer.serving import Client, running

_STATUS = Path("/proc/self/status")
SIZE = 256
"""Examples of one sheet."""


@pytest.fixture
def client(large: Gallery) -> Iterator[Client]:
    with running(large) as client:
        yield client


def resident_bytes() -> int:
    """Memory of this process that is in RAM, mapped files' pages too."""
    if not _STATUS.exists():
        pytest.skip("this system does not tell by /proc how much memory is in use")
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def sheet(client: Client, block: int) -> np.ndarray:
    return client.get("/sheet.png", part="images", block=block).pixels


def expected_sheet(block: int) -> np.ndarray:
    images = np.zeros((SIZE, 28, 28), np.uint8)
    for spot in SPOTS:
        for place, image in enumerate(spot_images(spot), start=spot - block * SIZE):
            if 0 <= place < SIZE:
                images[place] = image
    count = min(SIZE, COUNT - block * SIZE)
    rows = -(-count // 16)
    grid = images[: rows * 16].reshape(rows, 16, 28, 28)
    return grid.swapaxes(1, 2).reshape(rows * 28, 16 * 28)


def test_first_middle_and_last_sheets(client: Client) -> None:
    before = resident_bytes()
    assert client.json("/api/gallery")["parts"][0]["count"] == COUNT
    last = (COUNT - 1) // SIZE
    middle = COUNT // 2 // SIZE
    for block in (0, 1, 2, middle, middle + 1, middle + 2, last - 2, last - 1, last):
        assert np.array_equal(sheet(client, block), expected_sheet(block)), block
    assert client.get("/sheet.png", part="images", block=last + 1).status == 400
    # No more than pages around what was shown, of a file of 6 GB.
    assert resident_bytes() - before < 100 << 20


def test_labels_and_filters(client: Client) -> None:
    before = resident_bytes()
    told = client.json("/api/labels", part="images")["classes"]
    assert [one["count"] for one in told] == [COUNT // 10] * 10
    view = {"part": "images", "labels": "3,7", "reverse": 1}
    assert client.json("/api/view", **view) == {"count": COUNT // 5}
    rows = client.json("/api/rows", start=0, stop=9, **view)["rows"]
    expected = np.arange(COUNT)[np.isin(label_of(np.arange(COUNT)), (3, 7))]
    assert rows == expected[:-10:-1].tolist()
    row = int(expected[12345])
    position = client.json("/api/position", row=row, **view)["position"]
    assert position == len(expected) - 1 - 12345
    by_label = client.json(
        "/api/rows", part="images", sort="label", start=COUNT - 1, stop=COUNT
    )
    assert by_label["labels"] == ["9"]
    del expected
    # Codes and an order of uint32 a view, not a pass over images.
    assert resident_bytes() - before < 400 << 20


def test_measuring_is_called_off_while_the_page_goes_on(client: Client) -> None:
    ask = {"part": "images", "measure": "ink"}
    told = client.json("/api/measure", do="start", **ask)
    assert told["total"] == COUNT
    measuring = client.server.pages.orders["images"].measuring["ink"]
    while told["state"] == "running" and not told["done"]:
        told = client.json("/api/measure", **ask)
    assert told["state"] == "running"
    assert np.array_equal(sheet(client, 0), expected_sheet(0))
    assert client.get("/api/view", part="images", sort="ink").status == 409
    told = client.json("/api/measure", do="cancel", **ask)
    assert (told["state"], told["done"]) == ("cancelled", 0)
    measuring.join(60)
    assert client.json("/api/measure", **ask)["state"] == "cancelled"
    assert measuring.result is None
