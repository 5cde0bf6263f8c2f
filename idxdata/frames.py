"""Examples as a pandas DataFrame."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import MissingFrameworkError


def frame(
    images: NDArray[Any], labels: NDArray[Any], attributes: Mapping[str, NDArray[Any]]
) -> Any:
    """A row for each example; see `Split.as_frame`."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pandas", "frame") from error
    places = product(*(range(dim) for dim in images.shape[1:]))
    names = ["_".join(["pixel", *map(str, place)]) for place in places]
    table = pd.DataFrame(np.array(images).reshape(len(images), -1), columns=names)
    more = {"label": labels, **attributes}
    columns = pd.DataFrame({name: np.array(column) for name, column in more.items()})
    return pd.concat([table, columns], axis=1)
