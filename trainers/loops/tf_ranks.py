"""TensorFlow's side of training in several processes: MultiWorkerMirroredStrategy.

Each process has plain variables of its own, equal from the start, and the strategy adds
up gradients; so the updates, and the bits of the weights, are the same everywhere.
"""

import faulthandler
import functools
import math
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainers.errors import RankLostError
from trainers.loops.meeting import meet
from trainers.loops.ranks import Ranks

Tensor = Any

_strategies: list[Any] = []


def join(ranks: Ranks) -> Any:
    """The strategy, once the other processes of TF_CONFIG are there.

    A process has one; the first call comes before any operation runs. Raises
    `RankLostError` if not all have come in time.
    """
    if not _strategies:
        _strategies.append(_joined(ranks))
    return _strategies[0]


def _joined(ranks: Ranks) -> Any:
    # TensorFlow's own meeting holds Python: no time limit and no signal ends it.
    meet(ranks)
    options = tf.distribute.experimental.CommunicationOptions(
        timeout_seconds=ranks.timeout_s
    )
    on_term = signal.getsignal(signal.SIGTERM)
    faulthandler.dump_traceback_later(ranks.timeout_s, exit=True)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except (tf.errors.OpError, RuntimeError) as error:
        raise RankLostError(
            "not all processes of the run have come",
            expected=f"{ranks.num_ranks} within {ranks.timeout_s:g} s",
            found=" ".join(str(error).split("\n")[0].split()),
        ) from error
    finally:
        faulthandler.cancel_dump_traceback_later()
        if threading.current_thread() is threading.main_thread():
            # TensorFlow takes the signal, and nothing comes of it.
            signal.signal(signal.SIGTERM, on_term)


class Shared:
    """What a step computes together with the other processes, within `spread`."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._strategy = join(ranks)

    def spread(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, in which `sum` can be called."""

        def run(*tensors: Tensor) -> Any:
            return self._strategy.run(function, args=tensors)

        return run

    def sum(self, tensors: Any) -> Any:
        """The sum over all processes of one tensor or of each in a list."""
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    def count(self, step: Tensor) -> Tensor:
        """`Ranks.count` of an int64 tensor."""
        ranks = self.ranks
        first = step % ranks.num_steps * ranks.batch_size
        return tf.minimum(
            tf.constant(ranks.batch_size, tf.int64), ranks.epoch_size - first
        )

    def mean(self, losses: Tensor, step: Tensor) -> Tensor:
        """This process's part of the global batch's mean: those of all add up to it."""
        return tf.reduce_sum(losses) / tf.cast(self.count(step), losses.dtype)

    def statistics_mean(self, values: Tensor, step: Tensor) -> Tensor:
        """The mean over all axes but the last, of all processes' parts together."""
        axes = list(range(len(values.shape) - 1))
        sites = math.prod(values.shape[1:-1])
        count = tf.cast(self.count(step) * sites, values.dtype)
        return self.sum(tf.reduce_sum(values, axes)) * (1 / count)


def sum_over_ranks(ranks: Ranks, array: NDArray[Any]) -> NDArray[Any]:
    """The sum of all processes' arrays, the same on each of them; a fresh array."""
    total = _summing(ranks)(tf.constant(array))
    return np.array(total.numpy())


@functools.cache
def _summing(ranks: Ranks) -> Any:
    shared = Shared(ranks)

    def total(array: Tensor) -> Tensor:
        # A constant from outside has no device, by which the strategy goes.
        return shared.sum(tf.identity(array))

    return tf.function(shared.spread(total), autograph=False)


def lost_rank(error: BaseException) -> str | None:
    """TensorFlow's words, if `error` says that another process is gone or late."""
    text = str(error)
    kinds = (
        tf.errors.UnavailableError,
        tf.errors.DeadlineExceededError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
    )
    is_collective = isinstance(error, tf.errors.OpError) and "ollective" in text
    if isinstance(error, kinds) or is_collective:
        # Before it, where in the graph.
        begin = max(text.find("Collective ops is aborted by"), 0)
        return text[begin:].split("\n")[0] or type(error).__name__
    return None
