"""What was made last, kept within a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Lru(Generic[_Value]):
    """Values by key; what was longest not asked for goes first. For any threads."""

    def __init__(self, max_nbytes: int, nbytes: Callable[[_Value], int]) -> None:
        """`nbytes(value)` says how much room a value takes."""
        self._max_nbytes = max_nbytes
        self._nbytes = nbytes
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()
        self._held_nbytes = 0
        self._lock = threading.Lock()

    @property
    def held_nbytes(self) -> int:
        return self._held_nbytes

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of `key`, from `make()` if it is not kept.

        Two threads may both make one that is missing. One that is too large alone is
        given and not kept.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values and self._nbytes(value) <= self._max_nbytes:
                self._values[key] = value
                self._held_nbytes += self._nbytes(value)
                while self._held_nbytes > self._max_nbytes:
                    _, dropped = self._values.popitem(last=False)
                    self._held_nbytes -= self._nbytes(dropped)
        return value
