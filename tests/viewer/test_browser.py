"""The page in headless Chromium: what a person does, and what is then to be seen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata import load, measures
from idxdata.dataset import Dataset
from idxdata.viewer.gallery import Gallery, Part
from tests.viewer.browsing import (
    SHOWN,
    Opened,
    check_pictures,
    chosen,
    height_of_rows,
    positions_in_sight,
    settle,
    wait_for_index,
)
from tests.viewer.serving import Client, running

pytestmark = pytest.mark.long

COUNT = 2000
CODE = "import idxdata\ndata = idxdata.load('small')"


def small_images() -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (COUNT, 28, 28), np.uint8)


def small_labels() -> NDArray[np.int64]:
    return np.random.default_rng(6).integers(0, 4, COUNT)


def small_gallery() -> Gallery:
    colours = np.random.default_rng(7).integers(0, 256, (30, 8, 8, 3), np.uint8)
    parts = {
        "train": Part(
            small_images(), small_labels(), "data.train.images", "data.train.labels"
        ),
        "colours": Part(colours, None, 'data.splits["colours"].images'),
        "none": Part(np.zeros((0, 8, 8), np.uint8)),
    }
    return Gallery("<small> & co", parts, ("zero", "one", "two", "three"), CODE)


@pytest.fixture(scope="module")
def small() -> Iterator[Client]:
    with running(small_gallery()) as client:
        yield client


def test_the_first_view(small: Client, opened: Opened) -> None:
    with opened(small) as page:
        assert page.value("document.title") == "<small> & co · idxdata"
        assert page.text("#title") == "<small> & co"
        assert page.text("#status") == "2,000 examples, in file order"
        assert page.text("#code") == CODE
        check_pictures(page, small_images(), np.arange(COUNT))
        assert positions_in_sight(page)[0] == 0
        counts = np.bincount(small_labels())
        chips = page.value(
            "[...document.querySelectorAll('.chip')].map((chip) => chip.ariaLabel)"
        )
        names = ("zero", "one", "two", "three")
        expected = [f"{n}, {c} examples" for n, c in zip(names, counts, strict=True)]
        assert chips == ["All, 2,000 examples", *expected]
        bars = page.value(
            "[...document.querySelectorAll('.bar span')].map((bar) => bar.clientWidth)"
        )
        assert np.argmax(bars) == np.argmax(counts)
        assert chosen(page) is None


def test_filters_by_label(small: Client, opened: Opened) -> None:
    labels = small_labels()
    with opened(small) as page:
        page.click('.chip[data-label="2"]')
        count = int((labels == 2).sum())
        text = f"{count} of 2,000 examples, label two, in file order"
        page.wait(f"document.getElementById('status').textContent === '{text}'")
        check_pictures(page, small_images(), np.flatnonzero(labels == 2))
        page.click('.chip[data-label="0"]')
        page.wait(
            "document.getElementById('status').textContent.includes('zero and two')"
        )
        rows = np.flatnonzero(np.isin(labels, (0, 2)))
        check_pictures(page, small_images(), rows)
        page.wait("location.hash === '#labels=0,2'")
        assert page.value(
            "[...document.querySelectorAll('.chip[aria-pressed=true]')]"
            ".map((chip) => chip.dataset.label)"
        ) == ["0", "2"]
        page.press("End")
        wait_for_index(page, int(rows[-1]))
        assert positions_in_sight(page)[-1] == len(rows) - 1
        page.click('.chip[data-label=""]')
        page.wait("!location.hash.includes('labels')")
        check_pictures(page, small_images(), np.arange(COUNT))
        # What was chosen stays so, and is where it now belongs.
        assert chosen(page) == rows[-1]


def test_orders(small: Client, opened: Opened) -> None:
    images, labels = small_images(), small_labels()
    away = measures.distances(
        images, labels, measures.class_means(images, labels, 4)
    ).astype(np.float32)
    with opened(small) as page:
        page.pick("#sort", "Farthest from the class mean")
        page.wait("document.getElementById('status').textContent.includes('farthest')")
        rows = np.argsort(away, kind="stable")[::-1]
        check_pictures(page, images, rows)
        assert f"{away[rows[0]]:.1f}" in page.text(".cell .caption")
        page.pick("#sort", "Least ink first")
        page.wait("document.getElementById('status').textContent.includes('ink')")
        check_pictures(
            page, images, np.argsort(images.mean(axis=(1, 2)), kind="stable")
        )
        page.pick("#sort", "By label")
        page.wait("document.getElementById('status').textContent.includes('by label')")
        check_pictures(page, images, np.argsort(labels, kind="stable"))
        page.pick("#sort", "File order, last first")
        page.wait("document.getElementById('status').textContent.includes('last')")
        check_pictures(page, images, np.arange(COUNT)[::-1])


def test_one_example(small: Client, opened: Opened) -> None:
    images, labels = small_images(), small_labels()
    names = ("zero", "one", "two", "three")
    with opened(small) as page:
        page.click(".row:nth-child(2) .cell:nth-child(3)")
        position = chosen(page)
        assert (
            position == page.value("document.querySelector('.row').children.length") + 2
        )
        wait_for_index(page, position)
        facts = dict(
            page.value(
                "[...document.querySelectorAll('#facts div')].map((pair) =>"
                "[...pair.children].map((one) => one.textContent))"
            )
        )
        label = labels[position]
        assert facts["Label"] == f"{label} · {names[label]}"
        assert facts["Ink"] == f"{images[position].mean():.1f}"
        assert (
            facts["Pixels"] == f"{images[position].min()} to {images[position].max()}"
        )
        assert facts["Place"] == f"{position + 1} of 2,000"
        drawn = page.value(
            """(() => { const picture = document.getElementById('picture');
            const canvas = document.createElement('canvas');
            canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0);
            return [...context.getImageData(0, 0, 28, 28).data].filter((_, n) => n % 4 === 0);
            })()"""
        )
        assert drawn == images[position].ravel().tolist()
        # Nine pixels of the screen for one: the picture's row 3, column 10.
        left, top = page.value(
            "(({ x, y }) => [x, y])(document.getElementById('picture')"
            ".getBoundingClientRect())"
        )
        page.click_at(left + 10.5 * 9, top + 3.5 * 9)
        told = f"row 3, column 10: {images[position, 3, 10]}"
        assert page.text("#readout") == told
        page.click("#pixels summary")
        page.wait("document.querySelector('#table td') !== null")
        table = page.value(
            "[...document.querySelectorAll('#table tbody tr')].map((row) =>"
            "[...row.querySelectorAll('td')].map((cell) => Number(cell.textContent)))"
        )
        assert table == images[position].tolist()


def test_code_is_copied(small: Client, opened: Opened) -> None:
    expected = f"{CODE}\nimage = data.train.images[7]\nlabel = data.train.labels[7]"
    with opened(small, "#row=7") as page:
        page.allow_clipboard(small.server.url)
        wait_for_index(page, 7)
        assert page.text("#code") == expected
        page.click("#copy")
        page.wait("document.getElementById('copy').textContent === 'Copied'")
        assert page.value("navigator.clipboard.readText()") == expected
        # Where the browser gives no leave, by the old way.
        page.value(
            "navigator.clipboard.writeText('other').then(() => {"
            "navigator.clipboard.writeText = () => Promise.reject(new Error('no')); })"
        )
        page.value("document.getElementById('copy').textContent = 'Copy'")
        page.click("#copy")
        page.wait("document.getElementById('copy').textContent === 'Copied'")
        assert page.value("navigator.clipboard.readText()") == expected


def test_keys(small: Client, opened: Opened) -> None:
    with opened(small) as page:
        columns = page.value("document.querySelector('.row').children.length")
        rows = page.value("document.getElementById('grid').clientHeight")
        rows //= height_of_rows(page)
        assert rows > 3
        page.press("ArrowRight")
        assert chosen(page) == 0
        for key, position in [
            ("ArrowRight", 1),
            ("ArrowDown", 1 + columns),
            ("ArrowLeft", columns),
            ("ArrowUp", 0),
            ("ArrowUp", 0),
            ("ArrowLeft", 0),
            ("End", COUNT - 1),
            ("ArrowRight", COUNT - 1),
            ("ArrowDown", COUNT - 1),
            ("Home", 0),
        ]:
            page.press(key)
            assert chosen(page) == position, key
            assert position in positions_in_sight(page)
        page.press("PageDown")
        paged = chosen(page)
        assert paged is not None
        assert paged % columns == 0
        assert 3 * columns <= paged <= rows * columns
        page.press("PageUp")
        assert chosen(page) == 0
        wait_for_index(page, 0)
        page.press("/")
        assert page.value("document.activeElement.id") == "row"
        page.type("1,234")
        page.press("Enter")
        wait_for_index(page, 1234)
        assert chosen(page) == 1234
        assert page.value("document.activeElement.id") == "grid"
        page.press("Escape")
        page.wait("document.getElementById('example').hidden")
        assert chosen(page) is None
        page.wait("location.hash === ''")


def test_an_index_that_is_not_there(small: Client, opened: Opened) -> None:
    with opened(small) as page:
        for text in ("2000", "-1", "1.5", "x", ""):
            page.press("/")
            page.value("document.getElementById('row').value = ''")
            page.type(text)
            page.press("Enter")
            page.wait("document.getElementById('row').ariaInvalid === 'true'")
            assert page.text("#status") == "There are examples 0 to 1,999."
            page.press("Escape")
        assert chosen(page) is None


def test_the_address_says_what_is_looked_at(small: Client, opened: Opened) -> None:
    labels = small_labels()
    row = int(np.flatnonzero(labels == 1)[50])
    place = f"#labels=1&sort=ink&reverse=1&row={row}&size=3"
    with opened(small, place) as page:
        page.wait("document.getElementById('status').textContent.includes('most ink')")
        wait_for_index(page, row)
        ink = small_images().mean(axis=(1, 2))
        order = np.argsort(ink, kind="stable")[::-1]
        order = order[labels[order] == 1]
        assert chosen(page) == order.tolist().index(row)
        check_pictures(page, small_images(), order)
        assert page.value("document.querySelector('canvas').clientWidth") == 84
        page.wait(f"location.hash === '{place}'")
        page.press("ArrowRight")
        following = int(order[order.tolist().index(row) + 1])
        wait_for_index(page, following)
        page.wait(f"location.hash.includes('row={following}&')")
        page.call("Page.reload")
        page.wait("document.readyState === 'complete'")
        wait_for_index(page, following)
        page.value("location.hash = '#part=colours&row=3'")
        wait_for_index(page, 3)
        assert page.text("#status") == "30 examples, in file order"


def test_addresses_that_make_no_sense(small: Client, opened: Opened) -> None:
    with opened(small, "#part=nothing&labels=9,x&sort=size&row=99999&size=0") as page:
        for place in ("#%FF%&&=&row=-1", "#part=colours&labels=1&sort=label&invert=2"):
            assert page.text("#status") == "2,000 examples, in file order"
            assert chosen(page) is None
            page.value(f"location.hash = {place!r}")
            settle(page)
        page.wait("document.getElementById('status').textContent.startsWith('30 ')")


def test_parts_without_labels_and_without_examples(
    small: Client, opened: Opened
) -> None:
    with opened(small, "#labels=1") as page:
        page.click('#parts button[data-part="colours"]')
        page.wait("document.getElementById('status').textContent.startsWith('30 ')")
        assert page.value("document.getElementById('filter').hidden")
        options = page.value(
            "[...document.getElementById('sort').options].map((one) => one.text)"
        )
        assert "By label" not in options
        assert "Farthest from the mean" in options
        images = small.server.pages.gallery.parts["colours"].images
        check_pictures(page, images[..., 0], np.arange(30))
        page.pick("#sort", "Closest to the mean")
        page.wait("document.getElementById('status').textContent.includes('closest')")
        page.press("Home")
        page.wait(SHOWN)
        row = small.server.pages.orders["colours"].measured("distance").order[0]
        line = f'image = data.splits["colours"].images[{row}]'
        assert page.text("#code") == f"{CODE}\n{line}"
        page.click('#parts button[data-part="none"]')
        page.wait(
            "document.getElementById('status').textContent === 'There are no examples.'"
        )
        page.press("End")
        page.press("ArrowDown")
        assert chosen(page) is None


def test_sizes_and_light(small: Client, opened: Opened) -> None:
    with opened(small) as page:
        width = "document.querySelector('canvas').clientWidth"
        assert page.value(width) == 56
        page.click("#larger")
        assert page.value(width) == 84
        page.click("#smaller")
        page.click("#smaller")
        assert page.value(width) == 28
        assert page.value("document.getElementById('smaller').disabled")
        check_pictures(page, small_images(), np.arange(COUNT))
        page.click("#invert")
        assert "invert" in page.value(
            "getComputedStyle(document.querySelector('canvas')).filter"
        )
        colour = "getComputedStyle(document.body).backgroundColor"
        page.prefer("light")
        assert min(ast.literal_eval(page.value(colour)[3:])) > 200
        page.prefer("dark")
        assert max(ast.literal_eval(page.value(colour)[3:])) < 50


def test_a_phone(small: Client, opened: Opened) -> None:
    with opened(small, width=390, height=844) as page:
        assert page.value("document.documentElement.scrollWidth") == 390
        check_pictures(page, small_images(), np.arange(COUNT))
        page.click('.chip[data-label="3"]')
        page.wait("document.getElementById('status').textContent.includes('three')")
        row = int(np.flatnonzero(small_labels() == 3)[30])
        page.click(".row:nth-child(7) .cell:nth-child(1)")
        wait_for_index(page, row)
        # The example does not hide the cell that it is of.
        assert chosen(page) in positions_in_sight(page)
        assert page.value("document.documentElement.scrollWidth") == 390
        page.click("#next")
        wait_for_index(page, int(np.flatnonzero(small_labels() == 3)[31]))
        page.click("#close")
        page.wait("document.getElementById('detail').offsetHeight === 0")


def test_everything_has_a_name_and_shows_its_focus(
    small: Client, opened: Opened
) -> None:
    with opened(small, "#row=3") as page:
        wait_for_index(page, 3)
        tree = page.call("Accessibility.getFullAXTree")["nodes"]
        for node in tree:
            role = node.get("role", {}).get("value")
            if role in ("button", "combobox", "textbox", "grid", "gridcell", "image"):
                assert node["name"]["value"], node
        visited = []
        for _ in range(40):
            page.press("Tab")
            name, outline = page.value(
                "(one => [one.id || one.className || one.tagName,"
                "getComputedStyle(one).outlineStyle])(document.activeElement)"
            )
            if name == "BODY":
                break
            visited.append(name)
            assert outline != "none", name
        expected = ["skip", "sort", "row", "chip", "grid", "next", "close", "copy"]
        assert [name for name in dict.fromkeys(visited) if name in expected] == expected


def test_the_server_is_not_there_any_more(small: Client, opened: Opened) -> None:
    with opened(small) as page:
        page.break_network()
        page.click('.chip[data-label="2"]')
        page.wait("document.getElementById('status').textContent.includes('running')")
        page.mend_network()
        assert all("ERR_INTERNET_DISCONNECTED" in one for one in page.complaints)
        page.complaints.clear()
        page.click('.chip[data-label="0"]')
        page.wait(
            "document.getElementById('status').textContent.includes('zero and two')"
        )


def test_the_real_digits(mnist_folder: Path, opened: Opened) -> None:
    data: Dataset = load(mnist_folder)
    split = data.test
    part = Part(split.images, split.labels)
    means = measures.class_means(split.images, split.labels, 10)
    away = measures.distances(split.images, split.labels, means)
    gallery = Gallery("mnist", {"test": part}, data.classes, "")
    with running(gallery) as client, opened(client, "#labels=4") as page:
        page.pick("#sort", "Farthest from the class mean")
        page.wait("document.getElementById('status').textContent.includes('farthest')")
        order = np.argsort(away, kind="stable")[::-1]
        check_pictures(page, split.images, order[split.labels[order] == 4])
        assert page.text("#status").startswith("982 of 10,000 examples, label 4")
