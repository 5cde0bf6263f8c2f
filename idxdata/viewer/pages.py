"""What is answered to a path and a query: a function of the two, without sockets."""

import secrets
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import get_args
from urllib.parse import urlsplit

from idxdata.viewer.facts import (
    MAX_ROWS,
    example_facts,
    gallery_facts,
    labels_facts,
    measure_facts,
    rows_facts,
)
from idxdata.viewer.gallery import Gallery
from idxdata.viewer.measuring import Measure
from idxdata.viewer.orders import NotMeasured, Orders, View
from idxdata.viewer.queries import BadQuery, Query, with_view
from idxdata.viewer.responses import (
    ASK_AGAIN,
    FOR_EVER,
    NEVER,
    Response,
    json_response,
    refusal,
)
from idxdata.viewer.sprites import Sprites

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_Route = tuple[Callable[[Query], Response], Collection[str]]


class Pages:
    """All answers about one gallery. For any threads.

    `version`: in every address of data, so that a page that was left open asks no
    later server for what it showed, and a browser may keep pictures for ever.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.orders: Mapping[str, Orders] = MappingProxyType(
            {name: Orders(part) for name, part in gallery.parts.items()}
        )
        self.version = secrets.token_hex(8)
        self._sprites = Sprites(self.orders)
        self._static = _static_files()
        self._routes: dict[str, _Route] = {
            "/api/gallery": (self._gallery, ()),
            "/api/labels": (self._labels, ("part",)),
            "/api/view": (self._view, with_view("part")),
            "/api/rows": (self._rows, with_view("part", "start", "stop")),
            "/api/position": (self._position, with_view("part", "row")),
            "/api/measure": (self._measure, ("part", "measure", "do")),
            "/api/example": (self._example, ("part", "row")),
            "/sheet.png": (self._sheet, with_view("part", "block")),
            "/example.png": (self._example_picture, ("part", "row")),
        }

    def answer(self, target: str) -> Response:
        """The answer to GET of a request's target, a path with or without a query."""
        try:
            address = urlsplit(target)
        except ValueError:
            return refusal(HTTPStatus.BAD_REQUEST, "this is no address")
        static = self._static.get(address.path)
        if static is not None:
            return static
        if address.path not in self._routes:
            return refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
        respond, names = self._routes[address.path]
        try:
            query = Query(address.query, {"v", *names})
            if query.optional("v") not in (None, self.version):
                return refusal(HTTPStatus.GONE, "started anew since: reload the page")
            return respond(query)
        except BadQuery as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        except NotMeasured as error:
            return refusal(HTTPStatus.CONFLICT, str(error))

    def close(self) -> None:
        """Call off what is being measured."""
        for orders in self.orders.values():
            for measuring in orders.measuring.values():
                measuring.cancel()
        for orders in self.orders.values():
            for measuring in orders.measuring.values():
                measuring.join(1)

    def _orders_of(self, query: Query) -> Orders:
        return self.orders[self._part(query)]

    def _part(self, query: Query) -> str:
        part = query.text("part")
        if part not in self.orders:
            raise BadQuery(f"there is no part {part!r}")
        return part

    def _view_of(self, query: Query, orders: Orders) -> View:
        view = query.view()
        classes = orders.classes if view.labels or view.sort == "label" else None
        if view.sort == "label" and classes is None:
            raise BadQuery("there are no labels to sort by")
        known = () if classes is None else classes.values
        unknown = [label for label in view.labels if label not in known]
        if unknown:
            raise BadQuery(f"no example has the label {unknown[0]}")
        return view

    def _row(self, query: Query, orders: Orders) -> int:
        return query.number("row", len(orders.part))

    def _gallery(self, query: Query) -> Response:
        return json_response({**gallery_facts(self.gallery), "version": self.version})

    def _labels(self, query: Query) -> Response:
        return json_response(labels_facts(self.gallery, self._orders_of(query)))

    def _view(self, query: Query) -> Response:
        orders = self._orders_of(query)
        return json_response({"count": orders.count(self._view_of(query, orders))})

    def _rows(self, query: Query) -> Response:
        orders = self._orders_of(query)
        view = self._view_of(query, orders)
        start = query.number("start", orders.count(view) + 1)
        stop = query.number("stop", start + MAX_ROWS + 1)
        return json_response(
            rows_facts(self.gallery, orders, view, start, max(start, stop))
        )

    def _position(self, query: Query) -> Response:
        orders = self._orders_of(query)
        view, row = self._view_of(query, orders), self._row(query, orders)
        return json_response({"position": orders.position(view, row)})

    def _measure(self, query: Query) -> Response:
        orders = self._orders_of(query)
        measure: Measure = query.choice("measure", get_args(Measure), None)
        do = query.choice("do", ("look", "start", "cancel"), "look")
        if do == "start":
            orders.measuring[measure].start()
        elif do == "cancel":
            orders.measuring[measure].cancel()
        return json_response(measure_facts(orders, measure))

    def _example(self, query: Query) -> Response:
        orders = self._orders_of(query)
        return json_response(
            example_facts(self.gallery, orders, self._row(query, orders))
        )

    def _sheet(self, query: Query) -> Response:
        part = self._part(query)
        view = self._view_of(query, self.orders[part])
        block = query.number("block", self._sprites.num_blocks(part, view))
        return _picture(query, self._sprites.sheet(part, view, block))

    def _example_picture(self, query: Query) -> Response:
        part = self._part(query)
        row = self._row(query, self.orders[part])
        return _picture(query, self._sprites.example(part, row))


def _picture(query: Query, png: bytes) -> Response:
    # Without its version an address may mean something else to the next server.
    caching = NEVER if query.optional("v") is None else FOR_EVER
    return Response(HTTPStatus.OK, "image/png", png, caching)


def _static_files() -> dict[str, Response]:
    """The page and what it loads, by path. Read once."""
    found = {}
    for file in files("idxdata.viewer").joinpath("static").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/static/{file.name}"
            found[path] = Response(
                HTTPStatus.OK, _TYPES[suffix], file.read_bytes(), ASK_AGAIN
            )
    return found
