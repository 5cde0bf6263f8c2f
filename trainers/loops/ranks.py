"""One process among those that train one model together, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranks:
    """Process `rank` of `num_ranks`, number `local_rank` on its host, all from 0.

    Each step's global batch is cut as `Plan` cuts it: `batch_size` examples, fewer at
    the end of an epoch of `epoch_size` examples. `timeout_s`: how long to wait for
    another process before it counts as lost. `leader`: as of a `Launch`.
    """

    rank: int
    num_ranks: int
    local_rank: int
    batch_size: int
    epoch_size: int
    timeout_s: float
    leader: str = ""

    @property
    def num_steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.epoch_size // self.batch_size)

    def count(self, step: int) -> int:
        """Examples of the global batch of `step`, which counts through all epochs."""
        first = step % self.num_steps * self.batch_size
        return min(self.batch_size, self.epoch_size - first)

    def first_row(self, step: int) -> int:
        """Where in that batch this process's part begins."""
        return self.count(step) * self.rank // self.num_ranks
