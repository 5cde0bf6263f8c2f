"""8.1 million examples in headless Chromium: every end is reached, the page goes on."""

import numpy as np

from idxdata.viewer.gallery import Gallery
from tests.viewer.browsing import (
    READY,
    Opened,
    height_of_rows,
    positions_in_sight,
    shown,
    wait_for_index,
)
from tests.viewer.chromium import Page
from tests.viewer.large import COUNT as LARGE_COUNT
from tests.viewer.large import SPOTS, label_of, spot_images
from tests.viewer.serving import running


def test_the_whole_of_8_million(large: Gallery, opened: Opened) -> None:
    images, labels = large.parts["images"].images, label_of(np.arange(LARGE_COUNT))
    with running(large) as client, opened(client) as page:
        assert page.text("#status") == "8,100,000 examples, in file order"
        check_spot(page, SPOTS[0], first=0)
        page.value(
            "(grid => { grid.scrollTop = grid.scrollHeight; })"
            "(document.getElementById('grid'))"
        )
        page.wait("document.querySelector('.cell[aria-label^=\"index 8,099,999\"]')")
        assert positions_in_sight(page)[-1] == LARGE_COUNT - 1
        check_spot(page, SPOTS[2], last=LARGE_COUNT - 1)
        page.click('.chip[data-label="4"]')
        page.wait("document.getElementById('status').textContent.includes('label 4')")
        page.press("End")
        row = int(np.flatnonzero(labels == 4)[-1])
        wait_for_index(page, row)
        assert page.text("#code").endswith(f"images[{row}]\nlabel = labels[{row}]")
    assert images.shape == (LARGE_COUNT, 28, 28)


def check_spot(page: Page, spot: int, **ends: int) -> None:
    """Cells of the 512 images from `spot` on show them; there is a cell at each end."""
    cells = shown(page)
    images = spot_images(spot)
    seen = [position for position in cells if 0 <= position - spot < len(images)]
    assert len(seen) > 10
    for position in seen:
        assert cells[position][0] == images[position - spot].tobytes()
    assert all(end in seen for end in ends.values())


def test_scrolling_8_million_on_a_phone(large: Gallery, opened: Opened) -> None:
    with running(large) as client, opened(client, width=390, height=844) as page:
        height = page.value("document.getElementById('grid').scrollHeight")
        columns = page.value("document.querySelector('.row').children.length")
        row_height = height_of_rows(page)
        # More than any browser lets an element be, and less than that.
        assert LARGE_COUNT / columns * row_height > 80e6
        assert height < 10e6
        # By the bar, in proportion, to the middle and to the end.
        for share, spot in ((0.5, SPOTS[1]), (1, SPOTS[2]), (0, SPOTS[0])):
            page.value(
                f"(grid => {{ grid.scrollTop = {share} *"
                "(grid.scrollHeight - grid.clientHeight); })(document.getElementById('grid'))"
            )
            middle = np.median(positions_in_sight(page))
            assert abs(middle - share * LARGE_COUNT) < 0.002 * LARGE_COUNT + 100
            if share != 0.5:
                check_spot(page, spot)
        # To an index, and from there by the wheel over where two pages of the whole meet.
        page.press("/")
        page.type(str(SPOTS[1]))
        page.press("Enter")
        wait_for_index(page, SPOTS[1])
        check_spot(page, SPOTS[1], chosen=SPOTS[1])
        page.press("Escape")
        boundary = int(80_000 * 505 / row_height) * columns
        page.press("/")
        page.value("document.getElementById('row').value = ''")
        page.type(str(boundary))
        page.press("Enter")
        wait_for_index(page, boundary)
        page.press("Escape")
        before = positions_in_sight(page)
        tops = [page.value("document.getElementById('grid').scrollTop")]
        for _ in range(24):
            page.wheel(200, 500, 3 * row_height)
            page.wait(
                f"[...document.querySelectorAll('.cell')].some((cell) => cell.position > "
                f"{before[-1]}) && {READY}"
            )
            after = positions_in_sight(page)
            assert after[0] - before[0] <= 6 * columns
            assert after == list(range(after[0], after[-1] + 1))
            before = after
            tops.append(page.value("document.getElementById('grid').scrollTop"))
        # The element itself went back at least once, what it shows never.
        assert tops != sorted(tops)
        assert before[0] >= boundary


def test_progress_and_calling_off(large: Gallery, opened: Opened) -> None:
    with running(large) as client, opened(client) as page:
        page.pick("#sort", "Most ink first")
        page.wait("!document.getElementById('measuring').hidden")
        page.wait("document.getElementById('progress').value > 0")
        assert "Measuring ink" in page.text("#progress-text")
        # The page goes on meanwhile, in file order.
        page.click('.chip[data-label="5"]')
        page.wait("document.getElementById('status').textContent.includes('label 5')")
        assert "in file order" in page.text("#status")
        assert page.value("!document.getElementById('measuring').hidden")
        page.click("#cancel")
        page.wait("document.getElementById('measuring').hidden")
        assert (
            page.value("document.getElementById('sort').selectedOptions[0].text")
            == "File order"
        )
        page.wait("location.hash === '#labels=5'")
        measuring = client.server.pages.orders["images"].measuring["ink"]
        measuring.join(60)
        assert measuring.progress.state == "cancelled"
