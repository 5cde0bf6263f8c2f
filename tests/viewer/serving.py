"""A viewer's server in a thread of this process, and plain requests to it."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idxdata.viewer.gallery import Gallery
from idxdata.viewer.measuring import Measure
from idxdata.viewer.server import ViewerServer


class Answer:
    """Status, headers and content of one answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)

    @property
    def pixels(self) -> NDArray[Any]:
        assert self.headers["Content-Type"] == "image/png"
        with Image.open(BytesIO(self.body)) as picture:
            return np.asarray(picture)


class Client:
    """Asks a server that is running."""

    def __init__(self, server: ViewerServer) -> None:
        self.server = server

    def get(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        **query: object,
    ) -> Answer:
        address = f"{path}?{urlencode(query)}" if query else path
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.server_port, timeout=60
        )
        try:
            connection.request(method, address, headers=dict(headers or {}))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def json(self, path: str, **query: object) -> Any:
        answer = self.get(path, **query)
        assert answer.status == 200, answer.body
        return answer.json


@contextmanager
def running(gallery: Gallery) -> Iterator[Client]:
    with ViewerServer(gallery, host="127.0.0.1", port=0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Client(server)
        finally:
            server.shutdown()
            thread.join()


def wait_for(client: Client, part: str, measure: Measure) -> None:
    """Have a measure made, and wait until it is."""
    client.json("/api/measure", part=part, measure=measure, do="start")
    client.server.pages.orders[part].measuring[measure].join(60)
    told = client.json("/api/measure", part=part, measure=measure)
    assert told["state"] == "done", told
