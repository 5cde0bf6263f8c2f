"""Fixtures of the viewer's tests: a browser, a file of millions of images."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from idxdata.viewer.gallery import Gallery
from tests.viewer.browsing import Opened, opener
from tests.viewer.chromium import Chromium, Page, TooSlow, find_chromium
from tests.viewer.large import make_large


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium: set CHROME to its program")
    try:
        browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    except TooSlow as error:
        pytest.skip(str(error))
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder: Path = tmp_path_factory.mktemp("large")
    gallery = make_large(folder)
    if gallery is None:
        pytest.skip("a file with a hole takes its whole size here")
    yield gallery
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture(scope="session")
def page(chromium: Chromium) -> Page:
    return chromium.new_page()


@pytest.fixture
def opened(page: Page) -> Opened:
    return opener(page)
