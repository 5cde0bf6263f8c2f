"""Many IDX files as one array: headers checked at once, data mapped when it is touched."""

from idxdata.sharding.array import Images, ShardedArray

__all__ = ["Images", "ShardedArray"]
