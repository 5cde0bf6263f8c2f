"""What is done with a contender of each group: reading, decoding, writing.

A job is made before the contender is imported and holds its input. `start(module)` and
`run()` are measured; `check` and `settle` are not.
"""

import os
import secrets
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.gzip_member import deflate_stream


class Job(Protocol):
    """The steps in their order; `check` and `settle` take what `run` returned."""

    def start(self, module: Any) -> None: ...
    def run(self) -> Any: ...
    def check(self, result: Any) -> dict[str, Any]: ...
    def settle(self, result: Any) -> None: ...


class Reading:
    """File to array."""

    def __init__(self, path: str, nbytes: int) -> None:
        self._path = path

    def start(self, module: Any) -> None:
        self._read: Callable[[str], NDArray[Any]] = module.read

    def run(self) -> NDArray[Any]:
        return self._read(self._path)

    def check(self, result: NDArray[Any]) -> dict[str, Any]:
        """Facts of the array; python-mnist's int64 counts by its values."""
        values = np.ascontiguousarray(result, np.uint8)
        return {
            "crc32": zlib.crc32(values.reshape(-1).data),
            "dtype": str(result.dtype),
            "shape": list(result.shape),
            "is_writable": bool(result.flags.writeable),
        }

    def settle(self, result: NDArray[Any]) -> None:
        """Nothing is left over."""


class Decoding:
    """The DEFLATE stream of a gzip file to bytes; both lie in memory."""

    def __init__(self, path: str, nbytes: int) -> None:
        with open(path, "rb") as file:
            self._source = deflate_stream(file.read())
        self._nbytes = nbytes

    def start(self, module: Any) -> None:
        self._decode: Callable[[], bytes] = module.decoder(self._source, self._nbytes)

    def run(self) -> bytes:
        return self._decode()

    def check(self, result: bytes) -> dict[str, Any]:
        return {"crc32": zlib.crc32(result)}

    def settle(self, result: bytes) -> None:
        """Nothing is left over."""


class Writing:
    """Array to a raw file under a new name, which is removed again."""

    def __init__(self, path: str, nbytes: int) -> None:
        offset = os.path.getsize(path) - nbytes
        self._array = np.fromfile(path, np.uint8, offset=offset)
        self._stem = path

    def start(self, module: Any) -> None:
        self._write: Callable[[str, NDArray[Any]], None] = module.write

    def run(self) -> str:
        path = f"{self._stem}.written-{secrets.token_hex(8)}"
        self._write(path, self._array)
        return path

    def check(self, result: str) -> dict[str, Any]:
        """CRC-32 of the payload, which is the file's end."""
        written = np.fromfile(result, np.uint8)[-self._array.nbytes :]
        return {"crc32": zlib.crc32(written.data)}

    def settle(self, result: str) -> None:
        os.unlink(result)


JOBS: dict[str, Callable[[str, int], Job]] = {
    "reader": Reading,
    "engine": Decoding,
    "writer": Writing,
}
