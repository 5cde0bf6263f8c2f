"""Shuffled batches for a training loop: one contender a file, each with `start`.

`start(data, batch_size)` gets ready and returns `epoch`: `epoch(number)` iterates over
the batches of that epoch, pairs of images float32 (m, 28, 28) in [0, 1] and labels
int64 (m,), every example once, in another order in each epoch. `data` is a
`benchmarks.feed_data.FeedData`. A batch is valid until the next is asked for. What
`start` does, such as converting all labels, is not in the time of a batch.

Of a peer's ways the documented one is here, and where there is a quicker one, that too.
"""
