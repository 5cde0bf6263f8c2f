"""What tests ask of the page in the browser, and wait for."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from numpy.typing import NDArray

from tests.viewer.chromium import Page
from tests.viewer.serving import Client

Opened = Callable[..., AbstractContextManager[Page]]

READY = """document.querySelector('.cell:not([hidden])') !== null
    && document.querySelector('.cell.coming:not([hidden])') === null"""
SHOWN = "!document.getElementById('example').hidden"


def opener(page: Page) -> Opened:
    """Opens a server's page; at its end it must have said no error."""

    @contextmanager
    def open_page(
        client: Client, place: str = "", *, width: int = 1280, height: int = 800
    ) -> Iterator[Page]:
        page.go("about:blank")
        page.wait("location.protocol === 'about:'")
        page.complaints.clear()
        page.requests.clear()
        page.prefer("light")
        page.resize(width, height, is_phone=width < 500)
        page.go(client.server.url + place)
        page.wait(f"document.readyState === 'complete' && {READY}")
        yield page
        assert page.complaints == []
        own = client.server.url
        assert [url for url in page.requests if not url.startswith(own)] == []

    return open_page


def settle(page: Page) -> None:
    """Until what was scrolled is drawn."""
    page.value(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.wait(READY)


def shown(page: Page) -> dict[int, tuple[bytes, str]]:
    """Of the cells whose pictures have come: pixels (the red ones) and what they say."""
    settle(page)
    cells = page.value(
        """(() => {
            const scratch = document.createElement('canvas')
                .getContext('2d', { willReadFrequently: true });
            return [...document.querySelectorAll('.cell:not([hidden])')].map((cell) => {
                const canvas = cell.querySelector('canvas');
                const { width, height } = canvas;
                scratch.drawImage(canvas, 0, 0);
                const { data } = scratch.getImageData(0, 0, width, height);
                let text = '';
                for (let n = 0; n < data.length; n += 4) text += String.fromCharCode(data[n]);
                return [cell.position, btoa(text), cell.ariaLabel];
            });
        })()"""
    )
    return {position: (b64decode(pixels), text) for position, pixels, text in cells}


def positions_in_sight(page: Page) -> list[int]:
    """Of the cells that are seen whole, rising."""
    settle(page)
    found: list[int] = page.value(
        """(() => {
            const box = document.getElementById('grid').getBoundingClientRect();
            return [...document.querySelectorAll('.cell:not([hidden])')].filter((cell) => {
                const { top, bottom } = cell.getBoundingClientRect();
                return top >= box.top && bottom <= box.bottom + 1;
            }).map((cell) => cell.position).sort((a, b) => a - b);
        })()"""
    )
    return found


def height_of_rows(page: Page) -> int:
    height: int = page.value(
        "(([one, two]) => two.offsetTop - one.offsetTop)(document.querySelectorAll('.row'))"
    )
    return height


def check_pictures(page: Page, images: NDArray[Any], rows: NDArray[Any]) -> None:
    """Cells show the images of the rows at their positions, pixel by pixel."""
    cells = shown(page)
    assert len(cells) > 20
    for position, (pixels, text) in cells.items():
        row = int(rows[position])
        assert pixels == images[row].tobytes(), position
        assert text.startswith(f"index {row:,}")


def chosen(page: Page) -> int | None:
    """The position that is marked as chosen, and said to be to who cannot see."""
    found: int | None = page.value(
        "document.querySelector('[aria-selected=true]')?.position ?? null"
    )
    active = page.value("document.getElementById('grid').ariaActiveDescendantElement")
    assert (found is None) == (active is None)
    return found


def wait_for_index(page: Page, row: int) -> None:
    title = f"Index {row:,}"
    page.wait(
        f"{SHOWN} && document.getElementById('example-title').textContent === '{title}'"
    )
