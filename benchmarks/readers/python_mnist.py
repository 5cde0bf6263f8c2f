"""The package python-mnist, whose module is called mnist too; asked for arrays.

It reads images only together with their labels, and gives int64.
"""

from typing import Any

from mnist.loader import MNIST
from numpy.typing import NDArray


def read(path: str) -> NDArray[Any]:
    """Images, raw or gzip, with their labels' file beside them."""
    stem = path.removesuffix(".gz")
    reader = MNIST(return_type="numpy", gz=path.endswith(".gz"))
    rows, _labels = reader.load(stem, stem.replace("images-idx3", "labels-idx1"))
    images: NDArray[Any] = reader.process_images(rows)
    return images
